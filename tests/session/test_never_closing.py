"""Of what never closes, a day's bars are those that close after its midnight, up to the next one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import alphapulse_lib as ap
from alphapulse_lib import errors
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.views import numbers
from alphapulse_lib.views.sheet_charts import draw
from alphapulse_lib.views.sheet_groups import tables
from tests.resources.toy_market import MINUTE, BuysOnce, Planned, write, write_minutes

YEAR = ("2023-01-01", "2023-12-31")


@pytest.fixture
def coin() -> list[float]:
    """Daily closes from 2022-12-25 to 2024-01-10, each day's number above 100."""
    known = sessions("CRYPTO")
    first, last = (int(np.searchsorted(known.days, np.datetime64(day))) for day in ("2022-12-25", "2024-01-10"))
    closes = [100.0 + number for number in range(last - first + 1)]
    bars = [(each, each, each, each) for each in closes]
    write("COIN", "1d", known.closes[first : last + 1], bars, venue="CRYPTO")
    return closes


def test_a_day_has_its_own_bar(coin: list[float]) -> None:
    bars = ap.bars("COIN", "1d", *YEAR)
    assert bars["close"].tolist() == coin[7 : 7 + 365]
    assert ap.prices("COIN", "1d", "2023-07-04", "2023-07-04")["COIN"].tolist() == [coin[7 + 184]]
    held = ap.coverage("COIN", "1d", *YEAR)
    assert (held.bars, held.complete) == (365, True)
    assert "First  2023-01-01\n  Last   2023-12-31" in str(held)
    # What is written with a time is a bound of the closes, as before.
    midnight = pd.Timestamp("2023-01-01", tz="UTC")
    assert ap.bars("COIN", "1d", midnight, midnight)["close"].tolist() == [coin[6]]
    with pytest.raises(errors.NoCoverage, match="from 2021-01-01 to 2021-12-31") as refused:
        ap.bars("COIN", "1d", "2021-01-01", "2021-12-31")
    assert "1d from 2022-12-25 to 2024-01-10" in str(refused.value)
    assert "--start 2021-01-01 --end 2021-12-31" in str(refused.value)


def test_a_minute_before_midnight_is_of_the_day_that_ends() -> None:
    midnight = pd.Timestamp("2023-07-05", tz="UTC").value
    closes = [midnight + MINUTE * each for each in (-1, 0, 1)]
    write_minutes("COIN", [(1.0, 1.0, 1.0, float(each)) for each in (1, 2, 3)], closes=closes, venue="CRYPTO")
    write_minutes("STOCK", [(1.0, 1.0, 1.0, float(each)) for each in (1, 2, 3)], closes=closes)
    assert ap.bars("COIN", "1m", "2023-07-04", "2023-07-04")["close"].tolist() == [1, 2]
    assert ap.bars("COIN", "1m", "2023-07-05", "2023-07-05")["close"].tolist() == [3]
    assert ap.bars("STOCK", "1m", "2023-07-04", "2023-07-04")["close"].tolist() == [1, 2, 3], "New York's day"


def test_a_run_of_a_year_is_of_that_year_and_one_of_before_is_run_again_as_it_was(coin: list[float]) -> None:
    given = {"params": {"plan": {"1": 10}}, "progress": False}
    run = ap.backtest(Planned, "COIN", "1d", *YEAR, **given)
    assert run.by("year").index.astype(str).tolist() == ["2023"]
    assert len(run.equity) == 365
    assert run.stats["end_equity"] == 100_000 + 10 * (coin[7 + 364] - coin[8])
    before = ap.backtest(
        Planned, "COIN", "1d", "2023-01-01 00:00", pd.Timestamp("2024-01-01", tz="UTC") - pd.Timedelta(1), **given
    )
    assert before.by("year").index.astype(str).tolist() == ["2022", "2023"]
    assert before.spec.start == pd.Timestamp("2023-01-01", tz="UTC").value
    again = ap.rerun(before.id)
    assert "identical" in str(again)
    assert "identical" in str(ap.rerun(run.id))


def test_a_day_of_knowledge_has_the_bar_that_closes_as_it_ends(coin: list[float]) -> None:
    assert ap.bars("COIN", "1d", "2023-07-01", as_of="2023-07-04")["close"].tolist() == coin[7 + 181 : 7 + 185]
    assert ap.bars("COIN", "1d", "2023-07-01", as_of="2023-07-04 23:59:59")["close"].iloc[-1] == coin[7 + 183]
    run = ap.backtest(Planned, "COIN", "1d", "2023-07-01", as_of="2023-07-04", params={"plan": {}}, progress=False)
    assert len(run.equity) == 4
    assert ap.rerun(run.id, progress=False).identical


def test_a_day_of_what_trades_on_weekdays_has_no_bar_of_the_day_before(coin: list[float]) -> None:
    days = sessions("IDEALPRO")
    first = int(np.searchsorted(days.days, np.datetime64("2023-07-03")))
    bars = [(each,) * 4 for each in (1.0, 2.0, 3.0, 4.0, 5.0)]
    for symbol, venue in (("EUR/USD", "IDEALPRO"), ("ES", "XCME")):
        write(symbol, "1d", days.closes[first : first + 5], bars, venue=venue)
    window = ("2023-07-04", "2023-07-06")
    assert ap.prices(["EUR/USD", "ES"], "1d", *window)["ES"].tolist() == [2, 3, 4], "they share no zone but UTC's"
    run = ap.backtest(BuysOnce, ["EUR/USD", "ES"], "1d", *window, progress=False)
    assert len(run.equity) == 3
    assert numbers.window_in_full(run.record).startswith("2023-07-04 to 2023-07-06")
    midnight = pd.Timestamp("2023-07-05", tz="America/New_York").value
    closes = [midnight + MINUTE * each for each in (0, 1)]
    write_minutes("GBP/USD", [(1.0,) * 4, (2.0,) * 4], closes=closes, venue="IDEALPRO")
    assert ap.bars("GBP/USD", "1m", "2023-07-04", "2023-07-04")["close"].tolist() == [1]
    assert ap.bars("GBP/USD", "1m", "2023-07-05")["close"].tolist() == [2]


def test_a_tearsheet_tells_the_days_that_its_tables_of_years_count(coin: list[float]) -> None:
    run = ap.backtest(Planned, "COIN", "1d", *YEAR, params={"plan": {"1": 100, "200": -200}}, progress=False)
    deepest, *_ = tables(run)["drawdowns"]
    assert [told for told, _ in deepest[1:4]] == ["2023-07-20", "2023-12-31", "not yet"]
    assert run.drawdowns["trough"][0] == pd.Timestamp("2024-01-01", tz="UTC")
    drawn = str(draw(run).charts["equity"])
    assert "2023-12-31" in drawn
    assert "2024-01-01" not in drawn


def test_bars_that_are_written_to_a_file_come_back_on_their_days(coin: list[float], tmp_path: Path) -> None:
    ap.bars("COIN", "1d").assign(symbol="AGAIN").to_csv(tmp_path / "again.csv", index=False)
    report = ap.ingest("files", tmp_path / "again.csv", venue="CRYPTO", period="1d", stamps="close")
    assert report.written == len(coin)
    again = ap.bars("AGAIN", "1d")
    assert again[["ts", "close"]].equals(ap.bars("COIN", "1d")[["ts", "close"]])
