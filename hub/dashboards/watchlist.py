"""The names that each person watches, kept for all of the person's browsers."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

__all__ = ["Watchlists"]

#: More than these a list cannot hold: a page has to show them all.
MOST = 40


class Watchlists:
    """Everybody's lists, in one small database.

    Parameters
    ----------
    folder : Path
        Made when the first list is written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "watchlists.sqlite"

    def of(self, user: str) -> list[str] | None:
        """The instrument ids in the order in which they were added; ``None`` for somebody who never chose."""
        if not self._path.exists():
            return None
        with closing(self._opened()) as connection:
            rows = connection.execute("SELECT id FROM watched WHERE user = ? ORDER BY place", (user,)).fetchall()
            chose = connection.execute("SELECT 1 FROM choosers WHERE user = ?", (user,)).fetchone()
        return [row[0] for row in rows] if chose else None

    def change(self, user: str, shown: list[str], instrument_id: str, *, watched: bool) -> None:
        """Add a name or take it away; ``shown``, the list the person saw, becomes theirs at the first change."""
        held = self.of(user)
        kept = [each for each in (shown if held is None else held) if each != instrument_id]
        wanted = [*kept[: MOST - 1], instrument_id] if watched else kept
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with closing(self._opened()) as connection, connection:
            connection.execute("INSERT OR IGNORE INTO choosers VALUES (?)", (user,))
            connection.execute("DELETE FROM watched WHERE user = ?", (user,))
            connection.executemany(
                "INSERT INTO watched VALUES (?, ?, ?)", [(user, place, each) for place, each in enumerate(wanted)]
            )

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=10)
        connection.execute("CREATE TABLE IF NOT EXISTS choosers (user TEXT PRIMARY KEY)")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS watched (user TEXT, place INTEGER, id TEXT, PRIMARY KEY (user, id))"
        )
        return connection
