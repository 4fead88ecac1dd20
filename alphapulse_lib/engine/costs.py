"""What an order pays: commission, and slippage, both charged inside the engine as the order fills.

Slippage is charged as money and not as a worse price, so that stops and limits work on the bars' own prices. A fill is
reported at the worse price and with the commission alone: `split` takes the two apart again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nautilus_trader.execution import FeeModel
from nautilus_trader.model import Currency, Money, OrderSide, OrderType, Price, Quantity

from alphapulse_lib.engine.cash import Book
from alphapulse_lib.engine.feed import Feed
from alphapulse_lib.model.run import Costs

__all__ = ["Fees", "commission", "slips"]

_SLIPPING = {
    OrderType.MARKET,
    OrderType.STOP_MARKET,
    OrderType.MARKET_IF_TOUCHED,
    OrderType.TRAILING_STOP_MARKET,
    OrderType.MARKET_TO_LIMIT,
}


def commission(costs: Costs, shares: float, value: float) -> float:
    """The commission of an order of so many shares as traded, worth so much.

    Examples
    --------
    >>> commission(Costs(per_share=0.01, minimum=1.0), 10, 1000.0)
    1.0
    """
    return max(costs.per_share * shares + costs.percent / 100 * value, costs.minimum)


def slips(order_type: OrderType) -> bool:
    """Whether orders of this type take what the market gives them."""
    return order_type in _SLIPPING


class Fees(FeeModel):
    """Commission and slippage of a run.

    Parameters
    ----------
    costs : Costs
        What trading costs.
    feeds : sequence of Feed
        All series of the run: commission a share is for shares as traded.
    now : callable
        The engine's time, nanoseconds since 1970.
    book : Book
        Takes note of each fill.
    """

    def __new__(cls, *_: Any) -> Fees:
        """NautilusTrader's base class takes no arguments of ours."""
        return super().__new__(cls)

    def __init__(self, costs: Costs, currency: str, feeds: Sequence[Feed], now: Callable[[], int], book: Book) -> None:
        self._costs = costs
        self._currency = Currency.from_str(currency)
        self._feeds = {feed.instrument.id: feed for feed in feeds}
        self._now, self._book = now, book
        self._orders: dict[str, list[float]] = {}
        #: Commission and slippage of each fill, in the order of the fills.
        self.charged: list[tuple[str, float, float]] = []

    def get_commission(self, _order: Any, _fill_quantity: Quantity, _fill_px: Price, _instrument: Any) -> Money:
        """What one fill pays; the minimum counts once for an order that fills in parts."""
        shares = float(_fill_quantity)
        value = shares * float(_fill_px)
        instrument_id, moment = str(_instrument.id), self._now()
        ratio = self._feeds[instrument_id].ratio_at(moment)
        bought = 1 if _order.side == OrderSide.BUY else -1
        slippage = value * self._costs.slippage_bps / 10_000 if slips(_order.order_type) else 0.0
        name = str(_order.client_order_id)
        sums = self._orders.setdefault(name, [0.0, 0.0, 0.0])
        sums[0] += shares * ratio
        sums[1] += value + bought * slippage
        due = commission(self._costs, sums[0], sums[1])
        fee, sums[2] = due - sums[2], due
        self.charged.append((name, fee, slippage))
        self._book.filled(instrument_id, moment, bought * shares, bought * value + fee + slippage)
        return Money(fee + slippage, self._currency)
