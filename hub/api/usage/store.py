"""What servers use, in the database."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Engine, Row, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from alphapulse_lib import clock
from hub.api.database import reading, writing
from hub.api.pages import Damaged, read
from hub.api.usage.schema import USAGE, Told, Usage

__all__ = ["LISTED", "UsageStore"]

#: Nanoseconds after which a server that has said nothing is taken for ended: each speaks every minute.
LISTED = 150 * 10**9
_KEPT = 3600 * 10**9


class UsageStore:
    """What the servers of one hub said of themselves."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def tell(self, user: str, told: Told) -> None:
        """Take a server's word, in place of what it said before."""
        now = clock.now_ns()
        active_at = min(max(0, round(told.active_at.timestamp())) * 10**9, now)
        row = told.model_dump() | {"user": user, "active_at": active_at, "told_at": now}
        with writing(self._engine) as connection:
            connection.execute(delete(USAGE).where(USAGE.c.told_at < now - _KEPT))
            kind = postgresql if connection.dialect.name == "postgresql" else sqlite
            names = ("user", "server")
            others = {name: value for name, value in row.items() if name not in names}
            statement = kind.insert(USAGE).values(row)
            connection.execute(statement.on_conflict_do_update(index_elements=names, set_=others))

    def page(self, limit: int, before: int | None) -> list[tuple[int, Usage | Damaged]]:
        """What each server said that spoke of late, the newest server first, each with its place."""
        query = select(USAGE).where(USAGE.c.told_at >= clock.now_ns() - LISTED)
        if before is not None:
            query = query.where(USAGE.c.sequence < before)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(USAGE.c.sequence.desc()).limit(limit)).all()
        return [(row.sequence, read(f"{row.user}/{row.server}", partial(_usage, row))) for row in rows]


def _usage(row: Row[Any]) -> Usage:
    held = {name: value for name, value in row._mapping.items() if name in Usage.model_fields}
    moments = {name: datetime.fromtimestamp(held[name] / 1e9, UTC) for name in ("active_at", "told_at")}
    return Usage(**held | moments)
