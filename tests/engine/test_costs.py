"""What orders pay, on the worked examples that brokers publish and on figures worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alphapulse_lib.engine.costs import commission, fees, impact, spread
from alphapulse_lib.errors import InputError
from alphapulse_lib.model.brokers import ALPACA, BROKERS, IBKR_PRO_FIXED, IBKR_PRO_TIERED
from alphapulse_lib.model.run import Costs


@pytest.mark.parametrize(
    ("shares", "price", "due"),
    # The three that Interactive Brokers prints beside its fixed schedule, and the one in its note on the maximum.
    [(100, 25.0, 1.00), (1_000, 25.0, 5.00), (1_000, 0.25, 2.50), (10, 0.20, 0.02)],
)
def test_interactive_brokers_fixed_examples(shares: int, price: float, due: float) -> None:
    assert commission(IBKR_PRO_FIXED, shares, shares * price) == pytest.approx(due, abs=1e-9)


def test_interactive_brokers_comparison_of_fixed_and_tiered() -> None:
    # "Sell 200,000 Island NASDAQ Shares @ $5 Remove Liquidity", with the rates of its day: SEC 0.000008 of the value,
    # trading activity fee at most 7.27, no audit trail. Tiered: 700 + 600 exchange + 40 clearing + 8.00 + 0.39 + 0.12 +
    # 7.27 = 1,355.78; fixed: 1,000 + 8.00 + 7.27 = 1,015.27.
    of_then = {"sell_percent": 0.0008, "sell_per_share": 0.000145, "sell_maximum": 7.27}
    tiered = replace(IBKR_PRO_TIERED, fee_per_share=0.0032, **of_then)
    fixed = replace(IBKR_PRO_FIXED, fee_per_share=0.0, **of_then)
    for costs, total in ((tiered, 1_355.78), (fixed, 1_015.27)):
        paid = commission(costs, 200_000, 1e6) + fees(costs, 200_000, 1e6, sold=True)
        assert paid == pytest.approx(total, abs=0.005)


def test_alpaca_takes_no_commission_and_rounds_the_fees_of_a_sale_up_to_the_cent() -> None:
    # Its own example: a trading activity fee of 0.00083, which is of five shares, is rounded up to a cent.
    assert fees(replace(ALPACA, fee_per_share=0.0, sell_percent=0.0), 5, 500.0, sold=True) == 0.01
    # 1,000 shares at 50: SEC 50,000 x 27.80 / 1,000,000 = 1.39; 1,000 x 0.000166 = 0.166 -> 0.17; audit trail 0.046.
    assert commission(ALPACA, 1_000, 50_000.0) == 0.0
    assert fees(ALPACA, 1_000, 50_000.0, sold=True) == pytest.approx(1.39 + 0.17 + 0.046, abs=1e-9)
    assert fees(ALPACA, 1_000, 50_000.0, sold=False) == pytest.approx(0.046, abs=1e-12)
    # 100,000 shares: 16.60 would be due, 8.30 is the most.
    assert fees(replace(ALPACA, fee_per_share=0.0, sell_percent=0.0), 100_000, 1e6, sold=True) == 8.30


def test_a_commission_is_at_least_the_minimum_and_at_most_the_caps() -> None:
    costs = Costs(percent=0.1, minimum=2.0, maximum=10.0)
    assert [commission(costs, 1, value) for value in (100.0, 5_000.0, 50_000.0)] == [2.0, 5.0, 10.0]
    assert commission(replace(costs, maximum_percent=1.0), 1, 100.0) == 1.0


def test_half_a_spread_in_basis_points_and_in_money() -> None:
    assert spread(Costs(half_spread_bps=5), 40.0) == pytest.approx(0.0005)
    assert spread(Costs(half_spread=0.01), 40.0) == pytest.approx(0.00025)


def test_impact_grows_with_the_root_of_the_part_of_the_volume() -> None:
    costs = Costs(impact_bps=100)
    assert [impact(costs, shares, 10_000) for shares in (1, 100, 10_000, 40_000)] == pytest.approx(
        [0.0001, 0.001, 0.01, 0.02]
    )
    assert impact(costs, 5, 0) == pytest.approx(0.01)


def test_a_preset_is_named_and_changed() -> None:
    assert Costs.preset("ibkr-pro-tiered") == BROKERS["ibkr-pro-tiered"]
    changed = Costs.preset("alpaca", slippage_bps=3, borrow_percent=2.0)
    assert (changed.slippage_bps, changed.borrow_percent, changed.sell_maximum) == (3, 2.0, 8.30)


def test_an_unknown_preset_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no preset 'ibkr-pro-fixd'") as refused:
        Costs.preset("ibkr-pro-fixd")
    assert "ibkr-pro-fixed" in refused.value.hint
    with pytest.raises(InputError, match="borow_percent"):
        Costs.preset("alpaca", borow_percent=1)


@pytest.mark.parametrize("wrong", [{"maximum": -1.0}, {"sell_round_up": 1}, {"borrow_percent": float("nan")}])
def test_costs_that_are_none_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Costs(**wrong)  # type: ignore[arg-type]


def test_costs_that_hold_their_defaults_are_written_as_they_always_were() -> None:
    assert Costs(per_share=0.01).as_dict() == {"per_share": 0.01, "percent": 0, "minimum": 0, "slippage_bps": 0}
    again = Costs.from_dict(IBKR_PRO_FIXED.as_dict())
    assert again == IBKR_PRO_FIXED
