"""A run's data, batch by batch of time: the engine holds one of them at once.

However long the window is, the bars and trades that exist as objects stay as many. A batch ends with a bar and takes
along everything up to that moment, which is what NautilusTrader asks of data that it is fed in parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from nautilus_trader.backtest import BacktestEngine

from alphapulse_lib.engine.feed import Feed, Flags, Floats, Integers
from alphapulse_lib.engine.objects import bars_of, execution_bars, opening_trades
from alphapulse_lib.engine.tick_feed import TickSeries

__all__ = ["BARS", "EARLY", "Batch", "Beside", "Source", "batches", "moment_of", "rows_of"]

#: Nanoseconds by which the market is early.
EARLY = 1
#: Bars of a batch, of all series together: few enough to stay in a processor's reach, enough that starting one is free.
BARS = 32_768


@dataclass(frozen=True, eq=False)
class Source:
    """One series of a run.

    Attributes
    ----------
    opens : array of int64
        When its bars opened.
    trades : bool
        Whether each bar's opening trade is fed too.
    thin : array of bool, optional
        Which bars need a volume that they lack, as `Feed.thin` tells.
    early : bool
        Whether the market moves through each bar a nanosecond before the strategy is told of it.
    apart : bool
        Whether the market moves through the bars of a moment before the strategy is told of any of them: an order for
        another instrument, filled at once, would meet a bar that is over.
    prices : array of float64, optional
        What market orders that were on their way before a bar opened fill at in it, as traded; ``nan`` for its close.
    ticks : tuple of TickSeries
        The trades and quotes that the market moves by, in place of the bars.
    """

    feed: Feed
    opens: Integers
    trades: bool
    thin: Flags | None
    early: bool = False
    apart: bool = False
    prices: Floats | None = None
    ticks: tuple[TickSeries, ...] = ()

    @property
    def executes(self) -> bool:
        """Whether the market moves by other bars than the strategy's."""
        return self.early or self.apart or self.thin is not None or self.feed.due is not None

    @cached_property
    def told(self) -> Integers:
        """When the strategy is told of each bar: at its close, or at the first one by which it is known."""
        return self.feed.ts if self.feed.due is None else self.feed.ts[np.searchsorted(self.feed.ts, self.feed.due)]

    @property
    def ahead(self) -> int:
        """By how many nanoseconds the market's bars are told before the strategy's."""
        return EARLY if self.early else 0

    def price_at(self, moment: int, decided: int) -> float:
        """Of ``prices``, that of the bar that closes at or after a moment, in the engine's units.

        ``nan`` for an order that was decided inside that bar: some of its volume came before.
        """
        row = min(int(np.searchsorted(self.feed.ts, moment)), len(self.feed.ts) - 1)
        if self.prices is None or decided > self.opens[row]:
            return float("nan")
        return float(self._to_the_tick(self.prices[row] * self.feed.ratio[row]))

    def due(self, decided: Integers, filled: Integers) -> Floats:
        """What market orders fill at, in the engine's units: a bar's open, its close, or one of ``prices``.

        Parameters
        ----------
        decided, filled : array of int64
            When each was sent, and when it filled: a nanosecond after an open, or at a close or just before it.
        """
        feed = self.feed
        rows = np.minimum(np.searchsorted(feed.ts, filled), len(feed.ts) - 1)
        opened = feed.rows.floats_at("open", rows)
        price = np.where(
            filled == self.opens[rows] + 1, opened * feed.opened[rows], feed.closes[rows] * feed.ratio[rows]
        )
        if self.prices is not None:
            weighted = (decided <= self.opens[rows]) & ~np.isnan(self.prices[rows])
            price = np.where(weighted, self._to_the_tick(self.prices[rows] * feed.ratio[rows]), price)
        return np.asarray(price, np.float64)

    def _to_the_tick(self, prices: Floats | np.float64) -> Floats | np.float64:
        """NautilusTrader leaves out a fill at a price that is no multiple of it.

        One way for both: half a tick is rounded by NumPy otherwise than by Python.
        """
        return np.round(prices, self.feed.instrument.price_precision)


@dataclass(frozen=True, eq=False)
class Beside:
    """Longer bars of a source's instrument, which the strategy is told of and no market moves by.

    NautilusTrader moves a market by the shortest of its bars. But it settles an order that is on its way whenever any
    bar of its instrument is told, at the price before: so these are told with the source's own, right behind the first
    one that closes no earlier than they are known.

    Attributes
    ----------
    told : array of int64
        When the strategy is told of each.
    """

    feed: Feed
    told: Integers

    @classmethod
    def of(cls, source: Source, feed: Feed) -> Beside:
        """Those of a source; none closes before its first bar, or is known only after its last."""
        return cls(feed, source.feed.ts[np.searchsorted(source.feed.ts, feed.moments)])


@dataclass(frozen=True)
class Batch:
    """What the engine was just given.

    Attributes
    ----------
    start : int, optional
        The end of the batch before, where the engine's clock stands; ``None`` for the first.
    is_last : bool
        Whether nothing comes after it.
    """

    start: int | None
    is_last: bool


def batches(
    engine: BacktestEngine,
    sources: Sequence[Source],
    events: Sequence[Any],
    size: int = BARS,
    beside: Sequence[Beside] = (),
) -> Iterator[Batch]:
    """Give the engine one batch after the other; run it each time before asking for the next.

    Parameters
    ----------
    events : sequence of CustomData
        In the order of ``ts_init``.
    size : int
        Bars of a batch.
    beside : sequence of Beside
        The shorter of two periods first: of one moment they are told in this order.
    """
    moments = np.array([each.ts_init for each in events], np.int64)
    ends = [*_ends([each.feed.ts for each in sources], size), None]
    start = None
    for end in ends:
        engine.clear_data()
        # Of one moment the engine takes first what it was given first: all markets, then what the strategy is told.
        for source in sources:
            _add_market(engine, source, start, end)
        for source in sources:
            _tell(engine, source.feed, source.told, start, end)
        for each in beside:
            _tell(engine, each.feed, each.told, start, end)
        if chosen := events[rows_of(moments, start, end)]:
            engine.add_data(list(chosen), sort=False)
        engine.sort_data()
        yield Batch(start, end is None)
        start = end


def moment_of(sources: Sequence[Source], events: Sequence[Any], count: int, beside: Sequence[Beside] = ()) -> int:
    """The time of the last of the first ``count`` data of a run, in the order in which the engine takes them.

    Parameters
    ----------
    count : int
        One or more.
    """
    heard = np.array([each.ts_init for each in events], np.int64)
    told = [heard, *(each.told for each in sources), *(each.told for each in beside)]
    times = sum(map(len, told)) + sum(len(each.feed.ts) * (each.trades + each.executes) for each in sources)
    if count >= times:  # nearly always, and then nothing need be sorted
        return max([each.feed.last for each in sources] + [int(each) for each in heard[-1:]])
    for source in sources:
        if source.executes:
            told.append(source.feed.ts - source.ahead)
        if source.trades:
            told.append(source.opens + 1)
    return int(np.sort(np.concatenate(told), kind="stable")[count - 1])


def _ends(stamps: Sequence[Integers], size: int) -> list[int]:
    """The moments at which batches end, but for the last one."""
    every = stamps[0] if len(stamps) == 1 else np.sort(np.concatenate(stamps), kind="stable")
    ends = np.unique(every[size - 1 :: size])
    return [int(end) for end in ends if end < every[-1]]


def _tell(engine: BacktestEngine, feed: Feed, told: Integers, start: int | None, end: int | None) -> None:
    rows = rows_of(told, start, end)
    if rows.start < rows.stop:
        moments = None if told is feed.ts else told[rows]
        engine.add_data(feed.once("bars", rows, partial(bars_of, feed, rows, moments)), sort=False)


def _add_market(engine: BacktestEngine, source: Source, start: int | None, end: int | None) -> None:
    feed = source.feed
    opened = rows_of(source.opens, start, end, before=1)
    if source.trades and opened.start < opened.stop:
        trades = feed.once("trades", opened, lambda: opening_trades(feed, source.opens, opened))
        engine.add_data(trades, sort=False)
    if source.executes:
        moved = rows_of(feed.ts, start, end, before=-source.ahead)
        if moved.start < moved.stop:
            moving = feed.once("executed", moved, lambda: execution_bars(feed, source.thin, moved, source.ahead))
            engine.add_data(moving, sort=False)


def rows_of(stamps: Integers, start: int | None, end: int | None, before: int = 0) -> slice:
    """The rows after a moment and up to another one.

    Parameters
    ----------
    before : int
        By how many nanoseconds the stamps lie before the moments of the rows.
    """
    first = 0 if start is None else int(np.searchsorted(stamps, start - before, side="right"))
    return slice(first, len(stamps) if end is None else int(np.searchsorted(stamps, end - before, side="right")))
