"""A provider's rows by instrument and part of time, in whatever order they come: held in a spool, so beyond memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib.ingestion.spool import Spool
from alphapulse_lib.ingestion.staged import named_notes, set_aside

if TYPE_CHECKING:
    from types import TracebackType

    from alphapulse_lib.providers.contract import Batch

__all__ = ["Groups"]

type Key = tuple[str, str | None, int]


class Groups:
    """The usable rows of batches, one table a symbol, venue and part of time; in a ``with``, which frees its spool.

    Parameters
    ----------
    batches : iterable of Batch
        Read once, when the groups are asked for.
    part : {"Y", "M"} or None
        What of one symbol is one table: a year or a month of UTC, or all of it.

    Attributes
    ----------
    aside : list of pyarrow.Table
        The rows that cannot be used, as the quarantine keeps them: all of them once all groups were given.
    notes : list of str
        The batches' notes, likewise.
    """

    def __init__(self, batches: Iterable[Batch], part: Literal["Y", "M"] | None) -> None:
        self._batches, self._part = batches, part
        self._spool = Spool()
        self._files: dict[str, int] = {}
        self.aside: list[pa.Table] = []
        self.notes: list[str] = []

    def __enter__(self) -> Groups:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._spool.close()

    def __iter__(self) -> Iterator[pa.Table]:
        """The groups, in the order in which each began; rows as the batches have them, with ``file`` and ``row``.

        Those of a batch that is the whole of its symbols come at once, and lie in no spool.
        """
        noted = []
        for batch in self._batches:
            noted += [(batch.name, note) for note in batch.notes]
            usable = self._usable(batch)
            if not usable.num_rows:
                continue
            if batch.whole and self._part is None:
                yield from (self._named(rows.combine_chunks()) for _, rows in self._parted(usable))
                continue
            size = usable.nbytes / usable.num_rows
            for key, rows in self._parted(usable):
                self._spool.add(key, rows, int(size * rows.num_rows))
        self.notes += named_notes(noted, len(self._files))
        for key in self._spool:
            yield self._table(key)

    def alike(self, rows: pa.Table, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Some columns of all groups of the symbol and venue of one of them."""
        symbol, venue = rows["symbol"][0].as_py(), rows["venue"][0].as_py()
        kept = [key for key in self._spool if key[:2] == (symbol, venue)]
        return (self._spool.columns(key, columns) for key in kept) if kept else iter([rows])

    def _table(self, key: Key) -> pa.Table:
        return self._named(self._spool[key])

    def _named(self, rows: pa.Table) -> pa.Table:
        """Rows with their files by name."""
        names = pa.array(list(self._files), pa.string())
        file = pa.DictionaryArray.from_arrays(rows["file"].combine_chunks(), names)
        return rows.set_column(rows.schema.get_field_index("file"), "file", file)

    def _usable(self, batch: Batch) -> pa.Table:
        """A batch's rows with the text and the file of each; the others are set aside."""
        number = self._files.setdefault(batch.name, len(self._files))
        table = batch.table.append_column("row", batch.raw["row"])
        bad = table.filter(pc.is_valid(table["reason"]))
        if bad.num_rows:
            self.aside.append(set_aside(bad.append_column("file", pa.array([batch.name] * bad.num_rows))))
            table = table.filter(pc.is_null(table["reason"]))
        return table.append_column("file", pa.array(np.full(table.num_rows, number, np.int32)))

    def _parted(self, table: pa.Table) -> Iterator[tuple[Key, pa.Table]]:
        """The rows of each key, in their order; without a copy where they lie together."""
        parts = np.zeros(table.num_rows, np.int64)
        if self._part is not None:
            parts = table["instant"].to_numpy().astype("M8[ns]").astype(f"M8[{self._part}]").astype(np.int64)
        names = table["symbol"]
        if len(pc.unique(table["venue"])) > 1:
            names = pc.binary_join_element_wise(names, pc.coalesce(table["venue"], ""), "\x1f")
        codes = names.combine_chunks().dictionary_encode().indices.to_numpy() * np.int64(1 << 32) + parts
        if (np.diff(codes) < 0).any():
            order = np.argsort(codes, kind="stable")
            table, codes, parts = table.take(order), codes[order], parts[order]
        edges = np.flatnonzero(np.diff(codes)) + 1
        symbols, venues = table["symbol"], table["venue"]
        for start, end in pairwise([0, *edges.tolist(), len(codes)]):
            key = (symbols[start].as_py(), venues[start].as_py(), int(parts[start]))
            yield key, table.slice(start, end - start)
