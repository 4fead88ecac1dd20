"""Each figure of a bar a second time: the nearest double, beside the decimal that NautilusTrader reads.

What DuckDB and Arrow take in doubles they read several times faster than in 128-bit decimals. The columns stand at a
file's end, where NautilusTrader tolerates them. They are made of the decimals whenever a file is written, and nothing
is ever made of them: the decimals are what is held.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from alphapulse_lib.catalog.decimals import to_floats
from alphapulse_lib.catalog.schemas import FIGURES

__all__ = ["COLUMNS", "FORMAT", "added", "differing", "lacking", "left_out", "renamed"]

#: A file's column -> the figure it holds.
COLUMNS = {f"{name}_float": name for name in FIGURES}
#: From this format of a catalog on every bar file has them.
FORMAT = 2


def added(table: pa.Table) -> pa.Table:
    """Bars in NautilusTrader's schema with their floats, made anew where there were any."""
    table = table.select(left_out(table.schema).names)
    for column, figure in COLUMNS.items():
        if figure not in table.schema.names:
            continue
        table = table.append_column(pa.field(column, pa.float64(), nullable=False), _made(table, figure))
    return table


def left_out(schema: pa.Schema) -> pa.Schema:
    """The schema without them."""
    return pa.schema([each for each in schema if each.name not in COLUMNS], metadata=schema.metadata)


def lacking(schema: pa.Schema) -> list[str]:
    """Which of them a file does not have."""
    return [name for name in COLUMNS if name not in schema.names]


def renamed(columns: Sequence[str]) -> list[str]:
    """The floats of figures; what is none stays."""
    return [f"{name}_float" if name in FIGURES else name for name in columns]


def differing(table: pa.Table) -> int:
    """How many of a file's floats are not what its decimals say."""
    return sum(
        int((table[column].to_numpy() != _made(table, figure).to_numpy()).sum())
        for column, figure in COLUMNS.items()
        if column in table.schema.names
    )


def _made(table: pa.Table, figure: str) -> pa.Array:
    precision = b"size_precision" if figure == "volume" else b"price_precision"
    numbers: np.ndarray[tuple[int], np.dtype[np.float64]] = to_floats(
        table[figure], int(table.schema.metadata[precision])
    )
    return pa.array(numbers)
