"""The audit log in the database, which itself refuses to change or delete an entry."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from alphapulse_lib import clock
from hub.api.audit.actor import actor
from hub.api.audit.schema import AUDIT, Deed, Done, Entry
from hub.api.database import reading, writing
from hub.api.pages import Damaged, read

__all__ = ["AuditLog", "note"]


def note(connection: Connection, action: Done, about: str, *, who: str | None = None, **detail: Any) -> None:
    """Write down what is done, in the transaction that does it: both happen or neither does.

    Parameters
    ----------
    connection : Connection
        A transaction that writes.
    action : Done
        What kind of thing it is on, and what happened to that: ``schedule.changed``.
    about : str
        Which one.
    who : str, optional
        Unless told, whose request it is.
    **detail
        What else tells it apart. Nobody's parameters, texts or tokens: those may be secrets.
    """
    named = actor().name if who is None else who
    row = {"at": clock.now_ns(), "who": named[:255], "action": action, "about": about[:1000], "detail": detail}
    connection.execute(insert(AUDIT).values(**row, origin=actor().origin))


class AuditLog:
    """The audit log of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, told: Deed) -> bool:
        """Write down what the hub tells; once, however often it is told: whether this was the first time."""
        values = told.model_dump() | {"at": int(told.at.timestamp() * 1e9)}
        with writing(self._engine) as connection:
            kind = postgresql if connection.dialect.name == "postgresql" else sqlite
            fresh = kind.insert(AUDIT).values(values).on_conflict_do_nothing().returning(AUDIT.c.sequence)
            return connection.execute(fresh).first() is not None

    def page(self, wanted: dict[str, str | None], limit: int, before: int | None) -> list[tuple[int, Entry | Damaged]]:
        """Entries, the newest first, each with its place; ``wanted`` are columns and what they must be."""
        query = select(AUDIT)
        for name, value in wanted.items():
            if value is not None:
                query = query.where(AUDIT.c[name] == value)
        if before is not None:
            query = query.where(AUDIT.c.sequence < before)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(AUDIT.c.sequence.desc()).limit(limit)).all()
        return [(row.sequence, read(row.id, partial(_entry, row))) for row in rows]


def _entry(row: Row[Any]) -> Entry:
    held = {name: value for name, value in row._mapping.items() if name in Entry.model_fields}
    return Entry(**held | {"at": datetime.fromtimestamp(row.at / 1e9, UTC)})
