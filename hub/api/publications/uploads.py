"""The files of series that wait to be published: a small catalog in a folder of its own for each upload."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Annotated
from uuid import uuid4

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from hub.api.problems import ProblemError

__all__ = ["Held", "Uploads"]

#: What a file of a small catalog may be called; nothing that leads anywhere else.
_PATH = re.compile(
    r"(instruments|listings|actions)\.parquet|revisions/actions\.parquet"
    r"|(data|revisions)/bars/(?P<series>[^/\\\x00-\x1f\x7f.][^/\\\x00-\x1f\x7f]*)/[0-9A-Z_-]{1,80}\.parquet"
)
_NAME_MOST = 200  # bytes of a folder's name
#: Seconds after which an upload that nobody asked to publish is removed, with its owner's next one.
_FORGOTTEN = 86_400


class Uploads:
    """The uploads of one hub.

    Parameters
    ----------
    home : Path
        The hub's home folder.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "api" / "uploads"

    def place(self, owner: str, upload: str) -> Path:
        """Where an upload lies: nobody else's request leads there."""
        return self._of(owner) / upload

    def require(self, owner: str, upload: str) -> None:
        """Refuse an upload without instruments and bars.

        Raises
        ------
        ProblemError
            404: there is none of this person's under the id. 422: a part is missing.
        """
        place = self.place(owner, upload)
        if not place.is_dir():
            raise ProblemError(404, f"You have sent no files under {upload}.", "PUT them first; ap.publish does.")
        lacking = [name for name in ("instruments.parquet", "data/bars") if not (place / name).exists()]
        if lacking:
            raise ProblemError(422, f"The upload {upload} lacks {' and '.join(lacking)}.", "Send that, too.")

    async def keep(self, owner: str, upload: str, path: str, content: AsyncIterator[bytes]) -> None:
        """Write a file as it arrives; it is there when all of it is.

        Raises
        ------
        ProblemError
            422: no catalog has a file of that name, or it is no Parquet. 503: the disk takes no more.
        """
        place = self.place(owner, upload)
        whole = place / _checked(path)
        part = place / f".{uuid4().hex}.part"
        try:
            await run_in_threadpool(_make, whole.parent)
            with part.open("wb") as file:
                async for piece in content:
                    await run_in_threadpool(file.write, piece)
                file.flush()
                await run_in_threadpool(os.fsync, file.fileno())
            await run_in_threadpool(_require_parquet, part, path)
            part.replace(whole)
        except OSError as refused:
            raise ProblemError(503, f"{path} could not be kept: {refused.strerror}.", "Try again later.") from None
        finally:
            part.unlink(missing_ok=True)

    def clear(self, owner: str, keep: Collection[str]) -> None:
        """Remove this person's uploads of days ago that wait for nothing."""
        folder = self._of(owner)
        for each in folder.iterdir() if folder.is_dir() else ():
            if each.name not in keep and time.time() - each.stat().st_mtime > _FORGOTTEN:
                self.remove(owner, each.name)

    def remove(self, owner: str, upload: str) -> None:
        """Remove an upload; nothing happens where there is none."""
        place = self.place(owner, upload)
        if place.is_dir():
            shutil.rmtree(place)

    def _of(self, owner: str) -> Path:
        return self._folder / hashlib.sha256(owner.encode()).hexdigest()[:32]


def _uploads(request: Request) -> Uploads:
    found: Uploads = request.app.state.uploads
    return found


#: The uploads, as a dependency of a route.
Held = Annotated[Uploads, Depends(_uploads)]


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def _checked(path: str) -> str:
    found = _PATH.fullmatch(path)
    if not found or len((found["series"] or "").encode("utf-8", "replace")) > _NAME_MOST:
        raise ProblemError(
            422,
            f"{path[:300]!r} is no file of a series.",
            "Such as instruments.parquet, actions.parquet or data/bars/ACME.XNAS-1-DAY-LAST-EXTERNAL/<bounds>.parquet.",
        )
    return path


def _require_parquet(file: Path, path: str) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        parquet.read_metadata(file)
    except (pa.ArrowException, OSError) as wrong:
        first = str(wrong).partition("\n")[0][:200]
        raise ProblemError(422, f"{path} is no Parquet file: {first}", "Send the catalog's own files.") from None
