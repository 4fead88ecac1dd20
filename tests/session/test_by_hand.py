"""A strategy that is always in the market, long or short, against the same trades computed by hand on the raw file."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from nautilus_trader.model import Bar, BarType, InstrumentId, OrderSide, Quantity
from nautilus_trader.trading import Strategy

import alphapulse_lib as ap

FAST, SLOW, QUANTITY, CASH = 10, 20, 100, 100_000.0
COSTS = [
    {},
    {"per_share": 0.01, "minimum": 1.5},
    {"percent": 0.1, "slippage_bps": 5.0},
    {"per_share": 0.005, "percent": 0.02, "minimum": 2.0, "slippage_bps": 3.0},
]


@dataclass(frozen=True)
class ReversingConfig:
    instrument_id: InstrumentId
    bar_type: BarType
    quantity: int = QUANTITY
    order_id_tag: str = "1"


class Reversing(Strategy):
    """Long while the fast average is above the slow one, short otherwise."""

    def __init__(self, config: ReversingConfig) -> None:
        super().__init__(config)
        self.closes: list[float] = []
        self.held = 0

    def on_start(self) -> None:
        self.subscribe_bars(self.config.bar_type)

    def on_bar(self, bar: Bar) -> None:
        self.closes.append(float(bar.close))
        wanted = direction(self.closes) * self.config.quantity
        if wanted != self.held:
            size = Quantity.from_int(abs(wanted - self.held))
            side = OrderSide.BUY if wanted > self.held else OrderSide.SELL
            self.submit_order(self.order_factory.market(self.config.instrument_id, side, size))
            self.held = wanted


def direction(closes: list[float]) -> int:
    if len(closes) < SLOW:
        return 0
    return 1 if np.mean(closes[-FAST:]) > np.mean(closes[-SLOW:]) else -1


def by_hand(prices: pd.DataFrame, fill: str, costs: dict[str, float]) -> tuple[list[float], list[tuple[float, float]]]:
    """Equity at each close, and price and commission of each fill."""
    closes, opens = prices.close.tolist(), prices.open.tolist()
    decided = [direction(closes[: at + 1]) * QUANTITY for at in range(len(closes))]
    target = decided if fill == "close" else [0, *decided[:-1]]
    at_price = closes if fill == "close" else opens
    cash, held, equity, fills = CASH, 0, [], []
    for wanted, price, close in zip(target, at_price, closes, strict=True):
        if wanted != held:
            bought = wanted - held
            paid = price * (1 + np.sign(bought) * costs.get("slippage_bps", 0.0) / 10_000)
            due = costs.get("per_share", 0.0) * abs(bought) + costs.get("percent", 0.0) / 100 * paid * abs(bought)
            fee = max(due, costs.get("minimum", 0.0))
            cash, held = cash - bought * paid - fee, wanted
            fills.append((paid, fee))
        equity.append(cash + held * close)
    return equity, fills


@pytest.fixture(scope="module")
def prices() -> pd.DataFrame:
    file = Path(__file__).parents[2] / "catalog" / "sample" / "us5_daily.csv.gz"
    every = pd.read_csv(file)
    return every[every.symbol == "GOOG"].reset_index(drop=True)


@pytest.mark.parametrize("fill", ["next_open", "close"])
@pytest.mark.parametrize("costs", COSTS, ids=str)
def test_reversals_cost_and_earn_what_they_do_by_hand(
    sample: Path, prices: pd.DataFrame, fill: str, costs: dict[str, float]
) -> None:
    run = ap.backtest(Reversing, "GOOG", "1d", cash=CASH, fill=fill, costs=costs, progress=False)
    equity, fills = by_hand(prices, fill, costs)
    assert len(fills) > 90
    assert run.fills.price.tolist() == pytest.approx([price for price, _ in fills], abs=1e-6)
    assert run.fills.commission.tolist() == pytest.approx([fee for _, fee in fills], abs=1e-6)
    assert run.equity.tolist() == pytest.approx(equity, abs=1e-4)
    assert run.stats["end_equity"] == pytest.approx(equity[-1], abs=1e-4)
    assert run.stats["orders_rejected"] == 0
    assert all(before < after for before, after in pairwise(run.fills.ts))


def test_a_run_that_held_more_than_it_was_worth_says_so(sample: Path) -> None:
    with pytest.warns(UserWarning, match=r"held up to 1\.\d\d times its equity"):
        run = ap.backtest(Reversing, "GOOG", "1d", "2006-01-03", "2006-12-29", cash=40_000, progress=False)
    assert run.stats["max_gross_exposure"] > 1.01
    assert any("no interest" in warning for warning in run.warnings)


def test_what_four_times_the_cash_does_not_pay_for_is_refused(sample: Path) -> None:
    with pytest.warns(UserWarning, match="orders were refused"):
        run = ap.backtest(Reversing, "GOOG", "1d", "2006-01-03", "2006-12-29", cash=5_000, progress=False)
    assert run.stats["orders_rejected"] == run.stats["orders"] > 0
    assert run.stats["end_equity"] == 5_000
