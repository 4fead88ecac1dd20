"""Waiting for a database that is away: what is under way is not given up for its sake."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

__all__ = ["patiently"]

_log = logging.getLogger("alphapulse.worker")


def patiently[T](act: Callable[[], T]) -> T:
    """Do it as soon as the database answers."""
    while True:
        try:
            return act()
        except (DBAPIError, PoolTimeout) as away:
            lost = isinstance(away, OperationalError | PoolTimeout) or away.connection_invalidated
            if not lost:
                raise
            _log.warning("The database does not answer: %s", away)
            time.sleep(2)
