"""Several instruments' rows as one table: in the order of time, or one instrument after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["laid", "merged", "named", "runs", "stacked"]

type Numbers = NDArray[np.int32]

#: Where parts have so few rows, laying them together later costs nothing.
_FEW = 2**16


def merged(parts: list[pa.Table], symbols: Sequence[str]) -> pa.Table:
    """One table sorted by time, then symbol.

    Parameters
    ----------
    parts : list of pa.Table
        Of one schema, each sorted by its column ``ts``. It is emptied: so each column's memory serves the next one.
    symbols : sequence of str
        What the rows of each belong to.

    Returns
    -------
    pa.Table
        ``symbol`` as numbers of a dictionary (of one part as `stacked`), of which `named` makes text; then the parts'
        columns.
    """
    if len(parts) == 1:
        return stacked(parts, symbols)
    schema, by_name = parts[0].schema, sorted(range(len(parts)), key=lambda at: symbols[at])
    order, owners = _order([parts[at]["ts"].cast(pa.int64()).to_numpy() for at in by_name])
    pieces = [[chunk for at in by_name for chunk in parts[at][name].chunks] for name in schema.names]
    parts.clear()
    room = np.empty(len(order), np.int64)
    columns = [_ordered(pieces.pop(0), kind, order, room) for kind in schema.types]
    names = pa.array([symbols[at] for at in by_name], pa.string())
    table = pa.Table.from_arrays(columns, schema=schema)
    return table.add_column(0, "symbol", pa.DictionaryArray.from_arrays(pa.array(owners), names))


def stacked(parts: Sequence[pa.Table], symbols: Sequence[str]) -> pa.Table:
    """One part's rows after another's, as they come: nothing of them is copied. Otherwise as `merged`.

    Returns
    -------
    pa.Table
        ``symbol`` as runs, of which `named` makes text; then the parts' columns.
    """
    return _beside(pa.concat_tables(parts), symbols, [part.num_rows for part in parts])


def laid(parts: Iterable[pa.Table], symbols: Sequence[str]) -> pa.Table:
    """As `stacked`, each column in one piece of memory, for whom pieces would be laid together anyhow.

    A part is copied into its place as it comes, so its memory serves the next one: two tables' worth is never held.
    """
    coming = iter(parts)
    first = next(coming)
    if first.num_rows < _FEW:
        return stacked([first, *coming], symbols)
    # What is not filled in the end was never got from the system.
    places = [_Place(kind, 2 * first.num_rows * len(symbols)) for kind in first.schema.types]
    schema, rows = first.schema, []
    for part in chain([first], coming):
        rows.append(part.num_rows)
        for place, column in zip(places, part.columns, strict=True):
            place.take(column)
    return _beside(pa.Table.from_arrays([place.column() for place in places], schema=schema), symbols, rows)


class _Place:
    """Where a column's chunks are laid one after the other; those that do not fit are kept as they are."""

    def __init__(self, kind: pa.DataType, rows: int) -> None:
        self._kind, self._filled = kind, 0
        self._room = np.empty(rows if _is_eight_bytes(kind) else 0, np.int64)
        self._kept: list[pa.Array] = []

    def take(self, column: pa.ChunkedArray) -> None:
        """Lay a part's chunks behind those before."""
        for chunk in column.chunks:
            end = self._filled + len(chunk)
            if self._kept or chunk.null_count or end > len(self._room):
                self._kept.append(chunk)
                continue
            self._room[self._filled : end] = chunk.view(pa.int64()).to_numpy()
            self._filled = end

    def column(self) -> pa.ChunkedArray:
        """What was taken."""
        pieces = self._kept
        if self._filled:
            buffers = [None, pa.py_buffer(self._room)]
            pieces = [pa.Array.from_buffers(self._kind, self._filled, buffers), *pieces]
        return pa.chunked_array(pieces, self._kind)


def runs(symbols: pa.ChunkedArray) -> Iterator[tuple[str, int]]:
    """Each symbol of `stacked` rows, and how many of them are its."""
    for chunk in symbols.chunks:
        bounds = pairwise([0, *chunk.run_ends.to_pylist()])
        yield from ((name, end - start) for name, (start, end) in zip(chunk.values.to_pylist(), bounds, strict=True))


def named(table: pa.Table) -> pa.Table:
    """The same table with its symbols as text."""
    coded = table["symbol"]
    if pa.types.is_run_end_encoded(coded.type):
        text = pa.chunked_array([pa.repeat(name, rows) for name, rows in runs(coded)], pa.string())
    else:
        text = coded.cast(pa.string())
    return table.set_column(table.schema.get_field_index("symbol"), "symbol", text)


def _beside(table: pa.Table, symbols: Sequence[str], rows: Sequence[int]) -> pa.Table:
    """A table with the symbols that so many rows each belong to, as runs."""
    told = [(symbol, count) for symbol, count in zip(symbols, rows, strict=True) if count]
    ends = pa.array(accumulate(count for _, count in told), pa.int64())
    runs = pa.RunEndEncodedArray.from_arrays(ends, pa.array([symbol for symbol, _ in told], pa.string()))
    return table.add_column(0, "symbol", runs)


def _is_eight_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_primitive(kind) and kind.bit_width == 64)


def _ordered(pieces: list[pa.Array], kind: pa.DataType, order: pa.Array, room: NDArray[np.int64]) -> pa.Array:
    """A column's rows in an order, out of one piece of memory: out of many small ones it takes longer.

    Numbers and times go through ``room``, one column after the other: fresh memory is sooner filled than got.
    """
    if not (_is_eight_bytes(kind) and pieces) or any(each.null_count for each in pieces):
        return pa.chunked_array(pieces, kind).combine_chunks().take(order)
    np.concatenate([each.view(pa.int64()).to_numpy() for each in pieces], out=room)
    return pa.array(room).take(order).view(kind)


def _order(stamps: Sequence[NDArray[np.int64]]) -> tuple[pa.Array, Numbers]:
    """Where each row of the merged table lies in the parts, laid end to end; and which part that is."""
    count, length = len(stamps), len(stamps[0])
    which = np.arange(count, dtype=np.int32)
    # Names that traded at the very same moments, as most of a universe do in days, need no sorting.
    if all(np.array_equal(stamps[0], each) for each in stamps[1:]):
        number = np.int32 if count * length < 2**31 else np.int64
        rows = np.add.outer(np.arange(length, dtype=number), np.arange(count, dtype=number) * length)
        return pa.array(rows.ravel()), np.tile(which, length)
    order = np.argsort(np.concatenate(stamps), kind="stable")
    return pa.array(order), np.repeat(which, [len(each) for each in stamps])[order]
