"""A run's files: written once, all or none, and read back as they are asked for.

They are written beside the place where they belong and moved there by one rename, so a run's folder is whole or absent.
Only after that does the ledger take the record.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import shutil
import stat
import time
from collections.abc import Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from alphapulse_lib.engine.leftovers import held, remove_leftovers
from alphapulse_lib.errors import LedgerError

__all__ = [
    "Files",
    "as_bytes",
    "no_file",
    "read_table",
    "read_text",
    "remove_unrecorded",
    "replace_text",
    "write_artefacts",
]

#: File name to content: a table becomes Parquet, text is written as UTF-8, bytes as they are; the path of a file that
#: is never written to becomes another name of it.
type Files = Mapping[str, pa.Table | str | bytes | Path]

#: Seconds within which a run's record follows its files; a busy ledger is waited for a minute.
_RECORDED_WITHIN = 600.0

#: Threads that write a run's files, or those of several runs.
_WRITERS = 8

_WRITABLE = "Look at the folder's rights and free space; ALPHAPULSE_LEDGER names another folder."


def write_artefacts(runs: Mapping[Path, Files]) -> None:
    """Write runs' files, of each run all or none.

    Parameters
    ----------
    runs : mapping of Path to Files
        Each run's own folder, which must not exist yet, and what belongs into it.

    Raises
    ------
    LedgerError
        A folder exists already, or cannot be written.
    """
    besides = {folder: folder.with_name(f".{folder.name}.{os.getpid()}") for folder in runs}
    try:
        with contextlib.ExitStack() as holding:
            for folder, beside in besides.items():
                if folder.exists():
                    raise LedgerError(f"{folder} exists already.", "A run's files are written once.")
                beside.mkdir(parents=True)
                holding.enter_context(held(beside))
            contents = [(besides[folder] / name, files[name]) for folder, files in runs.items() for name in files]
            # Each waits for the disk more than it works: together they wait once. A file in a task of its own would
            # cost as much as to write it.
            with ThreadPoolExecutor(max_workers=_WRITERS) as writers:
                list(writers.map(_write_each, (contents[first::_WRITERS] for first in range(_WRITERS))))
                list(writers.map(_sync, besides.values()))
            for folder, beside in besides.items():
                beside.rename(folder)
        for parent in {folder.parent for folder in runs}:
            _sync(parent)
    except OSError as refused:
        raise LedgerError(f"A run's files cannot be written to {next(iter(runs))}: {refused}.", _WRITABLE) from None
    finally:
        for beside in besides.values():
            shutil.rmtree(beside, ignore_errors=True)


def remove_unrecorded(runs: Path, recorded: Set[str]) -> None:
    """Remove what killed runs left: files half written, and whole ones that the ledger never heard of.

    What is older than all that the ledger has here is of a ledger that was lost, and stays: it may come back.

    Parameters
    ----------
    runs : Path
        Holds the runs' folders.
    recorded : collection of str
        The ids of the runs that the ledger has.
    """
    if not runs.is_dir():
        return
    remove_leftovers(runs, ".*")
    written = dict[str, float]()
    for entry in os.scandir(runs):
        with contextlib.suppress(FileNotFoundError):  # another process removes it, too
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                written[entry.name] = entry.stat().st_mtime
    first = min((written[each] for each in written.keys() & recorded), default=math.inf)
    long_ago = time.time() - _RECORDED_WITHIN
    for name in written.keys() - recorded:
        if first < written[name] < long_ago:
            with contextlib.suppress(OSError):
                shutil.rmtree(runs / name)


def _write_each(files: Sequence[tuple[Path, pa.Table | str | bytes | Path]]) -> None:
    for path, content in files:
        _write(path, content)


def _write(path: Path, content: pa.Table | str | bytes | Path) -> None:
    if isinstance(content, Path):
        with contextlib.suppress(OSError):  # a file system without links
            path.hardlink_to(content)
            return  # what it names is on the disk, and the folder will be
        shutil.copyfile(content, path)
    elif isinstance(content, bytes | str):
        with path.open("wb", buffering=0) as file:
            _write_all(file, content.encode() if isinstance(content, str) else content)
            os.fsync(file.fileno())
        return
    else:
        _write_table(content, path)
    _sync(path)


def _write_all(file: io.FileIO, content: bytes) -> None:
    """Write all of it: the system may take less at once."""
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]


def _write_table(table: pa.Table, where: Any) -> None:
    # Times of bars are nearly regular; prices hardly repeat, and a dictionary would cost more than it saves.
    times = [field.name for field in table.schema if pa.types.is_timestamp(field.type)]
    repeated = [field.name for field in table.schema if _repeats(field.type)]
    encoding = dict.fromkeys(times, "DELTA_BINARY_PACKED")
    pq.write_table(table, where, compression="lz4", use_dictionary=repeated, column_encoding=encoding)


def as_bytes(content: pa.Table | str | bytes) -> bytes:
    """What `write_artefacts` would write of it."""
    if isinstance(content, bytes):
        return content
    if isinstance(content, str):
        return content.encode()
    sink = io.BytesIO()
    _write_table(content, sink)
    return sink.getvalue()


def _repeats(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_dictionary(kind))


def _sync(path: Path) -> None:
    """Bring what was written to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_table(path: Path) -> pa.Table:
    """A table of a run.

    Raises
    ------
    LedgerError
        The file is gone or damaged.
    """
    try:
        return pq.read_table(path)
    except MemoryError:  # Arrow's is one of its own errors, too; the file has nothing wrong
        raise
    except (OSError, pa.ArrowException) as refused:
        raise LedgerError(f"A run's file cannot be read: {path}: {refused}.", _GONE) from None


def read_text(path: Path) -> str:
    """A text of a run.

    Raises
    ------
    LedgerError
        The file is gone or is no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as refused:
        raise LedgerError(f"A run's file cannot be read: {path}: {refused}.", _GONE) from None


def no_file(path: Path) -> str:
    """What stands there that a rename would destroy, or a link leads to; empty where it is a file or nothing."""
    with contextlib.suppress(OSError):  # what cannot be looked at is refused as it is written
        mode = path.stat().st_mode
        return next((name for is_one, name in _NO_FILES if is_one(mode)), "")
    return ""


def replace_text(path: Path, text: str) -> None:
    """Write a text that may be there already, by one rename; of a link, what it points to.

    Raises
    ------
    LedgerError
        The folder cannot be written, or what stands there is no file.
    """
    if what := no_file(path):
        raise LedgerError(
            f"{path} cannot be written: {what} stands there.", "Name another path: only a file is replaced."
        )
    path = Path(os.path.realpath(path))
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write(beside, text)
        beside.replace(path)
    except OSError as refused:
        raise LedgerError(f"{path} cannot be written: {refused}.", "Name another path.") from None
    finally:
        with contextlib.suppress(OSError):  # a name too long to be written is too long to be removed
            beside.unlink(missing_ok=True)


_NO_FILES = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)

_GONE = (
    "The record in the ledger is whole, its statistics too. "
    "The files do not come back: ap.backtest with the same arguments makes a new run that has its own."
)
