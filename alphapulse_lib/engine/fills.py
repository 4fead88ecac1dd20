"""The fill conventions: how NautilusTrader is made to keep them, and the proof after a run that it did.

``next_open``
    An order arrives one nanosecond after its decision and meets the next bar's opening trade (`engine.objects`). One
    that was decided inside a bar, on news, fills at that bar's close, the first price after it.
``close``
    No latency: an order fills at the close it was decided on. In a run of several instruments all markets have gone
    through their bars of a moment before the strategy is told of any of them, so one for another instrument does, too.
``next_close``
    An order of any kind is on its way for a whole bar: it reaches the market a nanosecond before the next close is
    told, when the market has gone through that bar, and fills at that close. So the strategy knows of the fill when it
    is told of the bar, and a stop that belongs to it is not touched by what came before.
``vwap``
    As ``next_close``, at the volume-weighted price of that bar (`engine.volume_prices`). One that was decided inside
    the bar, on news, fills at its close: part of the volume came before it.

``ticks``
    An order arrives one nanosecond after its decision and fills at the first tick of its instrument that is told later:
    a quote's bid or ask, or a trade's price, also one inside the spread (`engine.tick_batches`). Stops are triggered by
    ticks and fill whole at the one that does it; limits find what NautilusTrader finds there: the tick's size.

Always a market order fills whole at one price, also one that would rest as a limit (`MARKET_TO_LIMIT`). What stops and
limits meet inside a bar is told in `engine.intrabar`; they find there no more than a quarter of its volume.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from nautilus_trader.execution import FillModel, StaticLatencyModel
from nautilus_trader.model import BookOrder, BookType, OrderBook, OrderSide, OrderType, Price, Quantity
from numpy.typing import NDArray

from alphapulse_lib.engine.intrabar import ASKED, ENDLESS, Intrabar
from alphapulse_lib.errors import UnsafeFill
from alphapulse_lib.model.run import Fill

__all__ = [
    "LEFT_OUT",
    "WholeFills",
    "ends_of_days",
    "known_kinds",
    "latency",
    "none_left_out",
    "priced",
    "priced_by_ticks",
    "prove",
    "prove_days",
    "prove_prices",
    "prove_ticks",
]

type Integers = NDArray[np.int64]
type Floats = NDArray[np.float64]

#: Orders that turn into market orders.
_STOPS = (OrderType.STOP_MARKET, OrderType.MARKET_IF_TOUCHED, OrderType.TRAILING_STOP_MARKET)
#: The conventions by which an order is on its way until a nanosecond before the next close is told.
_A_BAR_LATER = ("next_close", "vwap")
#: What NautilusTrader's own log says where it leaves a fill out.
LEFT_OUT = "matching_engine: Skipping fill for "
_RINGING = "Timers, alerts and INTERNAL bars ring clocks, also overnight, and so before the next open."


def latency(fill: Fill) -> StaticLatencyModel | None:
    """How long an order is on its way."""
    return None if fill == "close" else StaticLatencyModel(base_latency_nanos=1)


class WholeFills(FillModel):
    """Market orders find a book without end at one price, and so do limits that a bar opens beyond.

    Parameters
    ----------
    intrabar : Intrabar, optional
        Knows the bars; without it market orders fill at the market's price and all others are NautilusTrader's.
    weighted : bool
        Whether market orders fill at a bar's volume-weighted price.
    stops : bool
        Whether stops, too, fill whole at the market's price.
    """

    def __new__(cls, *_: Any, **_named: Any) -> WholeFills:
        """NautilusTrader's base class takes no arguments of ours."""
        return super().__new__(cls)

    def __init__(self, intrabar: Intrabar | None = None, *, weighted: bool = False, stops: bool = False) -> None:
        self._intrabar, self._weighted = intrabar, weighted
        self._whole = {OrderType.MARKET, OrderType.MARKET_TO_LIMIT, *(_STOPS if stops else ())}

    def is_limit_filled(self) -> bool:
        """A limit order fills when its price trades."""
        return True

    def is_slipped(self) -> bool:
        """No tick of slippage: `alphapulse_lib.engine.costs` charges it."""
        return False

    def fill_limit_inside_spread(self) -> bool:
        """There is no spread."""
        return False

    def get_orderbook_for_fill_simulation(
        self, _instrument: Any, _order: Any, _best_bid: Price | None = None, _best_ask: Price | None = None
    ) -> OrderBook | None:
        """The book an order meets; ``None`` for NautilusTrader's own."""
        if _best_bid is None or _best_ask is None:
            return None
        kind, selling = _order.order_type, _order.side == OrderSide.SELL
        price, size = _best_bid if selling else _best_ask, float(ENDLESS)
        if kind in ASKED and self._intrabar is not None:
            level = self._intrabar.meets(_order, price)
            if level is None:
                return None
            # A level without size is an order that does not fill.
            price, size = Price(float(level.price), _instrument.price_precision), level.size
        elif kind not in self._whole or (self._intrabar is not None and self._intrabar.is_opening()):
            return None
        elif self._weighted and self._intrabar is not None:
            weighted = self._intrabar.weighted(str(_instrument.id), _order.ts_init)
            if weighted == weighted:
                price = Price(weighted, _instrument.price_precision)
        # An order meets the other side alone: a book of both took as long again, of every order.
        book = OrderBook(_instrument.id, BookType.L2_MBP)
        offers = OrderSide.BUY if selling else OrderSide.SELL
        book.add(BookOrder(offers, price, _quantity(size, _instrument.size_precision), 1), 0, 0, 0)
        return book


@lru_cache(maxsize=16)
def _quantity(size: float, precision: int) -> Quantity:
    """Most of a run's fills ask for two or three of them."""
    return Quantity(size, precision)


def priced(fill: Fill, symbol: str, filled: Integers, opens: Integers, closes: Integers) -> None:
    """Refuse orders of one instrument, of whatever kind, that filled at a moment when it had no new price.

    Parameters
    ----------
    filled : array of int64
        When each of its fills happened.
    opens, closes : array of int64
        When the instrument's bars opened and closed.

    Raises
    ------
    UnsafeFill
        A fill lies between two prices, so it was made at the older one. NautilusTrader settles an order that is on
        its way whenever a clock rings: a timer or an alert of the strategy, or the one behind an INTERNAL bar.
    """
    wrong = ~_among(filled, closes)
    if fill in _A_BAR_LATER:
        wrong &= ~_among(filled + 1, closes)
    if fill == "next_open":
        wrong &= ~_among(filled - 1, opens)
    _refuse_between(symbol, filled, wrong)


def priced_by_ticks(symbol: str, filled: Integers, ticks: Integers) -> None:
    """The same of an instrument whose prices are ticks.

    Parameters
    ----------
    ticks : array of int64
        Of each fill, when the first tick was told that is not before it.
    """
    _refuse_between(symbol, filled, filled != ticks)


def _refuse_between(symbol: str, filled: Integers, wrong: NDArray[np.bool_]) -> None:
    if wrong.any():
        first = np.datetime64(int(filled[wrong][0]), "ns")
        raise UnsafeFill(
            f"{int(wrong.sum())} of {len(filled)} fills of {symbol} were made between two prices, at the older one: "
            f"the first at {first} UTC. A clock rang while the order was on its way; NautilusTrader settles it then.",
            f"{_RINGING} Send no orders across such a gap, or do without them.",
        )


def _among(moments: Integers, rising: Integers) -> NDArray[np.bool_]:
    """Which of some moments are among rising ones."""
    place = np.minimum(np.searchsorted(rising, moments), len(rising) - 1)
    found: NDArray[np.bool_] = rising[place] == moments
    return found


def _next(rising: Integers, moments: Integers) -> Integers:
    """The first of some rising ones at or after each moment, or else the last."""
    following: Integers = rising[np.minimum(np.searchsorted(rising, moments), len(rising) - 1)]
    return following


def prove(fill: Fill, symbol: str, decided: Integers, filled: Integers, opens: Integers, closes: Integers) -> None:
    """Refuse market orders of one instrument that did not fill as the convention says.

    Parameters
    ----------
    decided, filled : array of int64
        When each filled market order was sent, and when it filled.
    opens, closes : array of int64
        When the instrument's bars opened and closed.

    Raises
    ------
    UnsafeFill
        An order filled at a price older than its decision: it was sent when no price was being made, or a clock rang
        while it was on its way, at which NautilusTrader fills at the last price it saw.
    """
    if not len(decided):
        return
    if fill == "close":
        _refuse_unlike(
            fill,
            symbol,
            decided[~_among(decided, closes)],
            f"at an older price: no bar of {symbol} closed then",
            f"Send orders for {symbol} when on_bar is told of a bar of {symbol}, not by on_data or a timer, "
            "and on the bar of another, which may close seconds or hours apart, with fill='next_open' or 'next_close'.",
        )
        wrong = filled != decided
    elif fill in _A_BAR_LATER:
        # What is decided a nanosecond before a close, on news of a day that ends with it, arrives right at it.
        wrong = (filled != _next(closes, decided + 2) - 1) & ~((filled == decided + 1) & _among(filled, closes))
    else:  # the next open, a nanosecond after which its trade is told, or the next close
        opened, closed = _next(opens, decided) + 1, _next(closes, decided + 1)
        wrong = filled != np.where(opened > decided, np.minimum(opened, closed), closed)
    _refuse_unlike(
        fill,
        symbol,
        decided[wrong],
        "at an older price than the next one",
        "Send orders from on_bar; with all but fill='close' also from on_data, but never from a timer's callback, "
        f"nor by market_exit, which rings a clock: close_all_positions sends at once. {_RINGING}",
    )


def prove_prices(fill: Fill, symbol: str, filled: Integers, paid: Floats, due: Floats, tick: float) -> None:
    """Refuse market orders of one instrument that filled at another price than the convention's.

    Parameters
    ----------
    filled : array of int64
        When each of them filled.
    paid, due : array of float64
        What it filled at, and what the convention's price then was, both without slippage.
    tick : float
        The least difference between two prices.

    Raises
    ------
    UnsafeFill
        One did not. Nothing that a strategy does is known to bring that about.
    """
    wrong = np.abs(paid - due) > tick
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise UnsafeFill(
            f"{int(wrong.sum())} market orders for {symbol} did not fill at the price of fill={fill!r}: the first "
            f"filled at {np.datetime64(int(filled[at]), 'ns')} UTC at {paid[at]:g}, not at {due[at]:g}.",
            "Run it with another fill convention, and report this: it is a defect.",
        )


def prove_ticks(
    symbol: str, decided: Integers, filled: Integers, paid: Floats, due: Floats, met: Integers, tick: float
) -> None:
    """Refuse market orders of one instrument that did not fill at the first tick after their decision.

    Parameters
    ----------
    decided, filled : array of int64
        When each filled market order was sent, and when it filled.
    paid, due : array of float64
        What it filled at, and what that tick asked (of a purchase) or bid, both without slippage.
    met : array of int64
        When that tick was told; 0 where none came.

    Raises
    ------
    UnsafeFill
        One did not: a clock rang while it was on its way.
    """
    _refuse_unlike(
        "ticks",
        symbol,
        decided[filled != met],
        "before the next tick",
        f"A clock rang while it was on its way; NautilusTrader settles it then, at the tick before. {_RINGING}",
    )
    prove_prices("ticks", symbol, filled, paid, due, tick)


def ends_of_days(fill: Fill, decided: Integers, closes: Integers, session_closes: Integers) -> Integers:
    """When the day is over that each order of one instrument is good for.

    Parameters
    ----------
    decided : array of int64
        When each was sent.
    closes, session_closes : array of int64
        Of the instrument's bars, and of its venue's sessions; rising. A day is the session in which an order can first
        fill: where it is on its way for a bar, that after it.
    """
    since = _next(closes, decided + 1) if fill in _A_BAR_LATER else decided
    return np.append(session_closes, np.iinfo(np.int64).max)[np.searchsorted(session_closes, since, side="right")]


def prove_days(symbol: str, decided: Integers, filled: Integers, ends: Integers) -> None:
    """Refuse orders of one instrument, good for the day alone, that filled after it.

    Parameters
    ----------
    decided, filled, ends : array of int64
        Of each fill, when its order was sent, when it filled, and when the order's day was over.

    Raises
    ------
    UnsafeFill
        One did: NautilusTrader ends no order with its day.
    """
    late = np.flatnonzero(filled > ends)
    if len(late):
        sent, at = (np.datetime64(int(each[late[0]]), "ns") for each in (decided, filled))
        raise UnsafeFill(
            f"{len(late)} fills of {symbol} are of orders that were good for the day (time_in_force DAY) and came "
            f"after it: the first was sent at {sent} UTC and filled at {at}. NautilusTrader keeps them in the market.",
            "Send them with time_in_force=TimeInForce.GTD and an expire_time, which it keeps, or cancel_order them.",
        )


def _refuse_unlike(fill: Fill, symbol: str, decided: Integers, when: str, hint: str) -> None:
    """Refuse market orders that did not fill as the convention says, if there are any: when they were sent."""
    if len(decided):
        raise UnsafeFill(
            f"{len(decided)} market orders for {symbol} cannot fill as fill={fill!r} says: the first was sent at "
            f"{np.datetime64(int(decided.min()), 'ns')} UTC and filled {when}.",
            hint,
        )


def known_kinds(fill: Fill, kinds: Sequence[OrderType]) -> None:
    """Refuse orders of a kind that bars cannot tell the price of.

    Parameters
    ----------
    kinds : sequence of OrderType
        Those of all orders of a run.

    Raises
    ------
    UnsafeFill
        A trailing stop-limit was sent: both its prices move along the bar it is met in, and NautilusTrader then fills
        it at no worse price than the limit it moved, which the market may have reached last.
    """
    if fill != "ticks" and (count := sum(each == OrderType.TRAILING_STOP_LIMIT for each in kinds)):
        raise UnsafeFill(
            f"{count} orders are trailing stop-limits, whose fills fill={fill!r} cannot tell: inside a bar both of "
            "their prices move.",
            "Send trailing stops that turn into market orders (trailing_stop_market), or run with fill='ticks'.",
        )


def none_left_out(log: str) -> None:
    """Refuse a run of which NautilusTrader left fills out, which it tells in its log alone.

    Parameters
    ----------
    log : str
        All that it said.

    Raises
    ------
    UnsafeFill
        A price was no multiple of the instrument's tick. Of prices as traded all are; after a split of 1 for 3, say,
        those in shares of the window's first day need not be.
    """
    left_out = [line.partition(LEFT_OUT)[2] for line in log.splitlines() if LEFT_OUT in line]
    if left_out:
        raise UnsafeFill(
            f"NautilusTrader left out {len(left_out)} fills whose prices, in shares of the window's first day, are no "
            f"multiple of the tick: the first is that of {left_out[0]}.",
            "Begin the window after the split, or run with adjust='none', in which holdings do not follow splits.",
        )
