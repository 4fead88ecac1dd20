"""A spec's identity."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import pytest

from alphapulse_lib.errors import InputError
from alphapulse_lib.model.family import key_of, placed
from alphapulse_lib.model.run import Costs, RunSpec, StrategySource

SPEC = RunSpec(StrategySource("desk.sma:Sma", "ab" * 32), ("AAPL.XNAS",), "1d", 0, 10, {"fast": 10, "slow": 20})


def test_a_spec_keeps_the_id_that_it_had_when_it_was_first_written() -> None:
    """Pinned: ledgers and hubs hold these. A field that is added later must leave them alone."""
    assert SPEC.id == "e8aca9708cdc564143e738773d3cefcbe689265d12fa45aa41038094c593c9a2"
    told = replace(
        SPEC,
        costs=Costs(per_share=0.01),
        news=True,
        scorer="x",
        parameters={"a": [1, {"b": None}]},
        as_of=5,
        recorded_as_of=7,
    )
    assert told.id == "78ae300166364cc72bd37af760340ddca7fd3399b03dcba62fbc21cd4eae3751"


CHANGES = [
    lambda held: held.update(fast=5),
    lambda held: held.__setitem__("fast", 5),
    lambda held: held.__ior__({"fast": 5}),
    lambda held: held.setdefault("slow", 5),
    lambda held: held.pop("fast"),
    lambda held: held.popitem(),
    lambda held: held.clear(),
    lambda held: held.__delitem__("fast"),
    lambda held: held["levels"].append(3),
    lambda held: held["levels"].__iadd__([3]),
    lambda held: held["levels"].__setitem__(0, 3),
    lambda held: held["levels"].sort(reverse=True),
    lambda held: held["plan"].update({"1": 100}),
    lambda held: held["plan"]["2"].pop(),
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_spec_holds_cannot_be_changed(change: Callable[[Any], Any]) -> None:
    given = {"fast": 10, "levels": [1, 2], "plan": {"1": 5, "2": [7]}}
    spec = replace(SPEC, parameters=given)
    with pytest.raises(InputError, match="cannot be changed") as refused:
        change(spec.parameters)
    assert "replace(spec, parameters=" in refused.value.hint
    assert spec.parameters == given
    given["levels"].append(3)  # type: ignore[attr-defined]
    assert spec.parameters["levels"] == [1, 2], "nor by whoever holds what it was made of"


def test_parameters_are_a_dict_to_whoever_reads_them() -> None:
    given = {"fast": 10, "levels": [1, 2], "plan": {"1": 5}}
    spec = replace(SPEC, parameters=given)
    held = spec.parameters
    assert isinstance(held, dict)
    assert json.dumps(held) == json.dumps(given)
    for made in (pickle.loads(pickle.dumps(spec, protocol=5)), copy.deepcopy(spec), RunSpec.from_dict(spec.as_dict())):
        assert made == spec
        assert (hash(made), hash(made.parameters)) == (hash(spec), hash(held))
        with pytest.raises(InputError):
            made.parameters["levels"].append(3)
    assert replace(spec, cash=5.0).parameters == given
    changed: dict[str, Any] = spec.as_dict()["parameters"]
    changed["levels"].append(3)
    own = held | {"fast": 5}
    own["fast"] = 6
    assert (spec.parameters, asdict(spec)["parameters"]) == (given, given)


def test_a_field_that_is_added_later_shows_in_the_json_once_it_differs_from_its_default() -> None:
    @dataclass(frozen=True, slots=True)
    class Later(Costs):
        borrow: float = 0.0

    assert Later(0.01).as_dict() == Costs(0.01).as_dict()
    assert Later(0.01, borrow=2.0).as_dict() == Costs(0.01).as_dict() | {"borrow": 2.0}
    assert replace(SPEC, costs=Later()).id == SPEC.id
    assert replace(SPEC, costs=Later(borrow=0.5)).id != SPEC.id
    assert Later.from_dict(Costs(0.01).as_dict()) == Later(0.01)


def test_equal_specs_have_equal_ids_whatever_the_order_of_parameters() -> None:
    assert replace(SPEC, parameters={"slow": 20, "fast": 10}).id == SPEC.id


@pytest.mark.parametrize(
    "change",
    [
        {"cash": 1.0},
        {"fill": "close"},
        {"costs": Costs(per_share=0.01)},
        {"parameters": {"fast": 11, "slow": 20}},
        {"strategy": StrategySource("desk.sma:Sma", "cd" * 32)},
        {"as_of": 5},
        {"seed": 1},
    ],
)
def test_whatever_decides_the_result_changes_the_id(change) -> None:
    assert replace(SPEC, **change).id != SPEC.id


def test_an_unknown_key_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean per_share"):
        Costs.from_dict({"per_shares": 1.0})


def test_a_spec_refuses_what_it_does_not_know_in_what_it_holds_too() -> None:
    told = json.loads(json.dumps(SPEC.as_dict()))
    again = RunSpec.from_dict(told)
    assert again == SPEC
    assert {again, SPEC, replace(SPEC, seed=1)} == {SPEC, replace(SPEC, seed=1)}
    for wrong in ({"cost": {}}, {"costs": {"perc": 1}}, {"strategy": {"name": "a", "digest": "b", "textt": ""}}):
        with pytest.raises(InputError, match=r"Did you mean (costs|percent|text)"):
            RunSpec.from_dict(told | wrong)


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "1"])
def test_costs_are_numbers_of_zero_or_more(value) -> None:
    with pytest.raises(InputError, match="slippage_bps"):
        Costs(slippage_bps=value)


def test_a_declared_family_survives_the_classs_name_and_changes_no_id() -> None:
    declared = [
        replace(SPEC, strategy=StrategySource(name, "ab" * 32, family="moving averages"))
        for name in ("desk.sma:Sma", "desk.other:Renamed")
    ]
    assert len({key_of(each.strategy) for each in declared}) == 1
    assert placed(declared[0].strategy, (), lambda _: False).family == "moving averages"
    assert declared[0].id == SPEC.id
