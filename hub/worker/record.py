"""What is written of a firing: that it began, how far it is, how it ended, and whom that is told."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, update

from alphapulse_lib import clock
from hub.api.ingests.schema import New
from hub.api.ingests.store import ask
from hub.api.ledger.schema import RUNS
from hub.api.ledger.titles import title
from hub.api.notifications.store import notify
from hub.api.schedules.schema import FIRINGS, OPEN

__all__ = ["Firings"]

#: A job's end -> a firing's.
_STATES = {"done": "finished", "failed": "failed", "timed-out": "timed-out", "cancelled": "cancelled", "lost": "lost"}
_LONGEST = 4_000  # characters of an error
#: Nanoseconds within which a firing's own workflow takes its server away.
_CLEARING = 30 * 10**9


class Firings:
    """The firings of one database, for the worker."""

    def __init__(self, engine: Engine) -> None:
        self._reading = engine
        self._engine = engine.execution_options(writes=True)

    def waiting(self, *, datasets: bool = False) -> list[str]:
        """The ids of firings that may start now: of each schedule the oldest one that is not over, and only it.

        Parameters
        ----------
        datasets : bool
            Those of datasets, in place of those of notebooks.
        """
        before = FIRINGS.alias("before")
        earlier = select(before.c.id).where(
            before.c.schedule == FIRINGS.c.schedule,
            before.c.state.in_(OPEN),
            before.c.sequence < FIRINGS.c.sequence,
        )
        due = (FIRINGS.c.state == "due") & ((FIRINGS.c.dataset != "") if datasets else (FIRINGS.c.dataset == ""))
        query = select(FIRINGS.c.id).where(due, ~earlier.exists())
        with self._reading.begin() as connection:
            return list(connection.execute(query.order_by(FIRINGS.c.sequence)).scalars())

    def begun(self) -> list[str]:
        """The ids of notebooks' firings that have begun and are not over."""
        begun = FIRINGS.c.state.in_(("starting", "running")) & (FIRINGS.c.dataset == "")
        query = select(FIRINGS.c.id).where(begun)
        with self._reading.begin() as connection:
            return list(connection.execute(query.order_by(FIRINGS.c.sequence)).scalars())

    def over(self, firing_ids: list[str]) -> set[str]:
        """Those of them that ended a while ago, or that there are none of."""
        known = select(FIRINGS.c.id, FIRINGS.c.state, FIRINGS.c.ended_at).where(FIRINGS.c.id.in_(firing_ids))
        with self._reading.begin() as connection:
            rows = connection.execute(known).all() if firing_ids else []
        just_now = clock.now_ns() - _CLEARING
        open_ones = {row.id for row in rows if row.state in OPEN or (row.ended_at or 0) > just_now}
        return set(firing_ids) - open_ones

    def begin(self, firing_id: str) -> bool:
        """Mark a firing as begun; false when it is over, as when it was cancelled while it waited."""
        with self._engine.begin() as connection:
            row = _row(connection, firing_id)
            if row.state == "due":
                _update(connection, firing_id, state="starting", started_at=clock.now_ns())
            return row.state in OPEN

    def ask(self, firing_id: str) -> None:
        """Make a dataset's firing a request like any other, in one transaction: it ends when that does."""
        with self._engine.begin() as connection:
            row = _row(connection, firing_id)
            if row.state == "due":
                ask(connection, New(dataset=row.dataset), row.owner, firing_id)
                _update(connection, firing_id, state="running", started_at=clock.now_ns())

    def get(self, firing_id: str) -> Row[Any]:
        """A firing as it is now."""
        with self._reading.begin() as connection:
            return _row(connection, firing_id)

    def progress(self, firing_id: str, job: dict[str, Any]) -> None:
        """Say how far a firing's notebook is."""
        with self._engine.begin() as connection:
            if _row(connection, firing_id).state in OPEN:
                far = {name: job.get(name) for name in ("cells", "cells_done", "progress")}
                _update(connection, firing_id, state="running", **far)

    def end(self, firing_id: str, job: dict[str, Any]) -> None:
        """Say how a firing ended, and tell its owner; once, however often it is called."""
        with self._engine.begin() as connection:
            row = _row(connection, firing_id)
            if row.state not in OPEN:
                return
            state, detail = _STATES[job["state"]], _storable(job["error"])
            runs = _runs(connection, row)
            done = {name: job[name] for name in ("cells", "cells_done") if job.get(name) is not None}
            _update(connection, firing_id, state=state, detail=detail, runs=runs, ended_at=clock.now_ns(), **done)
            if state != "cancelled":
                _tell(connection, row, state, detail, runs)

    def give_up(self, firing_id: str, detail: str) -> None:
        """End a firing of which no more can be said; it does as little as it can, so that it can be done.

        Parameters
        ----------
        firing_id : str
            Which one; nothing happens when it is over.
        detail : str
            Why it is given up.
        """
        with self._engine.begin() as connection:
            row = _row(connection, firing_id)
            if row.state not in OPEN:
                return
            _update(connection, firing_id, state="lost", detail=detail, ended_at=clock.now_ns())
        with self._engine.begin() as connection:  # its own: an owner who cannot be told leaves no firing open
            _tell(connection, row, "lost", detail, [])


def _storable(error: str) -> str:
    """A notebook's error without what no database or no JSON holds."""
    return error[:_LONGEST].encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _row(connection: Connection, firing_id: str) -> Row[Any]:
    return connection.execute(select(FIRINGS).where(FIRINGS.c.id == firing_id).with_for_update()).one()


def _update(connection: Connection, firing_id: str, **values: Any) -> None:
    connection.execute(update(FIRINGS).where(FIRINGS.c.id == firing_id).values(**values))


def _runs(connection: Connection, firing: Row[Any]) -> list[str]:
    """The runs that the notebook added to the ledger: their records name the firing."""
    since = select(RUNS.c.id, RUNS.c.record).where(RUNS.c.user == firing.owner, RUNS.c.started_at >= firing.created_at)
    rows = connection.execute(since.order_by(RUNS.c.sequence))
    return [row.id for row in rows if _firing_named(row.record) == firing.id]


def _firing_named(record: str) -> object:
    """The firing that a run's record names. The record is its writer's: nothing of it is as it should be for sure."""
    try:
        return json.loads(record)["environment"]["firing"]
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


def _tell(connection: Connection, firing: Row[Any], state: str, detail: str, runs: list[str]) -> None:
    finished = state == "finished"
    first = detail.partition("\n")[0][:300]
    words = "finished" if finished else {"timed-out": "was ended at its limit"}.get(state, state)
    made = title(connection, runs[0]) if len(runs) == 1 else ""
    said = first if first and not finished else made
    text = f"{firing.notebook} {words}" + (f": {said}" if said else f", {len(runs)} runs" if runs else "")
    about = {"firing": firing.id, "schedule": firing.schedule, "output": firing.output, "runs": runs}
    notify(connection, firing.owner, "firing-finished" if finished else "firing-failed", text, about)
