"""The one way a file comes to be: written beside the data, made durable, renamed into place; one writer at a time.

Whoever reads sees the old file or the new one, never a part, even when the machine stops half-way.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from alphapulse_lib import clock
from alphapulse_lib.catalog import layout
from alphapulse_lib.catalog.roots import FORMAT, format_of, require_writable
from alphapulse_lib.errors import CatalogBusy, CatalogError, CatalogReadOnly

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["is_locked", "locked", "make_durable", "publish_bytes", "publish_table", "withdraw"]

#: How long a writer waits for another one, in seconds.
WAIT = 30.0

_ROW_GROUP = 16_384


def is_locked(path: Path) -> bool:
    """Whether some process holds a lock file."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # which a catalog that may only be read allows too
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def locked(root: Path, wait: float | None = None) -> Iterator[None]:
    """Be the root's only writer. The same thread may enter again; other threads and processes wait.

    Parameters
    ----------
    root : Path
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
    require_writable(root)
    limit = WAIT if wait is None else wait
    lock = FileLock(root / layout.LOCK, is_singleton=True)
    alone = not lock.is_locked
    try:
        lock.acquire(timeout=limit)
    except Timeout:
        raise CatalogBusy(
            f"Another writer has held the catalog {root} for more than {limit:g} seconds.",
            "Wait until its import has ended, then try again.",
        ) from None
    try:
        if alone:
            _clear(root / layout.INCOMING)
        if not format_of(root):
            publish_bytes(root, root / layout.STAMP, json.dumps({"format": FORMAT, "made": str(clock.now())}).encode())
        yield
    finally:
        lock.release()


def publish_table(root: Path, path: Path, table: pa.Table, **options: Any) -> None:
    """Put a table in place as one Parquet file: zstd, row groups of 16,384 unless ``options`` say otherwise."""
    import pyarrow.parquet as pq

    chosen = {"compression": "zstd", "row_group_size": _ROW_GROUP, **options}
    with _replacing(root, path) as incoming:
        pq.write_table(table, incoming, **chosen)


def publish_bytes(root: Path, path: Path, content: bytes) -> None:
    """Put bytes in place as one file."""
    with _replacing(root, path) as incoming:
        incoming.write_bytes(content)


def withdraw(path: Path) -> None:
    """Take a file away, and its folder when that was the last one in it."""
    path.unlink(missing_ok=True)
    if not path.parent.exists():
        return
    make_durable(path.parent)
    if not any(path.parent.iterdir()):
        path.parent.rmdir()
        make_durable(path.parent.parent)


@contextmanager
def _replacing(root: Path, path: Path) -> Iterator[Path]:
    """A name to write to, which takes the place of `path` at the end. Never one in .parquet: those are read."""
    incoming = root / layout.INCOMING / f"{uuid.uuid4().hex}.part"
    try:
        incoming.parent.mkdir(exist_ok=True)
        yield incoming
        with incoming.open("rb+") as written:
            os.fsync(written.fileno())
        _make_folder(path.parent)
        incoming.replace(path)
        make_durable(path.parent)
    except PermissionError:
        raise CatalogReadOnly(f"You may not write {path}.", "Ask the catalog's owner.") from None
    except OSError as failed:
        told = os.strerror(failed.errno) if failed.errno else str(failed)
        raise CatalogError(
            f"{path} could not be written: {told}. What was there before is untouched.",
            "Make room on the disk, then import again: what was written already changes nothing.",
        ) from None
    finally:
        incoming.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    make_durable(folder.parent)


def make_durable(folder: Path) -> None:
    """A rename is kept through a power cut only when its folder is synchronised too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _clear(folder: Path) -> None:
    """What lies here under the lock was left by a writer that died."""
    if folder.is_dir():
        for left in folder.iterdir():
            left.unlink()
