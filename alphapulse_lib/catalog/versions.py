"""Rows with three times: which arriving ones are new, which were known already, and which one is seen when.

A fact (one bar, one article, one split) is named by its key and may have several versions. At a moment (`as_of`,
`recorded_as_of`) the version is seen that was available and recorded by then, and became so last.

An arriving row is compared with the version that was seen at its own ``available_at``. When the two say the same, the
row is nothing new. When they differ although both claim the same ``available_at``, nobody published the correction
then: it counts as available from now on, so that what was computed for an earlier day never changes. Where
``available_at`` is part of the key (scores, mentions: computed by us) only ``recorded_at`` decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alphapulse_lib.catalog.schemas import TIME

__all__ = ["Merge", "merge", "newest", "seen"]

type Codes = NDArray[np.int64]

_LAST = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Merge:
    """What an import changes: the rows to add to those held, and how many arrived that were new, same, restated."""

    added: pa.Table
    new: int
    same: int
    restated: int


def merge(
    held: pa.Table, arriving: pa.Table, key: Sequence[str], values: Sequence[str], now: int, *, assumed: bool = False
) -> Merge:
    """Compare arriving rows with all versions held.

    Parameters
    ----------
    held : pa.Table
        Every version held, in the dataset's schema.
    arriving : pa.Table
        The same columns; ``recorded_at`` is set here. Several versions of a fact may arrive together.
    key, values : sequence of str
        What names a fact, and what it says.
    now : int
        The moment of recording, nanoseconds since 1970, UTC.
    assumed : bool
        Nobody said when the rows became available; their ``available_at`` is a default. Then a row that says what was
        held once, and no longer is, takes the correction back, from now on.
    """
    arriving = _with_time(arriving, "recorded_at", now).select(held.schema.names).cast(held.schema)
    counts = np.zeros(3, dtype=np.int64)
    added = []
    for batch in _rounds(arriving, key):
        kept, new, same, restated = _compare(held, batch, key, values, now, assumed=assumed)
        counts += (new, same, restated)
        if kept.num_rows:
            added.append(kept)
            held = pa.concat_tables([held, kept])
    rows = pa.concat_tables(added) if added else held.slice(0, 0)
    return Merge(rows, *map(int, counts))


def newest(table: pa.Table, key: Sequence[str]) -> tuple[pa.Table, pa.Table]:
    """Split all versions into those seen today and those superseded, each sorted by key and by time.

    A version that is held twice, as after a crash between two files, is kept once.
    """
    if not table.num_rows:
        return table, table
    codes = _codes(table, key)
    available, recorded = _time(table, "available_at"), _time(table, "recorded_at")
    if _ascending(codes):
        return table, table.slice(0, 0)
    order = np.lexsort((recorded, available, codes))
    codes, available, recorded = codes[order], available[order], recorded[order]
    last = np.append(codes[1:] != codes[:-1], True)
    twin = ~last & np.append((available[1:] == available[:-1]) & (recorded[1:] == recorded[:-1]), False)
    return table.take(order[last]), table.take(order[~last & ~twin])


def seen(table: pa.Table, key: Sequence[str], as_of: int | None = None, recorded_as_of: int | None = None) -> pa.Table:
    """The versions seen at a moment, one a fact, sorted by key.

    Parameters
    ----------
    as_of, recorded_as_of : int, optional
        Nanoseconds since 1970, UTC; ``None`` sets no bound.
    """
    for column, bound in (("available_at", as_of), ("recorded_at", recorded_as_of)):
        if bound is not None:
            table = table.filter(pc.less_equal(table[column], pa.scalar(bound, TIME)))
    return newest(table, key)[0]


def _rounds(arriving: pa.Table, key: Sequence[str]) -> list[pa.Table]:
    """Batches in which each fact occurs once: all first versions, all second ones, ... by `available_at`."""
    if not arriving.num_rows:
        return []
    codes = _codes(arriving, key)
    if _ascending(codes):
        return [arriving]
    order = np.lexsort((_time(arriving, "available_at"), codes))
    starts = np.append(True, codes[order][1:] != codes[order][:-1])
    positions = np.arange(len(order))
    rank = positions - np.maximum.accumulate(np.where(starts, positions, 0))
    return [arriving.take(order[rank == number]) for number in range(int(rank.max()) + 1)]


def _compare(
    held: pa.Table, batch: pa.Table, key: Sequence[str], values: Sequence[str], now: int, *, assumed: bool
) -> tuple[pa.Table, int, int, int]:
    if not held.num_rows:
        return batch, batch.num_rows, 0, 0
    codes = _codes(pa.concat_tables([held.select(key), batch.select(key)]), key)
    ours, theirs = codes[: held.num_rows], codes[held.num_rows :]
    available = _time(batch, "available_at")
    before = _effective(ours, held, theirs, available)
    same = _equal(held, before, batch, values)
    if assumed:
        same &= _equal(held, _effective(ours, held, theirs, np.full_like(available, _LAST)), batch, values)
    if "available_at" not in key:
        held_available = _time(held, "available_at")
        late = (before >= 0) & ~same & (held_available[before] == available)
        if late.any():
            available = np.where(late, now, available)
            batch = batch.set_column(
                batch.schema.get_field_index("available_at"),
                held.schema.field("available_at"),
                pa.array(available).cast(TIME),
            )
            same = _equal(held, _effective(ours, held, theirs, available), batch, values)
    known = np.isin(theirs, ours)
    kept = batch.filter(pa.array(~same))
    return kept, int((~same & ~known).sum()), int(same.sum()), int((~same & known).sum())


def _effective(ours: Codes, held: pa.Table, theirs: Codes, available: Codes) -> Codes:
    """For each arriving row, the position of the version held that was seen at its `available_at`; -1: none."""
    count = len(ours)
    codes = np.concatenate([ours, theirs])
    times = np.concatenate([_time(held, "available_at"), available])
    recorded = np.concatenate([_time(held, "recorded_at"), np.full(len(theirs), _LAST)])
    order = np.lexsort((recorded, times, codes))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    at = place[count:]
    previous = order[np.maximum(at - 1, 0)]
    found = (at > 0) & (codes[previous] == theirs) & (previous < count)
    return np.where(found, previous, -1)


def _equal(held: pa.Table, positions: Codes, batch: pa.Table, values: Sequence[str]) -> NDArray[np.bool_]:
    """Whether each arriving row says the same as the version at its position; a null equals a null."""
    result = positions >= 0
    rows = np.flatnonzero(result)
    if not len(rows):
        return result
    ours, theirs = held.select(values).take(positions[rows]), batch.select(values).take(rows)
    alike = np.ones(len(rows), dtype=bool)
    for name in values:
        alike &= _same_column(ours[name].combine_chunks(), theirs[name].combine_chunks())
    result[rows] = alike
    return result


def _same_column(left: pa.Array, right: pa.Array) -> NDArray[np.bool_]:
    if pa.types.is_list(left.type):
        left, right = (pc.binary_join(each, "\x1f") for each in (left, right))
    equal = pc.fill_null(pc.equal(left, right), False)
    both_null = pc.and_(pc.is_null(left), pc.is_null(right))
    alike: NDArray[np.bool_] = pc.or_(equal, both_null).to_numpy(zero_copy_only=False)
    return alike


def _codes(table: pa.Table, key: Sequence[str]) -> Codes:
    """One whole number a row, equal where the keys are equal; in the order of a single time column."""
    if len(key) == 1 and pa.types.is_timestamp(table[key[0]].type):
        return _time(table, key[0])
    codes = np.zeros(table.num_rows, dtype=np.int64)
    for name in key:
        column = table[name].combine_chunks()
        column = column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)
        size = max(len(column.dictionary), 1)
        each = pc.fill_null(column.indices, 0).to_numpy(zero_copy_only=False).astype(np.int64)
        # Dense again after each column, so that many columns cannot overflow.
        codes = np.unique(codes * size + each, return_inverse=True)[1].astype(np.int64)
    return codes


def _ascending(codes: Codes) -> bool:
    return bool((codes[1:] > codes[:-1]).all())


def _time(table: pa.Table, name: str) -> Codes:
    column = table[name].combine_chunks()
    moments: Codes = column.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return moments


def _with_time(table: pa.Table, name: str, moment: int) -> pa.Table:
    column = pa.repeat(pa.scalar(moment, TIME), table.num_rows)
    at = table.schema.get_field_index(name)
    return table.append_column(name, column) if at < 0 else table.set_column(at, name, column)
