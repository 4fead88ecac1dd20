"""Volume-weighted prices of bars, made of the finest data held: of trades, else of much shorter bars.

A trade counts at its price. Of a bar nothing is known but its figures, so it counts at its typical price, the mean of
its high, low and close; it is a fifth of the period at most, and half an hour at most where the period is sessions.
Each counts as often as it traded. A bar's own is what traded after its open and up to its close, and trades right at
the open where no other bar closes then: so what trades before and after a session is no part of the session's price.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alphapulse_lib.catalog import layout, reader, ticks
from alphapulse_lib.catalog.decimals import to_floats
from alphapulse_lib.catalog.fingerprints import of_bars
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.engine.feed import Feed
from alphapulse_lib.errors import NoVolumePrice
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.run import Series
from alphapulse_lib.model.window import Window

__all__ = ["VolumePrices", "volume_prices"]

type Floats = NDArray[np.float64]
type Integers = NDArray[np.int64]

_HALF_HOUR = 30 * 60 * 10**9
#: Trades are read a month at a time: a day of a busy name has a million.
_STRETCH = 31 * 86_400 * 10**9


@dataclass(frozen=True, eq=False)
class VolumePrices:
    """The volume-weighted price of each bar.

    Attributes
    ----------
    prices : array of float64
        As traded; ``nan`` for bars without volume.
    source : Series
        What they are made of.
    told : str
        The same in words.
    """

    prices: Floats
    source: Series
    told: str


@dataclass(frozen=True, eq=False)
class _Finer:
    """Sums over what was read of one finer series: money and shares of each bar."""

    what: str
    source: Series
    money: Floats
    shares: Floats

    @property
    def prices(self) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.money / self.shares


def volume_prices(
    roots: Roots, feed: Feed, opens: Integers, as_of: int | None = None, recorded_as_of: int | None = None
) -> VolumePrices:
    """The volume-weighted prices of a series, of the finest data held that covers all of it.

    Parameters
    ----------
    opens : array of int64
        When its bars opened.
    as_of, recorded_as_of : int, optional
        What was available, and what was recorded, by then: nanoseconds since 1970, UTC; now unless told.

    Raises
    ------
    NoVolumePrice
        The bars have no volumes, nothing finer covers them, or what does disagrees with them.
    """
    instrument, volume = feed.instrument, feed.rows.floats("volume")
    if not volume.any():
        raise NoVolumePrice(f"The {feed.period} bars of {instrument.id} have no volumes to weigh prices by.")
    held = []
    for finer in _finer(roots, feed, opens, as_of, recorded_as_of):
        lacking = (volume > 0) & ~(finer.shares > 0)
        if not lacking.any():
            _require_inside(feed, finer)
            return VolumePrices(finer.prices, finer.source, _told(feed, finer))
        first = np.datetime64(int(feed.ts[lacking][0]), "ns").astype("datetime64[s]")
        held.append(f"its {finer.what} lack {int(lacking.sum()):,} of {len(lacking):,}, the first at {first} UTC")
    found = "; ".join(held) or "none are held"
    raise NoVolumePrice(
        f"The {feed.period} bars of {instrument.id} have no volume-weighted prices: those are made of trades or of "
        f"bars of {_longest(feed.period)} or less, and {found}.",
        "Narrow the window to what they cover, or run with another fill convention.",
    )


def _finer(
    roots: Roots, feed: Feed, opens: Integers, as_of: int | None, recorded_as_of: int | None
) -> Iterator[_Finer]:
    """What is held of finer data, the finest first."""
    window = Window(int(opens[0]), feed.last)
    trades = _of_trades(roots, feed, opens, window, as_of, recorded_as_of)
    if trades.source.rows:
        yield trades
    for period in reader.periods(roots, feed.instrument.id):
        if not period.is_session and period.nanoseconds <= _most(feed.period):
            bars = _of_bars(roots, feed, opens, period, window, as_of, recorded_as_of)
            if bars.source.rows:
                yield bars


def _most(period: Period) -> int:
    return _HALF_HOUR if period.is_session else period.nanoseconds // 5


def _longest(period: Period) -> str:
    seconds = _most(period) // 10**9
    return f"{seconds // 60}m" if seconds >= 60 else f"{seconds}s"


def _of_bars(
    roots: Roots,
    feed: Feed,
    opens: Integers,
    period: Period,
    window: Window,
    as_of: int | None,
    recorded_as_of: int | None,
) -> _Finer:
    instrument = feed.instrument
    table = reader.bar_table(roots, instrument.id, period, window, as_of, recorded_as_of)
    stamps = table["ts_event"].cast(pa.int64()).to_numpy()
    high, low, close = (to_floats(table[name], instrument.price_precision) for name in ("high", "low", "close"))
    volume = to_floats(table["volume"], instrument.size_precision)
    split = feed.to_come(stamps)
    money, shares = _sums(feed.ts, opens + 1, stamps, (high + low + close) / 3 / split, volume * split)
    name = period.bar_type(instrument.id)
    root = roots.series(name)
    span = (int(stamps[0]), int(stamps[-1])) if len(stamps) else (0, 0)
    source = Series(name, root[0] if root else "", len(stamps), *span, of_bars(table))
    return _Finer(f"{period} bars", source, money, shares)


def _of_trades(
    roots: Roots, feed: Feed, opens: Integers, window: Window, as_of: int | None, recorded_as_of: int | None
) -> _Finer:
    name = feed.instrument.id
    money, shares = np.zeros(len(feed.ts)), np.zeros(len(feed.ts))
    rows, first, last = 0, 0, 0
    digests = [hashlib.sha256() for _ in range(3)]
    root = next((each for each, at in roots.all if layout.parquet_files(layout.ticks_folder(at, "trades", name))), "")
    for start in range(window.start, window.end + 1 if root else window.start, _STRETCH):
        part = Window(start, min(start + _STRETCH - 1, window.end))
        table = ticks.read(roots, "trades", name, part, as_of, recorded_as_of).combine_chunks()
        if not table.num_rows:
            continue
        stamps = table["ts"].cast(pa.int64()).to_numpy()
        price, size = table["price"].to_numpy(), table["size"].to_numpy()
        split = feed.to_come(stamps)
        more = _sums(feed.ts, opens, stamps, price / split, size * split)
        money, shares = money + more[0], shares + more[1]
        first, last, rows = first or int(stamps[0]), int(stamps[-1]), rows + len(stamps)
        for digest, column in zip(digests, (stamps, price, size), strict=True):
            digest.update(np.ascontiguousarray(column))
    whole = hashlib.sha256(b"".join(each.digest() for each in digests)).hexdigest()
    return _Finer("trades", Series(f"{name} trades", root, rows, first, last, whole), money, shares)


def _sums(ts: Integers, since: Integers, stamps: Integers, price: Floats, size: Floats) -> tuple[Floats, Floats]:
    """Money and shares of each bar, of what is stamped ``since`` and up to its close."""
    bar = np.minimum(np.searchsorted(ts, stamps), len(ts) - 1)
    mine = (stamps <= ts[bar]) & (stamps >= since[bar])
    bar, price, size = bar[mine], price[mine], size[mine]
    return np.bincount(bar, price * size, len(ts)), np.bincount(bar, size, len(ts))


def _require_inside(feed: Feed, finer: _Finer) -> None:
    """Refuse finer data that cannot be of the same prices: one of the two is adjusted, or of another listing."""
    low, high = (feed.rows.floats(name) for name in ("low", "high"))
    tick = 10.0**-feed.instrument.price_precision
    before = feed.opened / feed.ratio  # of a bar that a split tears, what a price of before it is in shares of after
    low, high = low * np.minimum(before, 1.0), high * np.maximum(before, 1.0)
    outside = (finer.prices < low - tick) | (finer.prices > high + tick)
    if outside.any():
        at = int(np.flatnonzero(outside)[0])
        moment = np.datetime64(int(feed.ts[at]), "ns").astype("datetime64[s]")
        raise NoVolumePrice(
            f"The {finer.what} of {feed.instrument.id} disagree with its {feed.period} bars on {int(outside.sum()):,} "
            f"of {len(outside):,}: the first is that of {moment} UTC, whose volume-weighted price would be "
            f"{finer.prices[at]:g}, outside of {low[at]:g} to {high[at]:g}.",
            "One of the two is adjusted or belongs to something else: `alphapulse check` looks at both.",
        )


def _told(feed: Feed, finer: _Finer) -> str:
    counted = f"{finer.source.rows:,} {finer.what}"
    how = "" if finer.what == "trades" else ", each at the mean of its high, low and close"
    return f"{feed.instrument.symbol}: the volume-weighted prices are made of {counted}{how}."
