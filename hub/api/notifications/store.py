"""Notifications in the database."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, insert, select, update

from alphapulse_lib import clock
from hub.api.database import reading, writing
from hub.api.ledger.schema import RUNS
from hub.api.notifications.schema import NOTIFICATIONS, Notification
from hub.api.pages import Damaged
from hub.api.pages import read as readable

__all__ = ["NotificationStore", "notify"]

#: Nanoseconds for which one that was read stays; one that was not stays until it is.
_KEPT = 180 * 86400 * 10**9
_RUN = re.compile("run:([0-9a-f]{1,32})")
#: What is told in place of what names a run that its reader does not see, or does not any more.
_UNSEEN = {
    "mention": "{by} mentioned you on a run that you do not see",
    "reply": "{by} answered you on a run that you do not see",
    "share": "{by} shared a run with you, and took it back",
}


def notify(connection: Connection, user: str, kind: str, text: str, about: dict[str, Any]) -> None:
    """Tell a person something, in the transaction of what it is about."""
    values = {"user": user, "kind": kind, "text": text, "about": about, "created_at": clock.now_ns()}
    connection.execute(insert(NOTIFICATIONS).values(values))


class NotificationStore:
    """The notifications of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(
        self, seen: ColumnElement[bool], user: str, unread: bool, limit: int, before: int | None
    ) -> list[tuple[int, Notification | Damaged]]:
        """A person's notifications, the newest first, each with its place.

        Whether they see a run that one names is asked now, not when it was written: ``seen`` is the condition for it.
        """
        query = select(NOTIFICATIONS).where(NOTIFICATIONS.c.user == user)
        if unread:
            query = query.where(NOTIFICATIONS.c.read_at.is_(None))
        if before is not None:
            query = query.where(NOTIFICATIONS.c.sequence < before)
        query = query.order_by(NOTIFICATIONS.c.sequence.desc()).limit(limit)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
            named = select(RUNS.c.id).where(RUNS.c.id.in_({_run(row) for row in rows}), seen)
            shown = {"", *connection.execute(named).scalars()}
        return [(row.sequence, readable(str(row.sequence), partial(_notification, row, shown))) for row in rows]

    def read(self, user: str, until: int) -> int:
        """Mark a person's notifications up to one as read, how many were not before; forget those read long ago."""
        mine, now = NOTIFICATIONS.c.user == user, clock.now_ns()
        fresh = NOTIFICATIONS.c.read_at.is_(None) & (NOTIFICATIONS.c.sequence <= until)
        with writing(self._engine) as connection:
            connection.execute(delete(NOTIFICATIONS).where(mine & (NOTIFICATIONS.c.read_at < now - _KEPT)))
            return connection.execute(update(NOTIFICATIONS).where(mine & fresh).values(read_at=now)).rowcount


def _run(row: Row[Any]) -> str:
    """The run that a notification names and that may be another's; empty where it names none."""
    if row.kind not in _UNSEEN or not isinstance(row.about, dict):
        return ""
    named = _RUN.fullmatch(f"run:{row.about['run']}" if "run" in row.about else str(row.about.get("target")))
    return named[1] if named else ""


def _notification(row: Row[Any], shown: set[str]) -> Notification:
    text, about = row.text, row.about
    if _run(row) not in shown:
        text, about = _UNSEEN[row.kind].format(by=about.get("by", "Somebody")), {"by": about.get("by", "")}
    return Notification(
        id=row.sequence,
        kind=row.kind,
        text=text,
        about=about,
        created_at=_time(row.created_at),
        read_at=_time(row.read_at) if row.read_at else None,
    )


def _time(moment: int) -> datetime:
    return datetime.fromtimestamp(moment / 1e9, UTC)
