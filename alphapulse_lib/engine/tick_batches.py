"""A run's trades, quotes and bars, batch by batch of time; and afterwards, what each of its orders met.

NautilusTrader settles an order that is on its way whenever a bar of its instrument is told, at the price before. So a
bar is told with the first tick at or after its close, right behind it; after the last tick, at its close.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from nautilus_trader.backtest import BacktestEngine

from alphapulse_lib.engine.batches import Batch, Beside, Source, rows_of
from alphapulse_lib.engine.feed import Floats, Integers
from alphapulse_lib.engine.objects import bars_of
from alphapulse_lib.engine.tick_feed import TickStream

__all__ = ["TICKS", "Met", "TickBatches", "met"]

#: Ticks of a batch, of all series together.
TICKS = 65_536


@dataclass(frozen=True, eq=False)
class Met:
    """The first tick after each of some moments.

    Attributes
    ----------
    moments : array of int64
        When it was told; 0 where none came.
    bid, ask : array of float64
        In the engine's units; of a trade both are its price.
    """

    moments: Integers
    bid: Floats
    ask: Floats


class TickBatches:
    """Gives the engine one batch after the other; run it each time before asking for the next.

    Parameters
    ----------
    events : sequence of CustomData
        In the order of ``ts_init``.
    size : int
        Ticks of a batch, about.
    beside : sequence of Beside
        Longer bars: told by the same rule as those of their sources, and not when they say.
    """

    def __init__(
        self,
        engine: BacktestEngine,
        sources: Sequence[Source],
        events: Sequence[Any],
        size: int = TICKS,
        beside: Sequence[Beside] = (),
    ) -> None:
        self._engine, self._sources, self._events, self._size = engine, sources, events, size
        self._feeds = [*(each.feed for each in sources), *(each.feed for each in beside)]
        self._moments = np.array([each.ts_init for each in events], np.int64)
        self._before, self._stamps = 0, np.empty(0, np.int64)
        #: Of each instrument's id, the moment of the last tick that was fed.
        self.last_tick = dict.fromkeys((each.feed.instrument.id for each in sources), 0)

    def __iter__(self) -> Iterator[Batch]:
        streams = [[TickStream(each) for each in source.ticks] for source in self._sources]
        told = [0] * len(self._feeds)
        for start, end in pairwise([None, *_ends(self._sources, self._size), None]):
            self._engine.clear_data()
            self._before += len(self._stamps)
            moments = {
                source.feed.instrument.id: self._add_ticks(source, stream, end)
                for source, stream in zip(self._sources, streams, strict=True)
            }
            fed = [*moments.values()]
            for number, feed in enumerate(self._feeds):
                bars = _telling(feed.moments[told[number] :], moments[feed.instrument.id], start, end)
                if len(bars):
                    rows = slice(told[number], told[number] + len(bars))
                    self._engine.add_data(bars_of(feed, rows, bars), sort=False)
                    told[number] = rows.stop
                fed.append(bars)
            events = rows_of(self._moments, start, end)
            if events.start < events.stop:
                self._engine.add_data(list(self._events[events]), sort=False)
            self._stamps = np.sort(np.concatenate([*fed, self._moments[events]]), kind="stable")
            self._engine.sort_data()
            yield Batch(start, end is None)

    def reached(self, count: int) -> int:
        """The time of the last of the first ``count`` data; of the batch that the engine has now."""
        at = count - self._before - 1
        return int(self._stamps[min(at, len(self._stamps) - 1)]) if count and len(self._stamps) else 0

    def _add_ticks(self, source: Source, streams: Sequence[TickStream], end: int | None) -> Integers:
        """Feed a source's ticks up to a moment: when they are told."""
        moments = [np.empty(0, np.int64)]
        for stream in streams:
            table = stream.upto(end)
            if table.num_rows:
                self._engine.add_data(stream.series.objects(table), sort=False)
                moments.append(table["ts_init"].cast("int64").to_numpy())
        found = np.sort(np.concatenate(moments), kind="stable")
        if len(found):
            self.last_tick[source.feed.instrument.id] = int(found[-1])
        return found


def met(source: Source, moments: Integers, size: int = TICKS) -> Met:
    """Which tick of an instrument came first after each of some moments: another reading of what was fed."""
    order = np.argsort(moments, kind="stable")
    wanted = moments[order]
    found = Met(np.zeros(len(wanted), np.int64), np.full(len(wanted), np.nan), np.full(len(wanted), np.nan))
    streams, at = [TickStream(each) for each in source.ticks], 0
    for end in [*_ends([source], size), None]:
        if at == len(wanted):
            break
        parts = [stream.series.sides(table) for stream in streams if (table := stream.upto(end)).num_rows]
        if not parts:
            continue
        stamps, bid, ask = (np.concatenate(each) for each in zip(*parts, strict=True))
        sequence = np.argsort(stamps, kind="stable")
        stamps, bid, ask = stamps[sequence], bid[sequence], ask[sequence]
        rows = np.searchsorted(stamps, wanted[at:], side="right")
        rows = rows[rows < len(stamps)]
        here = slice(at, at + len(rows))
        found.moments[here], found.bid[here], found.ask[here] = stamps[rows], bid[rows], ask[rows]
        at = here.stop
    back = np.argsort(order, kind="stable")
    return Met(found.moments[back], found.bid[back], found.ask[back])


def _telling(closes: Integers, ticks: Integers, start: int | None, end: int | None) -> Integers:
    """When the bars that have not been told are told in this batch: as many as are."""
    closes = closes if end is None else closes[: int(np.searchsorted(closes, end, side="right"))]
    place = np.searchsorted(ticks, closes)
    within = ticks[place[place < len(ticks)]]
    if end is not None:
        return within
    rest = np.maximum(closes[len(within) :], start or 0)
    return np.concatenate([within, rest])


def _ends(sources: Sequence[Source], size: int) -> list[int]:
    """The moments at which batches end, but for the last one: never inside a moment."""
    groups = sorted((last, rows) for source in sources for each in source.ticks for rows, _, last in each.groups)
    if not groups:
        return []
    filled = np.cumsum([rows for _, rows in groups]) // size
    ends = [last for (last, _), now, after in zip(groups, filled, filled[1:], strict=False) if after > now]
    return [end for end in dict.fromkeys(ends) if end < groups[-1][0]]
