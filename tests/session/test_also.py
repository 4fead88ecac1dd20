"""Several periods in one run: longer bars are told beside the run's own, in their order; no market moves by them."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from nautilus_trader.indicators import SimpleMovingAverage
from nautilus_trader.model import Bar, BarType, InstrumentId, OrderSide, Price, Quantity
from nautilus_trader.trading import Strategy
from toy_market import MINUTE, OPEN, SIX, write, write_minutes, write_trades
from typer.testing import CliRunner

import alphapulse_lib as ap
from alphapulse_lib import errors
from alphapulse_lib.catalog import actions
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.cli import app

ACTION = pa.schema(
    [(name, pa.string()) for name in ("instrument_id", "kind")]
    + [("ex_date", pa.date32()), ("ratio", pa.float64()), ("amount", pa.float64()), ("new_symbol", pa.string())]
    + [("available_at", pa.timestamp("ns", "UTC")), ("source", pa.string())]
)
DAY = 86_400 * 10**9
CLOSE = OPEN + 390 * MINUTE
#: Longer bars at prices that no market has: an order that met one would show it.
FAR = [(900.0, 990.0, 10.0, 950.0)] * 3


@dataclass(frozen=True)
class HeardConfig:
    """``more``: the longer bars; ``plan``: the number of one of those, counted from 1, to shares."""

    instrument_id: InstrumentId
    bar_type: BarType
    more: str = "2-MINUTE"
    plan: Mapping[str, int] | None = None


class Heard(Strategy):
    """Notes what it is told, and when; sends its orders from longer bars."""

    def __init__(self, config: HeardConfig) -> None:
        super().__init__(config)
        self._asked, self._seen = config, 0

    def on_start(self) -> None:
        self.subscribe_bars(self._asked.bar_type)
        for each in self._asked.more.split():
            self.subscribe_bars(BarType.from_str(f"{self._asked.instrument_id}-{each}-LAST-EXTERNAL"))

    def on_bar(self, bar: Bar) -> None:
        specification = str(bar.bar_type).rpartition("XNAS-")[2].removesuffix("-LAST-EXTERNAL")
        print("heard", specification, bar.ts_event, self.clock.timestamp_ns(), float(bar.close))  # noqa: T201
        if bar.bar_type == self._asked.bar_type:
            return
        self._seen += 1
        if shares := (self._asked.plan or {}).get(str(self._seen), 0):
            side = OrderSide.BUY if shares > 0 else OrderSide.SELL
            self.submit_order(
                self.order_factory.market(self._asked.instrument_id, side, Quantity.from_int(abs(shares)))
            )


def heard(run: ap.Run) -> list[tuple[str, int, int, float]]:
    """What was told: which bars, their close, when, and at what price."""
    lines = [line.split() for line in run.log.splitlines() if "heard " in line]
    return [(each[-4], int(each[-3]), int(each[-2]), float(each[-1])) for each in lines]


def two_minutes(symbol: str = "TOY") -> None:
    write_minutes(symbol)
    write(symbol, "2m", [OPEN + MINUTE * each for each in (2, 4, 6)], FAR)


def test_longer_bars_are_told_behind_the_bar_that_closes_with_them() -> None:
    two_minutes()
    write("TOY", "3m", [OPEN + MINUTE * each for each in (3, 6)], FAR[:2])
    run = ap.backtest(
        Heard, "TOY", "1m", also=["3m", "2m"], params={"more": "2-MINUTE 3-MINUTE"}, progress=False, fill="close"
    )
    assert run.spec.also == ("2m", "3m")
    minutes = [(name, (closed - OPEN) // MINUTE, (at - OPEN) // MINUTE) for name, closed, at, _ in heard(run)]
    own = [("1-MINUTE", each, each) for each in range(1, 7)]
    twos, threes = ([(f"{length}-MINUTE", each, each) for each in range(length, 7, length)] for length in (2, 3))
    assert minutes == [*own[:2], twos[0], own[2], threes[0], own[3], twos[1], *own[4:], twos[2], threes[1]]


@pytest.mark.parametrize(("fill", "price"), [("next_open", 110.0), ("close", 126.0), ("next_close", 111.0)])
def test_an_order_sent_from_a_longer_bar_fills_by_the_runs_own(fill: str, price: float) -> None:
    two_minutes()
    run = ap.backtest(Heard, "TOY", "1m", also="2m", params={"plan": {"2": 10}}, fill=fill, progress=False)
    assert run.fills["price"].tolist() == [price]
    assert run.equity.iloc[-1] == 100_000 + 10 * (SIX[-1][3] - price)
    assert ap.rerun(run, progress=False).identical


class Rests(Heard):
    """Leaves a limit and a stop in the market that longer bars alone would meet."""

    def on_bar(self, bar: Bar) -> None:
        if not self._seen:
            self._seen = 1
            name, one = self._asked.instrument_id, Quantity.from_int(1)
            self.submit_order(self.order_factory.limit(name, OrderSide.BUY, one, Price.from_str("50.0000")))
            self.submit_order(self.order_factory.stop_market(name, OrderSide.BUY, one, Price.from_str("500.0000")))


@pytest.mark.parametrize("fill", ["next_open", "close", "next_close"])
def test_no_market_moves_by_a_longer_bar(fill: str) -> None:
    """All of them reach from 10 to 990; what rests in the market never sees them."""
    two_minutes()
    run = ap.backtest(Rests, "TOY", "1m", also="2m", fill=fill, progress=False)
    assert run.orders["status"].tolist() == ["accepted", "accepted"]
    alone, beside = (
        ap.backtest("SmaCross", "TOY", "1m", also=also, params={"fast": 1, "slow": 2}, fill=fill, progress=False)
        for also in ((), "2m")
    )
    assert alone.spec.id != beside.spec.id
    assert alone.fills.drop(columns="order_id").equals(beside.fills.drop(columns="order_id"))
    assert alone.equity.equals(beside.equity)


def days(symbol: str, lacking: int | None = None) -> list[int]:
    """The last two minutes of three sessions, and their days' bars; one minute may be lacking."""
    closes = [CLOSE + n * DAY - (1 - last) * MINUTE for n in range(3) for last in range(2)]
    prices = [100.0, 101.0, 102.0, 103.0, 52.0, 53.0]
    kept = [n for n in range(6) if n != lacking]
    write(symbol, "1m", [closes[n] for n in kept], [(prices[n],) * 4 for n in kept])
    write(
        symbol,
        "1d",
        [CLOSE + n * DAY for n in range(3)],
        [(100.0, 104.0, 99.0, 101.5), (102.0, 104.0, 101.0, 103.5), (52.0, 54.0, 51.0, 53.5)],
    )
    return closes


def test_days_are_told_at_their_close_beside_minutes() -> None:
    closes = days("TOY")
    run = ap.backtest(
        Heard, "TOY", "1m", also="1d", params={"more": "1-DAY", "plan": {"1": 10}}, gaps="allow", progress=False
    )
    told = [each for each in heard(run) if each[0] == "1-DAY"]
    assert told == [("1-DAY", CLOSE + n * DAY, CLOSE + n * DAY, price) for n, price in enumerate((101.5, 103.5, 53.5))]
    assert run.fills["price"].tolist() == [102.0], "the open of the next minute that trades"
    assert run.fills["ts"].iloc[0].value == closes[2] - MINUTE + 1
    assert [(each.name, each.rows) for each in run.record.series] == [
        ("TOY.XNAS-1-MINUTE-LAST-EXTERNAL", 6),
        ("TOY.XNAS-1-DAY-LAST-EXTERNAL", 3),
    ]


def test_a_day_whose_last_minute_lacks_is_told_with_the_next_one_that_there_is() -> None:
    """NautilusTrader would settle what is on its way at an older price were it told in between."""
    closes = days("TOY", lacking=1)
    run = ap.backtest(
        Heard, "TOY", "1m", also="1d", params={"more": "1-DAY", "plan": {"1": 10}}, gaps="allow", progress=False
    )
    assert next(each[1:3] for each in heard(run) if each[0] == "1-DAY") == (CLOSE, closes[2])
    assert run.fills["price"].tolist() == [103.0]


def test_longer_bars_are_in_the_units_of_the_runs_own() -> None:
    days("TOY")
    told = {"instrument_id": "TOY.XNAS", "kind": "split", "ex_date": date(2020, 3, 4), "ratio": 2.0, "amount": None}
    told |= {"new_symbol": "", "available_at": datetime(2020, 3, 4, tzinfo=UTC), "source": "toy"}
    actions.write(Roots.of_settings().writable, pa.Table.from_pylist([told], ACTION), "toy-actions")
    run = ap.backtest(Heard, "TOY", "1m", also="1d", params={"more": "1-DAY"}, gaps="allow", progress=False)
    assert [each[3] for each in heard(run) if each[0] == "1-DAY"] == [101.5, 103.5, 107.0]


def test_on_ticks_they_are_told_behind_the_first_tick_that_is_no_earlier() -> None:
    two_minutes()
    write_trades("TOY", [(OPEN + 7 + MINUTE * n, 100.0 + n, 50) for n in range(6)])
    run = ap.backtest(Heard, "TOY", "1m", also="2m", params={"plan": {"1": 10}}, fill="ticks", progress=False)
    told = [each[1:3] for each in heard(run) if each[0] == "2-MINUTE"]
    assert told[:2] == [(OPEN + MINUTE * n, OPEN + MINUTE * n + 7) for n in (2, 4)]
    assert run.fills["price"].tolist() == [103.0], "the first tick after that of its decision"


def test_a_sweeps_trial_is_the_run_it_would_be_alone() -> None:
    two_minutes()
    asked = {"also": "2m", "progress": False}
    swept = ap.sweep(Heard, "TOY", "1m", grid={"plan": [{"1": 10}, {"2": 10}]}, workers=1, **asked)
    for trial in swept.trials:
        alone = ap.backtest(Heard, "TOY", "1m", params={"plan": trial.record.spec.parameters["plan"]}, **asked)
        assert alone.spec.id == trial.record.spec.id
        assert alone.stats["end_equity"] == trial.record.statistics["end_equity"]


def test_a_longer_bar_that_was_corrected_is_named() -> None:
    two_minutes()
    run = ap.backtest(Heard, "TOY", "1m", also="2m", progress=False)
    assert not run.changes
    write("TOY", "2m", [OPEN + MINUTE * 4], [(900.0, 990.0, 10.0, 951.0)])
    (change,) = ap.run(run.id).changes
    assert (change.name, change.rows, change.first) == ("TOY.XNAS-2-MINUTE-LAST-EXTERNAL", 1, OPEN + MINUTE * 4)
    again = ap.backtest(Heard, "TOY", "1m", also="2m", progress=False)
    assert "TOY.XNAS-2-MINUTE-LAST-EXTERNAL" in ap.diff(run, again).first.name
    assert ap.rerun(run, progress=False).identical


def test_what_lies_before_the_runs_own_bars_is_not_read() -> None:
    two_minutes()
    write("TOY", "2m", [OPEN - DAY, OPEN - MINUTE], FAR[:2])
    run = ap.backtest(Heard, "TOY", "1m", also="2m", progress=False)
    (series,) = (each for each in run.record.series if "2-MINUTE" in each.name)
    assert (series.rows, series.first) == (3, OPEN + 2 * MINUTE)


def test_the_look_ahead_test_covers_them() -> None:
    two_minutes()
    clean = ap.backtest(Heard, "TOY", "1m", also="2m", params={"plan": {"2": 10}}, progress=False)
    assert ap.check_lookahead(clean.id, progress=False).passed


@pytest.mark.parametrize(
    ("also", "told"),
    [("1m", "Leave it out"), ("30s", "period='30s', also='1m'"), (3, "also='1d'"), ("1 fortnight", "Unknown period")],
)
def test_what_is_no_longer_period_is_refused(also: object, told: str) -> None:
    write_minutes("TOY")
    with pytest.raises(errors.InputError, match=told):
        ap.backtest(Heard, "TOY", "1m", also=also, progress=False)  # type: ignore[arg-type]


def test_what_is_not_held_or_not_asked_for_is_named() -> None:
    write_minutes("TOY")
    with pytest.raises(errors.NoCoverage, match="No 2m bar of TOY"):
        ap.backtest(Heard, "TOY", "1m", also="2m", progress=False)
    with pytest.raises(errors.UnservedSubscription, match="also='2m'"):
        ap.backtest(Heard, "TOY", "1m", progress=False)


class Averages(Heard):
    """Takes an average of the longer bars."""

    def on_start(self) -> None:
        day = BarType.from_str(f"{self._asked.instrument_id}-2-MINUTE-LAST-EXTERNAL")
        self.register_indicator_for_bars(day, SimpleMovingAverage(len(self._asked.more)))
        self.subscribe_bars(day)


def test_a_warm_up_of_longer_bars_is_counted_in_those() -> None:
    """Six minutes have room for an average of five bars, and the three of two minutes in them have not."""
    two_minutes()
    told = "takes 5 bars of TOY.XNAS-2-MINUTE-LAST-EXTERNAL, and the .* has 3"
    with pytest.raises(errors.WarmUpTooLong, match=told):
        ap.backtest(Averages, "TOY", "1m", also="2m", params={"more": "xxxxx"}, progress=False)
    with pytest.raises(errors.WarmUpTooLong, match=told):
        ap.sweep(Averages, "TOY", "1m", also="2m", grid={"more": ["xxx", "xxxxx"]}, workers=1, progress=False)
    assert ap.backtest(Averages, "TOY", "1m", also="2m", params={"more": "xxx"}, progress=False).status == "finished"


class Prices(Heard):
    """Notes all four prices of what it is told."""

    def on_bar(self, bar: Bar) -> None:
        print("four", bar.bar_type.spec, *(float(each) for each in (bar.open, bar.high, bar.low, bar.close)))  # noqa: T201


def test_a_week_that_opened_before_a_split_is_in_the_units_of_days_that_begin_after_it() -> None:
    """The run's days are those of after the split; the week's open and its high were of before."""
    ends = [CLOSE + n * DAY for n in range(4)]
    write("TOY", "1d", ends, [(200.0,) * 4, (204.0,) * 4, (103.0,) * 4, (104.0,) * 4])
    write("TOY", "1w", ends[-1:], [(200.0, 206.0, 102.0, 104.0)])
    told = {"instrument_id": "TOY.XNAS", "kind": "split", "ex_date": date(2020, 3, 4), "ratio": 2.0, "amount": None}
    told |= {"new_symbol": "", "available_at": datetime(2020, 3, 4, tzinfo=UTC), "source": "toy"}
    actions.write(Roots.of_settings().writable, pa.Table.from_pylist([told], ACTION), "toy-actions")
    for start, own in (("2020-03-04", "100.0 104.0 100.0 104.0"), ("2020-03-02", "200.0 208.0 200.0 208.0")):
        run = ap.backtest(Prices, "TOY", "1d", start, also="1w", params={"more": "1-WEEK"}, progress=False)
        assert f"four 1-WEEK-LAST {own}" in run.log
    run = ap.backtest(Prices, "TOY", "1w", "2020-03-04", params={"more": ""}, progress=False)
    assert "four 1-WEEK-LAST 100.0 104.0 100.0 104.0" in run.log


def week_days(symbol: str, days: int, period: str = "1d") -> list[int]:
    """So many sessions from Monday 2 March 2020 on; their closes."""
    closes = [CLOSE + n * DAY - (n > 4) * 60 * MINUTE for n in range(days + days // 5 * 2) if n % 7 < 5][:days]
    write(symbol, period, closes, [(100.0 + n,) * 4 for n in range(days)])
    return closes


@pytest.mark.parametrize("period", ["1d", "1w"])
@pytest.mark.parametrize("kept", [slice(0, 1), slice(-1, None)])
def test_longer_bars_that_end_before_the_runs_own_or_begin_later_are_a_gap(period: str, kept: slice) -> None:
    """The strategy would go by the last day that it was told of, to the end."""
    closes = week_days("TOY", 25)
    write("TOY", "1h", closes, [(100.0,) * 4] * 25)
    ends = closes if period == "1d" else closes[4::5]
    write("TOY", period, ends, [(100.0,) * 4] * len(ends))
    write("LESS", "1h", closes, [(100.0,) * 4] * 25)
    write("LESS", period, ends[kept], [(100.0,) * 4])
    asked = {"also": period, "params": {"more": "1-DAY" if period == "1d" else "1-WEEK"}, "progress": False}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ap.backtest(Heard, "TOY", "1h", **asked)
    lacking = f"LESS {period} lacks {len(ends) - 1} of {len(ends)} {'sessions' if period == '1d' else 'weeks'}"
    with pytest.raises(errors.CoverageGap, match=lacking):
        ap.backtest(Heard, "LESS", "1h", **asked)
    with pytest.warns(UserWarning, match=lacking):
        ap.backtest(Heard, "LESS", "1h", gaps="allow", **asked)


def test_an_instrument_too_young_for_a_longer_bar_is_told_of_none() -> None:
    closes = week_days("TOY", 10)
    write("TOY", "1w", closes[4::5], [(100.0,) * 4] * 2)
    week_days("NEW", 10)
    write("YOUNG", "1d", closes[-3:-1], [(100.0,) * 4] * 2)
    asked = {"params": {"more": "1-WEEK"}, "progress": False}
    with pytest.warns(UserWarning, match="No 1w bar closes while the 1d bars last of YOUNG"):
        run = ap.backtest(Either, ["TOY", "YOUNG"], "1d", also="1w", **asked)
    assert [each.name.partition("-")[0] for each in run.record.series if "WEEK" in each.name] == ["TOY.XNAS"]
    with pytest.raises(errors.UnservedSubscription, match="No 1w bar closes while the 1d bars of YOUNG last"):
        ap.backtest(Heard, "YOUNG", "1d", also="1w", **asked)
    with pytest.raises(errors.NoCoverage, match=r"No 1w bar of NEW\.XNAS from 2020-03-02"):
        ap.backtest(Heard, "NEW", "1d", also="1w", **asked)


@dataclass(frozen=True)
class EitherConfig:
    instrument_ids: list[InstrumentId]
    more: str


class Either(Strategy):
    """Subscribes to longer bars of all."""

    def __init__(self, config: EitherConfig) -> None:
        super().__init__(config)
        self._asked = config

    def on_start(self) -> None:
        for each in self._asked.instrument_ids:
            self.subscribe_bars(BarType.from_str(f"{each}-{self._asked.more}-LAST-EXTERNAL"))


@pytest.mark.parametrize(("late", "refused"), [(0, False), (1, True)])
def test_longer_bars_that_are_stamped_at_their_opens_are_refused(late: int, refused: bool) -> None:
    """Their closes are what the minutes say two minutes later."""
    prices = [100.0 + (n * 7) % 11 for n in range(40)]
    write_minutes("TOY", [(each,) * 4 for each in prices])
    stamps = [OPEN + 2 * MINUTE * (n + 1 - late) for n in range(20)]
    write("TOY", "2m", stamps, [(each,) * 4 for each in prices[1::2]])
    if not refused:
        assert ap.backtest(Heard, "TOY", "1m", also="2m", progress=False).status == "finished"
        return
    with pytest.raises(errors.WrongStamps, match=r"The 2m bars of TOY are stamped at their begin(.|\n)*--stamps open"):
        ap.backtest(Heard, "TOY", "1m", also="2m", progress=False)


def test_weeks_that_are_stamped_by_their_first_day_are_refused() -> None:
    closes = week_days("TOY", 30)
    write("TOY", "1w", closes[::5], [(104.0 + 5 * n,) * 4 for n in range(6)])
    with pytest.raises(
        errors.WrongStamps, match=r"The 1w bars of TOY are stamped at their begin(.|\n)*--stamps session"
    ):
        ap.backtest(Heard, "TOY", "1d", also="1w", params={"more": "1-WEEK"}, progress=False)


def test_longer_bars_in_other_units_are_named() -> None:
    closes = week_days("TOY", 10, "1h")
    write("TOY", "1d", closes, [((100.0 + n) * (10 if n < 3 else 1),) * 4 for n in range(10)])
    told = r"at 3 of 10 closes, first at 2020-03-02 21:00 UTC: 1000 beside 100\. Is one of the two adjusted"
    with pytest.warns(UserWarning, match=told):
        ap.backtest(Heard, "TOY", "1h", also="1d", params={"more": "1-DAY"}, adjust="none", progress=False)


def test_a_longer_bar_is_told_when_it_could_be_known(tmp_path: Path) -> None:
    """A vendor gives the days out at seven in the morning after; the last two are not known before the end."""
    closes = week_days("OTHER", 6)
    write("TOY", "1h", [each + n * 60 * MINUTE for each in closes for n in (-6, 0)], [(100.0,) * 4] * 12)
    lines = ["date,open,high,low,close,volume,available_at"]
    for n, close in enumerate(closes):
        known = np.datetime64(close + (15 if n < 4 else 90) * 60 * MINUTE, "ns")
        lines.append(
            f"{str(known - np.timedelta64(15 if n < 4 else 90, 'h'))[:10]},100,100,100,100,10,{str(known)[:19]}Z"
        )
    (tmp_path / "days.csv").write_text("\n".join(lines))
    ap.ingest("files", str(tmp_path / "days.csv"), symbol="TOY", venue="XNAS", period="1d")
    with pytest.warns(UserWarning, match="2 of 6 1d bars of TOY could be known"):
        run = ap.backtest(Heard, "TOY", "1h", also="1d", params={"more": "1-DAY"}, progress=False)
    told = [each[1:3] for each in heard(run) if each[0] == "1-DAY"]
    assert told == [(closes[n], closes[n + 1] - 6 * 60 * MINUTE) for n in range(4)]
    assert ap.rerun(run, progress=False).identical
    correction = "\n".join([lines[0], "2020-03-02,100,101,100,100,10,2020-03-30T00:00:00Z"])
    (tmp_path / "days.csv").write_text(correction)
    ap.ingest("files", str(tmp_path / "days.csv"), symbol="TOY", venue="XNAS", period="1d")
    with pytest.warns(UserWarning, match="2 of 6 1d bars of TOY could be known"):
        again = ap.backtest(Heard, "TOY", "1h", also="1d", params={"more": "1-DAY"}, progress=False)
    assert [each[1:3] for each in heard(again) if each[0] == "1-DAY"] == told, "a correction is no later bar"


def test_longer_bars_that_another_import_knew_sooner_are_named_as_what_differs(tmp_path: Path) -> None:
    """Their figures are the same, and so is what the record keeps of them; the strategy was told of them earlier."""
    closes = week_days("OTHER", 6)
    write("TOY", "1h", [each + n * 60 * MINUTE for each in closes for n in (-6, 0)], [(100.0,) * 4] * 12)

    def known(hours: int) -> ap.Run:
        lines = ["date,open,high,low,close,volume,available_at"]
        for close in closes:
            day, at = str(np.datetime64(close, "ns"))[:10], str(np.datetime64(close + hours * 60 * MINUTE, "ns"))[:19]
            lines.append(f"{day},100,100,100,100,10,{at}Z")
        (tmp_path / "days.csv").write_text("\n".join(lines))
        ap.ingest("files", str(tmp_path / "days.csv"), symbol="TOY", venue="XNAS", period="1d")
        asked = {"params": {"more": "1-DAY", "plan": {"2": 10}}, "progress": False}
        return ap.backtest(Heard, "TOY", "1h", also="1d", **asked)

    with pytest.warns(UserWarning, match="1 of 6 1d bars of TOY could be known"):
        before = known(15)
    after = known(0)
    assert before.fills["ts"].tolist() != after.fills["ts"].tolist()
    assert before.record.series[1].fingerprint == after.record.series[1].fingerprint
    found = ap.diff(before, after).first
    assert (found.kind, found.name) == ("data", "TOY.XNAS-1-DAY-LAST-EXTERNAL 2020-03-02 21:00:00 UTC")
    assert (found.one, found.other) == (
        "known from 2020-03-03 12:00:00 UTC on",
        "known from 2020-03-02 21:00:00 UTC on",
    )
    assert [(each.rows, each.first, each.only_known) for each in ap.run(before.id).changes] == [(6, CLOSE, True)]
    assert ap.run(after.id).changes == ()
    with pytest.warns(UserWarning, match="1 of 6 1d bars of TOY could be known"):
        assert ap.rerun(before, progress=False).text.partition(" are ")[2].startswith("identical")


def test_longer_bars_that_no_vendor_has_are_made_of_shorter_ones_by_the_commands_that_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    week_days("TOY", 10)
    asked = {"params": {"more": "1-WEEK"}, "progress": False}
    with pytest.raises(errors.NoCoverage) as refused:
        ap.backtest(Heard, "TOY", "1d", also="1w", **asked)
    monkeypatch.chdir(tmp_path)
    for command in refused.value.hint.split("`")[1::2]:
        done = CliRunner().invoke(app, shlex.split(command)[1:])
        assert not done.exit_code, done.output
    run = ap.backtest(Heard, "TOY", "1d", also="1w", **asked)
    assert [(each[3], each[2]) for each in heard(run) if each[0] == "1-WEEK"] == [
        (104.0, CLOSE + 4 * DAY),
        (109.0, CLOSE + 11 * DAY - 60 * MINUTE),
    ]


def test_longer_bars_that_a_vendor_has_are_made_or_fetched_and_of_others_days_only_fetched() -> None:
    write_minutes("TOY")
    asked = {"params": {"more": "1-HOUR"}, "progress": False}
    with pytest.raises(errors.NoCoverage) as refused:
        ap.backtest(Heard, "TOY", "1m", also="1h", **asked)
    commands = refused.value.hint.split("`")[1::2]
    assert [each.split()[:3] for each in commands] == [
        ["alphapulse", "bars", "TOY"],
        ["alphapulse", "ingest", "files"],
        ["alphapulse", "ingest", "alpaca"],
    ]
    with pytest.raises(errors.NoCoverage) as refused:
        ap.backtest(Heard, "TOY", "1h", start="1999-01-04", end="1999-01-08", **asked)
    (command,) = refused.value.hint.split("`")[1::2]
    assert command.startswith("alphapulse ingest alpaca TOY --period 1h --start 1999-01-04")
