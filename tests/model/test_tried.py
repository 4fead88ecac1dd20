"""What a spec is counted as: what it tries, however that is put."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alphapulse_lib.model.run import RunSpec, StrategySource
from alphapulse_lib.model.tried import at_default, trial_of

SPEC = RunSpec(StrategySource("desk.sma:Sma", "ab" * 32), ("AAPL.XNAS",), "1d", 0, 10, {"fast": 5, "at": [1, 2.5]})


@pytest.mark.parametrize(
    "more",
    [
        {"benchmark": "SPY.ARCX"},
        {"parameters": {"at": [1.0, 2.5], "fast": 5.0}},
        {"parameters": {"fast": 5, "at": [1, 2.5], "slow": 20}, "at_default": ("slow",)},
    ],
)
def test_the_same_in_more_words_is_the_same_trial(more) -> None:
    other = replace(SPEC, **more)
    assert other.id != SPEC.id
    assert trial_of(other) == trial_of(SPEC) == SPEC.id


@pytest.mark.parametrize(
    "change",
    [
        {"parameters": {"fast": 5.5, "at": [1, 2.5]}},
        {"parameters": {"fast": 5, "at": [True, 2.5]}},
        {"parameters": {"fast": 5, "at": [1, 2.5], "slow": 20}},
        {"cash": 5.0},
    ],
)
def test_another_thing_is_another_trial(change) -> None:
    assert trial_of(replace(SPEC, **change)) != trial_of(SPEC)


def test_what_was_known_of_defaults_changes_no_id_and_no_equality() -> None:
    told = replace(SPEC, at_default=("fast",))
    assert (told.id, told) == (SPEC.id, SPEC)
    assert RunSpec.from_dict(told.as_dict()).at_default == ("fast",)
    assert "at_default" not in SPEC.as_dict()


def test_a_number_is_at_its_default_however_it_is_written_and_true_is_no_number() -> None:
    given = {"a": 1.0, "b": True, "c": [1, 2], "d": 2**53 + 1}
    assert at_default(given, {"a": 1, "b": 1, "c": [1.0, 2.0], "d": 2.0**53, "e": 5}) == ("a", "c")
