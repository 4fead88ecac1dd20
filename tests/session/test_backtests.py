"""`ap.backtest`, end to end: fills and equity by hand and against another engine, costs, splits, failures."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from math import inf
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from nautilus_trader.model import Bar, BarType, ClientOrderId, DataType, InstrumentId, OrderSide, Price, Quantity
from nautilus_trader.trading import StrategyConfig

import alphapulse_lib as ap
from alphapulse_lib import errors
from alphapulse_lib.catalog import actions
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.engine import process
from alphapulse_lib.engine.events import News, Sentiment
from alphapulse_lib.engine.strategies import NewsSentiment, SmaCross
from alphapulse_lib.settings import settings
from tests.resources.toy_market import MINUTE, OPEN, SIX, BuysOnce, Planned, PlannedConfig, write_minutes


def rows(frame: pd.DataFrame, *names: str) -> list[tuple]:
    return list(frame[list(names)].itertuples(index=False, name=None))


# --- fills and equity, by hand -------------------------------------------------------------------------------------


def test_an_order_fills_whole_at_the_next_open_of_contiguous_bars() -> None:
    write_minutes("TOY")
    run = ap.backtest(Planned, "TOY", "1m", params={"plan": {"1": 700, "3": -700}}, cash=1_000_000, progress=False)
    assert rows(run.fills, "side", "quantity", "price") == [("buy", 700.0, 120.0), ("sell", 700.0, 130.0)]
    assert [each.value for each in run.fills.ts] == [OPEN + MINUTE + 1, OPEN + 3 * MINUTE + 1]
    by_hand = [1_000_000, 1_000_000 + 700 * 1.0, 1_000_000 + 700 * 20.5, *[1_000_000 + 700 * 10.0] * 3]
    assert run.equity.tolist() == pytest.approx(by_hand, abs=0.005)
    assert [each.value for each in run.equity.index] == [OPEN + MINUTE * n for n in range(1, 7)]


def test_an_order_fills_whole_at_its_own_bars_close_when_asked() -> None:
    write_minutes("TOY")
    run = ap.backtest(Planned, "TOY", "1m", params={"plan": {"1": 900, "3": -900}}, fill="close", progress=False)
    assert rows(run.fills, "side", "quantity", "price") == [("buy", 900.0, 100.5), ("sell", 900.0, 140.5)]
    by_hand = [100_000, 100_000 + 900 * 20.5, *[100_000 + 900 * 40.0] * 4]
    assert run.equity.tolist() == pytest.approx(by_hand, abs=0.005)
    assert run.spec.fill == "close"


class NamesOrders(Planned):
    """Gives its orders names of its own, several of one bar among them."""

    def on_bar(self, bar: Bar) -> None:
        super().on_bar(bar)
        for name in {2: ("the second", "another of it-99999999999999999999"), 4: ("last-7x",)}.get(self._seen, ()):
            named = ClientOrderId(name)
            buying = self.order_factory.market(self._id, OrderSide.BUY, Quantity.from_int(1), client_order_id=named)
            self.submit_order(buying)


def test_orders_that_a_strategy_names_itself_are_told_by_these_names_and_come_out_the_same_again() -> None:
    write_minutes("TOY")
    run = ap.backtest(NamesOrders, "TOY", "1m", params={"plan": {"1": 5, "2": 7}}, progress=False)
    assert [each for each in run.fills.order_id if not each.startswith("O-")] == [
        "another of it-99999999999999999999",
        "the second",
        "last-7x",
    ]
    assert run.fills.quantity.tolist() == [5.0, 1.0, 1.0, 7.0, 1.0]
    assert ap.rerun(run, progress=False).identical


def test_a_decision_on_the_last_bar_does_not_fill() -> None:
    write_minutes("TOY")
    run = ap.backtest(Planned, "TOY", "1m", params={"plan": {"5": 10, "6": -10}}, progress=False)
    assert rows(run.fills, "side", "price") == [("buy", 115.0)]
    assert rows(run.orders, "status", "filled") == [("filled", 10.0), ("unfilled", 0.0)]
    assert rows(run.positions, "side", "quantity", "value") == [("long", 10.0, 1152.5)]
    assert run.stats["end_equity"] == pytest.approx(100_000 + 10 * 0.25)


@pytest.mark.parametrize(("bars", "plan"), [(SIX[:1], {"1": 10}), (SIX, {"6": 10})])
def test_a_run_whose_only_orders_came_on_its_last_bar_says_that_none_could_fill(bars, plan: dict[str, int]) -> None:
    write_minutes("TOY", bars)
    with pytest.warns(UserWarning, match="Nothing filled. An order was sent on the last bar"):
        run = ap.backtest(Planned, "TOY", "1m", params={"plan": plan}, progress=False)
    assert run.orders.status.tolist() == ["unfilled"]
    assert not ap.backtest(Planned, "TOY", "1m", params={"plan": {}}, progress=False).warnings


def test_a_short_sale_loses_when_the_price_rises() -> None:
    write_minutes("TOY")
    run = ap.backtest(Planned, "TOY", "1m", params={"plan": {"1": -100, "2": 100}}, progress=False)
    assert rows(run.fills, "side", "price") == [("sell", 120.0), ("buy", 140.0)]
    assert run.stats["end_equity"] == pytest.approx(98_000)


@pytest.mark.parametrize("fill", ["next_open", "close"])
def test_bars_without_volume_fill_whole_too(fill: str) -> None:
    write_minutes("FX", volume=[0, 1, 2, 3, 0, 1])
    run = ap.backtest(Planned, "FX", "1m", params={"plan": {"2": 500, "4": -500}}, fill=fill, progress=False)
    assert run.fills.price.tolist() == ([140.0, 110.0] if fill == "next_open" else [121.0, 126.0])
    assert run.fills.quantity.tolist() == [500.0, 500.0]


def test_an_order_for_an_instrument_that_pauses_waits_for_its_own_next_open() -> None:
    write_minutes("AAA")
    write_minutes("BBB", SIX[:3], closes=[OPEN + MINUTE, OPEN + 4 * MINUTE, OPEN + 6 * MINUTE])
    run = ap.backtest(BuysOnce, ["AAA", "BBB"], "1m", progress=False)
    assert rows(run.fills, "symbol", "price") == [("AAA", 120.0), ("BBB", 120.0)]
    assert run.fills.ts.iloc[1].value == OPEN + 3 * MINUTE + 1
    last = 100_000 + (115.25 - 120) + (140.5 - 120)
    assert run.equity.iloc[-1] == pytest.approx(last)


class Stops(Planned):
    """On its first bar a stop above the market and a limit below it."""

    def on_bar(self, bar) -> None:
        self._seen += 1
        if self._seen == 1:
            make, one = self.order_factory, Quantity.from_int(1)
            self.submit_order(make.stop_market(self._id, OrderSide.BUY, one, Price(121.5, 4)))
            self.submit_order(make.stop_market(self._id, OrderSide.BUY, one, Price(110.0, 4)))
            self.submit_order(make.limit(self._id, OrderSide.BUY, one, Price(109.0, 4)))


def test_stops_and_limits_fill_inside_bars_and_at_a_gaps_open() -> None:
    write_minutes("TOY")
    run = ap.backtest(Stops, "TOY", "1m", params={"plan": {}}, progress=False)
    assert sorted(rows(run.fills, "price")) == [(109.0,), (120.0,), (121.5,)]


# --- costs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("costs", "first", "second"),
    [
        ({"per_share": 0.01}, 0.5, 0.5),
        ({"per_share": 0.01, "minimum": 1.0}, 1.0, 1.0),
        ({"percent": 0.1}, 50 * 120 / 1000, 50 * 130 / 1000),
        ({"per_share": 0.01, "percent": 0.1, "minimum": 6.25}, 6.5, 7.0),
    ],
)
def test_commissions_by_hand(costs: dict[str, float], first: float, second: float) -> None:
    write_minutes("TOY")
    run = ap.backtest(Planned, "TOY", "1m", params={"plan": {"1": 50, "3": -50}}, costs=costs, progress=False)
    assert run.fills.commission.tolist() == pytest.approx([first, second], abs=1e-9)
    assert run.stats["end_equity"] == pytest.approx(100_000 + 500 - first - second, abs=1e-6)


def test_slippage_makes_both_sides_worse_and_is_in_the_price() -> None:
    write_minutes("TOY")
    costs = ap.Costs(slippage_bps=10)
    run = ap.backtest(Planned, "TOY", "1m", params={"plan": {"1": 50, "3": -50}}, costs=costs, progress=False)
    assert run.fills.price.tolist() == pytest.approx([120.12, 129.87], abs=1e-9)
    assert run.fills.commission.tolist() == [0, 0]
    assert run.stats["end_equity"] == pytest.approx(100_000 + 50 * (129.87 - 120.12), abs=1e-6)


class Broke(Planned):
    """Reports the account's money in its log."""

    def on_bar(self, bar) -> None:
        super().on_bar(bar)
        print("free", self.portfolio.account(bar.bar_type.instrument_id.venue).balance_total())  # noqa: T201


def test_the_engines_own_account_pays_the_same_costs() -> None:
    write_minutes("TOY")
    costs = {"percent": 0.1234, "slippage_bps": 7}
    run = ap.backtest(Broke, "TOY", "1m", params={"plan": {"1": 3, "3": -3}}, costs=costs, progress=False)
    inside = float(run.log.strip().splitlines()[-1].split()[1])
    assert run.stats["end_equity"] == pytest.approx(inside, abs=1e-6)


def test_what_the_cash_does_not_pay_is_refused_and_told() -> None:
    write_minutes("TOY")
    with pytest.warns(UserWarning, match="1 of 2 orders were refused"):
        run = ap.backtest(Planned, "TOY", "1m", params={"plan": {"1": 5, "2": 900}}, cash=10_000, progress=False)
    assert rows(run.orders, "status") == [("filled",), ("denied",)]
    assert run.stats["orders_rejected"] == 1


# --- splits --------------------------------------------------------------------------------------------------------


def test_a_position_held_over_a_split_keeps_its_worth(sample: Path) -> None:
    run = ap.backtest(
        Planned, "AAPL", "1d", "2005-02-24", "2005-03-02", params={"plan": {"1": 10, "3": -10}}, progress=False
    )
    raw = ap.bars("AAPL", "1d", "2005-02-24", "2005-03-02", adjust="none")
    bought, sold = raw.open[1], raw.open[3]
    assert rows(run.fills, "side", "quantity", "price") == [("buy", 10.0, bought), ("sell", 20.0, sold)]
    assert raw.close[1] > 80 > 50 > raw.close[2]  # the 2:1 split of 2005-02-28
    by_hand = [
        100_000,
        100_000 + 10 * (raw.close[1] - bought),
        100_000 + 20 * raw.close[2] - 10 * bought,
        *[100_000 + 20 * sold - 10 * bought] * 2,
    ]
    assert run.equity.tolist() == pytest.approx(by_hand, abs=0.005)


def test_commission_a_share_counts_shares_as_traded(sample: Path) -> None:
    run = ap.backtest(
        Planned,
        "AAPL",
        "1d",
        "2005-02-24",
        "2005-03-02",
        params={"plan": {"1": 10, "3": -10}},
        costs={"per_share": 0.5},
        progress=False,
    )
    assert run.fills.commission.tolist() == [5.0, 10.0]


def test_prices_that_hide_a_split_are_refused() -> None:
    toy = write_minutes("TOY")
    import datetime

    import pyarrow as pa

    table = pa.table(
        {
            "instrument_id": [toy.id],
            "kind": ["split"],
            "ex_date": [datetime.date(2020, 3, 3)],
            "ratio": [4.0],
            "amount": pa.array([None], pa.float64()),
            "available_at": pa.array([OPEN], pa.int64()).cast(pa.timestamp("ns", "UTC")),
            "source": ["toy"],
        }
    )
    write_minutes("TOY", closes=[OPEN + 24 * 60 * MINUTE + MINUTE * n for n in range(1, 7)])
    actions.write(Roots.of_settings().writable, table, "toy")
    with pytest.raises(errors.AdjustedAsRaw, match="4:1 split of 2020-03-03 does not show"):
        ap.backtest(Planned, "TOY", "1m", params={"plan": {}}, progress=False)
    ap.backtest(Planned, "TOY", "1m", params={"plan": {}}, adjust="none", progress=False)


# --- against another engine ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fill", ["next_open", "close"])
def test_the_same_trades_as_another_engine_on_nine_years_of_days(sample: Path, fill: str) -> None:
    backtesting = pytest.importorskip("backtesting")
    raw = ap.bars("GOOG", "1d", adjust="none")
    prices = raw.rename(columns=str.capitalize).set_index("Ts")[["Open", "High", "Low", "Close", "Volume"]]

    class Theirs(backtesting.Strategy):
        def init(self) -> None:
            self.fast = self.I(lambda x: pd.Series(x).rolling(10).mean(), self.data.Close)
            self.slow = self.I(lambda x: pd.Series(x).rolling(20).mean(), self.data.Close)

        def next(self) -> None:
            if np.isnan(self.slow[-2]):
                return
            before, now = self.fast[-2] - self.slow[-2], self.fast[-1] - self.slow[-1]
            if before < 0 < now:
                self.buy(size=10)
            elif before > 0 > now:
                self.position.close()

    theirs = backtesting.Backtest(
        prices, Theirs, cash=100_000, commission=0.001, trade_on_close=fill == "close", finalize_trades=False
    ).run()
    run = ap.backtest(SmaCross, "GOOG", "1d", fill=fill, costs={"percent": 0.1}, progress=False)
    assert len(theirs._trades) > 40
    prices_of = [theirs._trades[["EntryPrice", "ExitPrice"]], run.trades[["entry_price", "exit_price"]]]
    np.testing.assert_allclose(*(each.dropna().to_numpy() for each in prices_of), atol=1e-9)
    apart = np.abs(run.equity.to_numpy() - theirs._equity_curve["Equity"].to_numpy())
    if fill == "close":
        # The other engine books such a trade, and so its commission, one bar late.
        apart[run.equity.index.isin(run.fills.ts)] = 0
    assert apart.max() < 0.005


def test_two_runs_of_one_spec_are_identical(sample: Path) -> None:
    one, two = (ap.backtest(SmaCross, "MSFT", "1d", "2003-01-01", "2006-01-01", progress=False) for _ in range(2))
    assert one.record.spec_id == two.record.spec_id
    assert one.record.series == two.record.series
    pd.testing.assert_frame_equal(one.fills, two.fills)
    pd.testing.assert_series_equal(one.equity, two.equity)


# --- news ----------------------------------------------------------------------------------------------------------


class Reader(Planned):
    """Notes what it hears."""

    def on_start(self) -> None:
        super().on_start()
        self.subscribe_data(DataType("Sentiment"))
        self.subscribe_data(DataType("News"))

    def on_data(self, data) -> None:
        event = data.data
        assert isinstance(event, News | Sentiment)
        assert event.ts_init == self.clock.timestamp_ns() >= event.ts_event
        print(type(event).__name__, event.ts_init, event.article_id)  # noqa: T201


def test_articles_arrive_when_they_could_be_read(sample: Path) -> None:
    run = ap.backtest(Reader, "AAPL", "1d", "2007-01-01", "2007-12-31", params={"plan": {}}, progress=False)
    assert run.spec.news
    heard = [line.split() for line in run.log.splitlines() if line.startswith(("News", "Sentiment"))]
    held = ap.news("AAPL", "2007-01-01", "2007-12-31")
    assert len(held) > 1
    for kind in ("News", "Sentiment"):
        assert [int(at) for name, at, _ in heard if name == kind] == [each.value for each in held.available_at]


def test_nothing_is_heard_after_as_of(sample: Path) -> None:
    held = ap.news("AAPL", "2007-01-01", "2007-12-31")
    cut = held.available_at.iloc[-1] - pd.Timedelta(minutes=1)
    run = ap.backtest(Reader, "AAPL", "1d", "2007-01-01", "2007-12-31", params={"plan": {}}, as_of=cut, progress=False)
    heard = [int(line.split()[1]) for line in run.log.splitlines() if line.startswith("News")]
    assert heard == [each.value for each in held.available_at[:-1]]
    assert run.equity.index[-1] <= cut


def test_the_sentiment_strategy_trades_after_its_news(sample: Path) -> None:
    run = ap.backtest(NewsSentiment, "AAPL", "1d", params={"threshold": 0.2}, progress=False)
    assert len(run.fills) > 4
    good = ap.news("AAPL")
    first = run.fills.ts.iloc[0]
    assert (good[good.available_at < first].score >= 0.2).any()
    assert run.fills.side.tolist()[:2] == ["buy", "sell"]


# --- what is refused -----------------------------------------------------------------------------------------------


class Quotes(Planned):
    def on_start(self) -> None:
        self.subscribe_quotes(self._id)


class OtherBars(Planned):
    def on_start(self) -> None:
        self.subscribe_bars(BarType.from_str("TOY.XNAS-5-MINUTE-LAST-EXTERNAL"))


class Unheard(Planned):
    def on_start(self) -> None:
        self.subscribe_data(DataType("Sentiment"))


class Coarser(Planned):
    def on_start(self) -> None:
        self.subscribe_bars(BarType.from_str("TOY.XNAS-2-MINUTE-LAST-INTERNAL@1-MINUTE-EXTERNAL"))


@pytest.mark.parametrize(("strategy", "words"), [(Quotes, "quotes"), (OtherBars, "5-MINUTE"), (Unheard, "news=True")])
def test_a_subscription_that_nothing_serves_is_refused(strategy: type, words: str) -> None:
    write_minutes("TOY")
    with pytest.raises(errors.UnservedSubscription, match=words):
        ap.backtest(strategy, "TOY", "1m", params={"plan": {}}, news=False, progress=False)
    assert ap.runs().empty


def test_bars_made_of_loaded_bars_are_served() -> None:
    write_minutes("TOY")
    run = ap.backtest(Coarser, "TOY", "1m", params={"plan": {}}, progress=False)
    assert run.status == "finished"


class Timed(Planned):
    """Looks at the clock every seven seconds, and buys the first time."""

    def on_start(self) -> None:
        self.clock.set_timer_ns("often", 7_000_000_000, None, None, self._later)
        self._sent = False

    def _later(self, event) -> None:
        if not self._sent:
            self._sent = True
            self.submit_order(self.order_factory.market(self._id, OrderSide.BUY, Quantity.from_int(1)))


def test_an_order_that_a_timer_sends_cannot_fill_honestly() -> None:
    write_minutes("TOY")
    with pytest.raises(errors.UnsafeFill, match="timer"):
        ap.backtest(Timed, "TOY", "1m", params={"plan": {}}, progress=False)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"symbols": "TOI"}, errors.UnknownSymbol, "TOY"),
        ({"period": "1y"}, errors.UnknownPeriod, "1y"),
        ({"period": "1d"}, errors.NoCoverage, "1m"),
        ({"start": "2021-01-01"}, errors.NoCoverage, "2020-03-02"),
        ({"start": "2021-01-01", "end": "2020-01-01"}, errors.ReversedWindow, "Swap"),
        ({"params": {"plan": {}, "plam": 1}}, errors.UnknownParameter, "plan"),
        ({"params": {}}, errors.StrategyUnusable, "Give plan in params"),
        ({"fill": "open"}, errors.InputError, "next_open"),
        ({"costs": {"per_sahre": 1}}, errors.InputError, "per_share"),
        ({"cash": -1}, errors.InputError, "cash=-1"),
        ({"fill": ["close"]}, errors.InputError, "fill="),
        ({"cash": np.True_}, errors.InputError, "cash="),
        ({"costs": {"percent": True}}, errors.InputError, "costs: percent=True is no number"),
        ({"costs": ap.Costs(maximum=True)}, errors.InputError, "costs: maximum=True is no number"),
        ({"seed": np.int64(-1)}, errors.InputError, "seed="),
        ({"symbols": [None]}, errors.InputError, "A symbol is text, not 'None'"),
        ({"symbols": 5}, errors.InputError, "is no symbol"),
        ({"symbols": []}, errors.InputError, "No symbol"),
        ({"news": "yes"}, errors.InputError, "news='yes' is neither"),
        ({"adjust": {"splits"}}, errors.InputError, "adjust="),
        ({"gaps": ["allow"]}, errors.InputError, "gaps="),
        ({"purpose": "probe"}, TypeError, "purpose"),  # nobody tries what is not counted
        ({"costs": {"percent": 1e9}}, errors.InputError, "percent=1e\\+09 is more than .* 100"),
        ({"costs": ap.Costs(minimum=1e12)}, errors.InputError, "minimum=1e\\+12"),
        ({"costs": {"per_share": 1e12}}, errors.InputError, "per_share"),
        ({"costs": {"slippage_bps": 1e12}}, errors.InputError, "slippage_bps"),
        ({"strategy": dict}, errors.StrategyUnusable, "not a NautilusTrader Strategy"),
    ],
)
def test_a_wrong_argument_says_what_is_right(arguments: dict, error: type, words: str) -> None:
    write_minutes("TOY")
    given = {"strategy": Planned, "symbols": "TOY", "period": "1m", "params": {"plan": {}}, "progress": False}
    with pytest.raises(error, match=words):
        ap.backtest(**(given | arguments))
    assert ap.runs().empty


def test_whole_numbers_of_numpy_are_numbers() -> None:
    write_minutes("TOY")
    given = {"params": {"plan": {}}, "progress": False}
    run = ap.backtest(Planned, "TOY", "1m", cash=np.int64(50_000), seed=np.int32(7), **given)
    assert run.spec.id == ap.backtest(Planned, "TOY", "1m", cash=50_000, seed=7, **given).spec.id


class Nautilus2(StrategyConfig):
    instrument_id: InstrumentId
    bar_type: BarType
    plan: dict
    label: str = "none"


class WithNautilusConfig(Planned):
    def __init__(self, config: Nautilus2) -> None:
        super().__init__(config)
        print("label", config.label, self.config.label)  # noqa: T201


def test_a_nautilus_config_with_bare_annotations_gets_its_parameters() -> None:
    write_minutes("TOY")
    params = {"plan": {"1": 1}, "label": "given", "order_id_tag": "7"}
    run = ap.backtest(WithNautilusConfig, "TOY", "1m", params=params, progress=False)
    assert len(run.fills) == 1
    assert "label given given" in run.log


# --- what goes wrong while it runs ---------------------------------------------------------------------------------


class Raises(Planned):
    def on_bar(self, bar) -> None:
        super().on_bar(bar)
        if self._seen == 3:
            raise ZeroDivisionError("on the third bar")


class RaisesLater(Timed):
    def _later(self, event) -> None:
        raise LookupError("in a timer")


class RaisesAtFirst(Planned):
    def __init__(self, config: Nautilus2) -> None:
        raise OSError("before it began")


class Leaves(Planned):
    def __init__(self, config: PlannedConfig) -> None:
        sys.exit("before it began")


class SendsAgain(Planned):
    """Sends one order, and on its fourth bar the very same one again."""

    kind = "market"

    def on_bar(self, bar) -> None:
        self._seen += 1
        if self._seen == 1:
            make, two = self.order_factory, Quantity.from_int(2)
            self._order = (
                make.market(self._id, OrderSide.BUY, two)
                if self.kind == "market"
                else make.limit(self._id, OrderSide.BUY, two, Price(90.0, 4))
            )
        if self._seen in (1, 4):
            self.submit_order(self._order)


class SendsALimitAgain(SendsAgain):
    kind = "limit"


@pytest.mark.parametrize(("strategy", "became"), [(SendsAgain, "filled"), (SendsALimitAgain, "accepted")])
@pytest.mark.parametrize("fill", ["next_open", "close"])
def test_an_order_is_sent_once(strategy: type, became: str, fill: str) -> None:
    write_minutes("TOY")
    with pytest.raises(errors.StrategyRaised, match="submit_order was given the order O-") as refused:
        ap.backtest(strategy, "TOY", "1m", params={"plan": {}}, fill=fill, progress=False)
    said = refused.value.message
    assert "again at 2020-03-02T14:34:00 UTC. Made at 2020-03-02T14:31:00 UTC to buy 2 of TOY.XNAS" in said
    assert f"is {became}; an order is sent once. Make a new one each time, such as self.order_factory" in said
    assert refused.value.traceback.rstrip().splitlines()[-1].startswith("RuntimeError: submit_order was given")
    assert "self.submit_order(self._order)" in refused.value.traceback
    assert "alphapulse_lib/engine" not in refused.value.traceback
    assert ap.run(refused.value.run_id).status == "failed"


class Dies(Planned):
    def on_bar(self, bar) -> None:
        os._exit(7)


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        (Raises, "on the third bar"),
        (RaisesLater, "in a timer"),
        (RaisesAtFirst, "before it began"),
        (Leaves, "before it began"),
    ],
)
def test_a_strategys_own_exception_comes_back_with_its_traceback(strategy: type, words: str) -> None:
    write_minutes("TOY")
    with pytest.raises(errors.StrategyRaised, match=words) as raised:
        ap.backtest(strategy, "TOY", "1m", params={"plan": {"1": 1}}, progress=False)
    assert "test_backtests.py" in raised.value.traceback
    assert "alphapulse_lib/engine" not in raised.value.traceback
    recorded = ap.run(raised.value.run_id)
    assert recorded.status == "failed"
    assert words in recorded.record.traceback


def test_an_exception_is_heard_once(capfd: pytest.CaptureFixture[str]) -> None:
    write_minutes("TOY")
    with pytest.raises(errors.StrategyRaised) as raised:
        ap.backtest(Raises, "TOY", "1m", params={"plan": {}}, progress=False)
    assert capfd.readouterr() == ("", "")
    assert "on_bar failed" in ap.run(raised.value.run_id).log


@pytest.mark.parametrize(
    ("symbols", "more"), [(5, {}), ("TOY", {"params": 5}), ("TOY", {"as_of": pd.NaT}), ("TOY", {"scorer": "finanse"})]
)
def test_a_value_of_another_kind_is_refused(symbols: object, more: dict) -> None:
    write_minutes("TOY")
    with pytest.raises(errors.InputError, match=r"5|NaT|finance"):
        ap.backtest(Planned, symbols, "1m", **{"params": {"plan": {}}, "progress": False} | more)


def test_a_process_that_ends_without_an_answer_is_recorded() -> None:
    write_minutes("TOY")
    with pytest.raises(errors.WorkerDied, match="code 7") as died:
        ap.backtest(Dies, "TOY", "1m", params={"plan": {}}, progress=False)
    assert ap.run(died.value.run_id).status == "failed"
    assert ap.runs().window.tolist() == ["open"]


class Endless(Planned):
    def on_bar(self, bar) -> None:
        print("pid", os.getpid(), flush=True)  # noqa: T201
        Path(os.environ["TOLD"]).write_text(str(os.getpid()))
        while True:
            time.sleep(0.05)


def gone(pid: int) -> bool:
    for _ in range(1_200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def when(path: Path) -> int:
    while not path.exists() or not path.read_text():
        time.sleep(0.05)
    return int(path.read_text())


def test_an_interrupt_stops_the_worker_and_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_minutes("TOY")
    told = tmp_path / "pid"
    monkeypatch.setenv("TOLD", str(told))
    threading.Thread(target=lambda: (when(told), signal.raise_signal(signal.SIGINT)), daemon=True).start()
    with pytest.raises(errors.RunInterrupted) as stopped:
        ap.backtest(Endless, "TOY", "1m", params={"plan": {}}, progress=False)
    assert gone(int(told.read_text()))
    assert ap.run(stopped.value.run_id).status == "interrupted"


SCRIPT = """
import alphapulse_lib as ap
from tests.session.test_backtests import Endless
ap.backtest(Endless, "TOY", "1m", params={"plan": {}}, progress=False)
"""


def test_the_worker_dies_with_the_process_that_started_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_minutes("TOY")
    told = tmp_path / "pid"
    monkeypatch.setenv("TOLD", str(told))
    parent = subprocess.Popen([sys.executable, "-c", SCRIPT], cwd=Path(__file__).parents[2])
    worker = when(told)
    parent.kill()
    parent.wait()
    assert gone(worker)


# --- where a strategy is defined -----------------------------------------------------------------------------------

CELL = """
from dataclasses import dataclass
from nautilus_trader.model import BarType, InstrumentId, OrderSide, Quantity
from nautilus_trader.trading import Strategy

SHARES = 3

@dataclass(frozen=True)
class CellConfig:
    instrument_id: InstrumentId
    bar_type: BarType

class Cell(Strategy):
    def __init__(self, config: CellConfig):
        super().__init__(config)
    def on_start(self):
        self.subscribe_bars(self.config.bar_type)
    def on_bar(self, bar):
        if self.portfolio.is_flat(self.config.instrument_id) if hasattr(self.portfolio, "is_flat") else True:
            order = self.order_factory.market(
                self.config.instrument_id, OrderSide.BUY, Quantity.from_int(SHARES))
            self.submit_order(order)
"""

NOTEBOOK = """
import json
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell({cell!r}, store_history=True)
shell.run_cell({again!r}, store_history=True)
"""

AGAIN = """
import alphapulse_lib as ap
one = ap.backtest(Cell, "TOY", "1m", progress=False)
SHARES = 4
two = ap.backtest(Cell, "TOY", "1m", progress=False)
print("QUANTITIES", one.fills.quantity[0], two.fills.quantity[0])
print("SAME", one.spec.strategy.digest == two.spec.strategy.digest)
print("TEXT", one.spec.strategy.text.startswith("class Cell"))
"""


def test_a_class_of_a_notebooks_cell_is_run_and_its_globals_are_part_of_it() -> None:
    write_minutes("TOY")
    script = textwrap.dedent(NOTEBOOK).format(cell=CELL, again=AGAIN)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "QUANTITIES 3.0 4.0" in done.stdout, done.stdout + done.stderr
    assert "SAME False" in done.stdout
    assert "TEXT True" in done.stdout


def test_a_script_without_a_main_guard_works(tmp_path: Path) -> None:
    write_minutes("TOY")
    script = tmp_path / "mine.py"
    script.write_text(
        CELL + "\nimport alphapulse_lib as ap\nprint(len(ap.backtest(Cell, 'TOY', '1m', progress=False).fills))"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "5"


def test_no_process_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    write_minutes("TOY")
    monkeypatch.setattr(process, "_YOUNG", inf)  # else what runs are forked from may come of age between the two
    ap.backtest(Planned, "TOY", "1m", params={"plan": {}}, progress=False)
    # What runs are forked from is, and a server that other tests share may be.
    before = set(psutil.Process().children(recursive=True))
    ap.backtest(Planned, "TOY", "1m", params={"plan": {}}, progress=False)
    assert set(psutil.Process().children(recursive=True)) <= before


KILLED = """
import sys, time
from dataclasses import dataclass
import alphapulse_lib as ap
from nautilus_trader.model import BarType, InstrumentId
from nautilus_trader.trading import Strategy

@dataclass(frozen=True)
class SlowConfig:
    instrument_id: InstrumentId
    bar_type: BarType
    order_id_tag: str = "1"

class Slow(Strategy):
    def __init__(self, config: SlowConfig):
        super().__init__(config)
        self._bars = config.bar_type
    def on_start(self):
        self.subscribe_bars(self._bars)
        print("it runs", flush=True)
        time.sleep(60)

sys.stdout = sys.stderr
ap.backtest(Slow, "GOOG", progress=False)
"""


def test_what_a_killed_run_left_is_removed_by_the_next(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Killed by SIGKILL in the middle: nothing in it can clean up after itself."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr("tempfile.tempdir", None)
    process = subprocess.Popen([sys.executable, "-c", KILLED], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "it runs" in line:
            break
    process.kill()
    process.communicate()
    (left,) = place.glob("alphapulse-run-*")
    runs = settings().ledger_root / "runs"
    os.utime(left)  # on a busy machine a minute may be over
    first = ap.backtest("SmaCross", "GOOG", end="2006-12-29", progress=False)
    assert left.exists(), "it is young: its owner may be about to hold it"
    for name in (".0123456789abcdef.4711", "0123456789abcdef"):
        (runs / name).mkdir()
        (runs / name / "fills.parquet").write_text("half")
        os.utime(runs / name, (2, 2))
    os.utime(left, (1, 1))
    os.utime(runs / first.id, (1, 1))
    second = ap.backtest("SmaCross", "GOOG", end="2006-12-29", progress=False)
    assert list(place.glob("alphapulse-run-*")) == []
    assert sorted(each.name for each in runs.iterdir()) == sorted([first.id, second.id])
    assert not first.equity.empty


def test_files_of_a_ledger_that_was_lost_stay_until_it_is_back(sample: Path) -> None:
    root = settings().ledger_root
    lost = ap.backtest("SmaCross", "GOOG", end="2006-12-29", progress=False)
    kept = {each.name: each.read_bytes() for each in root.iterdir() if each.is_file()}
    for name in kept:
        (root / name).unlink()
    os.utime(root / "runs" / lost.id, (1, 1))
    for _ in range(2):  # the first of them finds an empty ledger, the second one that never heard of what was lost
        ap.backtest("SmaCross", "GOOG", end="2006-12-29", progress=False)
    for name in kept:
        (root / name).write_bytes(kept[name])
    assert not ap.run(lost.id).equity.empty


def test_a_class_that_nautilus_cannot_call_by_its_name_is_refused_and_counts_as_no_trial() -> None:
    write_minutes("TOY")
    named = type("Größe", (Planned,), {"__module__": __name__})
    for begin in (
        lambda: ap.backtest(named, "TOY", "1m", params={"plan": {}}, progress=False),
        lambda: ap.sweep(named, "TOY", "1m", grid={"plan": [{}, {"1": 1}]}, progress=False, workers=1),
    ):
        with pytest.raises(errors.StrategyUnusable, match="no other letters than ASCII's: Größe"):
            begin()
    assert ap.runs().empty
