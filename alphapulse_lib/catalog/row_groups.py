"""Where a bar file's row groups end: with a month of its exchange, so that a month is decoded and nothing beside it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alphapulse_lib.model.instrument import VENUES

__all__ = ["group_ends"]

#: A group costs its own dictionaries and statistics: a month of fewer rows shares one with the next.
_LEAST, _MOST = 4_096, 16_384


def group_ends(table: pa.Table) -> list[int]:
    """One past the last row of each row group that a file of bars is to have.

    Parameters
    ----------
    table : pa.Table
        In the schema of the file, sorted by ``ts_event``.

    Returns
    -------
    list of int
        Rising; the last is the table's length. A file of at most 16,384 rows is one group; of a longer one a month
        is, with those after it until they are 4,096 rows. A month of more than 16,384 is cut into equal parts.
    """
    stamps = table["ts_event"].cast(pa.int64()).to_numpy()
    if len(stamps) <= _MOST:
        return [len(stamps)]
    cut, begins = [], 0
    for month in _months(stamps, (table.schema.metadata or {}).get(b"instrument_id", b"").decode()):
        if month - begins >= _LEAST or month == len(stamps):
            parts = -(-(month - begins) // _MOST)
            cut += np.linspace(begins, month, parts + 1).astype(int)[1:].tolist()
            begins = month
    return cut


def _months(stamps: NDArray[np.int64], instrument_id: str) -> Iterator[int]:
    """One past the last row of each month of the exchange's zone."""
    venue = VENUES.get(instrument_id.rpartition(".")[2].upper())
    zone = ZoneInfo(venue.timezone if venue else "UTC")
    first, last = stamps[[0, -1]].view("datetime64[ns]").astype("datetime64[M]").astype(int).tolist()
    # A zone's month ends up to a day away from that of UTC.
    bounds = [_starts(month, zone) for month in range(first, last + 2)]
    yield from (end for before, end in pairwise([0, *np.searchsorted(stamps, bounds).tolist()]) if end > before)
    if stamps[-1] >= bounds[-1]:
        yield len(stamps)


def _starts(month: int, zone: ZoneInfo) -> int:
    """The first nanosecond of a month, counted from January 1970."""
    return int(datetime(1970 + month // 12, 1 + month % 12, 1, tzinfo=zone).timestamp()) * 10**9
