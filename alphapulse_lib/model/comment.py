"""A comment on a run, a notebook, an instrument or an article, and what happened to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Comment", "CommentEvent", "Edit"]


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment. A deleted one keeps its place in the thread and loses its words. Times are in UTC.

    Attributes
    ----------
    target : str
        What it is about: ``run:<id>``, ``notebook:<path>``, ``instrument:<id>`` or ``article:<id>``.
    parent : str or None
        The comment that this one answers.
    body : str
        Markdown, as it was written; empty when deleted.
    html : str
        The same as sanitised HTML.
    mentions : tuple of str
        The names after an ``@``.
    edited_at, deleted_at : datetime or None
        When that happened last, if it did.
    edited_by : str or None
        Who wrote the words that stand there, where that is not the author.
    """

    id: str
    target: str
    parent: str | None
    author: str
    body: str
    html: str
    mentions: tuple[str, ...]
    created_at: datetime
    edited_at: datetime | None
    edited_by: str | None
    deleted_at: datetime | None

    @property
    def deleted(self) -> bool:
        """Whether its words were taken out of sight."""
        return self.deleted_at is not None


@dataclass(frozen=True, slots=True)
class Edit:
    """An earlier text of a comment."""

    body: str
    written_at: datetime
    written_by: str


@dataclass(frozen=True, slots=True)
class CommentEvent:
    """Something that happened to a comment.

    Attributes
    ----------
    kind : str
        ``"created"``, ``"edited"`` or ``"deleted"``.
    comment : Comment
        The comment as it is now, which may be later than the event.
    place : str
        Where the event stands among all events; a reader that begins after it misses none.
    """

    kind: str
    comment: Comment
    place: str
