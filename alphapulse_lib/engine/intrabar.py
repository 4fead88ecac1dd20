"""What orders meet inside a bar, of which nothing is known but four prices.

NautilusTrader takes every bar through open, high, low, close. Along that path:

- where a bar opens beyond an order's price, a stop and a limit fill at the open, for worse and for better;
- inside the bar both fill at their own price, also where it is touched exactly;
- **of two exits that belong together the worse comes first**: a limit does not fill on the way to a price that its stop
  is yet to meet in the same bar. The stop does, and cancels it;
- a limit that came into the market inside the bar, such as the target of an entry that filled in it, fills in that bar
  only if the close lies beyond it: whether the extreme came before or after nobody knows.

A stop that came into the market inside the bar meets the rest of the path.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any

import numpy as np
from nautilus_trader.model import OrderSide, OrderStatus, OrderType, Price

from alphapulse_lib.engine.batches import Source

__all__ = ["Intrabar", "Meets"]

_STOPS = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP_MARKET, OrderType.TRAILING_STOP_LIMIT)


class Meets(Enum):
    """What a limit order meets."""

    ITS_PRICE = 1
    THE_OPEN = 2
    NOTHING = 3


class Intrabar:
    """Where in which bar the engine is, and what that means for an order.

    Parameters
    ----------
    sources : sequence of Source
        The series of the run.
    now : callable
        The engine's time, nanoseconds since 1970, UTC.
    order_of : callable
        Of an order's id, the order as it is now.
    """

    def __init__(self, sources: Sequence[Source], now: Callable[[], int], order_of: Callable[[Any], Any]) -> None:
        self._of = {source.feed.instrument.id: source for source in sources}
        self._now, self._order_of = now, order_of
        self._opening = _opening(sources)

    def is_opening(self) -> bool:
        """Whether the market is at an opening trade: NautilusTrader's own book has its price and its endless size."""
        if not self._opening:
            return False
        now, moments = self._now(), self._opening
        at = bisect_left(moments, now)
        return at < len(moments) and moments[at] == now

    def weighted(self, instrument_id: str, decided: int) -> float:
        """The volume-weighted price of the bar that ends now, in the engine's units; ``nan`` where none counts."""
        return self._of[instrument_id].price_at(self._now(), decided)

    def limit(self, order: Any, market: Price) -> Meets:
        """What a limit order meets that the market, now at a price, has reached.

        Parameters
        ----------
        order : Order
            A limit order of NautilusTrader's.
        """
        source, now = self._of[str(order.instrument_id)], self._now()
        row = min(int(np.searchsorted(source.feed.ts, now)), len(source.feed.ts) - 1)
        bar = {name: source.feed.engine_table[name][row].as_py() for name in ("open", "high", "low", "close")}
        if source.trades:
            at_open, came_inside = now == source.opens[row] + 1, order.ts_last > source.opens[row] + 1
        else:
            came_inside = order.ts_last == now
            at_open = not came_inside and market.as_decimal() == bar["open"]
        if at_open:
            return Meets.THE_OPEN
        selling, price = order.side == OrderSide.SELL, order.price.as_decimal()
        if self._stop_is_ahead(order, selling, market.as_decimal(), bar):
            return Meets.NOTHING
        beyond = bar["close"] >= price if selling else bar["close"] <= price
        return Meets.NOTHING if came_inside and not beyond else Meets.ITS_PRICE

    def _stop_is_ahead(self, order: Any, selling: bool, market: Decimal, bar: dict[str, Decimal]) -> bool:
        """Whether the rest of the bar's path, open to high to low to close, meets a stop that belongs to a limit."""
        # At the high the low is still to come; after the low there is only the close.
        ahead = bar["low"] if selling and market == bar["high"] else bar["close"]
        for each in order.linked_order_ids or ():
            stop = self._order_of(each)
            if stop is None or stop.order_type not in _STOPS or stop.status != OrderStatus.ACCEPTED:
                continue
            trigger = getattr(stop, "trigger_price", None)
            if trigger is None or stop.side != order.side:
                continue
            if ahead <= trigger.as_decimal() if selling else ahead >= trigger.as_decimal():
                return True
        return False


def _opening(sources: Sequence[Source]) -> array[int]:
    """The moments of the opening trades, rising; but for those at which there is a close, too."""
    moments = [source.opens + 1 for source in sources if source.trades]
    if len(moments) > 1:
        moments = [np.setdiff1d(np.concatenate(moments), np.concatenate([source.feed.ts for source in sources]))]
    return array("q", moments[0].tobytes() if moments else b"")
