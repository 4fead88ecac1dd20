"""The line of fetches: each is queued behind the others of its vendor, and ended where DBOS lost it."""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import Row

from hub.worker import durable
from hub.worker.fetches import Fetches
from hub.worker.fetching import FetchRunner

__all__ = ["FetchLine"]

_log = logging.getLogger("alphapulse.worker")


class FetchLine:
    """What people wait for of vendors.

    Parameters
    ----------
    fetches : Fetches
        Where it is recorded.
    runner : FetchRunner
        Carries each out.
    """

    def __init__(self, fetches: Fetches, runner: FetchRunner) -> None:
        self._fetches, self._runner = fetches, runner
        self._queued: set[str] = set()

    def queue(self) -> None:
        """Queue what was asked for since the last look."""
        waiting = self._fetches.waiting()
        for each in waiting:
            if _workflow(each) in self._queued:
                continue
            if vendor := self._runner.vendor_of(each.id, each.provider, each.dataset):
                durable.enqueue_fetch(self._runner, each.id, _workflow(each), vendor)
        self._queued = {_workflow(each) for each in waiting}

    def sweep(self) -> None:
        """End what is open though nothing carries it out: its workflow ended, or DBOS lost it."""
        begun, waiting = self._fetches.begun(), self._fetches.waiting()
        known = durable.under_way([_workflow(each) for each in begun + waiting])
        lost = [each for each in begun if not known.get(_workflow(each), False)]
        lost += [each for each in waiting if not known.get(_workflow(each), True)]
        for each in lost:
            if self._fetches.get(each.id).turn != each.turn:
                continue  # that turn is over because the fetch gave way meanwhile, and waits for its next one
            _log.error("Fetch %s is open, but its workflow is over: it is ended as lost", each.id)
            self._runner.give_up(each.id)


def _workflow(each: Row[Any, Any, Any, Any]) -> str:
    """What DBOS calls a turn of a fetch."""
    return f"{each.id}-{each.turn}" if each.turn else str(each.id)
