"""What two runs could both have read besides bars: of the instruments and the time that they have in common."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from alphapulse_lib.model.period import Period
from alphapulse_lib.model.run import RunRecord
from alphapulse_lib.model.window import Window

__all__ = ["in_common", "window_read"]

#: Each table of facts has one of these.
_MOMENTS = ("ex_date", "available_at", "ts")
_DAY = 86_400 * 10**9


def window_read(record: RunRecord) -> Window:
    """From a run's first bar to its last, whatever finer ones its fills were priced by."""
    own = {Period.parse(record.spec.period).bar_type(each) for each in record.spec.instruments}
    bars = [each for each in record.series if each.name in own]
    return Window(min(each.first for each in bars), max(each.last for each in bars))


def in_common(one: RunRecord, other: RunRecord, tables: list[pa.Table]) -> list[pa.Table]:
    """Of each table the rows that the other run would have read, too: other instruments and windows are settings."""
    if len({(each.spec.instruments, each.spec.start, each.spec.end) for each in (one, other)}) == 1:
        return tables
    shared = sorted({*one.spec.instruments} & {*other.spec.instruments})
    windows = [window_read(each) for each in (one, other)]
    start, end = max(each.start for each in windows), min(each.end for each in windows)
    return [_of(each, shared, start, end) for each in tables]


def _of(table: pa.Table, shared: list[str], start: int, end: int) -> pa.Table:
    moment = next(each for each in _MOMENTS if each in table.column_names)
    if moment == "ex_date":
        at, start, end = table[moment].cast(pa.int32()).to_numpy(), start // _DAY, end // _DAY
    else:
        at = table[moment].cast(pa.int64()).to_numpy()
    inside = (at >= start) & (at <= end)
    if "instrument_id" in table.column_names:
        inside &= np.isin(table["instrument_id"].to_numpy(zero_copy_only=False), shared)
    return table.filter(pa.array(inside))
