"""What the benchmarks of a million bars run: a cross of two exponential averages, NautilusTrader's own."""

from __future__ import annotations

from dataclasses import dataclass

from nautilus_trader.indicators import ExponentialMovingAverage
from nautilus_trader.model import Bar, BarType, InstrumentId, OrderSide, Quantity
from nautilus_trader.trading import Strategy

__all__ = ["EmaCross", "EmaCrossConfig"]


@dataclass(frozen=True)
class EmaCrossConfig:
    """Lengths of the averages in bars, shares to buy."""

    instrument_id: InstrumentId
    bar_type: BarType
    fast: int = 10
    slow: int = 20
    quantity: int = 10
    order_id_tag: str = "1"


class EmaCross(Strategy):
    """Long while the fast average lies above the slow one, else flat."""

    def __init__(self, config: EmaCrossConfig) -> None:
        super().__init__(config)
        self._settings = config
        self._fast = ExponentialMovingAverage(config.fast)
        self._slow = ExponentialMovingAverage(config.slow)
        self._above: bool | None = None

    def on_start(self) -> None:
        """Subscribe to the bars."""
        self.subscribe_bars(self._settings.bar_type)

    def on_bar(self, bar: Bar) -> None:
        """Trade when the averages have crossed."""
        fast, slow = self._fast, self._slow
        fast.handle_bar(bar)
        slow.handle_bar(bar)
        if not slow.initialized:
            return
        above, before = fast.value > slow.value, self._above
        self._above = above
        if before is None or above == before:
            return
        config = self._settings
        if above:
            quantity = Quantity.from_int(config.quantity)
            self.submit_order(self.order_factory.market(config.instrument_id, OrderSide.BUY, quantity))
        else:
            self.close_all_positions(config.instrument_id)
