"""Fingerprints of rows: the same rows, the same fingerprint, however they lie in files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["of_bars", "of_figures", "of_rows"]

_FIGURES = ("open", "high", "low", "close", "volume", "ts_event")


def of_bars(table: pa.Table) -> str:
    """SHA-256 of a series' rows, column by column.

    Parameters
    ----------
    table : pyarrow.Table
        In NautilusTrader's schema; no figure is null.
    """
    return of_figures(lambda name: [table[name]])


def of_figures(read: Callable[[str], Iterable[pa.ChunkedArray]]) -> str:
    """The same of rows that are read a column at a time.

    Parameters
    ----------
    read : callable
        Gives a column, part by part.
    """
    digest = hashlib.sha256()
    for name in _FIGURES:
        digest.update(name.encode())
        for chunk in (chunk for part in read(name) for chunk in part.chunks):
            width = chunk.type.bit_width // 8
            digest.update(chunk.buffers()[1][chunk.offset * width : (chunk.offset + len(chunk)) * width])
    return digest.hexdigest()


def of_rows(table: pa.Table) -> str:
    """SHA-256 of a table of texts, numbers and times, column by column; a null is told from every value."""
    digest = hashlib.sha256()
    for name in table.column_names:
        column = table[name].cast(pa.int64()) if pa.types.is_timestamp(table[name].type) else table[name]
        texts = pc.if_else(column.is_valid(), pc.binary_join_element_wise("=", column.cast(pa.string()), ""), "-")
        digest.update("\x1f".join([name, *texts.to_pylist()]).encode() + b"\x1e")
    return digest.hexdigest()
