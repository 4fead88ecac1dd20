"""A backtest on trades and quotes: what is told when, and what orders fill at, worked out by hand."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from nautilus_trader.model import Bar, BarType, InstrumentId, OrderSide, Price, Quantity, QuoteTick, TradeTick
from nautilus_trader.trading import Strategy

import alphapulse_lib as ap
from alphapulse_lib.catalog import ticks
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import CoverageGap, NoTicks, UnsafeFill, UnservedSubscription
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.results.changed_data import Change, changed_data
from alphapulse_lib.views import cards
from tests.resources.toy_market import OPEN, SIX, Planned, write, write_minutes, write_trades

SECOND = 10**9
TIME = pa.timestamp("ns", "UTC")

#: Seconds after the open, price, size. The first minute holds three, the second none.
TRADES = ((10, 100.0, 5), (30, 100.5, 7), (50, 101.0, 5), (130, 104.0, 2), (170, 103.0, 9), (200, 105.0, 4))
#: Seconds, bid, ask.
QUOTES = ((5, 99.5, 100.5), (40, 100.0, 101.25), (140, 103.5, 104.5), (210, 104.0, 106.0))


def trade(rows=TRADES, symbol: str = "TOY") -> None:
    write_trades(symbol, [(OPEN + at * SECOND, price, size) for at, price, size in rows])


def quote(rows=QUOTES, symbol: str = "TOY", late: int = 0, size: float = 300.0) -> None:
    stamps = pa.array([OPEN + row[0] * SECOND for row in rows], pa.int64())
    table = {
        "ts": stamps.cast(TIME),
        "available_at": pa.array(np.asarray(stamps) + late).cast(TIME),
        "bid": pa.array([float(row[1]) for row in rows]),
        "ask": pa.array([float(row[2]) for row in rows]),
        **{name: pa.array([size] * len(rows)) for name in ("bid_size", "ask_size")},
    }
    ticks.write_quotes(Roots.of_settings().writable, Instrument(f"{symbol}.XNAS"), pa.table(table), "toy")


@dataclass(frozen=True)
class HearingConfig:
    """``plan``: number of a thing heard, counted from 1, to shares."""

    instrument_id: InstrumentId
    bar_type: BarType
    to: str = "trades"
    plan: dict[str, int] = field(default_factory=dict)


class Hearing(Strategy):
    """Prints all that it hears, and trades on it by a plan."""

    def __init__(self, config: HearingConfig) -> None:
        super().__init__(config)
        self.asked, self.seen = config, 0

    def on_start(self) -> None:
        if "trades" in self.asked.to:
            self.subscribe_trades(self.asked.instrument_id)
        if "quotes" in self.asked.to:
            self.subscribe_quotes(self.asked.instrument_id)
        if "bars" in self.asked.to:
            self.subscribe_bars(self.asked.bar_type)
        for each in (each for each in self.asked.to.split() if "INTERNAL" in each):
            self.subscribe_bars(BarType.from_str(f"{self.asked.instrument_id}-{each}"))

    def on_trade(self, told: TradeTick) -> None:
        self.hear("trade", float(told.price))

    def on_quote(self, told: QuoteTick) -> None:
        self.hear("quote", float(told.bid_price), float(told.ask_price))

    def on_bar(self, told: Bar) -> None:
        self.hear("bar", float(told.close))

    def on_order_filled(self, event) -> None:
        self.note("filled", float(event.last_px), (event.ts_event - OPEN) / SECOND)

    def note(self, *what: object) -> None:
        print("heard", *what)  # noqa: T201  the run's log keeps what is printed

    def hear(self, *what: object) -> None:
        self.seen += 1
        self.note(*what, (self.clock.timestamp_ns() - OPEN) / SECOND)
        if shares := self.asked.plan.get(str(self.seen), 0):
            side = OrderSide.BUY if shares > 0 else OrderSide.SELL
            self.submit_order(self.order_factory.market(self.asked.instrument_id, side, Quantity.from_int(abs(shares))))


def hearing(to: str, plan: dict[str, int] | None = None, strategy: type = Hearing, **more: object):
    given = {"params": {"to": to, "plan": plan or {}}, "fill": "ticks", "cash": 1_000_000, "progress": False}
    return ap.backtest(strategy, "TOY", "1m", **(given | more))


def heard(run) -> list[str]:
    return [line.removeprefix("heard ") for line in run.log.splitlines() if line.startswith("heard ")]


def fills(run) -> list[tuple[str, float, float, float]]:
    moments = [(each.value - OPEN) / SECOND for each in run.fills.ts]
    return list(zip(run.fills.side, run.fills.quantity, run.fills.price, moments, strict=True))


@pytest.fixture(autouse=True)
def market() -> None:
    write_minutes("TOY", SIX[:4])


def test_a_decision_on_a_trade_fills_whole_at_the_next_trade() -> None:
    trade()
    run = hearing("trades", {"1": 700, "3": -700, "5": 4})
    # Decided at the third, 50 s: the next trade is at 130 s, past the close of a bar that settles no order.
    assert fills(run) == [("buy", 700.0, 100.5, 30.0), ("sell", 700.0, 104.0, 130.0), ("buy", 4.0, 105.0, 200.0)]
    assert run.stats["end_equity"] == pytest.approx(1_000_000 + 700 * 3.5 + 4 * (SIX[3][3] - 105))
    assert [each.name for each in run.record.series] == ["TOY.XNAS-1-MINUTE-LAST-EXTERNAL", "TOY.XNAS trades"]
    assert (run.record.series[1].rows, run.record.series[1].first) == (6, OPEN + 10 * SECOND)


def test_purchases_fill_at_the_ask_and_sales_at_the_bid_of_the_next_quote() -> None:
    quote()
    run = hearing("quotes", {"1": 10, "2": -10, "3": -5})
    assert fills(run) == [("buy", 10.0, 101.25, 40.0), ("sell", 10.0, 103.5, 140.0), ("sell", 5.0, 104.0, 210.0)]


def test_whichever_tick_comes_first_is_met_and_bars_are_told_behind_the_first_at_or_after_their_close() -> None:
    trade()
    quote()
    run = hearing("trades quotes bars", {"2": 1, "5": -1, "7": 2})
    assert heard(run) == [
        *("quote 99.5 100.5 5.0", "trade 100.0 10.0", "trade 100.5 30.0", "filled 100.5 30.0"),
        *("quote 100.0 101.25 40.0", "trade 101.0 50.0", "trade 104.0 130.0", "filled 104.0 130.0"),
        *("bar 100.5 130.0", "bar 121.0 130.0", "quote 103.5 104.5 140.0", "filled 104.5 140.0"),
        *("trade 103.0 170.0", "trade 105.0 200.0", "bar 140.5 200.0", "quote 104.0 106.0 210.0", "bar 126.0 240.0"),
    ]


def test_costs_are_charged_as_with_every_convention() -> None:
    quote()
    run = hearing("quotes", {"1": 10}, costs={"per_share": 0.5, "slippage_bps": 20})
    assert run.fills.price.tolist() == [pytest.approx(101.25 * 1.002)]
    assert run.fills.commission.tolist() == [5.0]


def test_a_decision_on_the_last_tick_never_fills() -> None:
    trade()
    run = hearing("trades bars", {"10": 5, "9": 3})
    assert "bar 126.0 240.0" in heard(run)
    assert run.fills.empty
    assert run.orders.status.tolist() == ["unfilled", "unfilled"]


def test_a_tick_is_told_when_it_became_available() -> None:
    quote(QUOTES[:1])
    quote(QUOTES[1:2], late=15 * SECOND)
    quote(((45, 90.0, 91.0), *QUOTES[2:]))
    run = hearing("quotes", {"1": 1, "2": 1})
    assert [line.rpartition(" ")[2] for line in heard(run) if "quote" in line] == [
        "5.0",
        "45.0",
        "55.0",
        "140.0",
        "210.0",
    ]
    assert fills(run) == [("buy", 1.0, 91.0, 45.0), ("buy", 1.0, 101.25, 55.0)]


def test_a_quote_of_one_side_alone_is_no_price() -> None:
    quote(((5, 99.5, 100.5), (20, 0.0, 101.0), (40, 100.0, 101.25), (150, 100.0, 101.0)))
    run = hearing("quotes", {"1": 1})
    assert fills(run) == [("buy", 1.0, 101.25, 40.0)]
    assert "TOY.XNAS quotes: 1 without a side or a size are not fed." in run.log


class Stopping(Hearing):
    """Buys on the first trade, with a stop below and a limit above."""

    def hear(self, *what: object) -> None:
        self.seen += 1
        if self.seen == 1:
            self.submit_order_list(
                self.order_factory.bracket(
                    self.asked.instrument_id,
                    OrderSide.BUY,
                    Quantity.from_int(4),
                    sl_trigger_price=Price(102.5, 4),
                    tp_price=Price(110.0, 4),
                )
            )


def test_a_stop_fills_whole_at_the_tick_that_triggers_it() -> None:
    trade(((10, 104.0, 5), (30, 104.5, 7), (50, 103.0, 5), (130, 102.0, 2), (170, 103.0, 9)))
    run = hearing("trades", strategy=Stopping)
    assert fills(run) == [("buy", 4.0, 104.5, 30.0), ("sell", 4.0, 102.0, 130.0)]


def test_bars_that_nautilus_makes_of_ticks_are_heard_and_traded_on() -> None:
    trade()
    run = hearing("3-TICK-LAST-INTERNAL", {"1": 10})
    assert heard(run) == ["bar 101.0 50.0", "filled 104.0 130.0", "bar 105.0 200.0"]
    with pytest.raises(UnservedSubscription, match="of which the catalog holds no quotes there"):
        hearing("3-TICK-MID-INTERNAL")
    # Each minute a clock rings: what is decided on such a bar fills at the next tick if that comes before it rings.
    run = hearing("1-MINUTE-LAST-INTERNAL", {"3": 10})
    assert fills(run) == [("buy", 10.0, 105.0, 200.0)]
    with pytest.raises(UnsafeFill, match="filled before the next tick"):
        hearing("1-MINUTE-LAST-INTERNAL", {"1": 10})


def test_a_run_on_ticks_is_made_again_and_looks_into_no_future() -> None:
    trade()
    quote()
    run = hearing("trades quotes bars", {"2": 100, "5": -100, "7": 2})
    again = ap.rerun(run, progress=False)
    assert again.identical, again.text
    found = ap.check_lookahead(run, at=2, progress=False)
    assert found.passed, found.text
    quote(((60, 101.0, 102.0),))
    other = hearing("trades quotes bars", {"2": 100, "5": -100, "7": 2})
    assert "TOY.XNAS quotes" in str(ap.diff(run, other).first)


def test_a_run_says_that_a_tick_it_read_has_changed_since_and_nothing_of_what_was_appended() -> None:
    trade()
    quote()
    run = hearing("trades")
    assert changed_data(run.record) == ()
    quote(((400, 99.0, 100.0),))
    assert changed_data(run.record) == ()
    quote(((40, 100.0, 101.5), (60, 100.0, 101.0)))
    (change,) = changed_data(run.record)
    assert change == Change("TOY.XNAS quotes", 2, OPEN + 40 * SECOND)
    assert "2 rows of TOY, first at 2020-03-02 09:30" in cards.text(ap.run(run.id))


def test_a_run_and_a_diff_name_ticks_that_could_be_known_at_another_moment() -> None:
    trade()
    quote(late=SECOND)
    run = hearing("quotes")
    quote(QUOTES[1:3])
    assert changed_data(run.record) == (Change("TOY.XNAS quotes", 2, OPEN + 40 * SECOND, only_known=True),)
    assert "2 rows of TOY could be known at other moments" in cards.text(ap.run(run.id))
    first = ap.diff(run, hearing("quotes")).first
    assert (first.kind, first.name) == ("data", "TOY.XNAS quotes row 2")
    assert [each.rpartition("available_at ")[2] for each in (first.one, first.other)] == [
        "2020-03-02 14:30:41+00:00",
        "2020-03-02 14:30:40+00:00",
    ]


class Ringing(Hearing):
    """With a clock that rings between two trades."""

    def on_start(self) -> None:
        super().on_start()
        self.clock.set_timer_ns("seven", 7 * SECOND, None, None, lambda _: None)


def test_a_clock_that_settles_an_order_between_two_ticks_fails_the_proof() -> None:
    trade()
    with pytest.raises(UnsafeFill, match="filled before the next tick"):
        hearing("trades", {"1": 1}, strategy=Ringing)
    assert ap.runs().empty


def test_two_instruments_are_filled_at_their_own_ticks() -> None:
    write_minutes("BBB", SIX[:4])
    trade()
    trade(((20, 50.0, 1), (60, 51.0, 1), (220, 52.0, 1)), "BBB")
    run = ap.backtest(Pair, ["TOY", "BBB"], "1m", fill="ticks", progress=False)
    assert list(zip(run.fills.symbol, run.fills.price, strict=True)) == [("TOY", 100.5), ("BBB", 51.0)]


@dataclass(frozen=True)
class PairConfig:
    instrument_ids: list[InstrumentId]


class Pair(Strategy):
    """Buys one share of each at its first trade."""

    def __init__(self, config: PairConfig) -> None:
        super().__init__(config)
        self.of, self.bought = config.instrument_ids, set()

    def on_start(self) -> None:
        for each in self.of:
            self.subscribe_trades(each)

    def on_trade(self, told: TradeTick) -> None:
        if told.instrument_id not in self.bought:
            self.bought.add(told.instrument_id)
            self.submit_order(self.order_factory.market(told.instrument_id, OrderSide.BUY, Quantity.from_int(1)))


# --- what is refused -----------------------------------------------------------------------------------------------


def test_without_ticks_it_is_refused_with_the_command_that_would_fetch_them() -> None:
    with pytest.raises(NoTicks, match=r"No trades and no quotes of TOY.XNAS are held between") as refused:
        ap.backtest(Planned, "TOY", "1m", params={"plan": {}}, fill="ticks", progress=False)
    assert "alphapulse ingest" in refused.value.hint
    assert "--kind trades --start 2020-03-02 --end 2020-03-02`" in refused.value.hint


def test_ticks_of_another_time_are_named() -> None:
    trade(((86_400, 100.0, 1),))
    with pytest.raises(NoTicks, match="its trades reach from 2020-03-03 to 2020-03-03"):
        hearing("trades")


def test_a_subscription_that_nothing_serves_says_what_would() -> None:
    trade()
    with pytest.raises(UnservedSubscription, match="the run's market is made of bars") as by_bars:
        hearing("trades", fill="next_open")
    assert "fill='ticks'" in by_bars.value.hint
    with pytest.raises(UnservedSubscription, match="of which the catalog holds no quotes") as lacking:
        hearing("quotes")
    assert "--kind quotes" in lacking.value.hint


def test_sessions_without_ticks_are_a_gap() -> None:
    from tests.session.test_conventions import closes_of

    days = [f"2020-03-{day:02}" for day in (2, 3, 4, 5, 6, 9, 10, 11)]
    write("DAY", "1d", closes_of(days)[1], [SIX[0]] * 8)
    trade(symbol="DAY")
    with pytest.raises(CoverageGap, match=r"The trades of DAY.XNAS lack 7 of 8 sessions, the first that of 2020-03-03"):
        ap.backtest(Planned, "DAY", "1d", params={"plan": {}}, fill="ticks", progress=False)
    run = ap.backtest(Planned, "DAY", "1d", params={"plan": {}}, fill="ticks", gaps="allow", progress=False)
    assert any("lack 7 of 8 sessions" in each for each in run.warnings)


# --- real trades ---------------------------------------------------------------------------------------------------

REAL = Path(__file__).parents[1] / "resources" / "es_ticks_40k_20130901.csv.gz"


def test_forty_thousand_real_trades_fill_as_the_file_says(tmp_path: Path) -> None:
    rows = pd.read_csv(REAL)
    path = tmp_path / "es.csv"
    rows.rename(columns={"DateTime": "time", "Price": "price", "Volume": "size"}).to_csv(path, index=False)
    ap.ingest("files", path, symbol="ES", venue="XCME", kind="trades")
    made = ap.bars("ES", "1m", source="trades")
    made.drop(columns="symbol").to_csv(tmp_path / "bars.csv", index=False)
    ap.ingest("files", tmp_path / "bars.csv", symbol="ES", venue="XCME", period="1m", stamps="close")
    numbers = range(500, 40_000, 500)
    plan = {str(n): 1 if n // 500 % 2 else -1 for n in numbers}
    given = {"params": {"plan": plan}, "fill": "ticks", "gaps": "allow", "cash": 1_000_000, "progress": False}
    with warnings.catch_warnings(action="ignore"):
        run = ap.backtest(Hearing, "ES", "1m", **given)
    # By the file alone: the first row of a later moment than that of the row on which it was decided.
    stamps = pd.to_datetime(rows["DateTime"]).to_numpy()
    told = np.searchsorted(stamps, stamps[np.array(numbers) - 1], side="right")
    paid = rows["Price"].to_numpy()[told]
    assert run.fills["price"].tolist() == paid.tolist()
    signs = np.array([1 if n // 500 % 2 else -1 for n in numbers])
    held = signs.sum() * made["close"].iloc[-1]
    assert run.stats["end_equity"] == pytest.approx(1_000_000 - (signs * paid).sum() + held, abs=0.005)
    assert run.record.series[1].rows == len(rows)
