"""The ledger's records once more, one line of canonical JSON each: what a damaged ledger is made anew from.

A database of which one page is torn may tell nothing at all. A file that is only ever added to loses at most its last
line, which is then that of a run whose record was just being written.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Container, Iterable
from itertools import batched
from pathlib import Path

from alphapulse_lib.errors import InputError, LedgerError
from alphapulse_lib.model.canonical import from_json
from alphapulse_lib.model.run import RunRecord

__all__ = ["Journal"]

#: In the ledger: up to which of its runs the journal has all.
_SCHEMA = "CREATE TABLE IF NOT EXISTS journalled (sequence INTEGER PRIMARY KEY) STRICT"
#: Beside that, how long the journal was then: a longer one has what the ledger lacks.
_LENGTH = "CREATE TABLE IF NOT EXISTS journal_length (bytes INTEGER PRIMARY KEY) STRICT"
#: Records that are written at once.
_PART = 1000
#: What reading a line raises that is no record, or but a part of one.
_NO_RECORD = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


class Journal:
    """The records of one ledger, in the order in which it took them.

    Parameters
    ----------
    path : Path
        The file, which is made with the first record.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def catch_up(self, connection: sqlite3.Connection) -> None:
        """Add what a ledger has and this has not: what it took in last, or an earlier version did, that keeps none.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        connection.execute(_SCHEMA)
        has = connection.execute("SELECT MAX(sequence) FROM journalled").fetchone()[0] if self.path.exists() else None
        rows = connection.execute("SELECT record FROM runs WHERE sequence > ? ORDER BY sequence", (has or 0,))
        for part in batched(rows, _PART, strict=False):
            self.add(text for (text,) in part)
        self.has_all_of(connection)

    def has_all_of(self, connection: sqlite3.Connection) -> None:
        """Remember in a ledger that all of its runs are in this."""
        connection.execute(_SCHEMA)
        connection.execute("INSERT OR IGNORE INTO journalled SELECT MAX(sequence) FROM runs HAVING COUNT(*) > 0")
        self._remember_length(connection)

    def missed_by(self, connection: sqlite3.Connection, but: Container[str] = ()) -> list[RunRecord]:
        """The records that this has and a ledger has not, but for these; looked for where this has grown without it."""
        connection.execute(_LENGTH)
        told = connection.execute("SELECT bytes FROM journal_length").fetchone()
        if not (length := self._length()) or (told and told[0] == length):
            return []
        there = {each for (each,) in connection.execute("SELECT id FROM runs")}
        missed = [each for each in self.records() if each.id not in there and each.id not in but]
        if not missed:  # what it grew by is torn, or is what an earlier version took in
            self._remember_length(connection)
        return missed

    def _remember_length(self, connection: sqlite3.Connection) -> None:
        connection.execute(_LENGTH)
        connection.execute("DELETE FROM journal_length")
        connection.execute("INSERT INTO journal_length VALUES (?)", (self._length(),))

    def _length(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def add(self, records: Iterable[str]) -> None:
        """Add records, each as canonical JSON, and bring them to the disk.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        lines = "".join(f"{each}\n" for each in records).encode()
        with self.path.open("ab+") as file:
            end = file.seek(0, os.SEEK_END)
            if end:
                file.seek(end - 1)
                if file.read(1) != b"\n":  # an earlier writer was killed: its line ends here
                    lines = b"\n" + lines
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())

    def records(self) -> list[RunRecord]:
        """Every record that is whole, each run's first one.

        Raises
        ------
        LedgerError
            One is of a version that knows more than this one.
        """
        if not self.path.exists():
            return []
        found: dict[str, RunRecord] = {}
        with self.path.open("rb") as file:
            for line in file:
                try:
                    record = from_json(line.decode())
                except _NO_RECORD:  # torn, as the module tells, or written by a hand
                    continue
                except InputError as newer:
                    why = f"{self.path} has a record that this version cannot read: {newer.message}"
                    raise LedgerError(why, "A later version wrote it: update AlphaPulse.") from None
                found.setdefault(record.id, record)
        return [*found.values()]
