"""Tables by key, in memory, and beyond a size on disk: what an import holds between reading and writing.

The file has no name: it goes with the process, however that ends.
"""

from __future__ import annotations

import tempfile
from collections.abc import Hashable, Iterator, Sequence
from typing import IO, Any

import pyarrow as pa

__all__ = ["HELD", "Spool"]

#: Bytes of tables that are held in memory.
HELD = 1 << 26
#: Rows of a key from which on its tables are written as they came: putting them together takes them twice.
_LARGE = 1 << 16


class Spool:
    """What is added to a key is its rows, in the order in which they came; all of one key in one schema.

    Parameters
    ----------
    held : int, optional
        Bytes to hold in memory; `HELD` unless told.

    Examples
    --------
    >>> spool = Spool()
    >>> spool.add("AAPL", pa.table({"close": [1.0]})); spool.add("AAPL", pa.table({"close": [2.0]}))
    >>> spool["AAPL"]["close"].to_pylist()
    [1.0, 2.0]
    """

    def __init__(self, held: int | None = None) -> None:
        self._limit = HELD if held is None else held
        self._held: dict[Hashable, list[pa.Table]] = {}
        self._size = 0
        self._file: IO[bytes] | None = None
        self._places: dict[Hashable, list[tuple[int, int, int]]] = {}
        self._schemas: dict[Hashable, pa.Schema] = {}

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Any]:
        """The keys, in the order in which they came."""
        return iter(list(self._schemas))

    def __len__(self) -> int:
        return len(self._schemas)

    def __getitem__(self, key: Hashable) -> pa.Table:
        """All rows of a key, in one chunk a column."""
        return self.columns(key)

    def columns(self, key: Hashable, names: Sequence[str] | None = None) -> pa.Table:
        """All rows of a key, in one chunk a column: of some columns alone, which then alone are held."""
        schema = self._schemas[key]
        tables = []
        for place in self._places.get(key, ()):
            batch = pa.ipc.read_record_batch(self._read(*place), schema)
            # A copy, as the whole of a batch is held while a column of it is.
            tables.append(pa.Table.from_batches([batch if names is None else pa.concat_batches([batch.select(names)])]))
        tables += [table if names is None else table.select(names) for table in self._held.get(key, ())]
        return (pa.concat_tables(tables) if len(tables) > 1 else tables[0]).combine_chunks()

    def add(self, key: Hashable, table: pa.Table, size: int | None = None) -> None:
        """Put rows to those of a key; ``size`` is their bytes, where it is known."""
        self._schemas.setdefault(key, table.schema)
        self._held.setdefault(key, []).append(table)
        self._size += table.nbytes if size is None else size
        if self._size > self._limit:
            self._spill()

    def close(self) -> None:
        """Let go of everything."""
        self._held.clear()
        self._places.clear()
        self._schemas.clear()
        if self._file is not None:
            self._file.close()

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="alphapulse-")  # noqa: SIM115 `close` closes it
        self._file.seek(0, 2)
        for key in list(self._held):  # let go of one after the other
            tables = self._held.pop(key)
            if sum(each.num_rows for each in tables) < _LARGE:
                tables = [pa.concat_tables(tables).combine_chunks()]
            while tables:
                for batch in tables.pop(0).to_batches():
                    plain = batch.serialize()
                    place, packed = self._file.tell(), pa.compress(plain, "lz4", asbytes=True)
                    self._file.write(packed)
                    self._places.setdefault(key, []).append((place, len(packed), plain.size))
        self._size = 0

    def _read(self, place: int, size: int, plain: int) -> pa.Buffer:
        if self._file is None:
            raise ValueError("the spool was closed")
        self._file.seek(place)
        return pa.decompress(self._file.read(size), plain, "lz4")
