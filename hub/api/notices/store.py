"""Notices in the database."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Engine, insert, select

from alphapulse_lib import clock
from hub.api.audit.store import note
from hub.api.database import reading, writing
from hub.api.notices.schema import NOTICES, New, Notice
from hub.api.problems import ProblemError
from hub.api.schedules.due import new_id

__all__ = ["NoticeStore"]

_LATEST = datetime(2200, 1, 1, tzinfo=UTC)


class NoticeStore:
    """The notices of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def now(self) -> Notice:
        """What is said now."""
        newest = select(NOTICES).order_by(NOTICES.c.sequence.desc()).limit(1)
        with reading(self._engine) as connection:
            row = connection.execute(newest).first()
        if row is None or not row.text or (row.until is not None and row.until <= clock.now_ns()):
            return Notice(id="", text="")
        until = None if row.until is None else datetime.fromtimestamp(row.until / 1e9, UTC)
        return Notice(id=row.id, text=row.text, until=until)

    def say(self, new: New) -> Notice:
        """Say something from now on, in place of what was said before.

        Raises
        ------
        ProblemError
            422: it would be over already.
        """
        if new.until is not None and not clock.now() < new.until < _LATEST:
            raise ProblemError(
                422, f"until={new.until.isoformat()} is not to come.", "Send when it is over, or leave it out."
            )
        until = None if new.until is None else round(new.until.timestamp() * 1e9)
        row = {"id": new_id(), "text": new.text.strip(), "until": until, "at": clock.now_ns()}
        with writing(self._engine) as connection:
            connection.execute(insert(NOTICES).values(row))
            note(connection, "notice.said", "everybody", text=row["text"])
            return self.now()
