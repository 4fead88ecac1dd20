"""The shipped strategies refuse parameters that cannot be used, before anything runs."""

from __future__ import annotations

from typing import Any

import pytest
from nautilus_trader.model import BarType, InstrumentId, Quantity

import alphapulse_lib as ap
from alphapulse_lib.engine import strategies
from alphapulse_lib.engine.strategies import (
    MeanReversion,
    MeanReversionConfig,
    NewsSentiment,
    NewsSentimentConfig,
    SmaCross,
    SmaCrossConfig,
)
from alphapulse_lib.engine.strategies.parameters import MOST_SHARES
from alphapulse_lib.errors import InputError
from alphapulse_lib.model.shipped import SHIPPED
from alphapulse_lib.session.strategies import strategy_class
from tests.resources.toy_market import write_minutes

CONFIGS: dict[type, type] = {
    SmaCross: SmaCrossConfig,
    MeanReversion: MeanReversionConfig,
    NewsSentiment: NewsSentimentConfig,
}


def test_the_hub_knows_the_shipped_ones_by_name() -> None:
    assert [each.__name__ for each in map(strategy_class, SHIPPED)] == list(SHIPPED)
    assert {name for name in strategies.__all__ if not name.endswith("Config")} == set(SHIPPED)


def made(strategy: type, **values: Any) -> Any:
    bar_type = BarType.from_str("TOY.XNAS-1-MINUTE-LAST-EXTERNAL")
    return CONFIGS[strategy](InstrumentId.from_str("TOY.XNAS"), bar_type, **values)


@pytest.mark.parametrize("strategy", CONFIGS)
@pytest.mark.parametrize("quantity", [0, -1, 1.5, True, "10", MOST_SHARES + 1, 10**30])
def test_a_quantity_that_cannot_be_ordered(strategy: type, quantity: Any) -> None:
    with pytest.raises(InputError, match="params: quantity="):
        made(strategy, quantity=quantity)


def test_the_largest_quantity_is_nautilus_own() -> None:
    assert int(Quantity.from_int(MOST_SHARES)) == MOST_SHARES
    with pytest.raises(ValueError, match="not in range"):
        Quantity.from_int(MOST_SHARES + 1)


@pytest.mark.parametrize(
    ("strategy", "values", "said"),
    [
        (SmaCross, {"fast": 0}, "fast=0 is not a whole number from 1 to 19"),
        (SmaCross, {"fast": 20, "slow": 20}, "fast=20"),
        (SmaCross, {"slow": 10**30}, "slow="),
        (SmaCross, {"fast": 2.0}, "fast=2.0"),
        (MeanReversion, {"window": 1}, "window=1"),
        (MeanReversion, {"entry": 1.0, "exit": 1.0}, "exit=1.0"),
        (NewsSentiment, {"threshold": 0.0}, "threshold=0.0"),
        (NewsSentiment, {"threshold": float("nan")}, "threshold=nan"),
        (NewsSentiment, {"hold": 0}, "hold=0"),
    ],
)
def test_other_parameters(strategy: type, values: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        made(strategy, **values)


def test_a_backtest_is_refused_with_the_message_alone() -> None:
    write_minutes("TOY")
    with pytest.raises(InputError, match="params: quantity=0 is not a whole number from 1 to 34,028,236,692,093"):
        ap.backtest(SmaCross, "TOY", "1m", params={"quantity": 0}, progress=False)
    assert ap.runs().empty
