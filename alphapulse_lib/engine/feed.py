"""A series' bars as an engine sees them: in units of the window's first day, whatever splits came since."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from math import prod
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alphapulse_lib.catalog.decimals import to_decimals, to_floats
from alphapulse_lib.engine.distributions import Distribution
from alphapulse_lib.engine.rows import ALL, KEPT, Rows
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.run import Fill

__all__ = ["Feed", "Flags", "Floats", "Integers", "forward", "open_moments", "with_column"]

type Floats = NDArray[np.float64]
type Integers = NDArray[np.int64]
type Flags = NDArray[np.bool_]

_PRICES = ("open", "high", "low", "close")
_FIGURES = (*_PRICES, "volume")


@dataclass(frozen=True, eq=False)
class Feed:
    """One instrument's bars of a run.

    Attributes
    ----------
    rows : Rows
        The bars as traded.
    ratio : array of float64
        Of each bar, how many shares one share of the first day has become.
    price_precision : int
        Decimals of the prices the engine sees.
    distributions : tuple of Distribution
        What a share brought, where the run pays that.
    delisting : Distribution, optional
        What was paid for it when it ceased to be listed.
    torn : tuple of (int, float)
        Splits that fell inside a bar of more than a day, whose open was of before: the first moment of each ex-date,
        and new shares for one old.
    due : array of int64, optional
        From when on the strategy may be told of each bar, rising, where that is not its close; those of which it may
        never be are left out.
    kept : dict, optional
        Takes what is made of it, where many trials are forked from the process that holds it; see `once`.
    """

    instrument: Instrument
    period: Period
    rows: Rows
    ratio: Floats
    price_precision: int
    root: str
    distributions: tuple[Distribution, ...] = ()
    delisting: Distribution | None = None
    torn: tuple[tuple[int, float], ...] = ()
    due: Integers | None = None
    kept: dict[tuple[str, int | None, int | None], Any] | None = None

    def once[Made](self, what: str, rows: slice, make: Callable[[], Made]) -> Made:
        """What is made of rows: now, or, where that is kept, the first time. Whoever takes it never changes it."""
        if self.kept is None:
            return make()
        key = (what, rows.start, rows.stop)
        if key not in self.kept:
            self.kept[key] = make()
        found: Made = self.kept[key]
        return found

    @property
    def bar_type(self) -> str:
        """NautilusTrader's name of the series."""
        return self.period.bar_type(self.instrument.id)

    @property
    def ts(self) -> Integers:
        """The closes' moments, nanoseconds since 1970, UTC."""
        return self.rows.ts

    @property
    def moments(self) -> Integers:
        """From when on each bar may be told: its close, unless it is known later."""
        return self.ts if self.due is None else self.due

    @property
    def closes(self) -> Floats:
        """The closes as traded."""
        return self.rows.closes

    @property
    def last(self) -> int:
        """The last close's moment."""
        return int(self.rows.ts[-1])

    def ratio_at(self, moment: int) -> float:
        """How many shares one engine share is at a moment of the bar that closes then or later."""
        if not self.has_splits:
            return 1.0
        ratio = float(self.ratio[min(int(np.searchsorted(self.ts, moment)), len(self.ratio) - 1)])
        return ratio / float(self.to_come(np.array([moment]))[0]) if self.torn else ratio

    @cached_property
    def has_splits(self) -> bool:
        """Whether a split lies between its first bar and its last, or inside the first."""
        return bool(self.torn or (self.ratio != 1.0).any())

    @cached_property
    def tick(self) -> int:
        """Decimals of the least difference between two prices that fills are made at.

        The instrument's own; where a split puts prices of the first day's shares between its ticks (a third of a
        hundredth of a cent after one share for three) as many as the engine's prices have.
        """
        own = self.instrument.price_precision
        if not self.has_splits:
            return own
        # An engine's price has eight decimals, so what lies on the tick is off it by less than a ten-thousandth of one.
        least = 0.5 * 10.0 ** (own - self.price_precision)
        for rows, part in self.rows.stretches(_PRICES):
            for name in _PRICES:
                units = np.abs(to_floats(self._in_engine_units(part, rows)[name], self.price_precision)) * 10.0**own
                if (np.abs(units - np.round(units)) > least).any():
                    return self.price_precision
        return own

    @cached_property
    def distributed(self) -> Floats:
        """The money that one share of the first day brought, at the first close at or after it was paid; later none."""
        money = np.zeros(len(self.ts))
        for each in (every for every in self.distributions if every.paid <= self.last):
            money[np.searchsorted(self.ts, each.paid)] += each.amount * self.ratio_before(each.entitled)
        return money

    def ratio_before(self, moment: int) -> float:
        """How many shares one engine share was before a moment: at the last close up to it, times splits since."""
        row = max(int(np.searchsorted(self.ts, moment, side="right")) - 1, 0)
        since = [factor for first, factor in self.torn if self.ts[row] < first < moment]
        return float(self.ratio[row]) * prod(since)

    def to_come(self, moments: Integers) -> Floats:
        """How many shares one share of each moment becomes by the close of the bar that it lies in."""
        factors, rows = np.ones(len(moments)), np.searchsorted(self.ts, moments)
        for first, factor in self.torn:
            factors[(rows == np.searchsorted(self.ts, first)) & (moments < first)] *= factor
        return factors

    @cached_property
    def opened(self) -> Floats:
        """The ratio of each bar as it opened."""
        if not self.torn:
            return self.ratio
        ratio = self.ratio.copy()
        for first, factor in self.torn:
            ratio[np.searchsorted(self.ts, first)] /= factor
        return ratio

    def volume_before(self, moment: int) -> float:
        """The volume of the last bar that closed up to a moment, in shares of the first day."""
        row = max(int(np.searchsorted(self.ts, moment, side="right")) - 1, 0)
        return float(self.rows.volume(row) / self.ratio[row])

    def at(self, row: int) -> tuple[Decimal, Decimal, Decimal, Decimal, Decimal]:
        """Open, high, low, close and volume of a bar, in the engine's units."""
        for span, table in self._given:
            if span.start <= row < span.stop:  # nearly always: what happens now is of what the engine was just given
                return _figures(table, row - span.start)
        number = self.rows.at(row)
        return _figures(self.stretch(number), row - self.rows.span(number).start)

    def value_before(self, moment: int) -> float:
        """What one share of the first day was worth at the last close up to a moment."""
        at = max(int(np.searchsorted(self.ts, moment, side="right")) - 1, 0)
        return float(self.closes[at] * self.ratio[at])

    def thin(self, fill: Fill) -> Flags | None:
        """Of each bar, whether its own volume is too small to move NautilusTrader's market to its prices.

        It splits the volume over the four prices. A market order at a close needs it to arrive there; at an open it
        only needs that prices which differ have any volume at all, which sources without volumes lack.

        Returns
        -------
        array of bool, optional
            ``None`` where no bar is: nearly always, and then no bar is looked at on its own.
        """
        precision = self.instrument.size_precision
        needed, flags = 1 if fill == "next_open" else 4, np.zeros(len(self.ts), np.bool_)
        for rows, part in self.rows.stretches(("volume",)):
            volume = self._in_engine_units(part, rows)["volume"]
            if pc.min(volume).as_py() * 10**precision < needed:
                flags[rows] = np.round(to_floats(volume, precision) * 10**precision) < needed
        # Of nearly all series no bar lacks any, and then none's prices are read for this.
        if fill == "next_open" and flags.any():
            for rows, part in self.rows.stretches(("high", "low")):
                flags[rows] &= pc.greater(part["high"], part["low"]).to_numpy()
        return flags if flags.any() else None

    def opens(self, session_opens: Integers) -> Integers:
        """When each bar opened, given the opens of its venue's sessions."""
        return open_moments(self.ts, self.period, session_opens)

    @cached_property
    def stretch(self) -> Callable[[int], pa.Table]:
        """Gives the bars of one of the rows' stretches in the engine's units, as its wranglers take them."""
        return lru_cache(maxsize=KEPT)(lambda number: self._told(self.rows.stretch(number), self.rows.span(number)))

    def engine_table(self, rows: slice = ALL) -> pa.Table:
        """Bars in units of the first day: after an N:1 split prices are N times, volumes an Nth of the traded.

        Those that were asked for last are held: a batch's trades, its bars and its orders are all made of them.
        """
        wanted = slice(*rows.indices(len(self.ts))[:2])
        if not any(span == wanted for span, _ in self._given):
            parts = []
            for number in self.rows.reaching(wanted):
                span = self.rows.span(number)
                start = max(wanted.start, span.start)
                parts.append(self.stretch(number).slice(start - span.start, min(wanted.stop, span.stop) - start))
            self._given.append((wanted, pa.concat_tables(parts).combine_chunks()))
        return self._given[-1][1]

    @cached_property
    def _given(self) -> deque[tuple[slice, pa.Table]]:
        return deque(maxlen=1)

    def _told(self, table: pa.Table, rows: slice) -> pa.Table:
        metadata = {
            "bar_type": self.bar_type,
            "instrument_id": self.instrument.id,
            "price_precision": str(self.price_precision),
            "size_precision": str(self.instrument.size_precision),
            "type_name": "Bar",
        }
        return self._in_engine_units(table, rows).replace_schema_metadata(metadata)

    def _in_engine_units(self, table: pa.Table, rows: slice) -> pa.Table:
        """The figures that a table has of some bars, in units of the first day."""
        if not self.has_splits:
            return table
        ours, ratio, opened = self.instrument, self.ratio[rows], self.opened[rows]
        # Of a bar that a split tears the larger figures are of the side with fewer shares: they were its high.
        ratios = {"open": opened, "high": np.minimum(ratio, opened), "low": np.maximum(ratio, opened), "close": ratio}
        told = {*_PRICES} & {*table.column_names}
        prices = {name: to_floats(table[name], ours.price_precision) * ratios[name] for name in told}
        if self.torn and len(told) == len(_PRICES):
            ends = (prices["open"], prices["close"])
            prices["high"] = np.maximum.reduce([prices["high"], *ends])
            prices["low"] = np.minimum.reduce([prices["low"], *ends])
        for name in told:
            table = with_column(table, name, to_decimals(prices[name], self.price_precision))
        if "volume" in table.column_names:
            volume = to_decimals(to_floats(table["volume"], ours.size_precision) / ratio, ours.size_precision)
            table = with_column(table, "volume", volume)
        return table


def forward(ts: Integers, splits: list[tuple[int, float]]) -> Floats:
    """How many shares one share of the first bar's day has become, at each bar.

    Parameters
    ----------
    ts : array of int64
        The bars' closes, rising.
    splits : list of (int, float)
        The first moment of each ex-date, and new shares for one old.

    Returns
    -------
    array of float64
        Not to be written to: where nothing is split, all of it is one number.

    Examples
    --------
    >>> forward(np.array([10, 20, 30]), [(15, 2.0)]).tolist()
    [1.0, 2.0, 2.0]
    """
    firsts = [(int(np.searchsorted(ts, moment)), factor) for moment, factor in splits]
    # A split before the first bar, or on its day, is in its prices already.
    if not any(first > 0 for first, _ in firsts):
        return np.broadcast_to(1.0, len(ts))
    ratio = np.ones(len(ts))
    for first, factor in firsts:
        if first > 0:
            ratio[first:] *= factor
    return ratio


def open_moments(ts: Integers, period: Period, session_opens: Integers) -> Integers:
    """When each bar opened.

    Parameters
    ----------
    ts : array of int64
        The bars' closes, rising.
    period : Period
        Intraday bars open one period before their close, but never before the close of the bar before (the last bar
        of a session may be a short one); bars of sessions open with the first session that opens within their period.
    session_opens : array of int64
        The opens of the venue's sessions, rising; not used for intraday bars.
    """
    opens: Integers = ts - period.nanoseconds
    if len(ts) > 1:
        np.maximum(opens[1:], ts[:-1], out=opens[1:])
    if period.is_session and len(session_opens):
        place = np.searchsorted(session_opens, opens)
        found = session_opens[np.minimum(place, len(session_opens) - 1)]
        opens = np.where(found < ts, found, opens)
    return opens


def _figures(table: pa.Table, row: int) -> tuple[Decimal, Decimal, Decimal, Decimal, Decimal]:
    open_, high, low, close, volume = (table[name][row].as_py() for name in _FIGURES)
    return open_, high, low, close, volume


def with_column(table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    """The table with other values in one of its columns."""
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(at), values)
