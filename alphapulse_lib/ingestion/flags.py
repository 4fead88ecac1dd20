"""What is odd about bars that were kept: off the tick, or a range that only a crash has. `flags/<import>.parquet`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alphapulse_lib.catalog import layout, storage
from alphapulse_lib.catalog.parquet import whole
from alphapulse_lib.catalog.publish import locked, publish_table, withdraw
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.schemas import TIME
from alphapulse_lib.model.window import Window

__all__ = ["FLAGS", "forget", "keep", "of_bars", "read"]

#: One row for each odd thing about a bar.
FLAGS = pa.schema(
    [
        ("instrument_id", pa.string()),
        ("period", pa.string()),
        ("ts", TIME),
        ("flag", pa.string()),
        ("import_id", pa.string()),
    ]
)


def of_bars(instrument_id: str, period: str, ts: NDArray[np.int64], odd: Mapping[str, NDArray[np.bool_]]) -> pa.Table:
    """The flags of a series.

    Parameters
    ----------
    ts : numpy.ndarray of int64
        The bars' closes, nanoseconds of UTC.
    odd : mapping of str to numpy.ndarray of bool
        By flag: which bars have it.
    """
    if not any(where.any() for where in odd.values()):
        return FLAGS.empty_table()
    stamps = [ts[where] for where in odd.values()]
    names = [name for name, where in odd.items() for _ in range(int(where.sum()))]
    count = len(names)
    return pa.table(
        [
            pa.array([instrument_id] * count, pa.string()),
            pa.array([period] * count, pa.string()),
            pa.array(np.concatenate(stamps), pa.int64()).cast(TIME),
            pa.array(names, pa.string()),
            pa.nulls(count, pa.string()),
        ],
        schema=FLAGS,
    )


def keep(root: PurePath, import_id: str, tables: list[pa.Table]) -> None:
    """Add the flags of an import's bars to those it has already."""
    found = pa.concat_tables([FLAGS.empty_table(), *tables])
    if not found.num_rows:
        return
    found = found.set_column(4, "import_id", pa.array([import_id] * found.num_rows, pa.string()))
    path = layout.flags_file(root, import_id)
    with locked(root):
        held = [whole(path, FLAGS)] if storage.exists(path) else []
        publish_table(root, path, pa.concat_tables([*held, found]), use_dictionary=True)


def forget(root: PurePath, import_id: str) -> None:
    """Take the flags of an import back."""
    with locked(root):
        withdraw(layout.flags_file(root, import_id))


def read(roots: Roots, instrument_ids: list[str] | None, period: str | None, window: Window) -> pa.Table:
    """Flags by instrument and time, each once; ``import_id`` names the first import that saw it."""
    parts = [whole(path, FLAGS) for _, root in roots.all for path in layout.parquet_files(root / layout.FLAGS)]
    table = pa.concat_tables([FLAGS.empty_table(), *parts])
    stamps = table["ts"].cast(pa.int64())
    wanted = pc.and_(pc.greater_equal(stamps, window.start), pc.less_equal(stamps, window.end))
    if instrument_ids is not None:
        wanted = pc.and_(wanted, pc.is_in(table["instrument_id"], pa.array(instrument_ids, pa.string())))
    if period is not None:
        wanted = pc.and_(wanted, pc.equal(table["period"], period))
    keys = ["instrument_id", "period", "ts", "flag"]
    once = table.filter(wanted).group_by(keys).aggregate([("import_id", "min")])
    return once.rename_columns([*keys, "import_id"]).sort_by([(name, "ascending") for name in keys])
