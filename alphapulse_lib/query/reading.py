"""Several instruments' rows as one table, or as a stream of batches that holds a part of history at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Literal, Protocol

import numpy as np
import pyarrow as pa

from alphapulse_lib.errors import NoCoverage
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.window import Window
from alphapulse_lib.query.merging import laid, merged, named, stacked

__all__ = ["Order", "Reading", "batches", "names", "whole", "wide"]

#: All instruments' rows in the order of time, or one instrument's after another's.
type Order = Literal["time", "symbol"]

#: Rows that are read for one batch, about.
_MOST_ROWS = 2**17


class Reading(Protocol):
    """Something that instruments have rows of: bars, trades, quotes."""

    @property
    def instruments(self) -> Sequence[Instrument]:
        """Whose rows, each once."""

    def part(self, instrument: Instrument, window: Window, /) -> pa.Table:
        """One instrument's rows of a window of ``ts``, which is their first column, sorted by it; perhaps none."""

    def parts(self, window: Window, /) -> Iterable[pa.Table]:
        """The same of each instrument, in their order."""

    def refusal(self, instrument: Instrument, window: Window, /) -> NoCoverage:
        """Why there is no row of an instrument, and what is there."""

    def groups(self, instrument: Instrument, window: Window, /) -> Iterable[tuple[int, int, int]]:
        """How the files that are read lie in time: row groups' rows, first and last ``ts``."""


def whole(reading: Reading, window: Window, order: Order = "time", *, coded: bool = False) -> pa.Table:
    """All rows of a window: ``symbol``, then a part's columns; by ``ts``, then ``symbol``, or as the instruments are.

    ``coded`` leaves the symbols as `merging` gives them, and has each column in one piece where it is long.

    Raises
    ------
    NoCoverage
        One of the instruments has no row there.
    """
    parts, symbols = _parts(reading, window), names(reading.instruments)
    if order == "symbol" and coded:
        return laid(parts, symbols)
    table = merged([*parts], symbols) if order == "time" else stacked([*parts], symbols)
    return table if coded else named(table)


def wide(reading: Reading, window: Window, column: str) -> pa.Table:
    """One column of all, side by side: ``ts``, then a float64 column an instrument; not a number where it has no row.

    Raises
    ------
    NoCoverage
        One of the instruments has no row there.
    """
    parts = [*_parts(reading, window)]
    kind = parts[0].schema.field("ts").type
    stamps = [part["ts"].cast(pa.int64()).to_numpy() for part in parts]
    # Most names of a universe have the very same moments: these are looked up once.
    distinct = {each.tobytes(): each for each in stamps}
    moments = np.unique(np.concatenate([*distinct.values()]))
    places = {key: np.searchsorted(moments, each) for key, each in distinct.items()}
    columns = []
    for part, each in zip(parts, stamps, strict=True):
        values = np.full(len(moments), np.nan)
        values[places[each.tobytes()]] = part[column].to_numpy()
        columns.append(pa.array(values))
    return pa.table([pa.array(moments).cast(kind), *columns], names=["ts", *names(reading.instruments)])


def batches(reading: Reading, window: Window, order: Order = "time") -> pa.RecordBatchReader:
    """The same rows in the same order, stretch by stretch of time: memory is a stretch's, however long history is.

    Raises
    ------
    NoCoverage
        One of the instruments has no row there; where only its versions tell, when the stream ends.
    """
    groups = {each: list(reading.groups(each, window)) for each in reading.instruments}
    for each, found in groups.items():
        if not found:
            raise reading.refusal(each, window)
    nothing = reading.part(reading.instruments[0], Window(0, 0))
    schema = named(merged([nothing.slice(0, 0)], [""])).schema
    called = dict(zip(reading.instruments, names(reading.instruments), strict=True))
    streams = (
        _streamed(reading, some, window, _stretches([each for one in some for each in groups[one]], window))
        for some in ([called] if order == "time" else [{each: name} for each, name in called.items()])
    )
    return pa.RecordBatchReader.from_batches(schema, chain.from_iterable(streams))


def names(instruments: Sequence[Instrument]) -> list[str]:
    """What instruments are called in results: ticker or short symbol where it is theirs alone, else the id."""
    called = [each.ticker or each.symbol for each in instruments]
    shared = Counter(called)
    return [name if shared[name] == 1 else each.id for each, name in zip(instruments, called, strict=True)]


def _parts(reading: Reading, window: Window) -> Iterator[pa.Table]:
    for each, table in zip(reading.instruments, reading.parts(window), strict=True):
        if not table.num_rows:
            raise reading.refusal(each, window)
        yield table


def _streamed(
    reading: Reading, called: Mapping[Instrument, str], window: Window, stretches: Iterable[Window]
) -> Iterator[pa.RecordBatch]:
    """The rows of some instruments, by what these are called."""
    missing = dict.fromkeys(called)
    for stretch in stretches:
        parts, symbols = [], []
        for each, symbol in called.items():
            table = reading.part(each, stretch)
            if table.num_rows:
                missing.pop(each, None)
                parts.append(table)
                symbols.append(symbol)
        if parts:
            yield from named(merged(parts, symbols)).combine_chunks().to_batches()
    for each in missing:
        raise reading.refusal(each, window)


def _stretches(groups: Sequence[tuple[int, int, int]], window: Window) -> Iterator[Window]:
    """A window cut so that about as many rows lie in each part, if the rows of a group lie evenly in it."""
    rows, first, last = np.array(groups, np.int64).T
    rate = rows / (last + 1 - first)
    moments, change = np.concatenate([first, last + 1]), np.concatenate([rate, -rate])
    order = np.argsort(moments)
    moments = moments[order]
    upto = np.append(0.0, np.cumsum(np.cumsum(change[order])[:-1] * np.diff(moments)))
    cuts = np.interp(np.arange(_MOST_ROWS, rows.sum(), _MOST_ROWS), upto, moments).astype(np.int64)
    start = window.start
    for cut in cuts[(cuts > window.start) & (cuts < window.end)].tolist():
        yield Window(start, cut)
        start = cut + 1
    yield Window(start, window.end)
