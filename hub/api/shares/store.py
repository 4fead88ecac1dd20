"""Shares in the database."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from alphapulse_lib import clock
from hub.api.audit.store import note
from hub.api.database import reading, writing
from hub.api.ledger.titles import title
from hub.api.notifications.store import notify
from hub.api.pages import Damaged, intact, read
from hub.api.problems import ProblemError
from hub.api.renderings.schema import RENDERINGS
from hub.api.renderings.store import RenderingStore
from hub.api.schedules.due import new_id
from hub.api.shares.schema import DASHBOARDS, EVERYBODY, SHARES, Share, Thing

__all__ = ["ShareStore"]

#: What a thing is called before its title, where somebody is told of it.
_CALLED = {"run": "", "rendering": "the notebook ", "dashboard": "the dashboard of "}


class ShareStore:
    """The shares of one database.

    Parameters
    ----------
    renderings : RenderingStore
        What is there to be shared alone.
    """

    def __init__(self, engine: Engine, renderings: RenderingStore) -> None:
        self._engine, self._renderings = engine, renderings

    def page(
        self, seen: ColumnElement[bool], limit: int, before: int | None, **wanted: str | None
    ) -> list[tuple[int, Share | Damaged]]:
        """Shares that may be seen, the newest first, each with its place; ``wanted`` are columns and their values."""
        query = select(SHARES).where(seen)
        for name, value in wanted.items():
            if value is not None:
                query = query.where(SHARES.c[name] == value)
        if before is not None:
            query = query.where(SHARES.c.sequence < before)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(SHARES.c.sequence.desc()).limit(limit)).all()
            return [(row.sequence, read(row.id, partial(_share, connection, row))) for row in rows]

    def add(self, thing: Thing, audience: str, maker: str) -> tuple[Share, bool]:
        """Share something, and tell whom it is shared with; whether it was not before."""
        named = {"kind": thing.kind, "subject": thing.subject, "audience": audience}
        share_id = new_id()
        values = {"id": share_id, **named, "owner": thing.owner, "made_by": maker, "made_at": clock.now_ns()}
        with writing(self._engine) as connection:
            kind = postgresql if connection.dialect.name == "postgresql" else sqlite
            for place, run in enumerate(thing.runs):
                row = {"id": thing.subject, "place": place, "run": run}
                connection.execute(kind.insert(DASHBOARDS).values(row).on_conflict_do_nothing())
            fresh = kind.insert(SHARES).values(values).on_conflict_do_nothing().returning(SHARES.c.sequence)
            if connection.execute(fresh).first() is None:
                same = [SHARES.c[name] == value for name, value in named.items()]
                return _share(connection, connection.execute(select(SHARES).where(*same)).one()), False
            note(connection, "share.made", share_id, **_told(connection, values))
            if audience != EVERYBODY and not audience.startswith("@"):
                title_of_it = _CALLED[thing.kind] + _title(connection, thing.kind, thing.subject)
                said = f"{maker} shared {title_of_it} with you"
                notify(connection, audience, "share", said, {thing.kind: thing.subject, "by": maker})
            return _share(connection, _found(connection, share_id)), True

    def get(self, share_id: str, seen: ColumnElement[bool]) -> Share:
        """A share, where it may be seen.

        Raises
        ------
        ProblemError
            404: there is none such of that id.
        """
        with reading(self._engine) as connection:
            row = _found(connection, share_id, seen)
            return intact("share", read(share_id, lambda: _share(connection, row)))

    def take_back(self, share_id: str) -> None:
        """End a share: from now on who saw it by this one sees it no more. A rendering goes with its last."""
        with writing(self._engine) as connection:
            self._end(connection, _found(connection, share_id))

    def end_all(self, audience: str, until: datetime, by: str) -> None:
        """End the shares with a name that was somebody's until then, as ``by`` had it."""
        made = SHARES.c.made_at <= int(until.timestamp() * 1e9)
        with writing(self._engine) as connection:
            for row in connection.execute(select(SHARES).where(SHARES.c.audience == audience, made)).all():
                self._end(connection, row, by)

    def _end(self, connection: Connection, row: Row[Any], by: str | None = None) -> None:
        connection.execute(delete(SHARES).where(SHARES.c.id == row.id))
        note(connection, "share.taken-back", row.id, who=by, **_told(connection, dict(row._mapping)))
        if row.kind == "rendering":
            self._renderings.forget_unshared(row.subject)


def _title(connection: Connection, kind: str, subject: str) -> str:
    """What is shared, for people."""
    if kind == "run":
        return title(connection, subject)
    if kind == "dashboard":
        first, *others = _runs(connection, kind, subject) or [subject]
        return f"{title(connection, first)} and {len(others)} other run{'s' * (len(others) > 1)}"
    named = select(RENDERINGS.c.notebook).where(RENDERINGS.c.id == subject)
    return str(connection.execute(named).scalar() or subject)


def _runs(connection: Connection, kind: str, subject: str) -> list[str]:
    """What a dashboard lays side by side."""
    if kind != "dashboard":
        return []
    placed = select(DASHBOARDS.c.run).where(DASHBOARDS.c.id == subject).order_by(DASHBOARDS.c.place)
    return list(connection.execute(placed).scalars())


def _told(connection: Connection, values: dict[str, Any]) -> dict[str, Any]:
    """What the audit log keeps: of a dashboard, its runs too."""
    told = {name: values[name] for name in ("kind", "subject", "owner", "audience")}
    runs = _runs(connection, values["kind"], values["subject"])
    return told | ({"runs": runs} if runs else {})


def _found(connection: Connection, share_id: str, *also: ColumnElement[bool]) -> Row[Any]:
    row = connection.execute(select(SHARES).where(SHARES.c.id == share_id, *also)).first()
    if row is None:
        raise ProblemError(404, f"There is no share {share_id!r}.", "GET /v1/shares lists them.")
    return row


def _share(connection: Connection, row: Row[Any]) -> Share:
    held = {name: value for name, value in row._mapping.items() if name in Share.model_fields}
    told = {
        "title": _title(connection, row.kind, row.subject),
        "runs": _runs(connection, row.kind, row.subject),
    }
    return Share(**held | told | {"made_at": datetime.fromtimestamp(row.made_at / 1e9, UTC)})
