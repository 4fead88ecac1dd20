"""Notifications in the database."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update

from alphapulse_lib import clock
from hub.api.database import reading, writing
from hub.api.notifications.schema import NOTIFICATIONS, Notification
from hub.api.pages import Damaged
from hub.api.pages import read as readable

__all__ = ["NotificationStore", "notify"]


def notify(connection: Connection, user: str, kind: str, text: str, about: dict[str, Any]) -> None:
    """Tell a person something, in the transaction of what it is about."""
    values = {"user": user, "kind": kind, "text": text, "about": about, "created_at": clock.now_ns()}
    connection.execute(insert(NOTIFICATIONS).values(values))


class NotificationStore:
    """The notifications of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(self, user: str, unread: bool, limit: int, before: int | None) -> list[tuple[int, Notification | Damaged]]:
        """A person's notifications, the newest first, each with its place."""
        query = select(NOTIFICATIONS).where(NOTIFICATIONS.c.user == user)
        if unread:
            query = query.where(NOTIFICATIONS.c.read_at.is_(None))
        if before is not None:
            query = query.where(NOTIFICATIONS.c.sequence < before)
        query = query.order_by(NOTIFICATIONS.c.sequence.desc()).limit(limit)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [(row.sequence, readable(str(row.sequence), partial(_notification, row))) for row in rows]

    def read(self, user: str, until: int) -> int:
        """Mark a person's notifications up to one as read; how many were not before."""
        mine = NOTIFICATIONS.c.user == user
        fresh = NOTIFICATIONS.c.read_at.is_(None) & (NOTIFICATIONS.c.sequence <= until)
        with writing(self._engine) as connection:
            return connection.execute(update(NOTIFICATIONS).where(mine & fresh).values(read_at=clock.now_ns())).rowcount


def _notification(row: Row[Any]) -> Notification:
    return Notification(
        id=row.sequence,
        kind=row.kind,
        text=row.text,
        about=row.about,
        created_at=_time(row.created_at),
        read_at=_time(row.read_at) if row.read_at else None,
    )


def _time(moment: int) -> datetime:
    return datetime.fromtimestamp(moment / 1e9, UTC)
