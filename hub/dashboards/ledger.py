"""Runs of the ledger as rows of a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from alphapulse_lib.hub_client.runs import Counted
from alphapulse_lib.model.family import Family
from alphapulse_lib.model.run import RunRecord
from alphapulse_lib.views import headline, numbers
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

    @property
    def result(self) -> tuple[str, str]:
        """The total return as it is told, and its tone."""
        return headline.total_return(self.total, self.drawdown)

    @property
    def ranked(self) -> float | None:
        """The total return that it is sorted by: of a lost account that all is lost."""
        return -1.0 if headline.came_back(self.total, self.drawdown) else self.total


async def rows(api: Remote, most: int, **wanted: str | None) -> list[Row]:
    """The newest runs that are ``wanted``, each as it is counted now."""
    found = await api.ask(api.client.runs.counted, most, **wanted)
    return [_row(record, counted) for record, counted in found]


def row(record: RunRecord, tried: Family) -> Row:
    """The row of a record, among the trials of its family."""
    stats = record.statistics
    luck = tried.including(record).deflate(stats, record.spec) if stats else {}
    among = (tried.name, tried.similar_to, number(tried.similarity))
    counts = (int(luck.get("trials", 0)), number(luck.get("expected_maximum_sharpe")))
    return _row(record, Counted(record.id, *among, *counts, number(luck.get("deflated_sharpe"))))


def _row(record: RunRecord, counted: Counted) -> Row:
    spec, stats = record.spec, record.statistics
    return Row(
        id=record.id,
        strategy=spec.strategy.name.rpartition(":")[2],
        symbols=numbers.symbols(record.symbols),
        period=spec.period,
        window=numbers.window(record),
        total=number(stats.get("total_return")),
        sharpe=number(stats.get("sharpe")),
        deflated=counted.deflated_sharpe if stats else None,
        trials=counted.trials if stats else None,
        drawdown=number(stats.get("max_drawdown")),
        trades=number(stats.get("trades")),
        status=record.status,
        purpose=record.purpose,
        fill=spec.fill,
        user=record.user,
        family=counted.family,
        similar_to=counted.similar_to,
        similarity=counted.similarity,
        started_at=record.started_at,
        zone=numbers.place(spec).timezone,
    )


def number(value: Any) -> float | None:
    """A number of a record's statistics, where it is one."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
