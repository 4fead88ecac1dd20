"""The renderings in the database, and their pages beside it."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, exists, func, insert, select

from alphapulse_lib import clock
from hub.api.database import reading, writing
from hub.api.pages import intact, read
from hub.api.problems import ProblemError
from hub.api.renderings.schema import RENDERINGS, New, Rendering
from hub.api.schedules.due import new_id
from hub.api.shares.schema import SHARES

__all__ = ["RenderingStore"]

#: Of one person's, at once.
_MOST = 100
#: Nanoseconds after which one that was shared with nobody goes, with its owner's next one.
_FORGOTTEN = 86_400 * 10**9


class RenderingStore:
    """The renderings of one database.

    Parameters
    ----------
    folder : Path
        Holds a page for each.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine, self._folder = engine, folder

    def add(self, new: New, owner: str) -> Rendering:
        """Keep a page; what of its owner's was never shared since yesterday goes.

        Raises
        ------
        ProblemError
            409: so many of this person's are shared already.
        """
        content = new.html.encode()
        values = {"id": new_id(), "owner": owner, "notebook": new.notebook, "size": len(content)}
        with writing(self._engine) as connection:
            self._forget(connection, owner)
            mine = select(func.count()).where(RENDERINGS.c.owner == owner)
            if connection.execute(mine).scalar_one() >= _MOST:
                raise ProblemError(
                    409, f"You share {_MOST} renderings already.", "Take one back: DELETE /v1/shares/ID."
                )
            connection.execute(insert(RENDERINGS).values(**values, made_at=clock.now_ns()))
            self._write(str(values["id"]), content)
            return _rendering(_found(connection, str(values["id"])))

    def get(self, rendering_id: str, seen: ColumnElement[bool]) -> Rendering:
        """What is known of a rendering; ``seen`` is the condition that it may be seen.

        Raises
        ------
        ProblemError
            404: there is none such of that id.
        """
        with reading(self._engine) as connection:
            row = _found(connection, rendering_id, seen)
            return intact("rendering", read(rendering_id, lambda: _rendering(row)))

    def page(self, rendering_id: str, seen: ColumnElement[bool]) -> Path:
        """Where its page is.

        Raises
        ------
        ProblemError
            404: there is none such of that id.
        """
        path = self._path(self.get(rendering_id, seen).id)
        if not path.is_file():
            raise ProblemError(404, f"The page of rendering {rendering_id!r} is gone.", "Its owner can share it anew.")
        return path

    def forget_unshared(self, rendering_id: str) -> None:
        """Remove a rendering that nobody is to see any more; nothing happens to one that is shared yet."""
        with writing(self._engine) as connection:
            self._remove(connection, RENDERINGS.c.id == rendering_id)

    def _forget(self, connection: Connection, owner: str) -> None:
        old = RENDERINGS.c.made_at < clock.now_ns() - _FORGOTTEN
        self._remove(connection, (RENDERINGS.c.owner == owner) & old)

    def _remove(self, connection: Connection, which: ColumnElement[bool]) -> None:
        shared = exists().where(SHARES.c.kind == "rendering", SHARES.c.subject == RENDERINGS.c.id)
        gone = connection.execute(delete(RENDERINGS).where(which, ~shared).returning(RENDERINGS.c.id)).scalars().all()
        for each in gone:
            self._path(each).unlink(missing_ok=True)

    def _path(self, rendering_id: str) -> Path:
        return self._folder / f"{rendering_id}.html"

    def _write(self, rendering_id: str, content: bytes) -> None:
        path = self._path(rendering_id)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError as refused:
            beside.unlink(missing_ok=True)
            raise ProblemError(503, f"The page could not be kept: {refused.strerror}.", "Try again later.") from None


def _found(connection: Connection, rendering_id: str, *also: ColumnElement[bool]) -> Row[Any]:
    row = connection.execute(select(RENDERINGS).where(RENDERINGS.c.id == rendering_id, *also)).first()
    if row is None:
        raise ProblemError(404, f"There is no rendering {rendering_id!r}.", "GET /v1/shares lists what is shared.")
    return row


def _rendering(row: Row[Any]) -> Rendering:
    held = {name: value for name, value in row._mapping.items() if name in Rendering.model_fields}
    return Rendering(**held | {"made_at": datetime.fromtimestamp(row.made_at / 1e9, UTC)})
