"""The proof after a run: every market order is held against its convention, its moment and its price."""

from __future__ import annotations

import numpy as np
import pytest
from nautilus_trader.model import OrderType

from alphapulse_lib.engine.fills import known_kinds, priced, priced_by_ticks, prove, prove_prices, prove_ticks
from alphapulse_lib.errors import UnsafeFill
from alphapulse_lib.model.run import FILLS

CLOSES = np.array([100, 200, 300, 500])
OPENS = np.array([0, 100, 200, 400])
#: When an order fills that was decided on the first bar, by each convention.
FIRST = {"next_open": 101, "close": 100, "next_close": 199, "vwap": 199}
assert FIRST.keys() | {"ticks"} == FILLS.keys(), "a convention that nothing here proves"


@pytest.mark.parametrize("fill", FIRST)
def test_only_the_conventions_own_moment_is_let_through(fill: str) -> None:
    decided = np.array([100])
    for moment in range(100, 301):
        filled = np.array([moment])
        if moment == FIRST[fill]:
            prove(fill, "TOY", decided, filled, OPENS, CLOSES)
        else:
            with pytest.raises(UnsafeFill, match="1 market orders for TOY"):
                prove(fill, "TOY", decided, filled, OPENS, CLOSES)


@pytest.mark.parametrize("fill", ["next_close", "vwap"])
def test_what_is_decided_a_nanosecond_before_a_close_fills_right_at_it(fill: str) -> None:
    at = CLOSES[:-1]
    prove(fill, "TOY", at - 1, at, OPENS, CLOSES)
    for decided, filled in ((at - 2, at), (at - 1, at - 1)):
        with pytest.raises(UnsafeFill, match=f"{len(at)} market orders for TOY"):
            prove(fill, "TOY", decided, filled, OPENS, CLOSES)


@pytest.mark.parametrize("fill", FIRST)
def test_orders_of_every_kind_fill_when_there_is_a_new_price(fill: str) -> None:
    early = (CLOSES - 1).tolist() if fill in ("next_close", "vwap") else []  # the market is at the close by then
    right = {*CLOSES.tolist(), *early, *((OPENS + 1).tolist() if fill == "next_open" else [])}
    for moment in range(1, 501):
        if moment in right:
            priced(fill, "TOY", np.array([moment]), OPENS, CLOSES)
        else:
            with pytest.raises(UnsafeFill, match="between two prices"):
                priced(fill, "TOY", np.array([moment]), OPENS, CLOSES)


def test_a_price_that_is_not_the_conventions_is_refused() -> None:
    filled, due = np.array([101, 201]), np.array([10.0, 20.0])
    prove_prices("next_open", "TOY", filled, due + 0.0001, due, 0.000101)
    with pytest.raises(UnsafeFill, match=r"1 market orders for TOY .* at 20\.5, not at 20"):
        prove_prices("next_open", "TOY", filled, np.array([10.0, 20.5]), due, 0.000101)


def test_on_ticks_only_the_first_one_after_the_decision_is_let_through_at_its_price() -> None:
    decided, met, due = np.array([100, 150]), np.array([107, 160]), np.array([10.0, 20.0])
    prove_ticks("TOY", decided, met, due, due, met, 0.0001)
    with pytest.raises(UnsafeFill, match=r"1 market orders for TOY .* filled before the next tick"):
        prove_ticks("TOY", decided, np.array([107, 155]), due, due, met, 0.0001)
    with pytest.raises(UnsafeFill, match="filled before the next tick"):
        prove_ticks("TOY", decided, met, due, due, np.array([107, 0]), 0.0001)
    with pytest.raises(UnsafeFill, match=r"at 20\.5, not at 20"):
        prove_ticks("TOY", decided, met, np.array([10.0, 20.5]), due, met, 0.0001)
    priced_by_ticks("TOY", met, met)
    with pytest.raises(UnsafeFill, match="1 of 2 fills of TOY were made between two prices"):
        priced_by_ticks("TOY", np.array([107, 155]), met)


@pytest.mark.parametrize("fill", FIRST)
def test_orders_whose_price_inside_a_bar_cannot_be_told_are_refused_by_name(fill: str) -> None:
    others = [OrderType.MARKET, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP_MARKET]
    known_kinds(fill, others)
    known_kinds("ticks", [OrderType.TRAILING_STOP_LIMIT])
    with pytest.raises(UnsafeFill, match="1 orders are trailing stop-limits"):
        known_kinds(fill, [*others, OrderType.TRAILING_STOP_LIMIT])
