"""Comments in the database. Nothing is ever removed: an edit keeps the text before it, a deletion keeps the place."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, insert, select, update

from alphapulse_lib import clock
from hub.api.audit.store import note
from hub.api.comments.markup import Words
from hub.api.comments.schema import COMMENTS, EDITS, EVENTS, Comment, Edit, Event, New
from hub.api.database import reading, writing
from hub.api.ledger.titles import target_in_words
from hub.api.notifications.store import notify
from hub.api.pages import Damaged, intact, read
from hub.api.problems import ProblemError
from hub.api.shares.sight import Sight

__all__ = ["CommentStore"]

#: PostgreSQL's lock under which comments are written, so that their places are in the order in which they are seen:
#: who has read up to one place would miss a lower one that came to be seen later. SQLite writes one at a time anyway.
_IN_ORDER = 0x436F6D6D


class CommentStore:
    """The comments of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(
        self,
        sight: Sight,
        target: str | None,
        parent: str | None,
        limit: int,
        after: int | None,
        *,
        newest_first: bool = False,
    ) -> list[tuple[int, Comment | Damaged]]:
        """Comments in the order in which they were written, or against it, each with its place.

        Here and below, ``sight`` is what whoever asks may see; a comment on something else is as if it were not.
        """
        place = COMMENTS.c.sequence
        query = (
            select(COMMENTS)
            .where(sight.target(COMMENTS.c.target))
            .order_by(place.desc() if newest_first else place)
            .limit(limit)
        )
        if target:
            query = query.where(COMMENTS.c.target == target)
        if parent:
            query = query.where(COMMENTS.c.parent == parent)
        if after is not None:
            query = query.where(place < after if newest_first else place > after)
        with reading(self._engine) as connection:
            return [(row.sequence, read(row.id, partial(_comment, row))) for row in connection.execute(query)]

    def get(self, comment_id: str, sight: Sight) -> Comment:
        """One comment.

        Raises
        ------
        ProblemError
            404: there is none of that id.
        """
        with reading(self._engine) as connection:
            row = _found(connection, comment_id, sight)
            return intact("comment", read(comment_id, lambda: _comment(row)))

    def thread(self, comment_id: str, sight: Sight) -> list[Comment]:
        """A comment, and all that answers it, directly or not, in the order in which they were written."""
        with reading(self._engine) as connection:
            _found(connection, comment_id, sight)  # what answers it is about the same
            known = select(COMMENTS.c.id).where(COMMENTS.c.id == comment_id).cte("thread", recursive=True)
            known = known.union(select(COMMENTS.c.id).join(known, COMMENTS.c.parent == known.c.id))
            rows = connection.execute(
                select(COMMENTS).where(COMMENTS.c.id.in_(select(known.c.id))).order_by(COMMENTS.c.sequence)
            )
            found = [read(row.id, partial(_comment, row)) for row in rows]
        return [each for each in found if not isinstance(each, Damaged)]

    def history(self, comment_id: str) -> list[Edit]:
        """The earlier texts of a comment, the oldest first."""
        with reading(self._engine) as connection:
            _found(connection, comment_id)
            rows = connection.execute(select(EDITS).where(EDITS.c.comment == comment_id).order_by(EDITS.c.sequence))
            return [Edit(body=row.body, written_at=_time(row.written_at), written_by=row.written_by) for row in rows]

    def author(self, comment_id: str, sight: Sight) -> str:
        """Who wrote a comment; 404 where there is none."""
        with reading(self._engine) as connection:
            return str(_found(connection, comment_id, sight).author)

    def add(self, new: New, words: Words, author: str) -> Comment:
        """Write a comment, and tell whom it names and whom it answers.

        Raises
        ------
        ProblemError
            422: the comment it answers does not exist, or is about something else.
        """
        comment_id = secrets.token_hex(8)
        with self._in_order() as connection:
            answered = ""
            if new.parent is not None:
                parent = connection.execute(select(COMMENTS).where(COMMENTS.c.id == new.parent)).first()
                if parent is None or parent.target != new.target:
                    raise ProblemError(
                        422, f"parent={new.parent!r} is no comment on {new.target}.", "Answer a comment of this target."
                    )
                answered = parent.author
            values = {"id": comment_id, "author": author, "created_at": clock.now_ns(), **new.model_dump()}
            connection.execute(insert(COMMENTS).values(values | _shown(words)))
            self._happened(connection, comment_id, new.target, "created")
            about = {"comment": comment_id, "target": new.target, "by": author}
            where = target_in_words(connection, new.target)
            for name in words.mentions:
                if name != author:
                    notify(connection, name, "mention", f"{author} mentioned you on {where}", about)
            if answered and answered != author and answered not in words.mentions:
                notify(connection, answered, "reply", f"{author} answered you on {where}", about)
            return _comment(_found(connection, comment_id))

    def edit(self, comment_id: str, body: str, words: Words, editor: str) -> Comment:
        """Change a comment's text, keeping the one before, and say who did."""
        with self._in_order() as connection:
            row = _alive(connection, comment_id)
            if row.body == body:
                return intact("comment", read(comment_id, lambda: _comment(row)))
            now = clock.now_ns()
            before = {"written_at": row.edited_at or row.created_at, "written_by": row.edited_by or row.author}
            connection.execute(insert(EDITS).values(comment=comment_id, body=row.body, **before))
            by = None if editor == row.author else editor
            changed = {"body": body, "edited_at": now, "edited_by": by, **_shown(words)}
            connection.execute(update(COMMENTS).where(COMMENTS.c.id == comment_id).values(changed))
            self._happened(connection, comment_id, row.target, "edited")
            about = {"comment": comment_id, "target": row.target, "by": editor}
            where = target_in_words(connection, row.target)
            for name in [each for each in words.mentions if each not in (*(row.mentions or ()), editor)]:
                notify(connection, name, "mention", f"{editor} mentioned you on {where}", about)
            return _comment(_found(connection, comment_id))

    def delete(self, comment_id: str) -> Comment:
        """Take a comment's words out of sight; its place in the thread stays."""
        with self._in_order() as connection:
            row = _found(connection, comment_id)
            if row.deleted_at is None:
                changed = update(COMMENTS).where(COMMENTS.c.id == comment_id).values(deleted_at=clock.now_ns())
                connection.execute(changed)
                self._happened(connection, comment_id, row.target, "deleted")
                note(connection, "comment.deleted", comment_id, author=row.author, target=row.target)
            return _comment(_found(connection, comment_id))

    @contextmanager
    def _in_order(self) -> Iterator[Connection]:
        with writing(self._engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_IN_ORDER)))
            yield connection

    def newest_event(self) -> int:
        """The place of the newest event; 0 before there is any."""
        with reading(self._engine) as connection:
            return int(connection.execute(select(func.max(EVENTS.c.sequence))).scalar() or 0)

    def events(self, sight: Sight, after: int, target: str | None, limit: int = 100) -> list[tuple[int, Event | None]]:
        """What happened after a place, each with its own; the comment as it is now, none where it is damaged."""
        query = select(EVENTS.c.sequence.label("place"), EVENTS.c.kind, COMMENTS)
        query = query.join(COMMENTS, EVENTS.c.comment == COMMENTS.c.id).where(EVENTS.c.sequence > after)
        query = query.where(sight.target(EVENTS.c.target))
        if target:
            query = query.where(EVENTS.c.target == target)
        with reading(self._engine) as connection:
            rows: Sequence[Row[Any]] = connection.execute(query.order_by(EVENTS.c.sequence).limit(limit)).all()
        found = [(row.place, row.kind, read(row.id, partial(_comment, row))) for row in rows]
        return [
            (place, None if isinstance(each, Damaged) else Event(kind=kind, comment=each))
            for place, kind, each in found
        ]

    def _happened(self, connection: Connection, comment_id: str, target: str, kind: str) -> None:
        connection.execute(insert(EVENTS).values(comment=comment_id, target=target, kind=kind))


def _shown(words: Words) -> dict[str, Any]:
    return {"html": words.html, "mentions": list(words.mentions)}


def _found(connection: Connection, comment_id: str, sight: Sight | None = None) -> Row[Any]:
    """A comment's row; with a sight, where that reaches it."""
    query = select(COMMENTS).where(COMMENTS.c.id == comment_id)
    if sight is not None:
        query = query.where(sight.target(COMMENTS.c.target))
    row = connection.execute(query).first()
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
