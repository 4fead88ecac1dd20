"""What workers measured, as their database holds it now: for Prometheus, and for who administers the hub."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, Field
from sqlalchemy import Connection, func, select

from alphapulse_lib import clock
from hub.api.metrics.schema import CATALOG, EVERYBODY, MEASURES, PROVIDER
from hub.worker.presence import SILENCE, WORKERS

__all__ = ["Budget", "Measured", "Series", "Values", "budgets", "catalog", "measured", "workers"]

#: Of each name, what was measured, by what tells several apart.
type Values = dict[str, dict[str, float]]


class Budget(BaseModel):
    """What is used of a vendor's budget of calls, by all workers together."""

    provider: str
    made: int = Field(description="Calls of its running window.")
    allowed: int = Field(description="Calls that a window allows, a minute unless the vendor says otherwise.")


class Series(BaseModel):
    """The bars of one period in the team's catalog."""

    period: str
    series: int
    gaps: int = Field(description="Stretches that are missing between a series' first bar and its last.")
    missing_sessions: int = Field(description="Sessions of which a series has no bar at all.")
    newest_at: datetime = Field(description="The newest bar of any series.")


class Measured(BaseModel):
    """What the workers measured."""

    workers: int = Field(description="Those that gave a sign of life of late.")
    budgets: list[Budget] = Field(description="Of the vendors that were asked since those workers started.")
    catalog: list[Series] = Field(description="By period; empty before it was first counted.")
    counted_at: datetime | None = Field(description="When one of the workers last counted the catalog.")


def measured(connection: Connection) -> Measured:
    """All of it."""
    used, (held, counted_at) = budgets(connection), catalog(connection)
    made, allowed = used["provider_calls_made"], used["provider_calls_allowed"]
    return Measured(
        workers=workers(connection),
        budgets=[Budget(provider=each, made=round(made[each]), allowed=round(allowed[each])) for each in made],
        catalog=[
            Series(
                period=period,
                series=round(count),
                gaps=round(held["catalog_gaps"][period]),
                missing_sessions=round(held["catalog_missing_sessions"][period]),
                newest_at=datetime.fromtimestamp(held["catalog_newest_bar_timestamp_seconds"][period], UTC),
            )
            for period, count in held["catalog_series"].items()
        ],
        counted_at=datetime.fromtimestamp(counted_at, UTC) if counted_at else None,
    )


def workers(connection: Connection) -> int:
    """How many gave a sign of life of late."""
    living = select(func.count()).where(WORKERS.c.seen_at >= clock.now_ns() - SILENCE)
    return int(connection.execute(living).scalar_one())


def budgets(connection: Connection) -> Values:
    """By provider. One key is everybody's: what all workers made of it, and what the one that knows most is allowed."""
    of_the_living = select(MEASURES).join(WORKERS, WORKERS.c.id == MEASURES.c.worker)
    rows = connection.execute(of_the_living.where(WORKERS.c.seen_at >= clock.now_ns() - SILENCE)).all()
    found: Values = {name: {} for name in PROVIDER}
    for name, held in found.items():
        for provider in sorted({row.label for row in rows if row.name == name}):
            values = [row.value for row in rows if (row.name, row.label) == (name, provider)]
            held[provider] = sum(values) if name == "provider_calls_made" else max(values)
    return found


def catalog(connection: Connection) -> tuple[Values, float]:
    """By period, and when that was counted, in seconds since 1970; 0 before the first time."""
    rows = connection.execute(select(MEASURES).where(MEASURES.c.worker == EVERYBODY).order_by(MEASURES.c.label)).all()
    found = {name: {row.label: row.value for row in rows if row.name == name} for name in CATALOG}
    return found, max((row.measured_at for row in rows), default=0) / 1e9
