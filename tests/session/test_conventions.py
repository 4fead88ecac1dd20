"""The fill conventions beyond the next open: the close, the next close, the next bar's volume-weighted price."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from nautilus_trader.model import (
    Bar,
    BarType,
    CustomData,
    DataType,
    InstrumentId,
    OrderSide,
    Price,
    Quantity,
    TimeInForce,
)
from nautilus_trader.trading import Strategy
from wire import ns, send

import alphapulse_lib as ap
from alphapulse_lib.catalog import ticks, writer
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.errors import NoVolumePrice, UnsafeFill
from alphapulse_lib.model.instrument import Instrument
from tests.resources.toy_market import MINUTE, OPEN, SIX, BuysOnce, Planned, write, write_minutes, write_trades

SECOND = 10**9
TIME = pa.timestamp("ns", "UTC")


def closes_of(days: list[str]) -> tuple[list[int], list[int]]:
    """Opens and closes of these sessions of XNAS."""
    known = sessions("XNAS")
    at = [int(np.searchsorted(known.closes, pd.Timestamp(day, tz="UTC").value)) for day in days]
    return [int(known.opens[each]) for each in at], [int(known.closes[each]) for each in at]


@dataclass(frozen=True)
class HeardConfig:
    instrument_id: InstrumentId
    bar_type: BarType


class Heard(Strategy):
    """Buys once, on its first bar that finds it without a position: what it knows on each bar decides what it does."""

    def __init__(self, config: HeardConfig) -> None:
        super().__init__(config)
        self._asked = config

    def on_start(self) -> None:
        self.subscribe_bars(self._asked.bar_type)

    def on_bar(self, bar: Bar) -> None:
        traded = self._asked.instrument_id
        waits = self.cache.orders_inflight(instrument_id=traded)
        if not waits and not self.cache.positions_open(instrument_id=traded):
            self.submit_order(self.order_factory.market(traded, OrderSide.BUY, Quantity.from_int(10)))


@dataclass(frozen=True)
class AcrossConfig:
    instrument_ids: list[InstrumentId]
    bar_types: list[BarType]
    kind: str


class Across(Strategy):
    """On the third bar of the first instrument buys the second, or by a limit at 139.50, or sells it by such a stop."""

    def __init__(self, config: AcrossConfig) -> None:
        super().__init__(config)
        self._asked, self._seen = config, 0

    def on_start(self) -> None:
        for each in self._asked.bar_types:
            self.subscribe_bars(each)

    def on_bar(self, bar: Bar) -> None:
        first, other = self._asked.instrument_ids
        self._seen += bar.bar_type.instrument_id == first
        if bar.bar_type.instrument_id == first and self._seen == 3:
            make, ten = self.order_factory, Quantity.from_int(10)
            if self._asked.kind == "market":
                self.submit_order(make.market(other, OrderSide.BUY, ten))
            elif self._asked.kind == "limit":
                self.submit_order(make.limit(other, OrderSide.BUY, ten, Price(139.5, 4)))
            else:
                self.submit_order(make.stop_market(other, OrderSide.SELL, ten, Price(139.5, 4)))


@dataclass(frozen=True)
class RestingConfig:
    instrument_id: InstrumentId
    bar_type: BarType
    until: str


class Resting(Strategy):
    """Bids 95 on its first bar: good until cancelled, for the day, or for thirty hours."""

    def __init__(self, config: RestingConfig) -> None:
        super().__init__(config)
        self._asked, self._sent = config, False

    def on_start(self) -> None:
        self.subscribe_bars(self._asked.bar_type)

    def on_bar(self, bar: Bar) -> None:
        if not self._sent:
            self._sent = True
            kinds = {"GTC": TimeInForce.GTC, "DAY": TimeInForce.DAY, "GTD": TimeInForce.GTD}
            expires = bar.ts_event + 30 * 60 * MINUTE if self._asked.until == "GTD" else None
            given = {"time_in_force": kinds[self._asked.until], "expire_time": expires}
            traded = self._asked.instrument_id
            self.submit_order(
                self.order_factory.limit(traded, OrderSide.BUY, Quantity.from_int(10), Price(95.0, 4), **given)
            )


# --- what is good for a day ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fill", ["next_open", "close", "next_close"])
def test_what_is_good_for_the_day_does_not_fill_after_it(fill: str) -> None:
    _, closes = closes_of(["2020-03-02", "2020-03-03", "2020-03-04", "2020-03-05"])

    def ran(low_on: int, until: str) -> list[str]:
        bars = [(100.0, 101.0, 90.0 if day == low_on else 99.0, 100.0) for day in range(4)]
        symbol = f"TO{'ABCD'[low_on]}"
        write(symbol, "1d", closes, bars)
        run = ap.backtest(Resting, symbol, "1d", params={"until": until}, fill=fill, progress=False)
        return [*run.orders.status, *map(str, run.fills.price)]

    assert ran(0, "DAY") == ["expired"], "also where NautilusTrader leaves it in the market"
    assert ran(0, "GTC") == ["accepted"]
    # Sent at Monday's close: Tuesday is its day; Wednesday where it is on its way until Tuesday's close.
    day = 2 if fill == "next_close" else 1
    assert ran(day, "DAY") == ["filled", "95.0"]
    assert ran(day + 1, "GTC") == ["filled", "95.0"]
    assert ran(3, "GTD") == ["expired"]
    with pytest.raises(UnsafeFill, match="good for the day") as refused:
        ran(day + 1, "DAY")
    assert "TimeInForce.GTD" in refused.value.hint


# --- more than a quarter of a bar's volume ---------------------------------------------------------------------------


class Large(Planned):
    """Asks for 600 of the 1,000 of a bar, by an order of a kind."""

    def on_bar(self, bar: Bar) -> None:
        self._seen += 1
        if self._seen == 1:
            make, asked = self.order_factory, (self._id, OrderSide.BUY, Quantity.from_int(600))
            kind = self._plan["kind"]
            self.submit_order(
                make.stop_market(*asked, Price(101.0, 4))
                if kind == "stop"
                else make.market_if_touched(*asked, Price(99.5, 4))
                if kind == "touched"
                else make.limit(*asked, Price(99.5, 4))
            )


@pytest.mark.parametrize(
    ("kind", "fills"),
    [
        ("stop", [(250, 101.0), (350, 101.0001)]),
        ("touched", [(250, 99.5), (350, 99.5001)]),
        ("limit", [(250, 99.5)]),
    ],
)
def test_what_a_stop_asks_for_beyond_a_quarter_of_the_volume_fills_a_tick_worse(kind: str, fills: list) -> None:
    flat, wide = (100.0, 100.5, 99.7, 100.0), (100.0, 102.0, 99.0, 100.0)
    write_minutes("TOY", [flat, flat, wide, flat])
    run = ap.backtest(Large, "TOY", "1m", params={"plan": {"kind": kind}}, progress=False)
    assert [*zip(run.fills.quantity, run.fills.price, strict=True)] == fills


# --- the close of the bar that it was decided on --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "at", "price"), [("market", 3, 140.5), ("limit", 4, 130.0), ("stop", 4, 130.0)], ids=lambda each: str(each)
)
def test_an_order_for_another_instrument_meets_its_close_and_no_price_before(kind: str, at: int, price: float) -> None:
    # BBB's third bar went from 140 through 141 and 139 to 140.50, and is over when AAA's is told: what is bought then
    # costs 140.50, and a limit or a stop at 139.50 waits for the fourth bar, which opens at 130.
    for symbol in ("AAA", "BBB"):
        write_minutes(symbol)
    run = ap.backtest(Across, ["AAA", "BBB"], "1m", params={"kind": kind}, fill="close", gaps="allow", progress=False)
    (fill,) = run.fills.itertuples()
    assert (fill.symbol, fill.price, fill.ts.value) == ("BBB", price, OPEN + at * MINUTE)


# --- the next close ------------------------------------------------------------------------------------------------


def test_a_decision_fills_whole_at_the_next_close() -> None:
    write_minutes("TOY")
    plan = {"1": 700, "3": -700, "6": 5}
    run = ap.backtest(Planned, "TOY", "1m", params={"plan": plan}, fill="next_close", cash=1_000_000, progress=False)
    assert list(zip(run.fills.side, run.fills.quantity, run.fills.price, strict=True)) == [
        ("buy", 700.0, 121.0),
        ("sell", 700.0, 126.0),
    ]
    assert [each.value for each in run.fills.ts] == [OPEN + 2 * MINUTE - 1, OPEN + 4 * MINUTE - 1]
    # Held over two closes, 140.5 and 126: equity at the first close after the fill has gained nothing yet.
    by_hand = [1_000_000, 1_000_000, 1_000_000 + 700 * 19.5, *[1_000_000 + 700 * 5.0] * 3]
    assert run.equity.tolist() == pytest.approx(by_hand, abs=0.005)
    assert run.orders.status.tolist() == ["filled", "filled", "unfilled"]


def test_a_strategy_knows_of_the_fill_when_it_is_told_of_the_bar() -> None:
    write_minutes("TOY")
    run = ap.backtest(Heard, "TOY", "1m", fill="next_close", progress=False)
    assert run.fills.price.tolist() == [121.0], "it was flat on the first bar alone"


def test_bars_without_volume_fill_at_the_next_close_too() -> None:
    write_minutes("FX", volume=[0, 1, 2, 3, 0, 1])
    run = ap.backtest(Planned, "FX", "1m", params={"plan": {"2": 500, "4": -500}}, fill="next_close", progress=False)
    assert run.fills.price.tolist() == [140.5, 111.0]


def test_an_instrument_that_pauses_fills_at_its_own_next_close() -> None:
    write_minutes("AAA")
    write_minutes("BBB", SIX[:3], closes=[OPEN + MINUTE, OPEN + 4 * MINUTE, OPEN + 6 * MINUTE])
    run = ap.backtest(BuysOnce, ["AAA", "BBB"], "1m", fill="next_close", progress=False)
    assert list(zip(run.fills.symbol, run.fills.price, strict=True)) == [("AAA", 121.0), ("BBB", 121.0)]
    assert run.fills.ts.iloc[1].value == OPEN + 4 * MINUTE - 1


class Protected(Heard):
    """Buys on its first bar with a stop below and a limit above that belong to the order."""

    def on_bar(self, bar: Bar) -> None:
        if bar.ts_event == OPEN + MINUTE:
            self.submit_order_list(
                self.order_factory.bracket(
                    self._asked.instrument_id,
                    OrderSide.BUY,
                    Quantity.from_int(10),
                    sl_trigger_price=Price(119.0, 4),
                    tp_price=Price(150.0, 4),
                )
            )


def test_what_came_before_the_fill_does_not_touch_its_stop() -> None:
    # The second bar went down to 118 before it closed at 121, where the order fills; the fourth opens at 115.
    bars = [SIX[0], SIX[1], (121.0, 122.0, 120.0, 121.0), (115.0, 116.0, 114.0, 115.0), SIX[5]]
    write_minutes("TOY", bars)
    run = ap.backtest(Protected, "TOY", "1m", fill="next_close", progress=False)
    assert run.fills.price.tolist() == [121.0, 115.0]
    assert [each.value for each in run.fills.ts] == [OPEN + 2 * MINUTE - 1, OPEN + 4 * MINUTE - 1]


class Ringing(Planned):
    """With a clock that rings while its orders are on their way."""

    def on_start(self) -> None:
        super().on_start()
        self.clock.set_timer_ns("ten", 10 * SECOND, None, None, lambda _: None)


@pytest.mark.parametrize("fill", ["next_close", "vwap"])
def test_a_clock_that_settles_an_order_before_its_close_fails_the_proof(fill: str) -> None:
    write_minutes("TOY")
    write_trades("TOY", [(OPEN + n * MINUTE + 1, bar[0], 10) for n, bar in enumerate(SIX)])
    with pytest.raises(UnsafeFill, match="TOY"):
        ap.backtest(Ringing, "TOY", "1m", params={"plan": {"1": 5}}, fill=fill, progress=False)
    assert ap.runs().empty


class BuysOnNews(Heard):
    """Buys on each article."""

    def on_start(self) -> None:
        self.subscribe_data(DataType("News"))

    def on_data(self, data: CustomData) -> None:
        traded = self._asked.instrument_id
        self.submit_order(self.order_factory.market(traded, OrderSide.BUY, Quantity.from_int(1)))


@pytest.mark.parametrize("fill", ["next_open", "next_close", "vwap"])
def test_news_of_a_day_that_ends_with_its_bar_fills_at_that_close(fill: str) -> None:
    """A bare date is known at its day's last nanosecond; what never closes closes with the day, a nanosecond later."""
    coin, day = Instrument("BTC.CRYPTO", "Bitcoin"), 86_400 * SECOND
    writer.write_instruments(Roots.of_settings().writable, [coin])
    closes = [ns("2020-03-02") + number * day for number in range(3)]
    write("BTC", "1d", closes, [(100.0 + n, 109.0, 99.0, 105.0 + n) for n in range(3)], venue="CRYPTO")
    halves = [each - half * 1800 * SECOND for each in closes for half in reversed(range(48))]
    write("BTC", "30m", halves, [(102.0,) * 4] * len(halves), venue="CRYPTO")
    send(Roots.of_settings().writable, [("a", "2020-03-02T23:59:59.999999999", "Bitcoin rises")])
    run = ap.backtest(BuysOnNews, "BTC", "1d", fill=fill, news=True, progress=False)
    assert [(each.ts.value, each.price) for each in run.fills.itertuples()] == [(closes[1], 106.0)]


# --- the volume-weighted price -------------------------------------------------------------------------------------


def test_a_decision_fills_at_the_next_bars_volume_weighted_price_of_trades() -> None:
    write_minutes("TOY")
    rows = [(OPEN + n * MINUTE + SECOND, bar[0], 30) for n, bar in enumerate(SIX)]
    rows += [(OPEN + n * MINUTE, bar[3], 10) for n, bar in enumerate(SIX, 1)]  # at the close: the bar's own
    write_trades("TOY", sorted(rows))
    run = ap.backtest(Planned, "TOY", "1m", params={"plan": {"1": 700, "3": -700}}, fill="vwap", progress=False)
    second, fourth = (30 * 120 + 10 * 121) / 40, (30 * 130 + 10 * 126) / 40
    assert run.fills.price.tolist() == pytest.approx([second, fourth], abs=1e-8)
    assert [each.value for each in run.fills.ts] == [OPEN + 2 * MINUTE - 1, OPEN + 4 * MINUTE - 1]
    assert run.stats["end_equity"] == pytest.approx(100_000 + 700 * (fourth - second))
    assert "TOY: the volume-weighted prices are made of 12 trades." in run.log
    finer = run.record.series[1]
    assert (finer.name, finer.rows, finer.first, finer.last) == (
        "TOY.XNAS trades",
        12,
        OPEN + SECOND,
        OPEN + 6 * MINUTE,
    )


def test_daily_bars_take_the_minutes_of_their_session_alone() -> None:
    opens, closes = closes_of(["2020-03-02", "2020-03-03", "2020-03-04"])
    day = (100.0, 110.0, 90.0, 105.0)
    write("DAY", "1d", closes, [day, day, day])
    minutes, bars, volume = [], [], []
    for opened, closed in zip(opens, closes, strict=True):
        # Before the open, in the first minute, in the last, after the close; the stamps are closes.
        for stamp, price, size in ((opened, 50, 900), (opened + MINUTE, 96, 100), (closed, 104, 300)):
            minutes.append(stamp)
            bars.append((price, price + 1.5, price - 1.5, price))
            volume.append(size)
        minutes.append(closed + MINUTE)
        bars.append((200.0, 200.0, 200.0, 200.0))
        volume.append(900)
    write("DAY", "1m", minutes, bars, volume)
    run = ap.backtest(Planned, "DAY", "1d", params={"plan": {"1": 10}}, fill="vwap", progress=False)
    assert run.fills.price.tolist() == pytest.approx([(96 * 100 + 104 * 300) / 400])
    assert "made of 11 1m bars, each at the mean of its high, low and close" in run.log


def test_without_anything_finer_it_is_refused_with_the_command_that_would_fetch_it() -> None:
    write_minutes("TOY")
    _, closes = closes_of(["2020-03-02", "2020-03-03", "2020-03-04"])
    write("DAY", "1d", closes, SIX[:3])
    with pytest.raises(NoVolumePrice, match="bars of 30m or less, and none are held") as refused:
        ap.backtest(Planned, "DAY", "1d", params={"plan": {"1": 1}}, fill="vwap", progress=False)
    # The window is open: the bars held say what it is.
    assert "alphapulse ingest alpaca DAY --period 1m --start 2020-03-02 --end 2020-03-04`" in refused.value.hint
    with pytest.raises(NoVolumePrice) as refused:
        ap.backtest(Planned, "DAY", "1d", "2020-03-03", params={"plan": {"1": 1}}, fill="vwap", progress=False)
    assert "--start 2020-03-03 --end 2020-03-04`" in refused.value.hint
    assert ap.runs().empty


def test_finer_data_that_end_too_early_are_refused_and_say_how_much_is_lacking() -> None:
    write_minutes("TOY")
    write_trades("TOY", [(OPEN + n * MINUTE + SECOND, bar[0], 30) for n, bar in enumerate(SIX[:4])])
    with pytest.raises(NoVolumePrice, match=r"its trades lack 2 of 6, the first at 2020-03-02T14:35:00 UTC"):
        ap.backtest(Planned, "TOY", "1m", params={"plan": {"1": 1}}, fill="vwap", progress=False)


def test_finer_data_of_other_prices_are_refused() -> None:
    write_minutes("TOY")
    write_trades("TOY", [(OPEN + n * MINUTE + SECOND, bar[0] / 2, 30) for n, bar in enumerate(SIX)])
    with pytest.raises(NoVolumePrice, match=r"disagree with its 1m bars on 6 of 6.*would be 50, outside of 99 to 101"):
        ap.backtest(Planned, "TOY", "1m", params={"plan": {"1": 1}}, fill="vwap", progress=False)


def test_bars_without_any_volume_have_no_volume_weighted_price() -> None:
    write_minutes("FX", volume=0.0)
    write_trades("FX", [(OPEN + n * MINUTE + SECOND, bar[0], 30) for n, bar in enumerate(SIX)])
    with pytest.raises(NoVolumePrice, match="no volumes"):
        ap.backtest(Planned, "FX", "1m", params={"plan": {"1": 1}}, fill="vwap", progress=False)


def test_a_price_that_is_no_multiple_of_a_tick_is_rounded_to_it_and_fills() -> None:
    write_minutes("TOY")
    rows = [(OPEN + n * MINUTE + SECOND, bar[0], 30) for n, bar in enumerate(SIX)]
    write_trades("TOY", sorted([*rows, *((OPEN + n * MINUTE, bar[3], 41) for n, bar in enumerate(SIX, 1))]))
    run = ap.backtest(Planned, "TOY", "1m", params={"plan": {"1": 7}}, fill="vwap", progress=False)
    assert run.fills.price.tolist() == pytest.approx([round((30 * 120 + 41 * 121) / 71, 4)], abs=1e-8)


@pytest.mark.parametrize("price", [119.0001, 119.0002])
def test_a_price_half_way_between_two_ticks_is_the_one_that_is_proven(price: float) -> None:
    """The run was refused, as a defect, where NumPy and Python round it apart."""
    write_minutes("TOY")
    rows = [(OPEN + n * MINUTE + SECOND, bar[0], 30) for n, bar in enumerate(SIX)]
    rows[1] = (rows[1][0], price, 10)
    write_trades("TOY", sorted([*rows, (OPEN + MINUTE + 2 * SECOND, round(price + 0.0001, 4), 10)]))
    run = ap.backtest(Planned, "TOY", "1m", params={"plan": {"1": 7}}, fill="vwap", progress=False)
    assert run.fills.price.tolist() == pytest.approx([price + 0.00005], abs=0.000051)


def test_only_trades_that_were_available_then_make_the_price() -> None:
    write_minutes("TOY")
    rows = [(OPEN + n * MINUTE + SECOND, bar[0], 30) for n, bar in enumerate(SIX)]
    write_trades("TOY", rows)
    late = pa.array([OPEN + 60 * MINUTE], pa.int64()).cast(TIME)
    moment = pa.array([OPEN + MINUTE + 2 * SECOND], pa.int64()).cast(TIME)
    table = pa.table({"ts": moment, "available_at": late, "price": [118.0], "size": [90.0]})
    ticks.write_trades(Roots.of_settings().writable, Instrument("TOY.XNAS"), table, "late")

    def filled(as_of: str | None) -> list[float]:
        asked = {"params": {"plan": {"1": 1}}, "fill": "vwap", "as_of": as_of, "progress": False}
        return ap.backtest(Planned, "TOY", "1m", **asked).fills.price.tolist()

    assert filled("2020-03-02T15:00:00Z") == [120.0]
    assert filled(None) == [pytest.approx((30 * 120 + 90 * 118) / 120)]


def test_each_convention_is_a_spec_of_its_own() -> None:
    write_minutes("TOY")
    run = ap.backtest(Planned, "TOY", "1m", params={"plan": {}}, fill="next_close", progress=False)
    others = {replace(run.spec, fill=each).id for each in ("next_open", "close", "next_close", "vwap")}
    assert len(others) == 4
