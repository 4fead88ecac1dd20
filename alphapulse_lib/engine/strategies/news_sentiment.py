"""Trades on the news: buys after good news, holds for some bars, leaves at once after bad news."""

from __future__ import annotations

from dataclasses import dataclass

from nautilus_trader.model import (
    Bar,
    BarType,
    ClientOrderId,
    CustomData,
    DataType,
    InstrumentId,
    OrderSide,
    Quantity,
)
from nautilus_trader.trading import Strategy

from alphapulse_lib.engine.events import Sentiment
from alphapulse_lib.engine.strategies.parameters import MOST_BARS, MOST_SHARES, require_whole
from alphapulse_lib.errors import InputError

__all__ = ["NewsSentiment", "NewsSentimentConfig"]


@dataclass(frozen=True)
class NewsSentimentConfig:
    """The parameters of `NewsSentiment`.

    Attributes
    ----------
    threshold : float
        Buy at a score of at least this, leave at one of at most minus this; above 0, at most 1.
    hold : int
        Bars to hold after the newest good article.
    quantity : int
        Shares to buy.
    order_id_tag : str
        Tells apart two strategies of this class in one engine.
    """

    instrument_id: InstrumentId
    bar_type: BarType
    threshold: float = 0.3
    hold: int = 5
    quantity: int = 10
    order_id_tag: str = "1"

    def __post_init__(self) -> None:
        require_whole("hold", self.hold, 1, MOST_BARS)
        require_whole("quantity", self.quantity, 1, MOST_SHARES)
        if not 0 < self.threshold <= 1:
            raise InputError(f"params: threshold={self.threshold!r} does not lie above 0 and up to 1.")


class NewsSentiment(Strategy):
    """Buys when an article about its instrument scores well, sells on a bad one or after ``hold`` bars. Long or flat.

    It receives `alphapulse_lib.engine.events.Sentiment` events in ``on_data``, each at the moment at which its article
    could first have been read.
    """

    def __init__(self, config: NewsSentimentConfig) -> None:
        super().__init__(config)
        self._settings = config
        self._bars_left = 0
        self._bought: ClientOrderId | None = None

    def on_start(self) -> None:
        """Subscribe to the bars and to the scores."""
        self.subscribe_bars(self._settings.bar_type)
        self.subscribe_data(DataType(Sentiment.__name__))

    def on_data(self, data: CustomData) -> None:
        """Decide on one score."""
        event, config = data.data, self._settings
        if event.instrument_id != config.instrument_id:
            return
        if event.score >= config.threshold:
            if not self._bars_left:
                self._bought = self._order(OrderSide.BUY)
            self._bars_left = config.hold
        elif event.score <= -config.threshold and self._bars_left:
            self._leave()

    def on_bar(self, bar: Bar) -> None:  # noqa: ARG002
        """Count down, and leave when the time is over."""
        if self._bars_left == 1:
            self._leave()
        elif self._bars_left:
            self._bars_left -= 1

    def _leave(self) -> None:
        self._bars_left = 0
        bought = self.cache.order(self._bought) if self._bought else None
        # The purchase may still be on its way to the next open; only one that was refused leaves nothing to sell.
        if bought and (not bought.is_closed or float(bought.filled_qty) > 0):
            self._order(OrderSide.SELL)

    def _order(self, side: OrderSide) -> ClientOrderId:
        order = self.order_factory.market(
            self._settings.instrument_id, side, Quantity.from_int(self._settings.quantity)
        )
        self.submit_order(order)
        name: ClientOrderId = order.client_order_id
        return name
