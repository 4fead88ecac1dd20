"""Which family each run of the team's ledger is in: placed when it comes, and never moved afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterator

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

from alphapulse_lib.model.family import Family, Known, Place, counted_as, key_of, placed, recorded
from alphapulse_lib.model.run import StrategySource
from hub.api.database import METADATA
from hub.api.ledger.schema import RUNS

__all__ = ["OF_RUN", "STRATEGIES", "family_of", "in_turn", "members", "place_new"]

_NUMBER = BigInteger().with_variant(Integer, "sqlite")

# Nothing of these three tables changes: the database itself refuses (`hub.api.migrations.permanent`).
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

#: PostgreSQL's lock of who appends: places are given out in the order of the runs.
_APPENDING = 0x4C656467
#: Records that are looked at together when a ledger of an earlier version is opened.
_AT_ONCE = 500


def in_turn(connection: Connection) -> None:
    """Wait until no other process appends; SQLite lets one write at a time anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_APPENDING)))


def place_new(connection: Connection) -> None:
    """Place the runs that are in no family yet, in the order in which they came; called `in_turn`."""
    _count_new(connection)
    while True:
        newest = connection.execute(select(func.coalesce(func.max(OF_RUN.c.sequence), 0))).scalar_one()
        query = select(RUNS.c.sequence, RUNS.c.id, RUNS.c.strategy, RUNS.c.record).where(RUNS.c.sequence > newest)
        rows = connection.execute(query.order_by(RUNS.c.sequence).limit(_AT_ONCE)).all()
        if not rows:
            return
        for row in rows:
            strategy = recorded(row.record, row.strategy)
            key = key_of(strategy)
            if _place(connection, key) is None:
                place = _placed(connection, strategy)
                values = {"key": key, "run": row.id, "similarity": place.similarity, "similar_to": place.similar_to}
                values |= {"family": place.family, "shingles": place.shingles}
                connection.execute(insert(STRATEGIES).values(values))
            connection.execute(insert(OF_RUN).values(sequence=row.sequence, key=key))


def _count_new(connection: Connection) -> None:
    """Remember what each run is counted as that came since."""
    while True:
        newest = connection.execute(select(func.coalesce(func.max(TRIALS.c.sequence), 0))).scalar_one()
        query = select(RUNS.c.sequence, RUNS.c.record, RUNS.c.spec_id).where(RUNS.c.sequence > newest)
        rows = connection.execute(query.order_by(RUNS.c.sequence).limit(_AT_ONCE)).all()
        if not rows:
            return
        told = [{"sequence": row.sequence, "trial": counted_as(row.record, row.spec_id)} for row in rows]
        connection.execute(insert(TRIALS), told)


def family_of(connection: Connection, strategy: StrategySource) -> Family:
    """The family that a strategy is in, or would be, with the distinct specs among its trials.

    A spec that was run again counts once, with the newest Sharpe ratio that it showed.
    """
    place = _place(connection, key_of(strategy)) or _placed(connection, strategy)
    query = (
        select(TRIALS.c.trial, RUNS.c.sharpe_per_period)
        .join(RUNS, RUNS.c.sequence == TRIALS.c.sequence)
        .join(OF_RUN, OF_RUN.c.sequence == RUNS.c.sequence)
        .join(STRATEGIES, STRATEGIES.c.key == OF_RUN.c.key)
        .where(STRATEGIES.c.family == place.family, RUNS.c.purpose == "trial")
        .order_by(RUNS.c.sharpe_per_period.is_not(None), RUNS.c.sequence)
    )
    sharpes = {trial: math.nan if sharpe is None else sharpe for trial, sharpe in connection.execute(query)}
    similarity = math.nan if place.similarity is None else place.similarity
    return Family(place.family, sharpes, place.similar_to, similarity)


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
