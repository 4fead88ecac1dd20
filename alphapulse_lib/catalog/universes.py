"""Universes: which tickers belonged to an index from when until when. One file a root, every version kept."""

from __future__ import annotations

from datetime import date
from pathlib import PurePath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib import clock
from alphapulse_lib.catalog import datasets, layout, storage
from alphapulse_lib.catalog.parquet import whole
from alphapulse_lib.catalog.publish import locked
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.schemas import TIME, UNIVERSE
from alphapulse_lib.catalog.versions import Merge

__all__ = ["intervals", "members", "names", "remove", "write"]

#: In place of the end of an interval that has none, in days.
_OPEN = 1 << 30


def write(root: PurePath, table: pa.Table, import_id: str, *, recorded_at: int | None = None) -> Merge:
    """Merge membership intervals into a root.

    Parameters
    ----------
    table : pa.Table
        ``universe``, ``ticker`` (as listed then, or an id), ``start`` (the first day as a member), ``end`` (the first
        day no longer one; null: still a member), ``available_at``. An interval that is known already and comes with
        another end is a restatement, known from now on.
    """
    arriving = datasets.conformed(table, UNIVERSE, import_id)
    now = clock.now_ns() if recorded_at is None else recorded_at
    with locked(root):
        return datasets.write_file(root, root / layout.UNIVERSES, UNIVERSE, arriving, now, assumed=True)


def members(
    roots: Roots | PurePath, name: str, at: date, as_of: int | None = None, recorded_as_of: int | None = None
) -> pa.Table:
    """Who belonged to a universe on a day, sorted by ticker: ``schemas.UNIVERSE``."""
    table = _read(roots, as_of, recorded_as_of)
    day = pa.scalar(at, pa.date32())
    began = pc.less_equal(table["start"], day)
    lasts = pc.fill_null(pc.greater(table["end"], day), True)
    return table.filter(pc.and_(pc.equal(table["universe"], name), pc.and_(began, lasts))).sort_by("ticker")


def intervals(
    roots: Roots | PurePath, name: str | None = None, as_of: int | None = None, recorded_as_of: int | None = None
) -> pa.Table:
    """The intervals of a universe, or of all, sorted by ticker and start: ``schemas.UNIVERSE``."""
    table = _read(roots, as_of, recorded_as_of)
    chosen = table if name is None else table.filter(pc.equal(table["universe"], name))
    return chosen.sort_by([("universe", "ascending"), ("ticker", "ascending"), ("start", "ascending")])


def names(roots: Roots | PurePath) -> list[str]:
    """The universes that are held, sorted."""
    return sorted(pc.unique(_read(roots)["universe"]).to_pylist())


def remove(root: PurePath, import_id: str) -> int:
    """Take an import's intervals back; how many they were."""
    path = root / layout.UNIVERSES
    with locked(root):
        return datasets.remove_from_file(root, path, UNIVERSE, import_id) if storage.exists(path) else 0


def _read(roots: Roots | PurePath, as_of: int | None = None, recorded_as_of: int | None = None) -> pa.Table:
    """All intervals seen at a moment; a universe comes from a person's own root where that holds any of it."""
    parts: list[pa.Table] = []
    owned: list[str] = []
    for _, root in Roots.of(roots).all:
        path = root / layout.UNIVERSES
        if storage.exists(path):
            table = whole(path, UNIVERSE.schema)
            table = table.filter(pc.invert(pc.is_in(table["universe"], pa.array(owned, pa.string()))))
            owned += pc.unique(table["universe"]).to_pylist()
            parts.append(datasets.seen(table, UNIVERSE, as_of, recorded_as_of))
    return _once(pa.concat_tables([UNIVERSE.schema.empty_table(), *parts]).unify_dictionaries())


def _once(table: pa.Table) -> pa.Table:
    """The intervals, by universe, ticker and start; those of a member that overlap as one, known since all were."""
    table = table.sort_by([("universe", "ascending"), ("ticker", "ascending"), ("start", "ascending")])
    if table.num_rows < 2:
        return table
    days = (table[name].cast(pa.int32()).cast(pa.int64()) for name in ("start", "end"))
    start, end = (each.fill_null(_OPEN).to_numpy() for each in days)
    told = [table[name].combine_chunks() for name in ("universe", "ticker")]
    another = np.logical_or.reduce([np.asarray(pc.not_equal(each[1:], each[:-1])) for each in told])
    # Days of one member after the other's, so that none overlaps another's.
    aside = np.append(0, np.cumsum(another)) * (4 * _OPEN)
    reach = np.maximum.accumulate(end + aside)
    opens = np.flatnonzero(np.append(True, (start + aside)[1:] >= reach[:-1]))
    if len(opens) == table.num_rows:
        return table
    joined, last = table.take(opens), np.maximum.reduceat(end, opens)
    ends = pa.array(last.astype(np.int32), mask=last == _OPEN).cast(pa.date32())
    joined = joined.set_column(joined.schema.get_field_index("end"), "end", ends)
    for name in ("available_at", "recorded_at"):
        latest = np.maximum.reduceat(table[name].cast(pa.int64()).to_numpy(), opens)
        joined = joined.set_column(joined.schema.get_field_index(name), name, pa.array(latest).cast(TIME))
    return joined
