"""A record as canonical JSON, and back: the form in which the ledger keeps it and the command line prints it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

from alphapulse_lib.model.run import Costs, RunRecord, RunSpec, Series, StrategySource

__all__ = ["from_json", "to_json"]


def to_json(record: RunRecord) -> str:
    """The record as canonical JSON: sorted keys, no spaces, ``null`` for a number that is not finite."""
    return json.dumps(_plain(asdict(record)), sort_keys=True, separators=(",", ":"), allow_nan=False)


def from_json(text: str) -> RunRecord:
    """The record again, equal to the one written.

    Raises
    ------
    InputError
        It holds a key that this version does not know.
    """
    values = json.loads(text)
    spec = values["spec"]
    spec["strategy"] = StrategySource.from_dict(spec["strategy"])
    spec["costs"] = Costs.from_dict(spec["costs"])
    spec["instruments"] = tuple(spec["instruments"])
    values["spec"] = RunSpec.from_dict(spec)
    values["series"] = tuple(Series.from_dict(each) for each in values["series"])
    values["statistics"] = {name: math.nan if value is None else value for name, value in values["statistics"].items()}
    return RunRecord.from_dict(values)


def _plain(value: Any) -> Any:
    """The value in what JSON can hold."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
