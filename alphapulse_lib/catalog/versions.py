"""Rows with three times: which arriving ones are new, which were known already, and which one is seen when.

A fact (one bar, one article, one split) is named by its key and may have several versions. At a moment (`as_of`,
`recorded_as_of`) the version is seen that was available and recorded by then, and became so last.

An arriving row says when it became available, or leaves that to be assumed:

- A stated one is compared with the version that was seen at its own ``available_at``. When they differ although both
  claim that very moment, nobody published the correction then: it counts as available from now on, so that what was
  computed for an earlier day never changes. When they say the same, the row is nothing new; but it confirms what it
  repeats, and is kept as such: of a value that was restated and restated back, the vintages may be imported in any
  order, and without its confirmation an older one imported last would be taken for the newest.
- An assumed one may only open a fact. Where any version is held it is compared with what is seen today, and where it
  differs it counts as available from now on: a file of today says nothing of what was known at a bar's close.

Where ``available_at`` is part of the key (scores, mentions: computed by us) only ``recorded_at`` decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alphapulse_lib.catalog.schemas import TIME

__all__ = ["Merge", "changes", "merge", "newest", "seen", "together"]

type Codes = NDArray[np.int64]

_LAST = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Merge:
    """What an import changes: the rows to add to those held, and how many arrived that were new, same, restated.

    ``confirmed`` are rows to keep although they say what was known: at another time of availability.
    """

    added: pa.Table
    new: int
    same: int
    restated: int
    confirmed: pa.Table

    @property
    def kept(self) -> pa.Table:
        """All rows to keep."""
        return pa.concat_tables([self.added, self.confirmed]) if self.confirmed.num_rows else self.added


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
        Nobody said when the rows became available; their ``available_at`` is a default.
    """
    arriving = _with_time(arriving, "recorded_at", now)
    if arriving.schema != held.schema:
        arriving = arriving.select(held.schema.names).cast(held.schema)
    counts = np.zeros(3, dtype=np.int64)
    none = held.slice(0, 0)
    added, confirmed = [none], [none]
    for batch in _rounds(arriving, key):
        change, confirm, new, same, restated = _compare(held, batch, key, values, now, assumed=assumed)
        counts += (new, same, restated)
        added.append(change)
        confirmed.append(confirm)
        held = pa.concat_tables([held, *(each for each in (change, confirm) if each.num_rows)])
    new, same, restated = map(int, counts)
    return Merge(pa.concat_tables(added), new, same, restated, pa.concat_tables(confirmed))


def together(merges: Sequence[Merge], schema: pa.Schema) -> Merge:
    """What several merges changed, of rows in that schema."""
    none = schema.empty_table()
    return Merge(
        pa.concat_tables([none, *(each.added for each in merges)]),
        sum(each.new for each in merges),
        sum(each.same for each in merges),
        sum(each.restated for each in merges),
        pa.concat_tables([none, *(each.confirmed for each in merges)]),
    )


def newest(table: pa.Table, key: Sequence[str], values: Sequence[str]) -> tuple[pa.Table, pa.Table]:
    """Split all versions into those seen today and all others, each sorted by key and by time.

    Of a version and those that confirm it after it, the first is seen. A version that is held twice, as after a crash
    between two files, is kept once.
    """
    if not table.num_rows or _ascending(_codes(table, key)):
        return table, table.slice(0, 0)
    rows, first, last = _in_order(table, key, values)
    # The last change of each fact: the greatest position, up to its last row, where a run of equal rows begins.
    opening = np.maximum.accumulate(np.where(first, np.arange(len(first)), 0))[last]
    current = np.zeros(len(first), dtype=bool)
    current[opening] = True
    return rows.filter(pa.array(current)), rows.filter(pa.array(~current))


def changes(table: pa.Table, key: Sequence[str], values: Sequence[str]) -> tuple[pa.Table, pa.Table]:
    """Split all versions into those that say something else than the one before, and those that confirm it.

    One that was recorded before what it confirms counts as a change: for a while it was the first that was held.
    """
    if not table.num_rows or _ascending(_codes(table, key)):
        return table, table.slice(0, 0)
    rows, first, _ = _in_order(table, key, values)
    first[1:] |= np.diff(_time(rows, "recorded_at")) < 0
    return rows.filter(pa.array(first)), rows.filter(pa.array(~first))


def seen(
    table: pa.Table,
    key: Sequence[str],
    values: Sequence[str],
    as_of: int | None = None,
    recorded_as_of: int | None = None,
) -> pa.Table:
    """The versions seen at a moment, one a fact, sorted by key.

    Parameters
    ----------
    values : sequence of str
        What a fact says. Of a version that was confirmed later the first is seen; without values, the last.
    as_of, recorded_as_of : int, optional
        Nanoseconds since 1970, UTC; ``None`` sets no bound.
    """
    for column, bound in (("available_at", as_of), ("recorded_at", recorded_as_of)):
        if bound is not None:
            table = table.filter(pc.less_equal(table[column], pa.scalar(bound, TIME)))
    return newest(table, key, values)[0]


def _in_order(
    table: pa.Table, key: Sequence[str], values: Sequence[str]
) -> tuple[pa.Table, NDArray[np.bool_], NDArray[np.bool_]]:
    """The rows by key and time, each once; which of them change what was said, and which are the last of their fact."""
    codes, available, recorded = _codes(table, key), _time(table, "available_at"), _time(table, "recorded_at")
    order = np.lexsort((recorded, available, codes))
    codes, available, recorded = codes[order], available[order], recorded[order]
    twin = (np.diff(codes) == 0) & (np.diff(available) == 0) & (np.diff(recorded) == 0)
    once = np.append(~twin, True)
    rows, codes = table.take(order[once]), codes[once]
    opens = np.append(True, codes[1:] != codes[:-1])
    repeats = np.flatnonzero(~opens)
    first = np.ones(len(opens), dtype=bool)
    if values:
        first[repeats] = ~_alike(rows.take(repeats - 1), rows.take(repeats), values)
    return rows, first, np.append(opens[1:], True)


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
) -> tuple[pa.Table, pa.Table, int, int, int]:
    if not held.num_rows:
        return batch, batch.slice(0, 0), batch.num_rows, 0, 0
    codes = _codes(pa.concat_tables([held.select(key), batch.select(key)]), key)
    ours, theirs = codes[: held.num_rows], codes[held.num_rows :]
    known = np.isin(theirs, ours)
    available, claimed = _time(batch, "available_at"), np.zeros(batch.num_rows, dtype=bool)
    if "available_at" in key:
        before = _effective(ours, held, theirs, available)
        same = _equal(held, before, batch, values)
        claimed[:] = True
    else:
        if assumed:
            from_now = known
        else:
            before = _effective(ours, held, theirs, available)
            claimed = (before >= 0) & (_time(held, "available_at")[before] == available)
            from_now = claimed & ~_equal(held, before, batch, values)
        available = np.where(from_now, np.maximum(available, now), available)
        batch = _with_times(batch, "available_at", available)
        claimed |= from_now
        same = _equal(held, _effective(ours, held, theirs, available), batch, values)
    # What repeats a row at the very moment that row claims, or of today, adds nothing at all.
    confirms = pa.array(same & ~claimed)
    changed = batch.filter(pa.array(~same))
    return changed, batch.filter(confirms), int((~same & ~known).sum()), int(same.sum()), int((~same & known).sum())


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
    result[rows] = _alike(held.take(positions[rows]), batch.take(rows), values)
    return result


def _alike(left: pa.Table, right: pa.Table, values: Sequence[str]) -> NDArray[np.bool_]:
    """Whether two tables say the same, row by row."""
    alike = np.ones(left.num_rows, dtype=bool)
    for name in values:
        alike &= _same_column(left[name].combine_chunks(), right[name].combine_chunks())
    return alike


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
    column = pa.array(np.full(table.num_rows, moment)).view(TIME)
    at = table.schema.get_field_index(name)
    return table.append_column(name, column) if at < 0 else table.set_column(at, table.schema.field(at), column)


def _with_times(table: pa.Table, name: str, moments: Codes) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(at), pa.array(moments).cast(TIME))
