"""A run's numbers: by hand, against empyrical from the curve that the run shows, and at its edges."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import empyrical
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from small_runs import CLOSES, fills, kept, marks, moment, orders, raw, rising, spec

from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.performance import periods_per_year, session_ends, session_returns
from alphapulse_lib.results.run import Run


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def test_by_hand(ledger: Ledger) -> None:
    stats = kept(ledger, cash=20_000).statistics
    # 20,000 less 10,101, plus 5,299.50, and 50 shares at 106.
    assert stats["end_equity"] == pytest.approx(20_000 - 10_101 + 5_299.5 + 50 * 106)
    assert stats["total_return"] == pytest.approx(stats["end_equity"] / 20_000 - 1)
    assert stats["benchmark_return"] == pytest.approx(CLOSES[-1] / CLOSES[0] - 1)
    assert (stats["trades"], stats["fills"], stats["orders"], stats["orders_rejected"]) == (1, 2, 2, 0)
    assert stats["hit_rate"] == 1
    assert stats["average_trade"] == pytest.approx(50 * 5 - 0.5 - 0.5)
    assert math.isnan(stats["profit_factor"])
    assert stats["commission"] == 1.5
    assert stats["exposure"] == pytest.approx(8 / 9)
    assert stats["observations"] == 8


def test_the_ratios_are_those_of_the_curve_that_the_run_shows(ledger: Ledger) -> None:
    rng = np.random.default_rng(3)
    closes = 100 * np.exp(np.cumsum(rng.normal(0.001, 0.02, 400)))
    bought = fills(("2024-01-03 09:30", "GOOG", "buy", 500, 100, 5))
    run = Run(kept(ledger, marks=rising(closes), fills=bought), ledger)
    returns = run.equity.pct_change().dropna()
    other = {
        "sharpe": empyrical.sharpe_ratio(returns),
        "sortino": empyrical.sortino_ratio(returns),
        "cagr": empyrical.cagr(returns),
        "volatility": empyrical.annual_volatility(returns),
        "max_drawdown": empyrical.max_drawdown(returns),
        "calmar": empyrical.calmar_ratio(returns),
        "beta": empyrical.beta(returns, run.benchmark.pct_change().dropna()),
    }
    assert {name: run.stats[name] for name in other} == pytest.approx(other, rel=1e-9)


def test_money_lost_at_the_first_close_counts(ledger: Ledger) -> None:
    at_close = fills(("2024-01-02 16:00", "GOOG", "buy", 10, 100, 500))
    stats = kept(ledger, fills=at_close, fill="close", cash=10_000).statistics
    assert stats["observations"] == 9
    assert stats["max_drawdown"] <= -0.05


def test_an_account_that_was_lost_has_no_returns_after_that(ledger: Ledger) -> None:
    sold = fills(("2024-01-03 09:30", "GOOG", "sell", 100, 100, 0))
    ruined = kept(ledger, marks=rising([100, 100, 120, 140, 190, 250, 200]), fills=sold, cash=5_000)
    equity = [5_000, 5_000, 3_000, 1_000, -4_000, -10_000, -5_000]
    run = Run(ruined, ledger)
    assert run.equity.tolist() == equity
    # By hand: what follows the first debt is no return; a debt that doubled would be one of +150 %.
    by_hand = [0, -0.4, -2 / 3, -5]
    assert run.stats["observations"] == 4
    assert run.stats["sharpe"] == pytest.approx(np.mean(by_hand) / np.std(by_hand, ddof=1) * math.sqrt(252))
    assert run.stats["max_drawdown"] == pytest.approx(-3)
    assert math.isnan(run.stats["cagr"])
    assert session_returns(ruined.spec, run.table("equity")).tolist() == pytest.approx([0, *by_hand, 0, 0])
    assert [
        each for each in run.warnings if "lost on 2024-01-08: its equity fell to \N{MINUS SIGN}4,000.00 USD." in each
    ]


def minutes(*rows: tuple[str, float]) -> pa.Table:
    return marks(*((when, "SPY", close) for when, close in rows))


def test_minutes_are_measured_session_by_session_in_the_venues_days(ledger: Ledger) -> None:
    # 19:30 in New York is the next day in UTC, and still the same session.
    curve = minutes(
        ("2024-01-02 10:00", 100),
        ("2024-01-02 19:30", 90),
        ("2024-01-03 10:00", 110),
        ("2024-01-03 16:00", 99),
        ("2024-01-04 16:00", 108.9),
    )
    bought = fills(("2024-01-02 09:30", "SPY", "buy", 1, 100, 0))
    run = Run(kept(ledger, marks=curve, fills=bought, period="1m", instruments=("SPY.ARCX",), cash=100), ledger)
    # 100 -> 90 -> 99 -> 108.9 at the sessions' ends; the drawdown is that of every bar.
    assert run.stats["observations"] == 3
    returns = np.array([-0.1, 0.1, 0.1])
    assert run.stats["sharpe"] == pytest.approx(returns.mean() / returns.std(ddof=1) * math.sqrt(252))
    assert run.stats["max_drawdown"] == pytest.approx(99 / 110 - 1, abs=1e-12)
    assert run.stats["value_at_risk"] == pytest.approx(np.percentile(returns, 5))


def test_sessions_end_where_the_day_does_also_when_the_clock_changes() -> None:
    ts = np.array([moment(f"2024-03-{day} {hour}") for day in ("08", "10", "11") for hour in ("00:30", "23:30")])
    assert session_ends(spec(period="1h"), ts).tolist() == [1, 3, 5]
    assert session_ends(spec(period="1d"), ts).tolist() == [0, 1, 2, 3, 4, 5]
    assert session_ends(spec(period="1m"), ts[:0]).tolist() == []


@pytest.mark.parametrize("instrument", ["ES.XCME", "EURUSD.IDEALPRO"])
def test_a_week_around_the_clock_has_five_sessions(instrument: str) -> None:
    zone = "America/Chicago" if "XCME" in instrument else "America/New_York"
    # Hours from Sunday, 17:00, to Friday, 17:00, over both changes of the clock.
    weeks = pd.date_range("2024-01-07", "2024-12-22", freq="W-SUN")
    hours = [
        pd.date_range(each + pd.Timedelta(hours=18), each + pd.Timedelta(days=5, hours=17), freq="h") for each in weeks
    ]
    closes = hours[0].append(hours[1:]).tz_localize(zone)
    ts = closes.tz_convert("UTC").as_unit("ns").asi8
    ends = session_ends(spec(period="1h", instruments=(instrument,)), ts)
    assert len(ends) == 5 * len(weeks)
    assert {closes[end].hour for end in ends} == {17}


@pytest.mark.parametrize("order", [("A.XNAS", "B.CRYPTO"), ("B.CRYPTO", "A.XNAS")])
@pytest.mark.parametrize(("period", "kept"), [("1d", 28), ("1w", 4), ("1mo", 1)])
def test_bars_that_close_at_other_hours_of_one_day_make_one_return(
    order: tuple[str, ...], period: str, kept: int
) -> None:
    # Four weeks of February 2021, which begin on a Monday: a stock's five closes each, and seven of what never closes.
    days = pd.date_range("2021-02-01", periods=28, freq="D")
    stock = (days[days.day_of_week < 5] + pd.Timedelta(hours=16)).tz_localize("America/New_York").tz_convert("UTC")
    closes = stock.append((days + pd.Timedelta(days=1)).tz_localize("UTC")).sort_values()
    ends = session_ends(spec(period=period, instruments=order), closes.as_unit("ns").asi8)
    last = {"1d": days, "1w": days[6::7], "1mo": days[-1:]}[period]
    assert len(ends) == kept
    # Friday's close of the stock is followed by Saturday's midnight: each day ends with the later of the two.
    assert closes[ends].tolist() == (last + pd.Timedelta(days=1)).tz_localize("UTC").tolist()


def test_a_minute_that_closes_at_midnight_is_the_last_of_its_day() -> None:
    closes = pd.date_range("2021-02-01 00:01", "2021-02-03 00:00", freq="min", tz="UTC")
    ends = session_ends(spec(period="1m", instruments=("B.CRYPTO",)), closes.as_unit("ns").asi8)
    assert closes[ends].strftime("%d %H:%M").tolist() == ["02 00:00", "03 00:00"]


@pytest.mark.parametrize(
    ("period", "instruments", "yearly"),
    [
        ("1d", "A.XNAS", 252),
        ("1m", "A.XNAS", 252),
        ("2d", "A.XNAS", 126),
        ("1w", "A.XNAS", 52),
        ("1h", "B.CRYPTO", 365),
        ("1h", "ES.XCME", 260),
        ("1d", "EURUSD.IDEALPRO", 260),
        ("1d", "A.XNAS B.CRYPTO", 365),
        ("1m", "A.XNAS ES.XCME", 260),
    ],
)
def test_returns_in_a_year(period: str, instruments: str, yearly: float) -> None:
    assert periods_per_year(spec(period=period, instruments=tuple(instruments.split()))) == yearly


def test_rejected_orders_are_counted(ledger: Ledger) -> None:
    both = pa.concat_tables([orders(2, "rejected"), orders(1, "denied"), orders(3)])
    assert kept(ledger, orders=both).statistics["orders_rejected"] == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"fills": fills(), "orders": orders(0)},
        {"marks": raw().marks.slice(0, 1), "fills": fills()},
        {"marks": raw().marks.slice(0, 0), "fills": fills()},
        {"marks": raw().marks.slice(0, 2)},
        {
            "fills": fills(("2024-01-03 09:30", "GOOG", "buy", 1_000, 100, 0)),
            "cash": 1_000.0,
            "marks": rising([100, 100, 50]),
        },
    ],
    ids=["no trade", "one mark", "no mark", "two marks", "ruin"],
)
def test_thin_runs_are_measured_without_a_warning(ledger: Ledger, changes: dict) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stats = kept(ledger, **changes).statistics
    assert not any(
        isinstance(value, float) and math.isinf(value)
        for name, value in stats.items()
        if name != "minimum_track_record"
    )
    assert stats["end_equity"] == stats["end_equity"]


def test_trials_are_counted_when_a_run_is_kept(ledger: Ledger) -> None:
    counted = [kept(ledger, parameters={"fast": fast}).statistics["trials"] for fast in (5, 10, 10, 20)]
    assert counted == [1, 2, 2, 3]


def test_turnover_and_exposure_by_hand(ledger: Ledger) -> None:
    bought = fills(("2024-01-02 16:00", "GOOG", "buy", 50, 100, 0))
    stats = kept(ledger, fills=bought, marks=rising([100] * 253), cash=10_000.0).statistics
    assert stats["gross_exposure"] == pytest.approx(0.5)
    # 5,000 bought in one year on 10,000 of equity; half of what was traded.
    assert stats["turnover"] == pytest.approx(0.25)


def test_wins_losses_and_expectancy_by_hand(ledger: Ledger) -> None:
    rows = [
        ("2024-01-03 09:30", "GOOG", "buy", 10, 100, 0),
        ("2024-01-04 09:30", "GOOG", "sell", 10, 110, 0),
        ("2024-01-05 09:30", "GOOG", "sell", 20, 100, 0),
        ("2024-01-08 09:30", "GOOG", "buy", 20, 105, 0),
    ]
    stats = kept(ledger, fills=fills(*rows)).statistics
    assert (stats["average_win"], stats["average_loss"], stats["average_trade"]) == (100, -100, 0)
    assert stats["expectancy"] == pytest.approx((0.10 - 0.05) / 2)


def test_capacity_by_hand(ledger: Ledger) -> None:
    # Of 50,000 shares traded in each bar the run's 100 are a five-hundredth, a fifth of what is let pass.
    rows = [(f"2024-01-{day} 09:30", "GOOG", "buy", 100, 100, 0) for day in ("03", "04", "05")]
    stats = kept(ledger, fills=fills(*rows), cash=40_000.0).statistics
    assert stats["participation"] == pytest.approx(1 / 500)
    assert stats["capacity"] == pytest.approx(200_000)


def test_there_is_no_capacity_without_a_volume(ledger: Ledger) -> None:
    bought = fills(("2024-01-03 09:30", "GOOG", "buy", 100, 100, 0))
    for given in (
        bought.drop(["bar_volume"]),
        bought.drop(["bar_volume"]).append_column("bar_volume", pa.array([0.0])),
    ):
        assert math.isnan(kept(ledger, fills=given).statistics["capacity"])
