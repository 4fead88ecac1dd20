"""A catalog's Parquet files, opened and read. One that cannot be says which it is and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import PurePath

import pyarrow as pa
import pyarrow.parquet as pq

from alphapulse_lib.catalog import storage
from alphapulse_lib.errors import CatalogChanged, CatalogDamaged

__all__ = ["REPLACE", "opened", "reading", "unchanged", "whole"]

_TIMES = 5

#: What to do about a file that is not what it should be. A declared dataset is not read again while it is known.
REPLACE = (
    "Restore it from a copy, or remove it and import its data again; "
    "where they are a declared dataset's, take that import back first (`alphapulse revert`)."
)


def opened(path: PurePath, *, rows: bool = True) -> pq.ParquetFile:
    """A file, of which no row is read yet; of which none will be, if told so.

    Raises
    ------
    CatalogDamaged
        It is not Parquet.
    """
    with reading(path):
        source = storage.source(path, rows=rows)
        # Of a large object the columns asked for are fetched together, not one request for each.
        return pq.ParquetFile(source, pre_buffer=not isinstance(source, PurePath))


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
            return file.read()  # `read_table` would import pandas
        names = columns.names if isinstance(columns, pa.Schema) else list(columns)
        table = file.read(columns=names).select(names)
        return table.cast(columns) if isinstance(columns, pa.Schema) else table


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
