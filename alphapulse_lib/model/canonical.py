"""A record as canonical JSON, and back: the form in which the ledger keeps it and the command line prints it."""

from __future__ import annotations

import json
import math
from typing import Any

from alphapulse_lib.model.run import RunRecord, RunSpec, Series

__all__ = ["from_json", "from_values", "to_json"]


def to_json(record: RunRecord) -> str:
    """The record as canonical JSON: sorted keys, no spaces, ``null`` for a number that is not finite."""
    return json.dumps(_plain(record.as_dict()), sort_keys=True, separators=(",", ":"), allow_nan=False)


def from_json(text: str) -> RunRecord:
    """The record again, equal to the one written.

    Raises
    ------
    InputError
        It holds a key that this version does not know.
    """
    return from_values(json.loads(text))


def from_values(values: dict[str, Any]) -> RunRecord:
    """The record again, of what its JSON was parsed to.

    Raises
    ------
    InputError
        It holds a key that this version does not know.
    """
    statistics = {name: math.nan if value is None else value for name, value in values["statistics"].items()}
    read = {
        "spec": RunSpec.from_dict(values["spec"]),
        "series": tuple(Series.from_dict(each) for each in values["series"]),
        "facts": tuple(Series.from_dict(each) for each in values.get("facts", ())),
        "statistics": statistics,
    }
    return RunRecord.from_dict({**values, **read})


def _plain(value: Any) -> Any:
    """The value in what JSON can hold."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
