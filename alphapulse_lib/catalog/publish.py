"""The one way a file comes to be: whole, durable, in the place of the one before; one writer at a time.

Whoever reads sees the old file or the new one, never a part, even when the machine stops half-way.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from alphapulse_lib import clock
from alphapulse_lib.catalog import layout, storage
from alphapulse_lib.catalog.roots import FORMAT, format_of

if TYPE_CHECKING:
    import pyarrow as pa

    from alphapulse_lib.catalog.storage import Incoming

__all__ = [
    "Fill",
    "Publishing",
    "locked",
    "parquet",
    "publish",
    "publish_bytes",
    "publish_table",
    "publishing",
    "withdraw",
]

#: What writes a file's content.
type Fill = Callable[[pa.NativeFile], object]

#: How long a writer waits for another one, in seconds.
WAIT = 30.0

_AS_EVER = {"compression": "zstd", "write_page_checksum": True}
_ROWS = 16_384
#: Files that are packed at a time.
_THREADS = min(4, os.cpu_count() or 1)


@contextmanager
def locked(root: PurePath, wait: float | None = None) -> Iterator[None]:
    """Be the root's only writer. The same thread may enter again; other threads and processes wait.

    Parameters
    ----------
    root : PurePath
        The catalog's root; made, and stamped with the format, when it is new.
    wait : float, optional
        Seconds to wait for another writer; 30 unless told.

    Raises
    ------
    CatalogBusy
        The other writer did not end in time.
    CatalogReadOnly
        This person may not write there.
    CatalogFormat
        The catalog was written by a later AlphaPulse.
    """
    place = storage.of(root)
    place.prepare(root)
    with place.lock(root, WAIT if wait is None else wait):
        if not format_of(root):
            publish_bytes(root, root / layout.STAMP, json.dumps({"format": FORMAT, "made": str(clock.now())}).encode())
        yield


class Publishing:
    """Files of one root that are written side by side in threads, and put in place together. See `publishing`."""

    def __init__(self, root: PurePath, threads: ThreadPoolExecutor) -> None:
        self._root, self._threads = root, threads
        self._first: dict[PurePath, Future[Incoming]] = {}
        self._then: dict[PurePath, Future[Incoming]] = {}

    def __contains__(self, path: PurePath) -> bool:
        """Whether a file of that name is yet to be put in place."""
        return path in self._first or path in self._then

    def add(self, path: PurePath, fill: Fill, *, first: bool = False) -> None:
        """Write a file, in a thread; ``first``: it is to be in place before any that is not."""
        if path in self:
            self.place()
        future = self._threads.submit(storage.of(self._root).written, self._root, path, fill)
        (self._first if first else self._then)[path] = future

    def place(self) -> None:
        """Put in place what was added, once all of it is written."""
        waves = [[each.result() for each in some.values()] for some in (self._first, self._then) if some]
        if waves:
            storage.of(self._root).place(self._root, *waves)
        self._first.clear()
        self._then.clear()

    def forget(self) -> None:
        """Take away what was written and is not in place."""
        for each in (*self._first.values(), *self._then.values()):
            if not each.cancel() and not each.exception():
                each.result().forget()


@contextmanager
def publishing(root: PurePath) -> Iterator[Publishing]:
    """Publish several files, under the root's lock: all are written before any is put in place.

    Each replaces one file at one stroke, as ever. Whoever dies in between leaves some in place and the others not;
    upon an error in writing one of them, none is.
    """
    with ThreadPoolExecutor(_THREADS, "publishing") as threads:
        files = Publishing(root, threads)
        try:
            yield files
            files.place()
        finally:
            files.forget()


def parquet(table: pa.Table, groups: Sequence[int] = (), **options: Any) -> Fill:
    """A table as the content of a file: zstd unless ``options`` say otherwise.

    Every page has its checksum, by which `parquet` finds a flipped bit as it reads.

    Parameters
    ----------
    groups : sequence of int, optional
        One past the last row of each row group; groups of 16,384 rows unless told.
    """

    def fill(file: pa.NativeFile) -> None:
        import pyarrow.parquet as pq

        with pq.ParquetWriter(file, table.schema, **{**_AS_EVER, **options}) as writer:
            for start, end in pairwise([0, *groups]):
                writer.write_table(table.slice(start, end - start), row_group_size=max(1, end - start))
            if not groups:
                writer.write_table(table, row_group_size=_ROWS)

    return fill


def publish(root: PurePath, path: PurePath, fill: Fill) -> None:
    """Put one file in place."""
    place = storage.of(root)
    incoming = place.written(root, path, fill)
    try:
        place.place(root, [incoming])
    finally:
        incoming.forget()


def publish_table(root: PurePath, path: PurePath, table: pa.Table, **options: Any) -> None:
    """Put a table in place as one Parquet file; options as of `parquet`."""
    publish(root, path, parquet(table, **options))


def publish_bytes(root: PurePath, path: PurePath, content: bytes) -> None:
    """Put bytes in place as one file."""
    publish(root, path, lambda file: file.write(content))


def withdraw(path: PurePath) -> None:
    """Take a file away, and its folder when that was the last one in it."""
    storage.of(path).withdraw(path)
