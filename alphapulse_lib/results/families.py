"""The families of a ledger's runs, remembered beside them as they come: what belongs together never changes afterwards.

Runs that another version appended are placed when the ledger is next written or asked about its trials.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from alphapulse_lib.model.family import (
    Family,
    Known,
    Place,
    counted_as,
    key_of,
    length_of,
    parsed,
    placed,
    recorded,
    told_apart,
    yearly_told,
)
from alphapulse_lib.model.outline import Outline, outlined
from alphapulse_lib.model.run import StrategySource

__all__ = ["MEMBER", "alone", "found", "known_to", "place_new"]

#: SQL, of a row of runs: whether it is of the family of that name.
MEMBER = (
    "sequence IN (SELECT of_run.sequence FROM run_strategies AS of_run JOIN strategies USING (key) "
    "WHERE strategies.family = ?)"
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS strategies (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    family TEXT NOT NULL,
    run TEXT NOT NULL,
    shingles BLOB NOT NULL,
    similar_to TEXT NOT NULL,
    similarity REAL
) STRICT;
CREATE TABLE IF NOT EXISTS run_strategies (sequence INTEGER PRIMARY KEY, key TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS run_trials (sequence INTEGER PRIMARY KEY, trial TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS run_lengths (sequence INTEGER PRIMARY KEY, observations INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS strategy_outlines (place INTEGER PRIMARY KEY, outline BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS strategies_family ON strategies (family);
CREATE INDEX IF NOT EXISTS run_strategies_key ON run_strategies (key);
"""
_TABLES = ("run_strategies", "strategies", "run_trials", "run_lengths", "strategy_outlines")
_STAY = """
CREATE TRIGGER IF NOT EXISTS {table}_{verb} BEFORE {verb} ON {table}
    BEGIN SELECT RAISE(ABORT, 'the ledger changes nothing'); END;
"""
_TRIALS = """
SELECT run_trials.trial, runs.sharpe_per_period, run_lengths.observations, runs.period, runs.instruments FROM strategies
JOIN run_strategies USING (key) JOIN runs USING (sequence) JOIN run_trials USING (sequence)
JOIN run_lengths USING (sequence)
WHERE strategies.family = ? AND runs.purpose = 'trial'
ORDER BY runs.sharpe_per_period IS NOT NULL, runs.sequence
"""
#: Until where each of the tables of runs is filled: versions before knew of fewer.
_NEWEST = """
SELECT (SELECT COALESCE(MAX(sequence), 0) FROM run_strategies), (SELECT COALESCE(MAX(sequence), 0) FROM run_trials),
(SELECT COALESCE(MAX(sequence), 0) FROM run_lengths)
"""
_COME = "SELECT sequence, id, spec_id, strategy, record FROM runs WHERE sequence > ? ORDER BY sequence LIMIT 1000"
#: The sources that could be like one that is asked about, the oldest first; those of thousands are not even read.
_KNOWN = """
SELECT strategies.family, strategies.run, strategies.shingles FROM strategy_outlines JOIN strategies USING (place)
WHERE may_be_alike(strategy_outlines.outline, length(strategies.shingles)) ORDER BY place
"""


def alone(strategy: StrategySource) -> Family:
    """The family of a strategy where there is no ledger."""
    return Family(placed(strategy, (), lambda _: False).family, {})


@contextmanager
def known_to(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction, at whose beginning and end every run of the ledger is in its family."""
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    if not there.issuperset(f"{table}_delete" for table in _TABLES):
        stay = "".join(_STAY.format(table=table, verb=verb) for table in _TABLES for verb in ("update", "delete"))
        connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}{stay}COMMIT;")
    connection.execute("BEGIN IMMEDIATE")
    try:
        place_new(connection)
        yield
        place_new(connection)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def found(connection: sqlite3.Connection, wanted: Mapping[str, StrategySource]) -> dict[str, Family]:
    """The families of some strategies, by their keys."""
    families: dict[str, Family] = {}
    told = {}
    for key, strategy in wanted.items():
        place = _place(connection, key) or _placed(connection, strategy)
        if place.family not in families:
            families[place.family] = _tried(connection, place.family)
        similarity = math.nan if place.similarity is None else place.similarity
        told[key] = families[place.family].joined(place.similar_to, similarity)
    return told


def _tried(connection: sqlite3.Connection, family: str) -> Family:
    """The trials of a family. A spec that was run again counts once, with the newest ratio that it showed."""
    rows = connection.execute(_TRIALS, (family,)).fetchall()
    sharpes = {trial: math.nan if sharpe is None else sharpe for trial, sharpe, *_ in rows}
    lengths = {trial: length for trial, sharpe, length, *_ in rows if sharpe is not None}
    yearly = {trial: yearly_told(period, held) for trial, _, _, period, held in rows}
    return Family(family, sharpes, lengths=lengths, yearly={name: each for name, each in yearly.items() if each})


def place_new(connection: sqlite3.Connection) -> None:
    """Place the runs that are not in a family yet, in the order in which they came."""
    placed_by, counted_by, measured_by = connection.execute(_NEWEST).fetchone()
    last = min(placed_by, counted_by, measured_by)
    # Not one cursor for all: what compares sources is made anew for each, and SQLite refuses that under an open one.
    while rows := connection.execute(_COME, (last,)).fetchall():
        for last, run_id, spec_id, name, record in rows:
            values = parsed(record)
            if last > placed_by:
                key = _put(connection, recorded(values, name), run_id)
                connection.execute("INSERT INTO run_strategies VALUES (?, ?)", (last, key))
            if last > counted_by:
                connection.execute("INSERT INTO run_trials VALUES (?, ?)", (last, counted_as(values, spec_id)))
            if last > measured_by:
                connection.execute("INSERT INTO run_lengths VALUES (?, ?)", (last, length_of(values)))


def _put(connection: sqlite3.Connection, strategy: StrategySource, run_id: str) -> str:
    """The key of a run's strategy, which is placed if it is new."""
    key = key_of(strategy)
    if _place(connection, key) is None:
        place = _placed(connection, strategy)
        connection.execute(
            "INSERT INTO strategies (key, family, run, shingles, similar_to, similarity) VALUES (?, ?, ?, ?, ?, ?)",
            (key, place.family, run_id, place.shingles, place.similar_to, place.similarity),
        )
    return key


def _place(connection: sqlite3.Connection, key: str) -> Place | None:
    row = connection.execute(
        "SELECT family, shingles, similar_to, similarity FROM strategies WHERE key = ?", (key,)
    ).fetchone()
    return None if row is None else Place(*row)


def _placed(connection: sqlite3.Connection, strategy: StrategySource) -> Place:
    def taken(family: str) -> bool:
        return connection.execute("SELECT 1 FROM strategies WHERE family = ?", (family,)).fetchone() is not None

    def known() -> Iterator[Known]:
        mine = Outline(told_apart(strategy))
        connection.create_function("may_be_alike", 2, mine.may_be_like, deterministic=True)
        _outline_new(connection)
        for row in connection.execute(_KNOWN):
            yield Known(*row)

    return placed(strategy, known(), taken)


def _outline_new(connection: sqlite3.Connection) -> None:
    """Outline the sources that came since the last comparison, or that an earlier version placed."""
    new = connection.execute(
        "SELECT place, shingles FROM strategies WHERE shingles != x'' "
        "AND place > (SELECT COALESCE(MAX(place), 0) FROM strategy_outlines)"
    ).fetchall()
    connection.executemany(
        "INSERT INTO strategy_outlines VALUES (?, ?)", [(place, outlined(shingles)) for place, shingles in new]
    )
