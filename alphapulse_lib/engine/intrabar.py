"""What orders meet inside a bar, of which nothing is known but four prices.

NautilusTrader takes every bar through open, high, low, close. Along that path:

- where a bar opens beyond an order's price, a stop and a limit fill at the open, for worse and for better;
- inside the bar both fill at their own price, also where it is touched exactly;
- **of two exits that compete the worse comes first**: a limit does not fill on the way to a price that its stop is yet
  to meet in the same bar. The stop does. Exits compete that are linked, and those that only reduce a position which
  does not suffice for both;
- a limit that came into the market inside the bar, such as the target of an entry that filled in it, fills in that bar
  only if the close lies beyond it: whether the extreme came before or after nobody knows.

A stop that came into the market inside the bar meets the rest of the path.

An order that becomes a limit when its trigger is met (`STOP_LIMIT`, `LIMIT_IF_TOUCHED`) finds the market where it was
then: at the trigger, or at an open beyond it. Within its limit it fills there, else it waits as a limit that came into
the market then. NautilusTrader asks for it again at the next of the four prices alone, so one that the market goes
through, and does not come back to in the same bar, waits too. A market order that is touched (`MARKET_IF_TOUCHED`) is
met as a limit is. A trailing stop that a bar meets where it stood when the bar opened is met there, not where the same
bar's extreme moved it: the extreme may have come later. Where it stood is not reached, it is met where that path meets
it: known of the low's way to the close, and a guess of the high's way to the low.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from nautilus_trader.model import (
    OrderAccepted,
    OrderInitialized,
    OrderSide,
    OrderStatus,
    OrderType,
    OrderUpdated,
    Price,
    TrailingOffsetType,
)

from alphapulse_lib.engine.batches import Source

__all__ = ["ASKED", "ENDLESS", "Intrabar", "Level"]

#: A size that no order exceeds.
ENDLESS = 10**12
#: Orders that become limits when their trigger is met.
_LIMITS_LATER = (OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED)
_TOUCHED = (OrderType.MARKET_IF_TOUCHED, OrderType.LIMIT_IF_TOUCHED)
#: Orders that do not meet inside a bar what NautilusTrader finds there.
ASKED = frozenset((OrderType.LIMIT, OrderType.TRAILING_STOP_MARKET, *_LIMITS_LATER, *_TOUCHED))
_STOPS = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP_MARKET, OrderType.TRAILING_STOP_LIMIT)


@dataclass(frozen=True)
class Level:
    """A price, and how much there is at it: nothing where an order is not to fill yet."""

    price: Decimal
    size: float


@dataclass(frozen=True)
class _Bar:
    """The bar that the market goes through, its prices in the engine's units.

    Attributes
    ----------
    trades : bool
        Whether its open is told by a trade of its own.
    opened : int
        What happened later than that happened inside it.
    quarter : float
        What there is at each of its prices.
    """

    trades: bool
    opened: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    quarter: float


class Intrabar:
    """Where in which bar the engine is, and what that means for an order.

    Parameters
    ----------
    sources : sequence of Source
        The series of the run.
    now : callable
        The engine's time, nanoseconds since 1970, UTC.
    cache : Cache
        Knows the orders and positions as they are now.
    """

    def __init__(self, sources: Sequence[Source], now: Callable[[], int], cache: Any) -> None:
        self._of = {source.feed.instrument.id: source for source in sources}
        self._now, self._cache = now, cache
        self._opening = _opening(sources)

    def is_opening(self) -> bool:
        """Whether the market is at an opening trade: NautilusTrader's own book has its price and its endless size."""
        if not self._opening:
            return False
        opened, moments = self._now() - 1, self._opening
        at = bisect_left(moments, opened)
        return at < len(moments) and moments[at] == opened

    def weighted(self, instrument_id: str, decided: int) -> float:
        """The volume-weighted price of the bar that ends now, in the engine's units; ``nan`` where none counts."""
        return self._of[instrument_id].price_at(self._now(), decided)

    def meets(self, order: Any, market: Price) -> Level | None:
        """What an order meets that the market, now at a price, has reached.

        Parameters
        ----------
        order : Order
            One of NautilusTrader's, of a kind that is `ASKED`.

        Returns
        -------
        Level, optional
            ``None`` for what NautilusTrader finds.
        """
        now, here, bar = self._now(), market.as_decimal(), self._bar(order)
        if order.order_type == OrderType.TRAILING_STOP_MARKET:
            return self._where_it_stood(order, here, bar)
        if now == bar.opened:
            return Level(here, ENDLESS)
        if order.order_type in _LIMITS_LATER and (order.ts_triggered or 0) >= bar.opened:
            return self._triggered(order, here, bar)
        came_inside = order.ts_last > bar.opened
        if not bar.trades and not came_inside and here == bar.open:
            return Level(here, ENDLESS)
        if order.order_type == OrderType.MARKET_IF_TOUCHED:
            waits = order.status != OrderStatus.SUBMITTED  # else it found the market beyond its price as it arrived
            hindered = waits and self._hindered(order, order.trigger_price.as_decimal(), came_inside, here, bar)
        else:
            hindered = self._hindered(order, order.price.as_decimal(), came_inside, here, bar)
        if hindered:
            return Level(here, 0)
        if order.order_type not in _LIMITS_LATER:
            return None
        return Level(here if _asked(order) > bar.opened else order.price.as_decimal(), bar.quarter)

    def _bar(self, order: Any) -> _Bar:
        source, now = self._of[str(order.instrument_id)], self._now()
        feed = source.feed
        row = min(int(np.searchsorted(feed.ts, now)), len(feed.ts) - 1)
        open_, high, low, close, volume = feed.at(row)
        opened = int(source.opens[row]) + 1 if source.trades else now - 1
        units = 10**feed.instrument.size_precision
        is_thin = source.thin is not None and source.thin[row]
        quarter = ENDLESS if is_thin else max(1, int(volume * units) // 4) / units
        return _Bar(source.trades, opened, open_, high, low, close, quarter)

    def _triggered(self, order: Any, here: Decimal, bar: _Bar) -> Level:
        """What an order meets whose trigger this bar met."""
        trigger, limit = order.trigger_price.as_decimal(), order.price.as_decimal()
        selling, touched = order.side == OrderSide.SELL, order.order_type in _TOUCHED
        worse, is_inside = min if selling else max, order.ts_accepted > bar.opened
        entered = self._entered_at(order)
        opens_beyond = not is_inside and (bar.open <= trigger if selling != touched else bar.open >= trigger)
        if opens_beyond:
            start = bar.open
        elif not is_inside:
            start = trigger
        elif touched:
            start = trigger if entered is not None or here != bar.close else here
        else:
            start = worse(trigger, here if entered is None else entered)
        if touched and self._hindered(order, trigger, is_inside, here, bar):
            return Level(here, 0)
        if worse(start, limit) == limit:
            return Level(start, ENDLESS if opens_beyond else bar.quarter)
        if self._hindered(order, limit, not opens_beyond, here, bar):
            return Level(here, 0)
        return Level(limit, bar.quarter)

    def _where_it_stood(self, order: Any, here: Decimal, bar: _Bar) -> Level | None:
        """A trailing stop's price when the bar opened, if the market has reached it: worse than the present one.

        One that came into the market inside the bar is met no better than at the close where the bar moved it.
        """
        selling, is_inside = order.side == OrderSide.SELL, order.ts_accepted > bar.opened
        better, worse = (max, min) if selling else (min, max)
        present, told = order.trigger_price.as_decimal(), list(_triggers(order, bar.opened))
        stood = told[-1] if told else None
        if stood is not None and not is_inside and worse(bar.open, stood) == bar.open:
            return None  # it is met at the open
        start = self._entered_at(order) if is_inside else bar.open
        if start is not None and (len(told) > 1 or order.events()[0].activation_price is None):
            behind = _behind(order, start, selling)
            stood = behind if stood is None or behind is None else better(stood, behind)
        if stood is not None and worse(present, stood) == present:
            return None  # the bar has not moved it
        if stood is not None and worse(here, stood) == here:
            return Level(stood, bar.quarter)
        return Level(worse(present, bar.close), bar.quarter) if is_inside else None

    def _entered_at(self, order: Any) -> Decimal | None:
        """What the order filled at that an order belongs to."""
        parent = self._cache.order(order.parent_order_id) if order.parent_order_id else None
        price: Decimal | None = None if parent is None else parent.avg_px
        return price

    def _hindered(self, order: Any, price: Decimal, came_inside: bool, here: Decimal, bar: _Bar) -> bool:
        """Whether a limit at a price does not fill yet, though the market has reached it."""
        selling = order.side == OrderSide.SELL
        if self._stop_is_ahead(order, selling, here, bar):
            return True
        return came_inside and not (bar.close >= price if selling else bar.close <= price)

    def _stop_is_ahead(self, order: Any, selling: bool, here: Decimal, bar: _Bar) -> bool:
        """Whether the rest of the bar's path, open to high to low to close, meets a stop that competes with a limit."""
        if not order.linked_order_ids and not order.is_reduce_only:
            return False
        # At the high the low is still to come; after the low there is only the close.
        ahead = bar.low if selling and here == bar.high else bar.close
        stops = []
        for stop in self._others(order):
            if stop is None or stop.order_type not in _STOPS or stop.status != OrderStatus.ACCEPTED:
                continue
            trigger = getattr(stop, "trigger_price", None)
            if trigger is None or stop.side != order.side:
                continue
            if ahead <= trigger.as_decimal() if selling else ahead >= trigger.as_decimal():
                stops.append(stop)
        if not stops or order.linked_order_ids:
            return bool(stops)
        held = self._cache.positions_open(instrument_id=order.instrument_id, strategy_id=order.strategy_id)
        asked = sum(each.leaves_qty.as_decimal() for each in (order, *stops))
        return bool(asked > sum(each.quantity.as_decimal() for each in held))

    def _others(self, order: Any) -> list[Any]:
        """The orders that are linked with one; of one that is not, those that reduce the same position unlinked too."""
        if order.linked_order_ids:
            return [self._cache.order(each) for each in order.linked_order_ids]
        theirs = {"instrument_id": order.instrument_id, "strategy_id": order.strategy_id, "side": order.side}
        return [each for each in self._cache.orders_open(**theirs) if each.is_reduce_only and not each.linked_order_ids]


def _asked(order: Any) -> int:
    """When a strategy's own last word on an order's prices reached the market."""
    return max(
        each.ts_event
        for each in order.events()
        if isinstance(each, OrderAccepted) or (isinstance(each, OrderUpdated) and each.price is not None)
    )


def _triggers(order: Any, until: int) -> Iterator[Decimal]:
    """The prices that an order's trigger had up to a moment, and the one it was sent with."""
    for each in order.events():
        told = isinstance(each, OrderInitialized) or (isinstance(each, OrderUpdated) and each.ts_event <= until)
        if told and each.trigger_price is not None:
            yield each.trigger_price.as_decimal()


def _behind(order: Any, price: Decimal, selling: bool) -> Decimal | None:
    """Where a trailing stop stands that trails from a price; ``None`` where its offset is of no kind that is known."""
    by: Decimal = order.trailing_offset
    kind = order.trailing_offset_type
    if kind == TrailingOffsetType.BASIS_POINTS:
        by = price * by / 10_000
    elif kind != TrailingOffsetType.PRICE:
        return None
    precision = order.trigger_price.precision
    stands: Decimal = round(price - by if selling else price + by, precision)
    return stands


def _opening(sources: Sequence[Source]) -> memoryview[int]:
    """The opens that a trade tells a nanosecond later, rising; but for those after which there is a close right then.

    A view, since Python's own integers are what is looked for in it.
    """
    opens = [source.opens for source in sources if source.trades]
    if len(opens) > 1:
        opens = [np.setdiff1d(np.concatenate(opens), np.concatenate([source.feed.ts for source in sources]) - 1)]
    return memoryview(opens[0] if opens else np.empty(0, np.int64))
