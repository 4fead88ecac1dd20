"""Trades and quotes of a run, stretch by stretch of time, so that no more of them are in memory than one stretch has.

A tick is told at its moment, or when it became available where that was later: nobody acted on a print before it was
out. A quote of one side alone, and a tick without size, is no price and is left out; the run's log counts them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePath
from typing import Any

import numpy as np
import pyarrow as pa
from nautilus_trader.persistence import QuoteTickDataWrangler, TradeTickDataWrangler

from alphapulse_lib.catalog import reader, ticks
from alphapulse_lib.catalog.decimals import to_decimals, to_floats
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.schemas import TIME
from alphapulse_lib.engine.feed import Feed, Floats, Integers
from alphapulse_lib.engine.objects import ipc
from alphapulse_lib.model.window import Window

__all__ = ["TickSeries", "TickStream", "tick_series"]

_WRANGLERS: dict[str, Any] = {"trades": TradeTickDataWrangler, "quotes": QuoteTickDataWrangler}
_NAMES = {"trades": "TradeTick", "quotes": "QuoteTick"}
_PRICES = {"trades": ("price",), "quotes": ("bid_price", "ask_price")}
_SIZES = {"trades": ("size",), "quotes": ("bid_size", "ask_size")}
_WORDS = {"trades": ("aggressor_side", "trade_id"), "quotes": ()}


@dataclass(frozen=True, eq=False)
class TickSeries:
    """One instrument's ticks of one kind.

    Attributes
    ----------
    window : Window
        Of their own moments: from the open of the run's first bar to the close of its last.
    root : str
        The root they are read from.
    """

    kind: ticks.Tick
    feed: Feed
    roots: Roots
    window: Window
    root: str
    as_of: int | None = None
    recorded_as_of: int | None = None
    _left_out: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        """As the run's record calls it."""
        return f"{self.feed.instrument.id} {self.kind}"

    @cached_property
    def groups(self) -> list[tuple[int, int, int]]:
        """Of the row groups that reach into the window: their rows, and their first and last moment."""
        return list(ticks.groups(self.roots, self.kind, self.feed.instrument.id, self.window))

    def stored(self, window: Window) -> pa.Table:
        """Its ticks of a window in NautilusTrader's columns and ``available_at``, as traded, sorted by time."""
        columns = [*_PRICES[self.kind], *_SIZES[self.kind], *_WORDS[self.kind], "ts_event", "ts_init"]
        key = ("ts_event", ticks.KEYS[self.kind])
        parts = [
            reader.read_file(root, path, window, self.as_of, self.recorded_as_of, [*columns, "available_at"], key)
            for root, path in ticks.files_of(self.roots, self.kind, self.feed.instrument.id, window)
        ]
        if not parts:
            return pa.table({name: pa.array([], pa.int64()) for name in (*columns, "available_at")})
        table = pa.concat_tables(parts).combine_chunks()
        stamps = table["ts_event"].cast(pa.int64()).to_numpy()
        return table if (stamps[1:] >= stamps[:-1]).all() else table.take(np.argsort(stamps, kind="stable"))

    def usable(self, table: pa.Table) -> pa.Table:
        """Those that are prices: with every side and size."""
        good = np.ones(table.num_rows, np.bool_)
        for name in (*_PRICES[self.kind], *_SIZES[self.kind]):
            good &= to_floats(table[name], self._precision(name)) > 0
        return table if good.all() else table.filter(pa.array(good))

    def objects(self, table: pa.Table) -> list[Any]:
        """Rows of `TickStream` as NautilusTrader's objects, in the engine's units, made in Rust."""
        made: list[Any] = self._wrangler.process_record_batch_bytes(ipc(self._in_engine_units(table)))
        return made

    def sides(self, table: pa.Table) -> tuple[Integers, Floats, Floats]:
        """Of rows of `TickStream`: their moments, and what is bid and asked, in the engine's units."""
        held = self._in_engine_units(table)
        first, last = (to_floats(held[name], self.feed.price_precision) for name in _outer(_PRICES[self.kind]))
        return held["ts_init"].cast(pa.int64()).to_numpy(), first, last

    def described(self) -> dict[str, Any]:
        """What is read, as the record keeps it."""
        digests = [hashlib.sha256() for _ in (*_PRICES[self.kind], *_SIZES[self.kind], "ts", "available")]
        rows = fed = first = last = 0
        for table in self._stretches():
            stamps = table["ts_event"].cast(pa.int64()).to_numpy()
            columns = [stamps, table["available_at"].cast(pa.int64()).to_numpy()]
            columns += [to_floats(table[n], self._precision(n)) for n in (*_PRICES[self.kind], *_SIZES[self.kind])]
            for digest, column in zip(digests, columns, strict=True):
                digest.update(np.ascontiguousarray(column))
            first, last = first or int(stamps[0]), int(stamps[-1])
            rows, fed = rows + len(stamps), fed + self.usable(table).num_rows
        self._left_out[:] = [rows - fed] if rows > fed else []
        whole = hashlib.sha256(b"".join(each.digest() for each in digests)).hexdigest()
        return {
            "name": self.name,
            "root": self.root,
            "rows": rows,
            "first": first,
            "last": last,
            "fingerprint": whole,
        }

    @property
    def told(self) -> list[str]:
        """What `described` found to be no price, in words."""
        return [f"{self.name}: {count:,} without a side or a size are not fed." for count in self._left_out]

    def _stretches(self) -> Iterator[pa.Table]:
        start = self.window.start
        for end in [*sorted({last for _, _, last in self.groups if last < self.window.end}), self.window.end]:
            table = self.stored(Window(start, end))
            if table.num_rows:
                yield table
            start = end + 1

    @cached_property
    def _wrangler(self) -> Any:
        instrument = self.feed.instrument
        return _WRANGLERS[self.kind](instrument.id, self.feed.price_precision, instrument.size_precision)

    def _precision(self, name: str) -> int:
        instrument = self.feed.instrument
        return instrument.size_precision if name in _SIZES[self.kind] else instrument.price_precision

    def _in_engine_units(self, table: pa.Table) -> pa.Table:
        instrument, ratio = self.feed.instrument, self._ratio(table)
        if ratio is not None:
            for name in _PRICES[self.kind]:
                prices = to_floats(table[name], instrument.price_precision) * ratio
                table = _with_column(table, name, to_decimals(prices, self.feed.price_precision))
            for name in _SIZES[self.kind]:
                least = 10.0**-instrument.size_precision
                sizes = np.maximum(to_floats(table[name], instrument.size_precision) / ratio, least)
                table = _with_column(table, name, to_decimals(sizes, instrument.size_precision))
        return table.replace_schema_metadata(
            {
                "instrument_id": instrument.id,
                "price_precision": str(self.feed.price_precision),
                "size_precision": str(instrument.size_precision),
                "type_name": _NAMES[self.kind],
            }
        )

    def _ratio(self, table: pa.Table) -> Floats | None:
        """How many shares one share of the first day is at each tick; ``None`` where nothing was split."""
        if not self.feed.has_splits:
            return None
        stamps = table["ts_event"].cast(pa.int64()).to_numpy()
        rows = np.minimum(np.searchsorted(self.feed.ts, stamps), len(self.feed.ts) - 1)
        ratio: Floats = self.feed.ratio[rows] / self.feed.to_come(stamps)
        return ratio


class TickStream:
    """The ticks of a series by the moments at which they are told, in stretches that follow each other."""

    def __init__(self, series: TickSeries) -> None:
        self.series = series
        self._start = series.window.start
        self._late: pa.Table | None = None

    def upto(self, end: int | None) -> pa.Table:
        """What is told after the last stretch and up to a moment; ``None``: all the rest.

        Returns
        -------
        pyarrow.Table
            NautilusTrader's columns; ``ts_event`` and ``ts_init`` are both when it is told.
        """
        until = self.series.window.end if end is None else min(end, self.series.window.end)
        table = self.series.stored(Window(self._start, until)) if self._start <= until else None
        self._start = max(self._start, until + 1)
        parts = [each for each in (self._late, table) if each is not None and each.num_rows]
        if not parts:
            self._late = None
            return pa.table({})
        rows = self.series.usable(pa.concat_tables(parts, promote_options="none"))
        told = np.maximum(*(rows[name].cast(pa.int64()).to_numpy() for name in ("ts_event", "available_at")))
        later = told > (self.series.feed.last if end is None else end)
        self._late = rows.filter(pa.array(later)) if later.any() else None
        if later.any():
            rows, told = rows.filter(pa.array(~later)), told[~later]
        if (told[1:] < told[:-1]).any():
            order = np.argsort(told, kind="stable")
            rows, told = rows.take(order), told[order]
        stamps = pa.array(told).cast(TIME)
        rows = rows.drop_columns(["available_at"])
        for name in ("ts_event", "ts_init"):
            rows = _with_column(rows, name, stamps)
        return rows


def tick_series(
    roots: Roots, feed: Feed, first: int, as_of: int | None = None, recorded_as_of: int | None = None
) -> tuple[TickSeries, ...]:
    """The ticks held of a series' instrument while it has bars, trades before quotes; none of a kind that has none.

    Parameters
    ----------
    first : int
        When its first bar opened.
    """
    found = []
    for kind in ticks.KINDS:
        root = _root(roots, kind, feed.instrument.id)
        series = TickSeries(kind, feed, roots, Window(first, feed.last), root, as_of, recorded_as_of)
        if root and series.groups:
            found.append(series)
    return tuple(found)


def _root(roots: Roots, kind: ticks.Tick, instrument_id: str) -> str:
    files = ticks.files_of(roots, kind, instrument_id, Window())
    held: PurePath | None = files[0][0] if files else None
    return next((name for name, root in roots.all if root == held), "")


def _outer(names: tuple[str, ...]) -> tuple[str, str]:
    return names[0], names[-1]


def _with_column(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(at), values)
