"""The SQLite file that a ledger is: its tables of runs, their format, and what lies beside it."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path

from alphapulse_lib.errors import LedgerError

__all__ = ["format_of", "parts", "prepare", "why"]

#: Raised with the tables; another number is refused.
_FORMAT = 1
#: Bytes below which a disk is full for SQLite.
_LEAST = 65_536

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
