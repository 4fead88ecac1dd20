"""What a person is told: a mention, an answer, a scheduled run that finished or failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

__all__ = ["Notification"]


@dataclass(frozen=True, slots=True)
class Notification:
    """One thing a person should know. Times are in UTC.

    Attributes
    ----------
    kind : str
        ``"mention"``, ``"reply"``, ``"firing-finished"``, ``"firing-failed"``, ``"schedule-failed"``,
        ``"ingest-finished"``, ``"ingest-failed"`` or ``"share"``.
    about : dict
        Ids of what it is about: comment, target, schedule, firing, run.
    read_at : datetime or None
        When it was marked as read.
    """

    id: int
    kind: str
    text: str
    created_at: datetime
    read_at: datetime | None = None
    about: dict[str, Any] = field(default_factory=dict)
