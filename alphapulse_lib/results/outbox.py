"""Which runs of a ledger the team's ledger has, so that each is handed in once: a small SQLite file beside the runs.

A run is settled only after the hub has its record and its files. Whatever is killed before that is handed in again,
which changes nothing there: the hub knows a run by its id and a file by its content.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from alphapulse_lib.errors import LedgerError
from alphapulse_lib.results.ledger import Ledger

__all__ = ["Outbox"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS settled (
    hub TEXT NOT NULL, id TEXT NOT NULL, refused TEXT NOT NULL DEFAULT '', PRIMARY KEY (hub, id)
) STRICT
"""


class Outbox:
    """What of a ledger is still to be handed in to one hub.

    Parameters
    ----------
    ledger : Ledger
        One's own.
    hub : str
        The address of the hub's API: another hub has other runs.
    """

    def __init__(self, ledger: Ledger, hub: str) -> None:
        self._ledger, self._hub = ledger, hub
        self._path = ledger.root / "outbox.sqlite"

    def waiting(self) -> list[str]:
        """The ids of the runs that are neither handed in nor refused, the oldest first."""
        return self._ledger.ids({each for (each,) in self._ask("SELECT id FROM settled WHERE hub = ?", self._hub)})

    def handed_in(self, most: int = -1) -> list[str]:
        """The runs that were handed in, the one that was last first; at most so many."""
        # Not by the index of hubs, as the plus has it: all that were ever handed in would be sorted for the last one.
        sql = "SELECT id FROM settled WHERE +hub = ? AND refused = '' ORDER BY rowid DESC LIMIT ?"
        return [each for (each,) in self._ask(sql, self._hub, most)]

    def refused(self) -> dict[str, str]:
        """The runs that the hub will not take, and why."""
        return dict(self._ask("SELECT id, refused FROM settled WHERE hub = ? AND refused <> ''", self._hub))

    def settle(self, run_id: str, refused: str = "") -> None:
        """Remember that a run was handed in, or why it was refused.

        Raises
        ------
        LedgerError
            That cannot be written.
        """
        self._ask("INSERT OR REPLACE INTO settled (hub, id, refused) VALUES (?, ?, ?)", self._hub, run_id, refused)

    def forget(self, run_ids: Iterable[str]) -> None:
        """Let runs wait again.

        Raises
        ------
        LedgerError
            That cannot be written.
        """
        gone = "DELETE FROM settled WHERE hub = ? AND id IN (SELECT value FROM json_each(?))"
        self._ask(gone, self._hub, json.dumps([*run_ids]))

    def _ask(self, sql: str, *arguments: str | int) -> list[tuple[Any, ...]]:
        if not self._ledger.path.exists():
            return []
        try:
            with closing(sqlite3.connect(self._path, timeout=60)) as connection, connection:
                connection.execute(_SCHEMA)
                return connection.execute(sql, arguments).fetchall()
        except sqlite3.Error as refused:
            raise LedgerError(
                f"{self._path} refused: {refused}.",
                "Look at the folder's rights and free space. A damaged one may be removed: each run is then handed in "
                "once more, which changes nothing.",
            ) from None
