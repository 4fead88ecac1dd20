"""Runs of the ledger as rows of a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from alphapulse_lib.model.family import Family, key_of
from alphapulse_lib.model.run import RunRecord
from alphapulse_lib.views import numbers
from hub.dashboards.remote import Remote

__all__ = ["Row", "number", "row", "rows"]


@dataclass(frozen=True)
class Row:
    """What a table says of a run: its numbers as they were when it was recorded, luck reckoned with all trials now."""

    id: str
    strategy: str
    symbols: str
    period: str
    window: str
    total: float | None
    sharpe: float | None
    deflated: float | None
    trials: int | None
    drawdown: float | None
    trades: float | None
    status: str
    purpose: str
    fill: str
    user: str
    family: str
    similar_to: str
    similarity: float | None
    started_at: int
    zone: str


async def rows(api: Remote, records: list[RunRecord]) -> list[Row]:
    """The rows of some records, with their families as they are now."""
    strategies = {key_of(each.spec.strategy): each.spec.strategy for each in records}
    found = await api.ask(api.client.runs.families, strategies.values()) if records else ()
    tried = dict(zip(strategies, found, strict=True))
    return [row(each, tried[key_of(each.spec.strategy)]) for each in records]


def row(record: RunRecord, tried: Family) -> Row:
    """The row of a record, among the trials of its family."""
    spec, stats = record.spec, record.statistics
    luck = tried.including(record).deflate(stats, spec) if stats else {}
    return Row(
        id=record.id,
        strategy=spec.strategy.name.rpartition(":")[2],
        symbols=numbers.symbols(record.symbols),
        period=spec.period,
        window=numbers.window(record),
        total=number(stats.get("total_return")),
        sharpe=number(stats.get("sharpe")),
        deflated=number(luck.get("deflated_sharpe")),
        trials=int(luck["trials"]) if luck else None,
        drawdown=number(stats.get("max_drawdown")),
        trades=number(stats.get("trades")),
        status=record.status,
        purpose=record.purpose,
        fill=spec.fill,
        user=record.user,
        family=tried.name,
        similar_to=tried.similar_to,
        similarity=number(tried.similarity),
        started_at=record.started_at,
        zone=numbers.place(spec).timezone,
    )


def number(value: Any) -> float | None:
    """A number of a record's statistics, where it is one."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
