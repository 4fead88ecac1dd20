"""A spec's identity."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alphapulse_lib.errors import InputError
from alphapulse_lib.model.run import Costs, RunSpec, StrategySource

SPEC = RunSpec(StrategySource("desk.sma:Sma", "ab" * 32), ("AAPL.XNAS",), "1d", 0, 10, {"fast": 10, "slow": 20})


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


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "1"])
def test_costs_are_numbers_of_zero_or_more(value) -> None:
    with pytest.raises(InputError, match="slippage_bps"):
        Costs(slippage_bps=value)
