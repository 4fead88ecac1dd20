"""The same fills and equity as a second engine nobody here wrote, backtrader: slippage, the next close, the next bar's
volume-weighted price. Signals, rules and costs are those that `test_engines` holds against the first one.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import alphapulse_lib as ap
from tests.contracts.test_engines import (
    CASH,
    SHARES,
    WINDOW,
    Case,
    Execution,
    Signals,
    beyond,
    breakouts,
    commission,
    crosses,
    executed,
    reversions,
    sessions,
)
from tests.resources.toy_market import write

with warnings.catch_warnings(action="ignore"):  # of its own text's escapes
    import backtrader


CASES = {
    "slippage on both sides of a cross": Case("GOOG", crosses, 0, {"slippage_bps": 10}),
    "slippage and commission of its worse price": Case("IBM", crosses, -1, {"slippage_bps": 25, "percent": 0.1}),
    "slippage of stop entries": Case("GOOG", breakouts, -1, {"slippage_bps": 5, "per_share": 0.01}, kind="stop"),
    "no slippage of limit entries": Case("IBM", reversions, -1, {"percent": 0.1, "minimum": 5.0}, kind="limit"),
    "a cross at the next close": Case("MSFT", crosses, 0, {"per_share": 0.01, "minimum": 1.5}, "next_close"),
    "breakouts that reverse at the next close": Case("GOOG", breakouts, -1, {"percent": 0.05}, "next_close"),
}


@dataclass(frozen=True)
class Theirs:
    """What the other engine made of it: each fill (row, shares, price), and the equity at each close."""

    fills: list[tuple[int, float, float]]
    equity: list[float]


def theirs(prices: pd.DataFrame, case: Case, signals: dict[str, int]) -> Theirs:
    """The run of the other engine on ``open``, ``high``, ``low``, ``close``, ``volume`` by UTC."""
    made = Theirs([], [])
    due = commission(case.costs)
    how = backtrader.Order.Close if case.fill == "next_close" else backtrader.Order.Market

    class Paid(backtrader.CommInfoBase):
        params = (("stocklike", True), ("commtype", backtrader.CommInfoBase.COMM_FIXED))

        def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:
            return due(size, price)

    class Signalled(backtrader.Strategy):
        def notify_order(self, order: Any) -> None:
            if order.status == order.Completed:
                made.fills.append((len(self.data), order.executed.size, order.executed.price))

        def next(self) -> None:
            made.equity.append(self.broker.getvalue())
            wanted, held = signals.get(str(len(self.data))), np.sign(self.position.size)
            if wanted is None or (held and held == wanted):
                return
            waits = self.broker.get_orders_open()
            if held:
                self.close(exectype=how)
            if wanted and not waits:
                self.enter(wanted, float(self.data.close[0]))

        def enter(self, wanted: int, close: float) -> None:
            send = self.buy if wanted > 0 else self.sell
            if case.kind == "market":
                send(size=SHARES, exectype=how)
            elif case.kind == "stop":
                send(size=SHARES, exectype=backtrader.Order.Stop, price=beyond(wanted, close))
            else:
                send(size=SHARES, exectype=backtrader.Order.Limit, price=beyond(-wanted, close))

    cerebro = backtrader.Cerebro(stdstats=False, tradehistory=False)
    cerebro.adddata(backtrader.feeds.PandasData(dataname=prices.set_axis(prices.index.tz_localize(None))))
    cerebro.addstrategy(Signalled)
    cerebro.broker.setcash(CASH)
    cerebro.broker.set_checksubmit(False)
    cerebro.broker.addcommissioninfo(Paid())
    slippage = case.costs.get("slippage_bps", 0.0) / 10_000
    cerebro.broker.set_slippage_perc(slippage, slip_open=True, slip_match=True, slip_out=True, slip_limit=False)
    cerebro.run()
    return made


def executed_there(other: Theirs, prices: pd.DataFrame) -> list[Execution]:
    days = sessions(prices.index.to_series())
    return sorted((days[row - 1], float(shares), round(price, 6)) for row, shares, price in other.fills)


def signals_of(case: Case, close: pd.Series) -> dict[str, int]:
    rule = case.rule(close, case.short)
    return {str(number): int(each) for number, each in enumerate(rule, 1) if not np.isnan(each)}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_second_engine_fills_and_earns_the_same(sample: Path, case: Case) -> None:
    raw = ap.bars(case.symbol, "1d", *WINDOW, adjust="none")
    # Stamped at midnight there, where a day's bar is that of its date.
    prices = raw.set_index("ts")[["open", "high", "low", "close", "volume"]]
    signals = signals_of(case, prices["close"])
    params = {"signals": signals, "kind": case.kind}
    given = {"params": params, "cash": CASH, "fill": case.fill, "costs": case.costs, "adjust": "none"}
    run = ap.backtest(Signals, case.symbol, "1d", *WINDOW, **given, progress=False)
    other = theirs(prices.set_axis(prices.index.normalize()), case, signals)
    assert len(other.fills) > 30, "too few fills prove nothing"
    assert executed(run) == executed_there(other, prices)
    assert np.abs(run.equity.to_numpy() - other.equity).max() < 0.005


def test_it_agrees_on_the_volume_weighted_price_of_the_next_bar(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    minutes = ap.bars("SPY", "1m", session="regular").set_index("ts")
    closes = minutes.index.ceil("5min")
    typical = minutes[["high", "low", "close"]].mean(axis=1) * minutes["volume"]
    grouped = minutes.groupby(closes)
    named = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    fives = grouped.agg(named).assign(weighted=(typical.groupby(closes).sum() / grouped["volume"].sum()).round(4))
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(sample.parent / "fives"))
    for period, frame in (("1m", minutes), ("5m", fives)):
        stamps = frame.index.astype("int64").to_numpy()
        bars = frame[["open", "high", "low", "close"]].to_numpy()
        write("SPY", period, stamps, bars, frame["volume"].to_numpy(), "ARCX")
    case = Case("SPY", lambda close, short: crosses(close, short), -1, {"slippage_bps": 1, "per_share": 0.005}, "vwap")
    signals = signals_of(case, fives["close"])
    given = {"params": {"signals": signals}, "cash": CASH, "fill": "vwap", "costs": case.costs, "adjust": "none"}
    run = ap.backtest(Signals, "SPY", "5m", **given, progress=False)
    # To the other engine the volume-weighted price is what the next bar opens at.
    told = fives.assign(open=fives["weighted"]).drop(columns="weighted")
    other = theirs(told, replace(case, fill="next_open"), signals)
    assert len(other.fills) > 10, "too few fills prove nothing"
    assert executed(run) == executed_there(other, fives)
    assert np.abs(run.equity.to_numpy() - other.equity).max() < 0.005
