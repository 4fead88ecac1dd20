"""Which family each run of the team's ledger is in: placed when it comes, and never moved afterwards."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from threading import Lock

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    func,
    insert,
    select,
)

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
    yearly_told,
)
from alphapulse_lib.model.run import StrategySource
from hub.api.database import METADATA
from hub.api.ledger.schema import RUNS

__all__ = ["OF_RUN", "STRATEGIES", "Tried", "in_turn", "members", "place_new"]

_NUMBER = BigInteger().with_variant(Integer, "sqlite")

# Nothing of these four tables changes: the database itself refuses (`hub.api.migrations.permanent`).
STRATEGIES = Table(
    "strategies",
    METADATA,
    Column("place", _NUMBER, primary_key=True, autoincrement=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("family", Text, nullable=False),
    Column("run", String(32), nullable=False),
    Column("shingles", LargeBinary, nullable=False),
    Column("similar_to", String(32), nullable=False),
    Column("similarity", Float),
    Index("strategies_of_a_family", "family"),
)
OF_RUN = Table(
    "run_strategies",
    METADATA,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("key", String(64), nullable=False, index=True),
)
TRIALS = Table(
    "run_trials",
    METADATA,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("trial", String(64), nullable=False),
)

LENGTHS = Table(
    "run_lengths",
    METADATA,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("observations", BigInteger, nullable=False),
)

#: PostgreSQL's lock of who appends: places are given out in the order of the runs.
_APPENDING = 0x4C656467
#: Records that are looked at together when a ledger of an earlier version is opened.
_AT_ONCE = 500
#: Families whose trials are kept in memory: one of fifty thousand takes twenty megabytes.
_KEPT = 4


def in_turn(connection: Connection) -> None:
    """Wait until no other process appends; SQLite lets one write at a time anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_APPENDING)))


def place_new(connection: Connection) -> None:
    """Place the runs that are in no family yet, in the order in which they came; called `in_turn`."""
    tables = (OF_RUN, TRIALS, LENGTHS)
    newest = [select(func.coalesce(func.max(each.c.sequence), 0)).scalar_subquery() for each in tables]
    placed_by, counted_by, measured_by = connection.execute(select(*newest)).one()
    last = min(placed_by, counted_by, measured_by)
    columns = (RUNS.c.sequence, RUNS.c.id, RUNS.c.spec_id, RUNS.c.strategy, RUNS.c.record)
    while rows := connection.execute(
        select(*columns).where(RUNS.c.sequence > last).order_by(RUNS.c.sequence).limit(_AT_ONCE)
    ).all():
        for row in rows:
            values, last = parsed(row.record), row.sequence
            if last > placed_by:
                key = _put(connection, recorded(values, row.strategy), row.id)
                connection.execute(insert(OF_RUN).values(sequence=last, key=key))
            if last > counted_by:
                connection.execute(insert(TRIALS).values(sequence=last, trial=counted_as(values, row.spec_id)))
            if last > measured_by:
                connection.execute(insert(LENGTHS).values(sequence=last, observations=length_of(values)))


def _put(connection: Connection, strategy: StrategySource, run_id: str) -> str:
    """The key of a run's strategy, which is placed if it is new."""
    key = key_of(strategy)
    if _place(connection, key) is None:
        place = _placed(connection, strategy)
        values = {"key": key, "run": run_id, "similarity": place.similarity, "similar_to": place.similar_to}
        connection.execute(insert(STRATEGIES).values(values | {"family": place.family, "shingles": place.shingles}))
    return key


class Tried:
    """The trials of families, kept from one question to the next: only those that came since are read.

    Nothing of what was read ever changes. Of a family of fifty thousand all of it takes most of a second, and whoever
    looks at a list of runs asks every few seconds.
    """

    def __init__(self) -> None:
        self._read: OrderedDict[str, tuple[int, Family]] = OrderedDict()
        self._lock = Lock()

    def families(self, connection: Connection, strategies: Iterable[StrategySource]) -> list[Family]:
        """The families that strategies are in, or would be, in their order, with the distinct specs among the trials.

        A spec that was run again counts once, with the newest Sharpe ratio that it showed.
        """
        tried: dict[str, Family] = {}
        found = []
        for each in strategies:
            place = _place(connection, key_of(each)) or _placed(connection, each)
            if place.family not in tried:
                tried[place.family] = self._family(connection, place.family)
            similarity = math.nan if place.similarity is None else place.similarity
            found.append(tried[place.family].joined(place.similar_to, similarity))
        return found

    def _family(self, connection: Connection, name: str) -> Family:
        with self._lock:
            last, known = self._read.get(name, (0, Family(name, {})))
        query = (
            select(TRIALS.c.sequence, TRIALS.c.trial, RUNS.c.sharpe_per_period, LENGTHS.c.observations, RUNS.c.family)
            .join(RUNS, RUNS.c.sequence == TRIALS.c.sequence)
            .join(LENGTHS, LENGTHS.c.sequence == RUNS.c.sequence)
            .join(OF_RUN, OF_RUN.c.sequence == RUNS.c.sequence)
            .join(STRATEGIES, STRATEGIES.c.key == OF_RUN.c.key)
            .where(STRATEGIES.c.family == name, OF_RUN.c.sequence > last, RUNS.c.purpose == "trial")
            .order_by(OF_RUN.c.sequence)
        )
        if rows := connection.execute(query).all():
            last = rows[-1].sequence
            known = known.with_trials(
                (trial, _ratio(sharpe), length, _yearly(label)) for _, trial, sharpe, length, label in rows
            )
        with self._lock:
            self._read[name] = (last, known)
            self._read.move_to_end(name)
            while len(self._read) > _KEPT:
                self._read.popitem(last=False)
        return known


def _ratio(sharpe: float | None) -> float:
    return math.nan if sharpe is None else sharpe


def _yearly(label: str) -> float | None:
    """How many returns a year has of a run, by its spec's label, at whose end its instruments and its period are."""
    _, instruments, period = ["", "", *label.rsplit(" ", 2)][-3:]
    return yearly_told(period, instruments)


def members(family: str) -> ColumnElement[bool]:
    """The condition that a run is of the family of that name."""
    keys = select(STRATEGIES.c.key).where(STRATEGIES.c.family == family)
    return RUNS.c.sequence.in_(select(OF_RUN.c.sequence).where(OF_RUN.c.key.in_(keys)))


def _place(connection: Connection, key: str) -> Place | None:
    columns = (STRATEGIES.c.family, STRATEGIES.c.shingles, STRATEGIES.c.similar_to, STRATEGIES.c.similarity)
    row = connection.execute(select(*columns).where(STRATEGIES.c.key == key)).first()
    return None if row is None else Place(*row)


def _placed(connection: Connection, strategy: StrategySource) -> Place:
    def taken(family: str) -> bool:
        return connection.execute(select(STRATEGIES.c.key).where(STRATEGIES.c.family == family)).first() is not None

    def known() -> Iterator[Known]:
        columns = (STRATEGIES.c.family, STRATEGIES.c.run, STRATEGIES.c.shingles)
        for row in connection.execute(select(*columns).order_by(STRATEGIES.c.place)):
            if row.shingles:
                yield Known(*row)

    return placed(strategy, known(), taken)
