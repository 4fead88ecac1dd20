"""Bars made of trades, or of quotes' mid prices: timed ones, and ones that end when so much has been traded.

Each stretch of a session is counted anew: what trades before the open, the session itself, what trades after its close
until half-way to the next open. So no bar spans an open or a close, and a bar is the same whatever window is asked for.

- A timed bar holds what traded after its start and up to its end, both as NautilusTrader counts them; a trade right at
  a session's open is the first of that session.
- A bar of ``TICK``, ``VOLUME`` or ``VALUE`` ends as in NautilusTrader's own aggregators: stamped with the trade that
  fills it, of which it takes only what it lacks; the rest begins the next bar, and a large trade fills several. What is
  left when the stretch ends makes a last, smaller bar, stamped with that end.

A quote counts as a trade at its mid price, of the mean of its two sizes, as NautilusTrader's ``MID`` bars have it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alphapulse_lib.catalog import ticks
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.schemas import FIGURES, TIME
from alphapulse_lib.catalog.sessions import Sessions, sessions
from alphapulse_lib.catalog.ticks import Tick
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.threshold import Threshold
from alphapulse_lib.model.window import Window
from alphapulse_lib.query import resample

__all__ = ["made_of_ticks"]

type Stamps = NDArray[np.int64]
type Numbers = NDArray[np.float64]

#: Sessions whose ticks are in memory at a time.
_SESSIONS = 20
#: No two sessions lie further apart than twice this.
_CLOSED = 10 * 86_400 * 10**9
_SCHEMA = pa.schema([("ts", TIME), *((name, pa.float64()) for name in FIGURES)])
#: DuckDB's own aggregation of what each bar holds.
_BARS = """
    SELECT any_value(ts) AS ts, arg_min(price, place) AS open, max(price) AS high, min(price) AS low,
        arg_max(price, place) AS close, round(sum(size), {decimals}) AS volume
    FROM pieces GROUP BY bar ORDER BY bar"""


def made_of_ticks(
    roots: Roots,
    kind: Tick,
    instrument: Instrument,
    period: Period | Threshold,
    window: Window,
    as_of: int | None = None,
    recorded_as_of: int | None = None,
    *,
    regular: bool = False,
) -> pa.Table:
    """Bars of one instrument's ticks, as traded.

    Parameters
    ----------
    period : Period or Threshold
        Of sessions, one day at a time alone: longer ones are made of these.
    window : Window
        Bounds of the bars' ``ts``.
    regular : bool
        Leave out what trades outside the sessions' hours.

    Returns
    -------
    pa.Table
        ``ts`` (UTC), ``open``, ``high``, ``low``, ``close``, ``volume`` (float64), sorted by ``ts``; no rows where
        there is no tick.
    """
    calendar = sessions(instrument.venue.code)
    parts = [_SCHEMA.empty_table()]
    rows, first, last = ticks.held(roots, kind, instrument.id)
    # A last bar closes with its stretch, up to half-way to the next session after its last trade.
    bounds = Window(max(window.start, first), min(window.end, last + _CLOSED))
    for stretch in _days(calendar, bounds) if rows and bounds.start <= bounds.end else ():
        held = ticks.read(roots, kind, instrument.id, stretch, as_of, recorded_as_of)
        if held.num_rows:
            parts.append(_bars_of(_Ticks.of(held, kind, instrument, calendar), period, regular=regular))
    table = pa.concat_tables(parts)
    stamps = table["ts"].cast(pa.int64()).to_numpy()
    return table.filter(pa.array((stamps >= window.start) & (stamps <= window.end)))


def _days(calendar: Sessions, window: Window) -> Iterator[Window]:
    """Whole days, some at a time, from half-way between two sessions to half-way between two others."""
    middles = calendar.closes[:-1] + (calendar.opens[1:] - calendar.closes[:-1]) // 2
    first, last = np.searchsorted(middles, window.start), np.searchsorted(middles, window.end)
    for at in range(int(first), int(last) + 1, _SESSIONS):
        start = int(middles[at - 1]) + 1 if at else 0
        end = min(at + _SESSIONS, int(last) + 1)
        yield Window(start, int(middles[end - 1]) if end - 1 < len(middles) else window.end)


class _Ticks:
    """Ticks of some days as numbers, and the stretch of a session that each belongs to."""

    def __init__(
        self, stamps: Stamps, prices: Numbers, sizes: Numbers, instrument: Instrument, known: Sessions
    ) -> None:
        self.stamps, self.prices, self.sizes = stamps, prices, sizes
        self.instrument, self.calendar = instrument, known
        # As bars that close with the trade. One right at the open is the session's first, not the last before it.
        opening = np.isin(stamps, known.opens) & ~np.isin(stamps, known.closes)
        self.as_closes = stamps + opening
        self.regular = known.within(self.as_closes)
        #: The moment at which the stretch ends.
        self.ends = resample.stretch_ends(self.as_closes, known)

    @classmethod
    def of(cls, table: pa.Table, kind: Tick, instrument: Instrument, calendar: Sessions) -> _Ticks:
        stamps = table["ts"].cast(pa.int64()).to_numpy()
        if kind == "trades":
            return cls(stamps, table["price"].to_numpy(), table["size"].to_numpy(), instrument, calendar)
        bid, ask, bids, asks = (table[name].to_numpy() for name in ("bid", "ask", "bid_size", "ask_size"))
        mid = np.round((bid + ask) / 2, instrument.price_precision + 1)
        return cls(stamps, mid, (bids + asks) / 2, instrument, calendar)


def _bars_of(held: _Ticks, period: Period | Threshold, *, regular: bool) -> pa.Table:
    import duckdb

    rows, sizes, bars, ts = _pieces(held, period)
    chosen = held.regular[rows] if regular or (isinstance(period, Period) and period.is_session) else slice(None)
    pieces = pa.table(
        {
            "bar": bars[chosen],
            "place": np.arange(len(rows))[chosen],
            "ts": ts[chosen],
            "price": held.prices[rows][chosen],
            "size": sizes[chosen],
        }
    )
    with duckdb.connect() as connection:
        connection.register("pieces", pieces)
        made = connection.sql(_BARS.format(decimals=held.instrument.size_precision + 1)).to_arrow_table()
    return pa.Table.from_arrays([made[field.name].cast(field.type) for field in _SCHEMA], schema=_SCHEMA)


def _pieces(held: _Ticks, period: Period | Threshold) -> tuple[Stamps, Numbers, Stamps, Stamps]:
    """What each bar is made of: a tick's row, the part of its size, the bar's number and the bar's ``ts``."""
    every = np.arange(len(held.stamps))
    if isinstance(period, Period):
        closes = resample.closes_of(held.as_closes, held.calendar, period)
        return every, held.sizes, closes, closes
    rows, sizes, bars, ts = [], [], [], []
    firsts = np.flatnonzero(np.append(True, held.ends[1:] != held.ends[:-1]))
    count = 0
    for first, after in zip(firsts, np.append(firsts[1:], len(every)), strict=True):
        row, size, bar, full = _CUTS[period.measure](held, slice(int(first), int(after)), period.step)
        # A full bar is stamped with its last piece's tick, one that is not with the end of its stretch.
        last = np.append(bar[1:] != bar[:-1], True)[: len(bar)]
        stamps = held.stamps[row[last]] if len(row) else row
        stamps = np.where(np.arange(len(stamps)) < full, stamps, held.ends[first])
        rows.append(row)
        sizes.append(size)
        bars.append(bar + count)
        ts.append(stamps[bar])
        count += len(stamps)
    return np.concatenate(rows), np.concatenate(sizes), np.concatenate(bars), np.concatenate(ts)


def _by_tick(held: _Ticks, part: slice, step: int) -> tuple[Stamps, Numbers, Stamps, int]:
    rows = np.arange(part.start, part.stop)
    return rows, held.sizes[part], (rows - part.start) // step, len(rows) // step


def _by_volume(held: _Ticks, part: slice, step: int) -> tuple[Stamps, Numbers, Stamps, int]:
    """Bars of exactly so many units; a trade that crosses an end is cut there."""
    unit = 10**held.instrument.size_precision
    upto = np.cumsum(np.round(held.sizes[part] * unit).astype(np.int64))
    return _cut(upto, np.arange(1, int(upto[-1]) // (step * unit) + 1) * (step * unit), part.start, unit)


def _by_value(held: _Ticks, part: slice, step: int) -> tuple[Stamps, Numbers, Stamps, int]:
    """Bars of so much money. Sizes are whole units, so a bar is filled by rounding, and the next counts from zero.

    So each bar hangs on the one before: they are found one by one, each by a search in the running total.
    """
    # Whole numbers in doubles: exact up to 9e15, that is 9e9 dollars a session at six decimals.
    unit, cents = 10**held.instrument.size_precision, 10 ** (held.instrument.price_precision + 1)
    sizes, prices = np.round(held.sizes[part] * unit).astype(np.int64), np.round(held.prices[part] * cents)
    upto, value = np.cumsum(sizes), np.cumsum(prices * sizes)
    most = np.maximum.accumulate(value)
    ends: list[int] = []
    position = 0
    while position < upto[-1]:
        at = int(np.searchsorted(upto, position, side="right"))
        target = value[at] - prices[at] * (upto[at] - position) + step * unit * cents
        at = max(at, int(np.searchsorted(most, target)))
        if at == len(upto):
            break
        begins = max(position, int(upto[at] - sizes[at]))
        lacks = target - (value[at] - prices[at] * (upto[at] - begins))
        position = begins + max(1, min(int(upto[at]) - begins, round(lacks / prices[at])))
        ends.append(position)
    return _cut(upto, np.array(ends, np.int64), part.start, unit)


def _cut(upto: Stamps, ends: Stamps, start: int, unit: int) -> tuple[Stamps, Numbers, Stamps, int]:
    """The pieces of trades, given up to which unit each trade reaches, and each full bar."""
    edges = np.sort(np.concatenate([ends, upto]))
    edges = edges[np.diff(edges, prepend=0) > 0]
    sizes = np.diff(edges, prepend=0) / unit
    return np.searchsorted(upto, edges) + start, sizes, np.searchsorted(ends, edges), len(ends)


_CUTS = {"TICK": _by_tick, "VOLUME": _by_volume, "VALUE": _by_value}
