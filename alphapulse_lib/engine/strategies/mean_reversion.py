"""Mean reversion: buy what fell far below its average, sell when it is back."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import fmean, pstdev

from nautilus_trader.model import Bar, BarType, InstrumentId, OrderSide, Quantity
from nautilus_trader.trading import Strategy

from alphapulse_lib.engine.strategies.parameters import MOST_BARS, MOST_SHARES, require_whole
from alphapulse_lib.errors import InputError

__all__ = ["MeanReversion", "MeanReversionConfig"]


@dataclass(frozen=True)
class MeanReversionConfig:
    """The parameters of `MeanReversion`.

    Attributes
    ----------
    window : int
        Bars that average and standard deviation are taken over, the newest one included.
    entry : float
        Buy at so many standard deviations below the average.
    exit : float
        Sell at so many standard deviations below the average: 0 is the average itself.
    quantity : int
        Shares to buy.
    order_id_tag : str
        Tells apart two strategies of this class in one engine.
    """

    instrument_id: InstrumentId
    bar_type: BarType
    window: int = 20
    entry: float = 2.0
    exit: float = 0.0
    quantity: int = 10
    order_id_tag: str = "1"

    def __post_init__(self) -> None:
        require_whole("window", self.window, 2, MOST_BARS)
        require_whole("quantity", self.quantity, 1, MOST_SHARES)
        if not self.exit < self.entry:
            raise InputError(f"params: exit={self.exit!r} is not less than entry={self.entry!r}.")

    @property
    def warmup_bars(self) -> int:
        """Bars with which it can first decide."""
        return self.window


class MeanReversion(Strategy):
    """Buys when the close lies ``entry`` standard deviations below its average, sells when it is back. Long or flat."""

    def __init__(self, config: MeanReversionConfig) -> None:
        super().__init__(config)
        self._settings = config
        self._closes: deque[float] = deque(maxlen=config.window)
        self._long = False

    def on_start(self) -> None:
        """Subscribe to the bars."""
        self.subscribe_bars(self._settings.bar_type)

    def on_bar(self, bar: Bar) -> None:
        """Trade when the close is far from its average, or back."""
        config = self._settings
        self._closes.append(float(bar.close))
        if len(self._closes) < config.window:
            return
        spread = pstdev(self._closes)
        if spread == 0:
            return
        deviations = (self._closes[-1] - fmean(self._closes)) / spread
        if not self._long and deviations <= -config.entry:
            quantity = Quantity.from_int(config.quantity)
            self.submit_order(self.order_factory.market(config.instrument_id, OrderSide.BUY, quantity))
            self._long = True
        elif self._long and deviations >= -config.exit:
            self.close_all_positions(config.instrument_id)
            self._long = False
