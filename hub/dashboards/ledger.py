"""Runs of the ledger as rows of a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from alphapulse_lib.model.run import RunRecord
from alphapulse_lib.views import numbers

__all__ = ["Row", "number", "row"]


@dataclass(frozen=True)
class Row:
    """What a table says of a run: its numbers as they were when it was recorded."""

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
    started_at: int
    zone: str


def row(record: RunRecord) -> Row:
    """The row of a record."""
    spec, stats = record.spec, record.statistics
    trials = stats.get("trials")
    return Row(
        id=record.id,
        strategy=spec.strategy.name.rpartition(":")[2],
        symbols=numbers.symbols(spec),
        period=spec.period,
        window=numbers.window(record),
        total=number(stats.get("total_return")),
        sharpe=number(stats.get("sharpe")),
        deflated=number(stats.get("deflated_sharpe")),
        trials=int(trials) if isinstance(trials, int | float) and trials == trials else None,
        drawdown=number(stats.get("max_drawdown")),
        trades=number(stats.get("trades")),
        status=record.status,
        purpose=record.purpose,
        fill=spec.fill,
        user=record.user,
        family=spec.family,
        started_at=record.started_at,
        zone=numbers.place(spec).timezone,
    )


def number(value: Any) -> float | None:
    """A number of a record's statistics, where it is one."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
