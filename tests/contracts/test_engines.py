"""The same orders, fills and equity as an engine nobody here wrote, backtesting.py, on the sample's real bars.

Both get the same signals, made of closes alone, and the same prices to leave at; each engine knows for itself when it
is flat, so one fill that differs would make all that follow differ too.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import backtesting
import numpy as np
import pandas as pd
import pytest
from nautilus_trader.model import Bar, BarType, InstrumentId, OrderSide, Price, Quantity
from nautilus_trader.trading import Strategy

import alphapulse_lib as ap

WINDOW = ("2006-01-03", "2010-12-31")
CASH, SHARES = 1_000_000.0, 100


@dataclass(frozen=True)
class SignalsConfig:
    """``signals``: number of a bar, counted from 1, to 1 (be long), -1 (be short) or 0 (be flat)."""

    instrument_id: InstrumentId
    bar_type: BarType
    signals: Mapping[str, int]
    kind: str = "market"
    stop: float = 0.0
    target: float = 0.0


class Signals(Strategy):
    """Enters when it is flat and has no order waiting; leaves on another signal, or at its stop or target."""

    def __init__(self, config: SignalsConfig) -> None:
        super().__init__(config)
        self._asked, self._seen = config, 0

    def on_start(self) -> None:
        self.subscribe_bars(self._asked.bar_type)

    def on_bar(self, bar: Bar) -> None:
        self._seen += 1
        wanted = self._asked.signals.get(str(self._seen))
        traded, make = self._asked.instrument_id, self.order_factory
        held = [each.signed_qty for each in self.cache.positions_open(instrument_id=traded)]
        if wanted is None or (held and np.sign(held[0]) == wanted):
            return
        if held and not self._asked.stop:
            self.submit_order(make.market(traded, side(-held[0]), Quantity.from_int(abs(int(held[0])))))
        waits = self.cache.orders_open(instrument_id=traded)
        if wanted and not (waits or (held and self._asked.stop)):
            self._enter(wanted, float(bar.close))

    def _enter(self, wanted: int, close: float) -> None:
        asked, make = self._asked, self.order_factory
        common = asked.instrument_id, side(wanted), Quantity.from_int(SHARES)
        if asked.stop:
            stop, target = exits(wanted, close, asked.stop, asked.target)
            prices = {"sl_trigger_price": Price(stop, 4), "tp_price": Price(target, 4)}
            # A target that the entry's own open lies beyond is taken there, and not refused.
            self.submit_order_list(make.bracket(*common, **prices, tp_post_only=False))
        elif asked.kind == "market":
            self.submit_order(make.market(*common))
        elif asked.kind == "stop":
            self.submit_order(make.stop_market(*common, Price(beyond(wanted, close), 4)))
        else:
            self.submit_order(make.limit(*common, Price(beyond(-wanted, close), 4)))


def side(sign: float) -> OrderSide:
    return OrderSide.BUY if sign > 0 else OrderSide.SELL


def exits(wanted: int, close: float, stop: float, target: float) -> tuple[float, float]:
    """Where a stop and a target lie, a fraction of the close away."""
    return round(close * (1 - wanted * stop), 2), round(close * (1 + wanted * target), 2)


def beyond(wanted: int, close: float) -> float:
    """Where an entry waits for the price to come to."""
    return round(close * (1 + wanted * 0.01), 2)


def theirs(prices: pd.DataFrame, case: Case, signals: dict[str, int]) -> Any:
    """The run of the other engine."""

    class Theirs(backtesting.Strategy):
        def init(self) -> None: ...

        def next(self) -> None:
            wanted = signals.get(str(len(self.data)))
            held = np.sign(self.position.size)
            if wanted is None or (held and held == wanted):
                return
            waits = [each for each in self.orders if not each.is_contingent]
            if held and not case.stop:
                self.position.close()
            if wanted and not waits and not (held and case.stop):
                self.enter(wanted, float(self.data.Close[-1]))

        def enter(self, wanted: int, close: float) -> None:
            send = self.buy if wanted > 0 else self.sell
            if case.stop:
                stop, target = exits(wanted, close, case.stop, case.target)
                send(size=SHARES, sl=stop, tp=target)
            elif case.kind == "market":
                send(size=SHARES)
            elif case.kind == "stop":
                send(size=SHARES, stop=beyond(wanted, close))
            else:
                send(size=SHARES, limit=beyond(-wanted, close))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own use of pandas, and of trades that stay open
        paid, at_close = commission(case.costs), case.fill == "close"
        return backtesting.Backtest(
            prices, Theirs, cash=CASH, commission=paid, trade_on_close=at_close, margin=0.25
        ).run()


type Execution = tuple[str, float, float]


def executed(run: Any) -> list[Execution]:
    """Session, shares (sold ones below zero) and price of each fill."""
    signed = run.fills.quantity.where(run.fills.side == "buy", -run.fills.quantity)
    return sorted(zip(sessions(run.fills.ts), signed, run.fills.price.round(6), strict=True))


def executed_there(other: Any, prices: pd.DataFrame) -> list[Execution]:
    """The same of the other engine, of trades that are still open too."""
    days = sessions(prices.index.to_series())
    closed = other._trades
    found = [*zip(closed.EntryBar, closed.Size, closed.EntryPrice, strict=True)]
    found += zip(closed.ExitBar, -closed.Size, closed.ExitPrice, strict=True)
    found += [(each.entry_bar, each.size, each.entry_price) for each in other._strategy.trades]
    return sorted((days[bar], float(shares), round(float(price), 6)) for bar, shares, price in found)


def sessions(moments: pd.Series) -> list[str]:
    return list(moments.dt.tz_convert("America/New_York").dt.strftime("%Y-%m-%d"))


def commission(costs: dict[str, float]) -> Callable[[float, float], float]:
    """What an order pays, as the costs' own page says it."""

    def due(size: float, price: float) -> float:
        shares = abs(size)
        paid = costs.get("per_share", 0.0) * shares + costs.get("percent", 0.0) / 100 * shares * price
        return max(paid, costs.get("minimum", 0.0))

    return due


# --- signals of closes alone -----------------------------------------------------------------------------------------


def crosses(close: pd.Series, short: int) -> pd.Series:
    """Long while the fast average is above the slow one; otherwise ``short``, -1 or 0."""
    fast, slow = close.rolling(10).mean(), close.rolling(30).mean()
    return pd.Series(np.where(fast > slow, 1, short), close.index).where(slow.notna())


def breakouts(close: pd.Series, short: int) -> pd.Series:
    """Long at the highest close of twenty, ``short`` at the lowest; nothing in between."""
    high, low = close.rolling(20).max(), close.rolling(20).min()
    return pd.Series(np.select([close == high, close == low], [1, short], np.nan), close.index).where(high.notna())


def reversions(close: pd.Series, short: int) -> pd.Series:
    """``short`` far above the average of twenty, long far below."""
    score = (close - close.rolling(20).mean()) / close.rolling(20).std()
    return pd.Series(np.select([score > 1.5, score < -1.5], [short, 1], np.nan), close.index)


@dataclass(frozen=True)
class Case:
    """One strategy with its costs."""

    symbol: str
    rule: Callable[[pd.Series, int], pd.Series]
    short: int = -1
    costs: dict[str, float] = field(default_factory=dict)
    fill: str = "next_open"
    kind: str = "market"
    stop: float = 0.0
    target: float = 0.0


CASES = {
    "a cross, long or flat": Case("GOOG", crosses, 0, {"percent": 0.1}),
    "a cross that reverses": Case("MSFT", crosses, -1, {"per_share": 0.01, "minimum": 1.5}),
    "a cross at the close": Case("IBM", crosses, -1, {"percent": 0.05}, "close"),
    "breakouts with stop and target": Case("GOOG", breakouts, -1, {"percent": 0.02}, stop=0.04, target=0.06),
    "reversions with stop and target": Case(
        "IBM", reversions, -1, {"per_share": 0.005, "minimum": 1.0}, stop=0.03, target=0.02
    ),
    "shorts alone with near exits": Case(
        "MSFT", lambda close, _: breakouts(close, -1).where(lambda each: each == -1), stop=0.015, target=0.02
    ),
    "entries by stop": Case("GOOG", breakouts, -1, {"per_share": 0.01, "percent": 0.01}, kind="stop"),
    "entries by limit": Case("IBM", reversions, -1, {"percent": 0.1, "minimum": 5.0}, kind="limit"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_another_engine_fills_and_earns_the_same(sample: Path, case: Case) -> None:
    raw = ap.bars(case.symbol, "1d", *WINDOW, adjust="none")
    prices = raw.rename(columns=str.capitalize).set_index("Ts")[["Open", "High", "Low", "Close", "Volume"]]
    rule = case.rule(prices["Close"], case.short)
    signals = {str(number): int(each) for number, each in enumerate(rule, 1) if not np.isnan(each)}
    other = theirs(prices, case, signals)
    params = {"signals": signals, "kind": case.kind, "stop": case.stop, "target": case.target}
    run = ap.backtest(
        Signals,
        case.symbol,
        "1d",
        *WINDOW,
        params=params,
        cash=CASH,
        fill=case.fill,
        costs=case.costs,
        adjust="none",
        progress=False,
    )
    assert len(other._trades) > 15, "too few trades prove nothing"
    assert executed(run) == executed_there(other, prices)
    apart = np.abs(run.equity.to_numpy() - other._equity_curve["Equity"].to_numpy())
    if case.fill == "close":
        # The other engine books such a trade, and so its commission, one bar late.
        apart[run.equity.index.isin(run.fills.ts)] = 0
    assert apart.max() < 0.005
