"""What holds the files of a root. All that opens, lists, writes or deletes one goes through here.

A file's name is a ``PurePath``: it joins, compares and takes apart names, and reads nothing. What it names lies in a
folder of this machine (`folder`) or, where it is an ``ObjectPath``, in an object store (`bucket`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Protocol

from alphapulse_lib.catalog.bucket import Bucket
from alphapulse_lib.catalog.folder import Folder
from alphapulse_lib.location import ObjectPath

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Incoming", "Storage", "address", "exists", "files", "folders", "of", "read", "source", "tree"]


class Incoming(Protocol):
    """A file that was written and has not taken its place yet."""

    @property
    def path(self) -> PurePath:
        """Whose place it is to take."""

    def forget(self) -> None:
        """Take it away, if it has not taken its place."""


class Storage(Protocol):
    """A place that keeps files: whoever reads one sees it whole, as it was before a change or as it is after."""

    def address(self, root: PurePath) -> str:
        """What names a root in every process, whatever folder that runs in."""

    def exists(self, path: PurePath) -> bool:
        """Whether there is such a file."""

    def read(self, path: PurePath) -> bytes:
        """A file's content; FileNotFoundError where there is none."""

    def source(self, path: PurePath, *, rows: bool = True) -> Any:
        """What ``pyarrow.parquet`` reads a file from; it stays the same file. Without ``rows`` its footer is wanted."""

    def identity(self, path: PurePath) -> Hashable:
        """What changes when a file is replaced."""

    def pinned(self, path: PurePath) -> tuple[Hashable, pa.NativeFile | None]:
        """Its identity, which no other file can have for as long as what comes with it is kept.

        In a folder that is the open file.
        """

    def files(self, folder: PurePath, suffix: str = "") -> list[PurePath]:
        """The files directly in a folder whose names end so, sorted; none where there is no folder."""

    def folders(self, folder: PurePath, prefix: str = "") -> list[PurePath]:
        """The folders directly in a folder whose names begin so, sorted."""

    def tree(self, folder: PurePath) -> list[PurePath]:
        """The files in a folder and in all below it, sorted."""

    def holds(self, root: PurePath) -> bool:
        """Whether the root is there at all."""

    def prepare(self, root: PurePath) -> None:
        """Make a root where there is none; refuse one that this person may not write to."""

    def written(self, root: PurePath, path: PurePath, fill: Callable[[pa.NativeFile], object]) -> Incoming:
        """What is to take a file's place, where nobody reads it yet; nothing upon an error.

        The one step of a writer that any thread may take.
        """

    def place(self, root: PurePath, *waves: Sequence[Incoming]) -> None:
        """Let each take its file's place, at one stroke each, once all are whole and durable.

        Those of a wave are in place for good before any of the next is.
        """

    def withdraw(self, path: PurePath) -> None:
        """Take a file away, and its folder when that was the last one in it; nothing where there is none."""

    def copy(self, root: PurePath, path: PurePath, place: PurePath) -> None:
        """Keep a second copy of a file, durably."""

    def move(self, root: PurePath, path: PurePath, place: PurePath) -> None:
        """Give a file another name, durably."""

    def leftovers(self, root: PurePath) -> list[PurePath]:
        """What dead writers left, which is no part of the catalog."""

    def lock(self, root: PurePath, wait: float) -> AbstractContextManager[None]:
        """Be the root's only writer; CatalogBusy where another does not end in time."""

    def is_locked(self, root: PurePath) -> bool:
        """Whether somebody writes to the root."""

    def alive(self, path: PurePath) -> AbstractContextManager[None]:
        """Keep a file that says this process lives; it goes at the end, and stays where that is an error."""

    def is_alive(self, path: PurePath) -> bool:
        """Whether the process lives that keeps such a file."""


_FOLDER, _BUCKET = Folder(), Bucket()


def of(path: PurePath) -> Storage:
    """What holds a root or a file of it."""
    return _BUCKET if isinstance(path, ObjectPath) else _FOLDER


def address(root: PurePath) -> str:
    """What names a root in every process, whatever folder that runs in."""
    return of(root).address(root)


def exists(path: PurePath) -> bool:
    """Whether there is such a file."""
    return of(path).exists(path)


def read(path: PurePath) -> bytes:
    """A file's content; FileNotFoundError where there is none."""
    return of(path).read(path)


def source(path: PurePath, *, rows: bool = True) -> Any:
    """What ``pyarrow.parquet`` reads a file from; most likely its footer alone where no ``rows`` are wanted."""
    return of(path).source(path, rows=rows)


def files(folder: PurePath, suffix: str = "") -> list[PurePath]:
    """The files directly in a folder whose names end so, sorted."""
    return of(folder).files(folder, suffix)


def folders(folder: PurePath, prefix: str = "") -> list[PurePath]:
    """The folders directly in a folder whose names begin so, sorted."""
    return of(folder).folders(folder, prefix)


def tree(folder: PurePath) -> list[PurePath]:
    """The files in a folder and in all below it, sorted."""
    return of(folder).tree(folder)
