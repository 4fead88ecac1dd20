"""A catalog's Parquet files, opened and read. One that cannot be says which it is and what to do about it.

A page that says its checksum is held against it. Files from before they had any are read as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import PurePath

import pyarrow as pa
import pyarrow.parquet as pq

from alphapulse_lib.catalog import storage
from alphapulse_lib.errors import CatalogChanged, CatalogDamaged

__all__ = ["REPLACE", "look_through", "opened", "reading", "shown", "sound", "true", "unchanged", "whole"]

_TIMES = 5

#: What to do about a file that is not what it should be. A declared dataset is not read again while it is known.
REPLACE = (
    "Restore it from a copy, or remove it and import its data again; "
    "where they are a declared dataset's, take that import back first (`alphapulse revert`)."
)


#: What stands in for a file in this process; nothing but a probe for look-ahead sets it.
_lens: Callable[[PurePath], PurePath] | None = None


def look_through(lens: Callable[[PurePath], PurePath]) -> None:
    """Let every file that this process reads from now on be the one that ``lens`` puts in its place."""
    global _lens
    _lens = lens


def shown(path: PurePath) -> PurePath:
    """The file that is read for a path: itself, but in a process that looks through a lens."""
    return path if _lens is None else _lens(path)


def true(path: PurePath) -> pa.Table:
    """A file's rows as they are, whatever stands in for it.

    Raises
    ------
    CatalogDamaged
        It is not Parquet.
    """
    with reading(path):
        file = pq.ParquetFile(storage.source(path), page_checksum_verification=True)
        return sound(file.read(), file.metadata.num_rows)


def opened(path: PurePath, *, rows: bool = True) -> pq.ParquetFile:
    """A file, of which no row is read yet; of which none will be, if told so.

    Raises
    ------
    CatalogDamaged
        It is not Parquet.
    """
    with reading(path):
        source = storage.source(shown(path), rows=rows)
        # Of a large object the columns asked for are fetched together, not one request for each.
        pre_buffer = not isinstance(source, PurePath)
        return pq.ParquetFile(source, pre_buffer=pre_buffer, page_checksum_verification=True)


def whole(path: PurePath, columns: Sequence[str] | pa.Schema | None = None) -> pa.Table:
    """A file's rows: all columns of it, some, or those of a schema, cast to its types.

    Raises
    ------
    CatalogDamaged
        It is not Parquet, is torn, or lacks one of the columns.
    """
    return unchanged(partial(_whole, path, columns))


def unchanged[T](read: Callable[[], T]) -> T:
    """What is read, begun anew where an object was replaced meanwhile. A file of this machine never is.

    Raises
    ------
    CatalogChanged
        It was replaced again and again.
    """
    for _ in range(_TIMES):
        with suppress(CatalogChanged):
            return read()
    return read()


def _whole(path: PurePath, columns: Sequence[str] | pa.Schema | None) -> pa.Table:
    file = opened(path)
    with reading(path):
        if columns is None:
            return sound(file.read(), file.metadata.num_rows)  # `read_table` would import pandas
        names = columns.names if isinstance(columns, pa.Schema) else list(columns)
        table = sound(file.read(columns=names), file.metadata.num_rows).select(names)
        return table.cast(columns) if isinstance(columns, pa.Schema) else table


def sound(table: pa.Table, rows: int) -> pa.Table:
    """A table of which each column has all its rows, and each name a value.

    A page's head has no checksum: of a bit that flips there, pyarrow may leave rows of a column out without a word.

    Raises
    ------
    pyarrow.ArrowException
        One has not.
    """
    for name, column in zip(table.column_names, table.columns, strict=True):
        if len(column) != rows:
            raise pa.ArrowInvalid(f"{name} has {len(column):,} of {rows:,} rows")
        if pa.types.is_dictionary(column.type):
            column.validate(full=True)
    return table


@contextmanager
def reading(path: PurePath) -> Iterator[None]:
    """Whatever is read of a file inside of this.

    Raises
    ------
    CatalogDamaged
        It cannot be read.
    """
    try:
        yield
    except (pa.ArrowException, OSError, KeyError) as refused:
        told = str(refused).strip("'\"").splitlines() or [type(refused).__name__]
        raise CatalogDamaged(
            f"{path} cannot be read: {told[0]}", f"{REPLACE} `alphapulse check` lists every such file."
        ) from None
