"""A portfolio of equal parts, put right at the first close of each month: what `bench_portfolio` runs on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nautilus_trader.model import BarType, InstrumentId, OrderSide, Quantity
from nautilus_trader.trading import Strategy

__all__ = ["Rebalanced", "RebalancedConfig"]


@dataclass(frozen=True)
class RebalancedConfig:
    """Every name gets the same part of the money that was there at the start."""

    instrument_ids: list[InstrumentId]
    bar_types: list[BarType]
    cash: float = 10_000_000.0
    order_id_tag: str = "1"


class Rebalanced(Strategy):
    """Its orders depend on closes alone, so both sides send the same ones."""

    def __init__(self, config: RebalancedConfig) -> None:
        super().__init__(config)
        self._ids = {str(each): each for each in config.instrument_ids}
        self._part = config.cash / len(self._ids)
        self._closes: dict[str, float] = {}
        self._held = dict.fromkeys(self._ids, 0)
        self._month = 0

    def on_start(self) -> None:
        """Listen to every name."""
        for each in self.config.bar_types:
            self.subscribe_bars(each)

    def on_bar(self, bar: Any) -> None:
        """Note the close; at the first bar of a month trade on those of the session before."""
        month = datetime.fromtimestamp(bar.ts_event // 1_000_000_000, UTC).month
        if month != self._month:
            self._month = month
            self._rebalance()
        self._closes[str(bar.bar_type.instrument_id)] = float(bar.close)

    def _rebalance(self) -> None:
        for name, close in self._closes.items():
            wanted = int(self._part / close)
            change, self._held[name] = wanted - self._held[name], wanted
            if change:
                side = OrderSide.BUY if change > 0 else OrderSide.SELL
                self.submit_order(self.order_factory.market(self._ids[name], side, Quantity(abs(change), 0)))
