"""What a spec is counted as among the trials of its idea: what it tries, however that is put.

Nothing more is tried by who holds a result against another benchmark, which decides no order; nor by who spells out a
parameter at the value that it has anyhow, or writes 1.0 where others wrote 1. Specs that differ in nothing else have
ids of their own, and are one trial.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from alphapulse_lib.model.run import RunSpec

__all__ = ["at_default", "in_short", "trial_of"]

#: From here on a float stands for more than one whole number.
_EXACT = 2.0**53


def trial_of(spec: RunSpec, spec_id: str = "") -> str:
    """The id that a spec is counted by: of the spec that tries the same in the fewest words, its own if it is that one.

    Parameters
    ----------
    spec_id : str
        The spec's id, where it is known.
    """
    told = {name: in_short(value) for name, value in spec.parameters.items() if name not in spec.at_default}
    if not spec.benchmark and repr(told) == repr(spec.parameters):  # 1 equals 1.0, and has another id
        return spec_id or spec.id
    return replace(spec, benchmark="", parameters=told).id


def at_default(parameters: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the parameters that are given what they are by default.

    Examples
    --------
    >>> at_default({"fast": 10, "slow": 30}, {"fast": 10.0, "slow": 20})
    ('fast',)
    """
    return tuple(
        name
        for name, value in parameters.items()
        if name in defaults and repr(in_short(value)) == repr(in_short(defaults[name]))
    )


def in_short(value: Any) -> Any:
    """A parameter's value with its whole numbers as such, and so in the lists and mappings in it.

    Examples
    --------
    >>> in_short([1.0, 1.5, True])
    [1, 1.5, True]
    """
    if isinstance(value, Mapping):
        return {name: in_short(each) for name, each in sorted(value.items())}
    if isinstance(value, list):
        return [in_short(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT else value
