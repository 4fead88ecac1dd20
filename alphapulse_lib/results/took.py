"""What runs took, remembered beside a ledger's runs as they come: what the next one will take is estimated by it.

A record says it in its environment: ``took_seconds`` from its beginning until its result was there, of them
``took_engine`` for reading and running in its process, and of these ``took_waited`` in which others had the cores;
``took_rows`` that were read; ``took_megabytes``, the most that its process held; ``took_in`` what it was run, ``"run"``
in a process of its own, ``"sweep"`` forked off one that had read already. Of the former also what it took until that
process could read, ``took_begin``, nearly all of it imports, and how long ago these had begun, ``took_ahead``: whoever
runs one after the other finds all imported.

Of a sweep the ledger also keeps what it took beside its trials, ``"processes"``, and of a walk-forward what it took
beside those of its windows, ``"windows"``: no record tells that.

Where others kept the cores busy, all seconds are kept as they would have been on cores of its own. A strategy that
sleeps, or asks a disk, takes its time there too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from alphapulse_lib.model.run import RunRecord, RunSpec

__all__ = ["Kind", "Took", "lately", "like", "remember", "remember_beside", "told", "waiting"]

type Kind = Literal["run", "sweep", "processes", "windows"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS taken (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    strategy TEXT NOT NULL,
    period TEXT NOT NULL,
    fill TEXT NOT NULL,
    rows INTEGER NOT NULL,
    seconds REAL NOT NULL,
    engine REAL NOT NULL,
    megabytes REAL NOT NULL,
    waiting REAL NOT NULL,
    ended_at INTEGER NOT NULL,
    begin REAL NOT NULL,
    ahead REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS taken_by ON taken (kind, strategy, period, fill);
CREATE INDEX IF NOT EXISTS taken_kind ON taken (kind);
"""
_COLUMNS = "strategy || ' ' || period || ' ' || fill, rows, seconds, engine, megabytes, waiting, ended_at, begin, ahead"
_LATELY = f"""
SELECT * FROM (SELECT {_COLUMNS}, place FROM taken WHERE kind = ? AND strategy = ? AND period = ? AND fill = ?
               ORDER BY place DESC LIMIT ?)
UNION
SELECT * FROM (SELECT {_COLUMNS}, place FROM taken WHERE kind = ? ORDER BY place DESC LIMIT ?)
ORDER BY place
"""  # noqa: S608  the columns are ours
#: How many of either are looked at.
_RUNS = 20


@dataclass(frozen=True, slots=True)
class Took:
    """What an earlier run took.

    Attributes
    ----------
    like : str
        Strategy, period and fill convention: what is the same for runs whose rows cost the same.
    rows : int
        Bars, trades and quotes that it read; of a walk-forward, its windows.
    seconds : float
        From its beginning until its result was there, on cores of its own.
    engine : float
        Of them, for reading and running.
    megabytes : float
        The most that its process held.
    waiting : float
        How many times longer it did take.
    ended_at : int
        Nanoseconds since 1970, UTC.
    begin : float
        Seconds, on cores of its own, from the start of the imports until its process could read; 0 of a sweep's trial.
    ahead : float
        How long ago these had begun as it began.
    """

    like: str
    rows: int
    seconds: float
    engine: float
    megabytes: float
    waiting: float = 1.0
    ended_at: int = 0
    begin: float = 0.0
    ahead: float = 0.0

    @property
    def outside(self) -> float:
        """Seconds that it took besides reading and running, were its process there and ready."""
        return self.seconds - self.engine - max(self.begin - self.ahead, 0.0)


def like(spec: RunSpec) -> str:
    """What `Took.like` is of a run of that spec."""
    return f"{spec.strategy.name} {spec.period} {spec.fill}"


def told(kind: Kind, rows: int, seconds: float, ahead: float | None = None) -> dict[str, str]:
    """How a record keeps it, beside ``took_engine`` and the like, which the run's process told."""
    found = {"took_in": kind, "took_rows": str(rows), "took_seconds": f"{seconds:.4g}"}
    return found if ahead is None else found | {"took_ahead": f"{ahead:.4g}"}


def waiting(environment: Mapping[str, str]) -> float:
    """How many times longer than on cores of its own a run took: 1 where nobody kept it waiting.

    Examples
    --------
    >>> waiting({"took_engine": "0.6", "took_waited": "0.3"})
    2.0
    """
    took, waited = (float(environment.get(name, 0.0)) for name in ("took_engine", "took_waited"))
    return took / (took - waited) if 0 < waited < took else 1.0


def remember(connection: sqlite3.Connection, records: Iterable[RunRecord]) -> None:
    """Keep what finished runs took, where they say so."""
    rows: list[tuple[object, ...]] = []
    for each in records:
        found = each.environment
        if each.status == "finished" and "took_rows" in found and "took_engine" in found:
            longer = waiting(found)
            times, begun = (
                tuple(float(found.get(name, 0.0)) / longer for name in names)
                for names in (("took_seconds", "took_engine"), ("took_begin", "took_ahead"))
            )
            of = (each.spec.strategy.name, each.spec.period, each.spec.fill)
            rest = (float(found["took_megabytes"]), longer, each.ended_at, *begun)
            rows.append((found["took_in"], *of, int(found["took_rows"]), *times, *rest))
    if rows:
        _keep(connection, rows)


def remember_beside(
    connection: sqlite3.Connection, kind: Kind, windows: int, seconds: float, waiting: float, ended_at: int
) -> None:
    """Keep what a sweep took beside its trials, or a walk-forward of so many windows did."""
    _keep(connection, [(kind, "", "", "", windows, seconds / waiting, 0.0, 0.0, waiting, ended_at, 0.0, 0.0)])


def _keep(connection: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> None:
    for statement in filter(str.strip, _SCHEMA.split(";")):
        connection.execute(statement)
    connection.executemany(
        "INSERT INTO taken (kind, strategy, period, fill, rows, seconds, engine, megabytes, waiting, ended_at, begin, "
        "ahead) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )


def lately(connection: sqlite3.Connection, spec: RunSpec, kind: Kind) -> list[Took]:
    """What the last runs of the same strategy, period and fill convention took, and the last ones of any; old first."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'taken_kind'").fetchone():
        return []
    of = (kind, spec.strategy.name, spec.period, spec.fill, _RUNS, kind, _RUNS)
    return [Took(*row[:-1]) for row in connection.execute(_LATELY, of)]
