"""Runs of the ledger as rows of a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from alphapulse_lib.hub_client.runs import Family
from alphapulse_lib.model.run import RunRecord
from alphapulse_lib.results import ledger
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
    started_at: int
    zone: str


async def rows(api: Remote, records: list[RunRecord]) -> list[Row]:
    """The rows of some records, with their families as they are now."""
    names = dict.fromkeys(each.spec.family for each in records)
    found = await api.ask(api.client.runs.families, names) if records else ()
    tried = dict(zip(names, found, strict=True)) if records else {}
    return [row(each, tried[each.spec.family]) for each in records]


def row(record: RunRecord, tried: Family) -> Row:
    """The row of a record, among the trials of its family."""
    spec, stats = record.spec, record.statistics
    luck = _family(tried).including(record).deflate(stats) if stats else {}
    return Row(
        id=record.id,
        strategy=spec.strategy.name.rpartition(":")[2],
        symbols=numbers.symbols(spec),
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
        family=spec.family,
        started_at=record.started_at,
        zone=numbers.place(spec).timezone,
    )


def _family(tried: Family) -> ledger.Family:
    sharpes = {spec: math.nan if each is None else each for spec, each in tried.sharpes.items()}
    return ledger.Family(tried.name, sharpes)


def number(value: Any) -> float | None:
    """A number of a record's statistics, where it is one."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
