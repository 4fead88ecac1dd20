"""A catalog's Parquet files, opened and read. One that cannot be says which it is and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePath

import pyarrow as pa
import pyarrow.parquet as pq

from alphapulse_lib.catalog import storage
from alphapulse_lib.errors import CatalogDamaged

__all__ = ["REPLACE", "opened", "reading", "whole"]

#: What to do about a file that is not what it should be. A declared dataset is not read again while it is known.
REPLACE = (
    "Restore it from a copy, or remove it and import its data again; "
    "where they are a declared dataset's, take that import back first (`alphapulse revert`)."
)


def opened(path: PurePath) -> pq.ParquetFile:
    """A file, of which no row is read yet.

    Raises
    ------
    CatalogDamaged
        It is not Parquet.
    """
    with reading(path):
        return pq.ParquetFile(storage.source(path))


def whole(path: PurePath, columns: Sequence[str] | pa.Schema | None = None) -> pa.Table:
    """A file's rows: all columns of it, some, or those of a schema, cast to its types.

    Raises
    ------
    CatalogDamaged
        It is not Parquet, is torn, or lacks one of the columns.
    """
    with reading(path):
        if columns is None:
            return pq.ParquetFile(storage.source(path)).read()  # `read_table` would import pandas
        names = columns.names if isinstance(columns, pa.Schema) else list(columns)
        table = pq.ParquetFile(storage.source(path)).read(columns=names).select(names)
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
