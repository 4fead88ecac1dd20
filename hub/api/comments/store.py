"""Comments in the database. Nothing is ever removed: an edit keeps the text before it, a deletion keeps the place."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, insert, select, update

from alphapulse_lib import clock
from hub.api.comments import markup
from hub.api.comments.schema import COMMENTS, EDITS, EVENTS, Comment, Edit, Event, New
from hub.api.notifications.store import notify
from hub.api.problems import ProblemError

__all__ = ["CommentStore"]

_MOST_NAMED, _MOST_HTML = 50, 200_000


class CommentStore:
    """The comments of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writing = engine.execution_options(writes=True)

    def page(
        self, target: str | None, parent: str | None, limit: int, after: int | None, *, newest_first: bool = False
    ) -> list[tuple[int, Comment]]:
        """Comments in the order in which they were written, or against it, each with its place."""
        place = COMMENTS.c.sequence
        query = select(COMMENTS).order_by(place.desc() if newest_first else place).limit(limit)
        if target:
            query = query.where(COMMENTS.c.target == target)
        if parent:
            query = query.where(COMMENTS.c.parent == parent)
        if after is not None:
            query = query.where(place < after if newest_first else place > after)
        with self._engine.begin() as connection:
            return [(row.sequence, _comment(row)) for row in connection.execute(query)]

    def get(self, comment_id: str) -> Comment:
        """One comment.

        Raises
        ------
        ProblemError
            404: there is none of that id.
        """
        with self._engine.begin() as connection:
            return _comment(_found(connection, comment_id))

    def thread(self, comment_id: str) -> list[Comment]:
        """A comment, and all that answers it, directly or not, in the order in which they were written."""
        with self._engine.begin() as connection:
            _found(connection, comment_id)
            known = select(COMMENTS.c.id).where(COMMENTS.c.id == comment_id).cte("thread", recursive=True)
            known = known.union(select(COMMENTS.c.id).join(known, COMMENTS.c.parent == known.c.id))
            rows = connection.execute(
                select(COMMENTS).where(COMMENTS.c.id.in_(select(known.c.id))).order_by(COMMENTS.c.sequence)
            )
            return [_comment(row) for row in rows]

    def history(self, comment_id: str) -> list[Edit]:
        """The earlier texts of a comment, the oldest first."""
        with self._engine.begin() as connection:
            _found(connection, comment_id)
            rows = connection.execute(select(EDITS).where(EDITS.c.comment == comment_id).order_by(EDITS.c.sequence))
            return [Edit(body=row.body, written_at=_time(row.written_at), written_by=row.written_by) for row in rows]

    def add(self, new: New, author: str) -> Comment:
        """Write a comment, and tell whom it names and whom it answers.

        Raises
        ------
        ProblemError
            422: the comment it answers does not exist, or is about something else.
        """
        comment_id = secrets.token_hex(8)
        with self._writing.begin() as connection:
            words = _rendered(new.body)
            told = words["mentions"]
            answered = ""
            if new.parent is not None:
                parent = connection.execute(select(COMMENTS).where(COMMENTS.c.id == new.parent)).first()
                if parent is None or parent.target != new.target:
                    raise ProblemError(
                        422, f"parent={new.parent!r} is no comment on {new.target}.", "Answer a comment of this target."
                    )
                answered = parent.author
            values = {"id": comment_id, "author": author, "created_at": clock.now_ns(), **new.model_dump(), **words}
            connection.execute(insert(COMMENTS).values(values))
            self._happened(connection, comment_id, new.target, "created")
            about = {"comment": comment_id, "target": new.target, "by": author}
            for name in told:
                if name != author:
                    notify(connection, name, "mention", f"{author} mentioned you on {new.target}", about)
            if answered and answered != author and answered not in told:
                notify(connection, answered, "reply", f"{author} answered you on {new.target}", about)
            return _comment(_found(connection, comment_id))

    def edit(self, comment_id: str, body: str, editor: str) -> Comment:
        """Change a comment's text, keeping the one before, and say who did."""
        with self._writing.begin() as connection:
            row = _alive(connection, comment_id)
            if row.body == body:
                return _comment(row)
            now = clock.now_ns()
            words = _rendered(body)
            before = {"written_at": row.edited_at or row.created_at, "written_by": row.edited_by or row.author}
            connection.execute(insert(EDITS).values(comment=comment_id, body=row.body, **before))
            by = None if editor == row.author else editor
            changed = {"body": body, "edited_at": now, "edited_by": by, **words}
            connection.execute(update(COMMENTS).where(COMMENTS.c.id == comment_id).values(changed))
            self._happened(connection, comment_id, row.target, "edited")
            about = {"comment": comment_id, "target": row.target, "by": editor}
            for name in [each for each in words["mentions"] if each not in (*row.mentions, editor)]:
                notify(connection, name, "mention", f"{editor} mentioned you on {row.target}", about)
            return _comment(_found(connection, comment_id))

    def delete(self, comment_id: str) -> Comment:
        """Take a comment's words out of sight; its place in the thread stays."""
        with self._writing.begin() as connection:
            row = _found(connection, comment_id)
            if row.deleted_at is None:
                changed = update(COMMENTS).where(COMMENTS.c.id == comment_id).values(deleted_at=clock.now_ns())
                connection.execute(changed)
                self._happened(connection, comment_id, row.target, "deleted")
            return _comment(_found(connection, comment_id))

    def newest_event(self) -> int:
        """The place of the newest event; 0 before there is any."""
        with self._engine.begin() as connection:
            return int(connection.execute(select(func.max(EVENTS.c.sequence))).scalar() or 0)

    def events(self, after: int, target: str | None, limit: int = 100) -> list[tuple[int, Event]]:
        """What happened after a place, each with its own; the comment as it is now."""
        query = select(EVENTS.c.sequence.label("place"), EVENTS.c.kind, COMMENTS)
        query = query.join(COMMENTS, EVENTS.c.comment == COMMENTS.c.id).where(EVENTS.c.sequence > after)
        if target:
            query = query.where(EVENTS.c.target == target)
        with self._engine.begin() as connection:
            rows: Sequence[Row[Any]] = connection.execute(query.order_by(EVENTS.c.sequence).limit(limit)).all()
            return [(row.place, Event(kind=row.kind, comment=_comment(row))) for row in rows]

    def _happened(self, connection: Connection, comment_id: str, target: str, kind: str) -> None:
        connection.execute(insert(EVENTS).values(comment=comment_id, target=target, kind=kind))


def _rendered(body: str) -> dict[str, Any]:
    """A comment's HTML and whom it names.

    Raises
    ------
    ProblemError
        422: it names more people than a comment may, or its tables unfold to more than a page can show.
    """
    html, mentions = markup.html(body), list(markup.mentioned(body))
    if len(mentions) > _MOST_NAMED:
        raise ProblemError(422, f"The comment names {len(mentions)} people.", f"Name {_MOST_NAMED} at most.")
    if len(html) > _MOST_HTML:
        raise ProblemError(422, f"The comment unfolds to {len(html):,} characters of HTML.", "Make its tables smaller.")
    return {"html": html, "mentions": mentions}


def _found(connection: Connection, comment_id: str) -> Row[Any]:
    row = connection.execute(select(COMMENTS).where(COMMENTS.c.id == comment_id)).first()
    if row is None:
        raise ProblemError(404, f"There is no comment {comment_id!r}.", "GET /v1/comments lists them.")
    return row


def _alive(connection: Connection, comment_id: str) -> Row[Any]:
    row = _found(connection, comment_id)
    if row.deleted_at is not None:
        raise ProblemError(409, f"The comment {comment_id} is deleted.", "Write a new one.")
    return row


def _comment(row: Row[Any]) -> Comment:
    gone = row.deleted_at is not None
    return Comment(
        id=row.id,
        target=row.target,
        parent=row.parent,
        author=row.author,
        body="" if gone else row.body,
        html="" if gone else row.html,
        mentions=[] if gone else row.mentions,
        created_at=_time(row.created_at),
        edited_at=_time(row.edited_at) if row.edited_at else None,
        edited_by=row.edited_by,
        deleted_at=_time(row.deleted_at) if gone else None,
    )


def _time(moment: int) -> datetime:
    return datetime.fromtimestamp(moment / 1e9, UTC)
