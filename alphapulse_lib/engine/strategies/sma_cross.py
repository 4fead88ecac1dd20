"""A moving-average cross: long while the fast average of closes lies above the slow one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from nautilus_trader.model import Bar, BarType, InstrumentId, OrderSide, Quantity
from nautilus_trader.trading import Strategy

from alphapulse_lib.engine.strategies.parameters import MOST_BARS, MOST_SHARES, require_whole

__all__ = ["SmaCross", "SmaCrossConfig"]


@dataclass(frozen=True)
class SmaCrossConfig:
    """The parameters of `SmaCross`.

    Attributes
    ----------
    fast, slow : int
        Lengths of the two averages, in bars; ``fast`` is the shorter one.
    quantity : int
        Shares to buy.
    order_id_tag : str
        Tells apart two strategies of this class in one engine.
    """

    instrument_id: InstrumentId
    bar_type: BarType
    fast: int = 10
    slow: int = 20
    quantity: int = 10
    order_id_tag: str = "1"

    def __post_init__(self) -> None:
        require_whole("slow", self.slow, 2, MOST_BARS)
        require_whole("fast", self.fast, 1, self.slow - 1)
        require_whole("quantity", self.quantity, 1, MOST_SHARES)

    @property
    def warmup_bars(self) -> int:
        """Bars with which it can first decide: two that both have both averages."""
        return self.slow + 1


class SmaCross(Strategy):
    """Buys when the fast average crosses above the slow one, and sells all when it crosses below. Long or flat.

    A cross is a change of side between two bars that both have both averages, so the first one can happen on bar
    ``slow + 1``. Where the averages are equal, the side is the one before.
    """

    def __init__(self, config: SmaCrossConfig) -> None:
        super().__init__(config)
        self._settings = config
        # Sums of whole price units: averages that are equal are equal, whatever came before.
        self._closes: deque[int] = deque(maxlen=config.slow)
        self._fast_sum = self._slow_sum = 0
        self._above: bool | None = None

    def on_start(self) -> None:
        """Subscribe to the bars."""
        self.subscribe_bars(self._settings.bar_type)

    def on_bar(self, bar: Bar) -> None:
        """Trade when the averages have crossed."""
        config, closes, close = self._settings, self._closes, bar.close.raw
        if len(closes) == config.slow:
            self._slow_sum -= closes[0]
        if len(closes) >= config.fast:
            self._fast_sum -= closes[-config.fast]
        closes.append(close)
        self._fast_sum += close
        self._slow_sum += close
        if len(closes) < config.slow:
            return
        difference = self._fast_sum * config.slow - self._slow_sum * config.fast
        if difference == 0:
            return
        above, before = difference > 0, self._above
        self._above = above
        if before is None or above == before:
            return
        if above:
            quantity = Quantity.from_int(config.quantity)
            self.submit_order(self.order_factory.market(config.instrument_id, OrderSide.BUY, quantity))
        else:
            self.close_all_positions(config.instrument_id)
