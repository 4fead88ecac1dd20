"""Any column of a table, and the fields of any row, as text."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["as_text", "joined"]


def as_text(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray:
    """The values as strings, nulls kept; values that Arrow cannot write, such as lists, as Python writes them.

    Examples
    --------
    >>> as_text(pa.array([1, None])).to_pylist()
    ['1', None]
    """
    chunked = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    if pa.types.is_dictionary(chunked.type):
        chunked = pc.cast(chunked, chunked.type.value_type)
    try:
        return pc.cast(chunked, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        written = [None if value is None else str(value) for value in chunked.to_pylist()]
        return pa.chunked_array([pa.array(written, pa.string())])


def joined(columns: Iterable[pa.ChunkedArray | pa.Array]) -> pa.ChunkedArray:
    """Each row's fields as one text, with commas between.

    Examples
    --------
    >>> joined([pa.array([1, None]), pa.array(["a", "b"])]).to_pylist()
    ['1,a', ',b']
    """
    return pc.binary_join_element_wise(*(as_text(each) for each in columns), ",", null_handling="replace")
