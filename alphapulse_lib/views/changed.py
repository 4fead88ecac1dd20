"""That what a run read is another by now, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from alphapulse_lib.views import numbers

if TYPE_CHECKING:
    from alphapulse_lib.model.run import RunRecord
    from alphapulse_lib.results.changed_data import Change

__all__ = ["told"]

#: Series that are named; of more, their number.
_NAMED = 3
_FACTS = {"actions": "corporate action", "news": "article", "benchmark": "close"}


def told(record: RunRecord, changes: Sequence[Change]) -> str:
    """One sentence or two; empty where nothing changed."""
    if not changes:
        return ""
    zone = numbers.place(record.spec).timezone
    named = [_one(each, zone, record) for each in changes[:_NAMED]]
    more = [f"{len(changes) - _NAMED} more series"] if len(changes) > _NAMED else []
    what = "; ".join([*named, *more])
    anew = f", and has {record.spec.scorer} score anew" if any(each.unscored for each in changes) else ""
    again = f"`alphapulse rerun {record.id[:8]}` reads them as recorded then{anew}."
    how = "No rerun can read them." if any(each.rows is None for each in changes) else again
    return f"Data this run read have changed since: {what}. {how}"


def _one(change: Change, zone: str, record: RunRecord) -> str:
    fact = _FACTS.get(change.name)
    whose = f" of {record.spec.benchmark}" if change.name == "benchmark" else ""
    name = f" of {change.name.rsplit('-', 4)[0].rpartition('.')[0]}" if fact is None else whose
    if change.rows is None:
        return f"rows{name}, which this catalog no longer tells" if fact is None else f"{fact}s{whose}"
    of_day = change.name == "actions"  # an ex-date is told by its first moment in UTC
    when = numbers.day(change.first) if of_day else numbers.day(change.first, zone, "%Y-%m-%d %H:%M %Z")
    if change.unscored:
        return f"the scores of {numbers.counted(change.rows, 'article')} are not held, first at {when}"
    known = " could be known at other moments" if change.only_known else ""
    return f"{numbers.counted(change.rows, fact or 'row')}{name}{known}, first at {when}"
