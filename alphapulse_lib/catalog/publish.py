"""The one way a file comes to be: whole, durable, in the place of the one before; one writer at a time.

Whoever reads sees the old file or the new one, never a part, even when the machine stops half-way.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from alphapulse_lib import clock
from alphapulse_lib.catalog import layout, storage
from alphapulse_lib.catalog.roots import FORMAT, format_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["locked", "publish_bytes", "publish_table", "withdraw"]

#: How long a writer waits for another one, in seconds.
WAIT = 30.0

_ROW_GROUP = 16_384


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


def publish_table(root: PurePath, path: PurePath, table: pa.Table, **options: Any) -> None:
    """Put a table in place as one Parquet file: zstd, row groups of 16,384 unless ``options`` say otherwise."""
    import pyarrow.parquet as pq

    chosen = {"compression": "zstd", "row_group_size": _ROW_GROUP, **options}
    with storage.of(root).replacing(root, path) as incoming:
        pq.write_table(table, incoming, **chosen)


def publish_bytes(root: PurePath, path: PurePath, content: bytes) -> None:
    """Put bytes in place as one file."""
    with storage.of(root).replacing(root, path) as incoming:
        incoming.write(content)


def withdraw(path: PurePath) -> None:
    """Take a file away, and its folder when that was the last one in it."""
    storage.of(path).withdraw(path)
