"""The one source of "now", so that a test or a rerun can say what time it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

__all__ = ["at", "now", "now_ns", "stop"]

_source: Callable[[], int] = time.time_ns


def now_ns() -> int:
    """Nanoseconds since 1970-01-01T00:00:00Z."""
    return _source()


def now() -> datetime:
    """The current time, in UTC, to the microsecond."""
    return datetime.fromtimestamp(now_ns() / 1e9, UTC)


def stop(moment: int) -> None:
    """Let it be one moment from now on, nanoseconds since 1970, UTC: for a process that reads the past."""
    global _source
    _source = lambda: moment  # noqa: E731


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Stop the clock at a moment.

    Parameters
    ----------
    moment : datetime
        A time with its zone.

    Examples
    --------
    >>> with at(datetime(2020, 1, 1, tzinfo=UTC)):
    ...     now().year
    2020
    """
    global _source
    before, stopped = _source, int(moment.timestamp() * 1_000_000) * 1000
    _source = lambda: stopped  # noqa: E731
    try:
        yield
    finally:
        _source = before
