"""The SQLite file that a ledger is: its tables of runs, their format, what lies beside it, and connections to it.

SQLite keeps a file beside this one also for those who only read. Where none can be made, since the disk is full or
nothing there may be written, a ledger that nobody is writing is read as it lies.
"""

from __future__ import annotations

import contextlib
import math
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from alphapulse_lib.errors import LedgerError
from alphapulse_lib.model.canonical import to_json
from alphapulse_lib.model.run import RunRecord

__all__ = [
    "DAMAGED",
    "WRITABLE",
    "ReadOnlyLedger",
    "TornLedger",
    "connected",
    "copied",
    "format_of",
    "parts",
    "prepare",
    "put_in",
    "why",
]

DAMAGED = "Its records.jsonl is gone, too. Bring both back from a copy; the hub has all runs that were handed in."
WRITABLE = "Look at the folder's rights and free space; ALPHAPULSE_LEDGER names another folder."
#: What SQLite says of a file that is none of its own any more, and of one beside which it can make none.
_TORN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_READ_ONLY = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)

#: Raised with the tables; another number is refused.
_FORMAT = 1
#: Bytes below which a disk is full for SQLite.
_LEAST = 65_536

_INSERT = """
INSERT INTO runs (id, spec_id, family, strategy, instruments, period, status, purpose, user, started_at,
                  sharpe_per_period, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    spec_id TEXT NOT NULL,
    family TEXT NOT NULL,
    strategy TEXT NOT NULL,
    instruments TEXT NOT NULL,
    period TEXT NOT NULL,
    status TEXT NOT NULL,
    purpose TEXT NOT NULL,
    user TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    sharpe_per_period REAL,
    record TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS runs_family ON runs (family);
CREATE INDEX IF NOT EXISTS runs_spec ON runs (spec_id);
CREATE INDEX IF NOT EXISTS runs_started ON runs (started_at);
CREATE TRIGGER IF NOT EXISTS runs_keep BEFORE DELETE ON runs
    BEGIN SELECT RAISE(ABORT, 'the ledger forgets nothing'); END;
CREATE TRIGGER IF NOT EXISTS runs_stay BEFORE UPDATE ON runs
    BEGIN SELECT RAISE(ABORT, 'the ledger changes nothing'); END;
CREATE TRIGGER IF NOT EXISTS runs_once BEFORE INSERT ON runs WHEN EXISTS (SELECT 1 FROM runs WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'the ledger has that run'); END;
"""


class TornLedger(LedgerError):
    """The file is no database any more, or one of its pages is not what it was."""


class ReadOnlyLedger(LedgerError):
    """Nothing can be written where it lies."""


@contextlib.contextmanager
def connected(path: Path, *, write: bool) -> Iterator[sqlite3.Connection]:
    """A connection for one act.

    Raises
    ------
    TornLedger, ReadOnlyLedger, LedgerError
        As SQLite refuses it.
    """
    try:
        connection = sqlite3.connect(path, timeout=60, isolation_level=None)
    except sqlite3.Error as refused:
        raise LedgerError(f"The ledger at {path.parent} cannot be opened: {refused}.", WRITABLE) from None
    try:
        if write:
            prepare(connection)
        else:
            connection = _readable(connection, path)
        yield connection
    except sqlite3.Error as refused:
        if _code(refused) in _TORN:
            raise TornLedger(f"The ledger at {path} is damaged: {refused}.", DAMAGED) from None
        kind = ReadOnlyLedger if _code(refused) in _READ_ONLY else LedgerError
        raise kind(f"The ledger at {path} refused: {why(refused, path.parent)}.", WRITABLE) from None
    except OSError as refused:
        raise ReadOnlyLedger(f"The ledger at {path.parent} cannot be written: {refused}.", WRITABLE) from None
    finally:
        connection.close()


def _readable(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """The connection, or where SQLite can make no file beside the ledger, one that needs none."""
    try:
        format_of(connection)
    except sqlite3.Error as refused:
        log = path.with_name(f"{path.name}-wal")
        # What a writer that was killed left there is in no other file.
        if _code(refused) not in _READ_ONLY or (log.exists() and log.stat().st_size):
            raise
        connection.close()
        return sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True, isolation_level=None)
    return connection


@contextlib.contextmanager
def copied(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A copy in memory, to be written to."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        connection.backup(copy)
        yield copy


def _code(refused: sqlite3.Error) -> int:
    return getattr(refused, "sqlite_errorcode", 0) & 0xFF


def parts(path: Path) -> list[Path]:
    """What there is of a database: its file, and what SQLite keeps beside it."""
    return [part for end in ("", "-wal", "-shm") if (part := path.with_name(path.name + end)).exists()]


def why(refused: sqlite3.Error, root: Path) -> str:
    """What SQLite says where it refuses; of a full disk it says at times that there was an input or output error."""
    with contextlib.suppress(OSError):
        if shutil.disk_usage(root).free < _LEAST:
            return "the disk is full"
    return str(refused)


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables where there are none, and refuse those of another version."""
    if format_of(connection) == 0:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}PRAGMA user_version = {_FORMAT};COMMIT;")


def format_of(connection: sqlite3.Connection) -> int:
    """The format of the file's tables, 0 for none."""
    found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if found not in (0, _FORMAT):
        raise LedgerError(f"The ledger has format {found}; this version reads {_FORMAT}.", "Update AlphaPulse.")
    return found


def put_in(connection: sqlite3.Connection, records: Iterable[RunRecord]) -> None:
    """Add records to the table of runs, in their order."""
    connection.executemany(_INSERT, (_row(each) for each in records))


def _row(record: RunRecord) -> tuple[Any, ...]:
    """What `_INSERT` takes."""
    return (
        record.id,
        record.spec_id,
        record.spec.label,
        record.spec.strategy.name,
        ",".join(record.spec.instruments),
        record.spec.period,
        record.status,
        record.purpose,
        record.user,
        record.started_at,
        _finite(record.statistics.get("sharpe_per_period")),
        to_json(record),
    )


def _finite(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
