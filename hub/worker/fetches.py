"""What is written of a fetch: that it began, how far it is, how it ended, and whom that is told."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, Row, select, update

from alphapulse_lib import clock
from hub.api.audit.store import note
from hub.api.ingests.schema import FETCHES, INGESTS, OPEN
from hub.api.ingests.store import end_firing
from hub.api.notifications.store import notify
from hub.api.publications.schema import LINE

__all__ = ["Fetches"]

#: Nanoseconds after which nobody is taken to be waiting any more, and is told that the data is there.
_LONG = 60 * 10**9
_LONGEST = 2_000  # characters of an error


class Fetches:
    """The fetches of one database, for the worker."""

    def __init__(self, engine: Engine) -> None:
        self._reading = engine
        self._engine = engine.execution_options(writes=True)

    def waiting(self) -> list[Row[Any, Any, Any, Any]]:
        """Those that wait, in the order of their line: ``id``, ``turn``, ``provider``, ``dataset``."""
        return self._in("waiting")

    def begun(self) -> list[Row[Any, Any, Any, Any]]:
        """Those that have begun and are not over."""
        return self._in("running")

    def others_wait(self, fetch_id: str) -> bool:
        """Whether there are others in the line of its vendor."""
        mine = select(FETCHES.c.provider).where(FETCHES.c.id == fetch_id).scalar_subquery()
        others = select(FETCHES.c.id).where(FETCHES.c.state == "waiting", FETCHES.c.provider == mine).limit(1)
        with self._reading.begin() as connection:
            return connection.execute(others).first() is not None

    def give_way(self, fetch_id: str) -> bool:
        """Put it at the end of its line; once, however often it is called. False when nobody wants it any more."""
        with self._engine.begin() as connection:
            row = _row(connection, fetch_id)
            wanted = row.cancel_asked_at is None
            if row.state == "running" and wanted:
                back = {"state": "waiting", "turn": row.turn + 1, "line_at": clock.now_ns()}
                _update(connection, fetch_id, **back)
            return wanted

    def get(self, fetch_id: str) -> Row[Any]:
        """A fetch as it is now."""
        with self._reading.begin() as connection:
            return connection.execute(select(FETCHES).where(FETCHES.c.id == fetch_id)).one()

    def requests(self, fetch_id: str) -> str:
        """Under which requests' ids it was asked for, by all who wait for it."""
        asking = select(INGESTS.c.request).where(INGESTS.c.fetch == fetch_id, INGESTS.c.request != "")
        with self._reading.begin() as connection:
            return ",".join(dict.fromkeys(connection.execute(asking.order_by(INGESTS.c.sequence)).scalars()))

    def is_of(self, fetch_id: str, provider: str) -> None:
        """Say which vendor is asked for a dataset."""
        self._change(fetch_id, {"provider": provider})

    def begin(self, fetch_id: str) -> bool:
        """Mark it as begun; false when it is over, as when it was cancelled while it waited."""
        with self._engine.begin() as connection:
            row = _row(connection, fetch_id)
            if row.state == "waiting":
                _update(connection, fetch_id, state="running", started_at=row.started_at or clock.now_ns())
            return row.state in OPEN

    def tried(self, fetch_id: str) -> int:
        """Count that it is begun, or taken up again after a death; how often since a part was last done."""
        with self._engine.begin() as connection:
            tries = int(_row(connection, fetch_id).tries) + 1
            _update(connection, fetch_id, tries=tries)
        return tries

    def note(self, fetch_id: str, provider: str) -> None:
        """Write into the audit log that a vendor is asked with the hub's key, and for whom."""
        asking = select(INGESTS.c.owner).where(INGESTS.c.fetch == fetch_id, INGESTS.c.cancelled_at.is_(None))
        with self._engine.begin() as connection:
            owners = dict.fromkeys(connection.execute(asking.order_by(INGESTS.c.sequence)).scalars())
            note(connection, "vendor.asked", provider, who=", ".join(owners), fetch=fetch_id)

    def plan(self, fetch_id: str, import_id: str, **values: Any) -> None:
        """Say what there is to do, and which import it becomes."""
        with self._engine.begin() as connection:
            row = _row(connection, fetch_id)
            imports = [*(row.imports or []), import_id]
            _update(connection, fetch_id, imports=imports, **values)

    def progress(self, fetch_id: str, **values: Any) -> bool:
        """Say how far it is; whether it is still wanted."""
        with self._engine.begin() as connection:
            row = _row(connection, fetch_id)
            _update(connection, fetch_id, tries=0, **values)
            return row.state in OPEN and row.cancel_asked_at is None

    def end(self, fetch_id: str, state: str, error: dict[str, str] | None = None) -> None:
        """Say how it ended, and tell those who asked; once, however often it is called.

        Parameters
        ----------
        error : dict, optional
            ``kind``, ``message`` and ``hint`` of what went wrong.
        """
        told = error and {name: _storable(text) for name, text in error.items()}
        with self._engine.begin() as connection:
            row = _row(connection, fetch_id)
            if row.state not in OPEN:
                return
            over = {"state": state, "error": told, "ended_at": clock.now_ns(), "open_as": None, "seconds_left": None}
            _update(connection, fetch_id, **over)
            asking = select(INGESTS).where(INGESTS.c.fetch == fetch_id, INGESTS.c.cancelled_at.is_(None))
            for each in connection.execute(asking.order_by(INGESTS.c.sequence)).all():
                detail = told["message"] if told else f"{row.rows:,} rows are new"
                end_firing(connection, each.id, state, detail, clock.now_ns())
                _tell(connection, row, each, told)

    def _in(self, state: str) -> list[Row[Any, Any, Any, Any]]:
        query = select(FETCHES.c.id, FETCHES.c.turn, FETCHES.c.provider, FETCHES.c.dataset)
        query = query.where(FETCHES.c.state == state).order_by(FETCHES.c.line_at, FETCHES.c.sequence)
        with self._reading.begin() as connection:
            return [*connection.execute(query).all()]

    def _change(self, fetch_id: str, values: dict[str, Any]) -> None:
        with self._engine.begin() as connection:
            _update(connection, fetch_id, **values)


def _tell(connection: Connection, fetch: Row[Any], asking: Row[Any], error: dict[str, str] | None) -> None:
    """Tell one of those who asked: that it failed, and that it is there where that took long."""
    published = fetch.asked.get("kind") if fetch.provider == LINE else ""
    what = f"your {published}" if published else fetch.dataset or f"{fetch.provider} data"
    about = {"ingest": asking.id, "imports": fetch.imports or []}
    if error is not None:
        first = error["message"].partition("\n")[0][:300]
        done = "carried out" if published else "fetched"
        notify(connection, asking.owner, "ingest-failed", f"{what} could not be {done}: {first}", about)
    elif clock.now_ns() - asking.created_at > _LONG:
        text = f"{what} is in the team's catalog: {fetch.rows:,} rows are new"
        if published == "reversal":
            text = f"{', '.join(fetch.imports)} was taken back out of the team's catalog"
        notify(connection, asking.owner, "ingest-finished", text, about)


def _storable(text: str) -> str:
    return text[:_LONGEST].encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _row(connection: Connection, fetch_id: str) -> Row[Any]:
    return connection.execute(select(FETCHES).where(FETCHES.c.id == fetch_id).with_for_update()).one()


def _update(connection: Connection, fetch_id: str, **values: Any) -> None:
    connection.execute(update(FETCHES).where(FETCHES.c.id == fetch_id).values(**values))
