"""That a run ended without any order, and what is likely why, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alphapulse_lib.views import numbers

if TYPE_CHECKING:
    from alphapulse_lib.model.run import RunRecord

__all__ = ["told"]


def told(record: RunRecord) -> str:
    """A sentence or two; empty where orders were sent, or where the run did not finish.

    Parameters
    ----------
    record : RunRecord
        Of parameters it knows those that were given: a whole number above the bars of every series is a likely reason.
    """
    if record.status != "finished" or record.statistics.get("orders") != 0:
        return ""
    bars = max((each.rows for each in record.series if "-LAST-EXTERNAL" in each.name), default=0)
    said = f"No order was sent in {numbers.counted(bars, 'bar')}."
    long = [(name, value) for name, value in record.spec.parameters.items() if _is_count(value) and value > bars]
    if long:
        name, value = max(long, key=lambda each: each[1])
        return f"{said} {name}={value:,} may ask for more bars than there are."
    log = f"run.log, or `alphapulse run {record.id[:8]} --log`"
    return f"{said} Its rules never came true on them, or it waits for more bars than there are: {log}, may tell."


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
