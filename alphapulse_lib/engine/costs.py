"""What an order pays: commission and fees, and slippage, all charged inside the engine as the order fills.

Slippage, half the spread and market impact are charged as money and not as a worse price, so that stops and limits work
on the bars' own prices. A fill is reported at the worse price and with the commission alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any, NamedTuple

from nautilus_trader.execution import FeeModel
from nautilus_trader.model import Currency, Money, OrderSide, OrderType, Price, Quantity

from alphapulse_lib.engine.cash import Book
from alphapulse_lib.engine.feed import Feed
from alphapulse_lib.model.run import Costs

__all__ = ["Charge", "Fees", "commission", "fees", "impact", "slips", "spread"]

_SLIPPING = {
    OrderType.MARKET,
    OrderType.STOP_MARKET,
    OrderType.MARKET_IF_TOUCHED,
    OrderType.TRAILING_STOP_MARKET,
    OrderType.MARKET_TO_LIMIT,
}


class Charge(NamedTuple):
    """What one fill paid, in the account's currency.

    Attributes
    ----------
    commission : float
        With ``fees``.
    fees : float
        What exchange, clearing and regulators took of it.
    slippage : float
        With ``spread`` and ``impact``.
    worse : float
        The same as a share of the price.
    """

    commission: float = 0.0
    fees: float = 0.0
    slippage: float = 0.0
    spread: float = 0.0
    impact: float = 0.0
    worse: float = 0.0


def commission(costs: Costs, shares: float, value: float) -> float:
    """The commission of an order of so many shares as traded, worth so much: the minimum first, then the caps.

    Examples
    --------
    >>> commission(Costs(per_share=0.01, minimum=1.0), 10, 1000.0)
    1.0
    >>> commission(Costs(per_share=0.005, minimum=1.0, maximum_percent=1.0), 10, 2.0)
    0.02
    """
    due = max(costs.per_share * shares + costs.percent / 100 * value, costs.minimum)
    if costs.maximum is not None:
        due = min(due, costs.maximum)
    return due if costs.maximum_percent is None else min(due, costs.maximum_percent / 100 * value)


def fees(costs: Costs, shares: float, value: float, *, sold: bool) -> float:
    """What exchange, clearing and regulators take of an order, beside its commission.

    Examples
    --------
    >>> round(fees(Costs(sell_percent=0.00278, sell_per_share=0.000166, sell_maximum=8.3), 100_000, 1e6, sold=True), 2)
    36.1
    """
    due = costs.fee_per_share * shares
    if costs.surcharge_percent:
        due += costs.surcharge_percent / 100 * commission(costs, shares, value)
    if not sold:
        return due
    by_share = costs.sell_per_share * shares
    if costs.sell_maximum is not None:
        by_share = min(by_share, costs.sell_maximum)
    taken = (costs.sell_percent / 100 * value, by_share)
    return due + sum(map(_up_to_the_cent, taken) if costs.sell_round_up else taken)


def _up_to_the_cent(money: float) -> float:
    return ceil(round(money * 100, 6)) / 100


def spread(costs: Costs, price: float) -> float:
    """Half the spread, as a share of a price as traded."""
    return costs.half_spread_bps / 10_000 + (costs.half_spread / price if price > 0 else 0.0)


def impact(costs: Costs, shares: float, volume: float) -> float:
    """How far an order moves the price against it, as a share of the price: the square root of its part of the volume.

    Examples
    --------
    >>> impact(Costs(impact_bps=100), 10_000, 1_000_000)
    0.001
    """
    return costs.impact_bps / 10_000 * (sqrt(shares / volume) if volume > 0 else 1.0)


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
        self._orders: dict[str, _Sums] = {}
        #: Of each fill, in their order: the order's id and what was paid.
        self.charged: list[tuple[str, Charge]] = []

    def get_commission(self, _order: Any, _fill_quantity: Quantity, _fill_px: Price, _instrument: Any) -> Money:
        """What one fill pays; minimum, caps and impact count once for an order that fills in parts."""
        units = float(_fill_quantity)
        value = units * float(_fill_px)
        feed, moment = self._feeds[str(_instrument.id)], self._now()
        bought = 1 if _order.side == OrderSide.BUY else -1
        shares = units * feed.ratio_at(moment)
        order = self._orders.setdefault(str(_order.client_order_id), _Sums())
        order.shares += shares
        order.units += units
        order.worth += value
        parts = (0.0, 0.0, 0.0)
        if value and slips(_order.order_type):
            parts = self._slippage(feed, moment, order, value, value / shares)
        slipped = sum(parts)
        order.value += value + bought * value * slipped
        due = commission(self._costs, order.shares, order.value)
        more = fees(self._costs, order.shares, order.value, sold=bought < 0)
        fee, others = due - order.commission + more - order.fees, more - order.fees
        order.commission, order.fees = due, more
        charge = Charge(fee, others, value * slipped, value * parts[1], value * parts[2], slipped)
        self.charged.append((str(_order.client_order_id), charge))
        self._book.filled(feed.instrument.id, moment, bought * units, bought * value + fee + value * slipped)
        return Money(fee + value * slipped, self._currency)

    def _slippage(
        self, feed: Feed, moment: int, order: _Sums, value: float, price: float
    ) -> tuple[float, float, float]:
        """Slippage, half spread and impact of a fill that is worth so much, as shares of its price as traded."""
        costs, moved = self._costs, 0.0
        if costs.impact_bps:
            # Of the whole order until now, less what its fills before were charged: parts move the price no less.
            due = impact(costs, order.units, feed.volume_before(moment)) * order.worth
            moved = max(due - order.impact, 0.0) / value
            order.impact += moved * value
        return costs.slippage_bps / 10_000, spread(costs, price), moved


@dataclass(slots=True)
class _Sums:
    """What an order's fills until now add up to: as traded, in shares of the first day, and in money.

    ``worth`` is without slippage, ``value`` with it.
    """

    shares: float = 0.0
    units: float = 0.0
    worth: float = 0.0
    value: float = 0.0
    commission: float = 0.0
    fees: float = 0.0
    impact: float = 0.0
