"""What runs rest on, in words, and which of it they do not share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from alphapulse_lib.model.run import RunRecord, RunSpec
from alphapulse_lib.results.parameters import ran_with
from alphapulse_lib.views import numbers

__all__ = ["apart", "differing", "ground_of", "settings_of"]

#: Told apart: the parameters, the costs, and what has a unit.
_MOMENTS = ("as_of", "recorded_as_of")
_APART = ("strategy", "instruments", "start", "end", "parameters", "at_default", "costs", "fill", *_MOMENTS)
_NONE = "\N{EM DASH}"


def apart(records: Sequence[RunRecord]) -> dict[str, list[str]]:
    """Of strategy, instruments, fill convention, window and currency, as told of every run, what they do not share."""
    told: dict[str, list[str]] = {
        "strategy": _strategies(records),
        "instruments": [", ".join(each.symbols) for each in records],
        "fill": [each.spec.fill for each in records],
        "window": [numbers.window(each) for each in records],
        "currency": [numbers.currency(each) for each in records],
    }
    return {name: values for name, values in told.items() if len(set(values)) > 1}


def _strategies(records: Sequence[RunRecord]) -> list[str]:
    """The names of their classes; with their modules where those alone tell them apart."""
    names = [each.spec.strategy.name for each in records]
    classes = [each.rpartition(":")[2] for each in names]
    return classes if len(set(classes)) == len(set(names)) else names


def differing(records: Sequence[RunRecord]) -> list[tuple[str, list[str]]]:
    """The parameters, settings, rows and versions in which runs differ, with the value of each run."""
    told = [
        {name: _written(value) for name, value in parameters.items()} | settings_of(each.spec) | ground_of(each)
        for parameters, each in zip(ran_with(records), records, strict=True)
    ]
    names = dict.fromkeys(name for each in told for name in each)
    rows = [(name, [each.get(name, _NONE) for each in told]) for name in names]
    return [(name, values) for name, values in rows if len(set(values)) > 1]


def settings_of(spec: RunSpec) -> dict[str, str]:
    """Costs and settings by name."""
    found = {f"costs: {each.name}": _written(getattr(spec.costs, each.name)) for each in fields(spec.costs)}
    found |= {
        f"spec: {each.name}": _written(getattr(spec, each.name)) for each in fields(spec) if each.name not in _APART
    }
    moments = {name: getattr(spec, name) for name in _MOMENTS}
    return found | {
        f"spec: {name}": _NONE if at is None else numbers.day(at, "UTC", "%Y-%m-%d %H:%M:%S UTC")
        for name, at in moments.items()
    }


def ground_of(record: RunRecord) -> dict[str, str]:
    """What a result rests on besides: the strategy's source, the rows that were read, the libraries."""
    found = {"strategy's source": record.spec.strategy.digest[:12]}
    read = (*record.series, *record.facts)
    found |= {f"rows of {each.name}": f"{numbers.count(each.rows)}, {each.fingerprint[:12]}" for each in read}
    return found | record.versions


def _written(value: Any) -> str:
    if value is None or value == "":
        return _NONE
    if not isinstance(value, float):
        return str(value)
    return numbers.count(value) if value.is_integer() else numbers.plain(value)
