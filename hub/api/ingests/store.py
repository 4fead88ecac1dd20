"""Requests and fetches in the database. Who asks for what others wait for already joins them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from alphapulse_lib import clock
from alphapulse_lib.errors import did_you_mean
from hub.api.audit.schema import Done
from hub.api.audit.store import note
from hub.api.database import reading, writing
from hub.api.ingests.schema import FETCHES, INGESTS, OPEN, SHOWN, Asked, Fault, Ingest
from hub.api.pages import Damaged, intact, read
from hub.api.problems import ProblemError
from hub.api.schedules.due import new_id
from hub.api.schedules.schema import FIRINGS
from hub.api.schedules.schema import OPEN as OPEN_FIRINGS

__all__ = ["IngestStore", "ask", "cancel", "end_firing", "require_declared", "take_back"]


class IngestStore:
    """The requests of one database.

    Parameters
    ----------
    datasets : collection of str
        Those that are declared.
    """

    def __init__(self, engine: Engine, datasets: Collection[str]) -> None:
        self._engine, self._datasets = engine, datasets

    def add(self, new: Asked, owner: str, action: Done = "data.asked") -> Ingest:
        """Ask for data; whoever asks for the same while it is not there yet shares its fetch.

        Parameters
        ----------
        action : Done
            What the audit log calls it.

        Raises
        ------
        ProblemError
            404: no such dataset is declared.
        """
        if new.dataset:
            require_declared(new.dataset, self._datasets)
        with writing(self._engine) as connection:
            ingest_id = ask(connection, new, owner)
            note(connection, action, ingest_id, provider=new.provider, dataset=new.dataset)
            return _read(connection, ingest_id)

    def page(self, wanted: dict[str, str | None], limit: int, before: int | None) -> list[tuple[int, Ingest | Damaged]]:
        """Requests, the newest first, each with its place.

        Parameters
        ----------
        wanted : dict
            ``owner`` and ``state``, where only those are wanted.
        """
        query = _query()
        if wanted.get("owner") is not None:
            query = query.where(INGESTS.c.owner == wanted["owner"])
        if wanted.get("state") == "cancelled":
            query = query.where(INGESTS.c.cancelled_at.is_not(None))
        elif wanted.get("state") is not None:
            query = query.where(INGESTS.c.cancelled_at.is_(None), FETCHES.c.state == wanted["state"])
        if before is not None:
            query = query.where(INGESTS.c.sequence < before)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(INGESTS.c.sequence.desc()).limit(limit)).all()
            return [(row.place, read(row.id, partial(_ingest, connection, row))) for row in rows]

    def get(self, ingest_id: str) -> Ingest:
        """One request; 404 where there is none."""
        with reading(self._engine) as connection:
            return _read(connection, ingest_id)

    def uploads(self, owner: str) -> list[str]:
        """The uploads of a person's that wait to be published."""
        query = select(FETCHES.c.asked).join(INGESTS, INGESTS.c.fetch == FETCHES.c.id)
        query = query.where(INGESTS.c.owner == owner, FETCHES.c.state.in_(OPEN))
        with reading(self._engine) as connection:
            found = connection.execute(query).scalars().all()
        return [str(each["upload"]) for each in found if isinstance(each, dict) and each.get("upload")]

    def unused_upload(self, ingest_id: str) -> str:
        """The upload of a request to publish that was taken back before it began; empty where it is no such one."""
        with reading(self._engine) as connection:
            row = _found(connection, ingest_id)
        taken_back = row.state == "cancelled" and isinstance(row.asked, dict)
        return str(row.asked.get("upload", "")) if taken_back else ""

    def owner(self, ingest_id: str) -> str:
        """Whose request it is; 404 where there is none."""
        with reading(self._engine) as connection:
            return str(_found(connection, ingest_id).owner)

    def cancel(self, ingest_id: str) -> Ingest:
        """Wait for it no longer; the fetch goes on for the others that do, and ends after its part where none does.

        Raises
        ------
        ProblemError
            409: it is over, or a publication that has begun.
        """
        with writing(self._engine) as connection:
            row = _found(connection, ingest_id)
            if row.cancelled_at is not None or row.state not in OPEN:
                said = "cancelled" if row.cancelled_at is not None else row.state
                raise ProblemError(409, f"The request {ingest_id} is over: {said}.")
            if row.state == "running" and isinstance(row.asked, dict) and "owner" in row.asked:
                said = f"The {row.asked.get('kind', 'publication')} {ingest_id} has begun."
                raise ProblemError(409, said, "It comes to its end: half a series helps nobody.")
            cancel(connection, ingest_id, clock.now_ns())
            return _read(connection, ingest_id)


def require_declared(dataset: str, known: Collection[str]) -> None:
    """Refuse a dataset that is not declared at this hub.

    Raises
    ------
    ProblemError
        404: with the nearest that is.
    """
    if dataset not in known:
        hint = did_you_mean(dataset, known) or f"Declared are {', '.join(sorted(known)) or 'none'}."
        raise ProblemError(404, f"No dataset is declared as {dataset!r}.", hint)


def ask(connection: Connection, new: Asked, owner: str, firing: str | None = None) -> str:
    """Add a request, and its fetch unless that is under way; its id.

    Parameters
    ----------
    connection : Connection
        A transaction that writes.
    firing : str, optional
        The firing of a schedule that asks.
    """
    now, ingest_id = clock.now_ns(), new_id()
    row = {"id": ingest_id, "owner": owner, "fetch": _fetch(connection, new, now), "firing": firing, "created_at": now}
    connection.execute(insert(INGESTS).values(row))
    return ingest_id


def cancel(connection: Connection, ingest_id: str, now: int) -> None:
    """Take a request back, and its fetch with it where nobody else waits for that."""
    mine = INGESTS.c.id == ingest_id
    fetch = connection.execute(select(INGESTS.c.fetch).where(mine)).scalar_one()
    # The fetch first: who joins it holds it, too.
    held = connection.execute(select(FETCHES).where(FETCHES.c.id == fetch).with_for_update()).one()
    connection.execute(update(INGESTS).where(mine).values(cancelled_at=now))
    end_firing(connection, ingest_id, "cancelled", "", now)
    others = select(INGESTS.c.id).where(INGESTS.c.fetch == fetch, INGESTS.c.cancelled_at.is_(None)).limit(1)
    if connection.execute(others).first() is None and held.state in OPEN:
        over = {"state": "cancelled", "ended_at": now} if held.state == "waiting" else {}
        # From now on the same is another fetch: this one comes to its end.
        values = {"cancel_asked_at": now, "open_as": None, **over}
        connection.execute(update(FETCHES).where(FETCHES.c.id == fetch).values(values))


def take_back(connection: Connection, firing_id: str, now: int) -> bool:
    """Cancel the request of a firing, and the firing with it; whether there was one that is not over."""
    open_one = (INGESTS.c.firing == firing_id) & INGESTS.c.cancelled_at.is_(None) & FETCHES.c.state.in_(OPEN)
    found = connection.execute(select(INGESTS.c.id).join(FETCHES, FETCHES.c.id == INGESTS.c.fetch).where(open_one))
    if (ingest_id := found.scalar()) is None:
        return False
    cancel(connection, ingest_id, now)
    return True


def end_firing(connection: Connection, ingest_id: str, state: str, detail: str, now: int) -> None:
    """End the firing of a schedule that a request is of; nothing happens where it is of none."""
    mine = select(INGESTS.c.firing).where(INGESTS.c.id == ingest_id).scalar_subquery()
    ended = {"state": state, "detail": detail, "ended_at": now}
    open_one = (FIRINGS.c.id == mine) & FIRINGS.c.state.in_(OPEN_FIRINGS)
    connection.execute(update(FIRINGS).where(open_one).values(ended))


def _fetch(connection: Connection, new: Asked, now: int) -> str:
    """The fetch of what is asked: the one under way, held against its cancellation, else a new one."""
    digest = new.digest()
    under_way = select(FETCHES.c.id).where(FETCHES.c.open_as == digest).with_for_update()
    kind = postgresql if connection.dialect.name == "postgresql" else sqlite
    values: dict[str, Any] = {"id": new_id(), "provider": new.provider, "dataset": new.dataset, "asked": new.asked()}
    values |= {"imports": [], "open_as": digest, "state": "waiting", "created_at": now, "line_at": now}
    for _ in range(10):  # it may end between the two
        if (found := connection.execute(under_way).scalar()) is not None:
            return str(found)
        made = kind.insert(FETCHES).values(values).on_conflict_do_nothing().returning(FETCHES.c.id)
        if (found := connection.execute(made).scalar()) is not None:
            return str(found)
    raise ProblemError(503, "The same request begins and ends all the time.", "Send it again.", {"Retry-After": "1"})


def _query() -> Select[Any]:
    mine = (INGESTS.c.sequence.label("place"), *(INGESTS.c[each] for each in ("id", "owner", "firing", "cancelled_at")))
    asked_at = INGESTS.c.created_at.label("asked_at")
    others = [each for each in FETCHES.c if each.name not in ("sequence", "id", "created_at")]
    fetch = (FETCHES.c.id.label("fetch"), FETCHES.c.sequence.label("fetch_place"))
    return select(*mine, asked_at, *fetch, *others).join(FETCHES, FETCHES.c.id == INGESTS.c.fetch)


def _found(connection: Connection, ingest_id: str) -> Row[Any]:
    row = connection.execute(_query().where(INGESTS.c.id == ingest_id)).first()
    if row is None:
        raise ProblemError(404, f"There is no request {ingest_id!r}.", "GET /v1/ingests lists them.")
    return row


def _read(connection: Connection, ingest_id: str) -> Ingest:
    row = _found(connection, ingest_id)
    return intact("request", read(ingest_id, lambda: _ingest(connection, row)))


def _ingest(connection: Connection, row: Row[Any]) -> Ingest:
    held = {name: value for name, value in row._mapping.items() if name in Ingest.model_fields}
    asked = row.asked if isinstance(row.asked, dict) else {}
    symbols = [str(each) for each in asked.get("symbols", ())]
    held |= {name: asked.get(name) for name in ("start", "end", "feed")}
    held |= {name: str(asked.get(name, "")) for name in ("period", "venue", "kind")}
    held |= {"symbols": symbols[:SHOWN], "symbol_count": len(symbols), "imports": row.imports or []}
    is_open = row.cancelled_at is None and row.state in OPEN
    held |= {"position": _before(connection, row) if is_open else None, "created_at": _time(row.asked_at)}
    held |= {"shared": _waiting(connection, row.fetch) if is_open else 0}
    held |= {"seconds_left": row.seconds_left if is_open else None, "started_at": _time(row.started_at)}
    if row.cancelled_at is not None:
        held |= {"state": "cancelled", "ended_at": _time(row.cancelled_at), "error": None}
    else:
        error = Fault.model_validate(row.error) if row.error else None
        held |= {"ended_at": _time(row.ended_at), "error": error}
    return Ingest(**held)


def _before(connection: Connection, row: Row[Any]) -> int:
    """How many fetches of the same vendor come before it."""
    if row.state == "running":
        return 0
    same = (FETCHES.c.line_at == row.line_at) & (FETCHES.c.sequence < row.fetch_place)
    earlier = (FETCHES.c.state == "running") | (FETCHES.c.line_at < row.line_at) | same
    ahead = FETCHES.c.provider.in_({row.provider, ""}) & FETCHES.c.state.in_(OPEN) & earlier
    return int(connection.execute(select(func.count()).where(ahead)).scalar_one())


def _waiting(connection: Connection, fetch: str) -> int:
    wait = (INGESTS.c.fetch == fetch) & INGESTS.c.cancelled_at.is_(None)
    return int(connection.execute(select(func.count()).where(wait)).scalar_one())


def _time(moment: int | None) -> datetime | None:
    return None if moment is None else datetime.fromtimestamp(moment / 1e9, UTC)
