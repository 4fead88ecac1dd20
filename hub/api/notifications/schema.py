"""What a notification is on the wire and in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from hub.api.database import METADATA, StoredJson

__all__ = ["NOTIFICATIONS", "Notification"]

NOTIFICATIONS = Table(
    "notifications",
    METADATA,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("user", String(255), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("text", Text, nullable=False),
    Column("about", StoredJson, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("read_at", BigInteger),
    Index("notifications_of_a_user", "user", "sequence"),
)


class Notification(BaseModel):
    """Something a person should know."""

    id: int
    kind: str = Field(
        description="`mention`, `reply`, `firing-finished`, `firing-failed`, `schedule-failed`, "
        "`ingest-finished`, `ingest-failed` or `share`."
    )
    text: str
    about: dict[str, Any] = Field(
        description="Ids of what it is about: comment, target, schedule, firing, run, rendering, ingest."
    )
    created_at: datetime
    read_at: datetime | None
