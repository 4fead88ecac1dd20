"""Prices carried forward to moments at which an instrument has no bar of its own: only where that is asked for.

Nothing is carried to before an instrument's first bar, which would be the future, nor over a day on which it was
delisted, after which there is nothing to be had at that price.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alphapulse_lib.catalog import actions
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.window import moment_ns

__all__ = ["carried", "delisted"]

type Stamps = NDArray[np.int64]


def carried(wide: pa.Table, delistings: Sequence[Stamps], limit: int | None = None) -> pa.Table:
    """A table of prices with its holes filled from above.

    Parameters
    ----------
    wide : pa.Table
        ``ts``, sorted, then a column an instrument, not a number where it has no bar.
    delistings : sequence of array of int64
        Of each column, the moments from which on its instrument was no longer listed, sorted.
    limit : int, optional
        To how many rows in a row a price is carried, at most.
    """
    moments = wide["ts"].cast(pa.int64()).to_numpy()
    places = np.arange(len(moments))
    columns = [wide["ts"]]
    for name, ends in zip(wide.column_names[1:], delistings, strict=True):
        values = wide[name].to_numpy()
        # Of each row, the last one with a price; -1 before the first.
        last = np.maximum.accumulate(np.where(np.isnan(values), -1, places))
        listing = np.searchsorted(ends, moments, side="right")
        kept = (last >= 0) & (listing[last] == listing)
        if limit is not None:
            kept &= places - last <= limit
        columns.append(pa.array(np.where(kept, values[last], np.nan)))
    return pa.Table.from_arrays(columns, names=wide.column_names)


def delisted(
    roots: Roots, instruments: Sequence[Instrument], as_of: int | None = None, recorded_as_of: int | None = None
) -> list[Stamps]:
    """Of each instrument, the moments from which on it was no longer listed, as known by then.

    They are told by corporate actions, and by listings that end without another that follows.
    """
    found: dict[str, set[int]] = {each.id: set() for each in instruments}
    zones = {each.id: each.venue.timezone for each in instruments}
    for row in (
        actions.read(roots, None, as_of, recorded_as_of).select(["instrument_id", "kind", "ex_date"]).to_pylist()
    ):
        if row["kind"] == "delisting" and row["instrument_id"] in found:
            found[row["instrument_id"]].add(moment_ns(row["ex_date"], zones[row["instrument_id"]]))
    listings = [each for each in Index(roots, as_of, recorded_as_of).listings() if each.instrument_id in found]
    for each in listings:
        after = each.end + timedelta(days=1) if each.end else None
        if after and not any(other.holds(after) for other in listings if other.instrument_id == each.instrument_id):
            found[each.instrument_id].add(moment_ns(after, zones[each.instrument_id]))
    return [np.array(sorted(found[each.id]), np.int64) for each in instruments]
