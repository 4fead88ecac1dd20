"""The parameters that runs ran with: the given ones, and what their strategies' configurations held besides.

A spec holds the given ones alone: they are what was asked. What the others were, the run's own process tells, and the
record's environment keeps it under ``defaults``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from alphapulse_lib.model.run import RunRecord

__all__ = ["left_at_default", "ran_with"]


def ran_with(records: Sequence[RunRecord]) -> list[dict[str, Any]]:
    """Of each run its parameters, those that were left at their default too, to be held against each other.

    A run of an earlier version, and one that ended before it could tell, has no record of its defaults: beside such a
    one, of each run what some run was given.
    """
    untold = [left_at_default(each) for each in records]
    given = {name for each in records for name in each.spec.parameters}
    found = [{**each.spec.parameters, **(held or {})} for held, each in zip(untold, records, strict=True)]
    if None not in untold:
        return found
    return [{name: value for name, value in each.items() if name in given} for each in found]


def left_at_default(record: RunRecord) -> dict[str, Any] | None:
    """What its strategy's configuration held of the parameters that it was not given; ``None`` where nobody said."""
    try:
        found = json.loads(record.environment.get("defaults", ""))
    except ValueError:  # also where whoever sent the hub a record wrote something else
        return None
    if not isinstance(found, dict):
        return None
    return {name: value for name, value in found.items() if name not in record.spec.parameters}
