"""Runs in other money than dollars, at venues whose days are not New York's, against computations by hand."""

from __future__ import annotations

import re
import subprocess
import sys
from ast import literal_eval
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import LocalCluster
from IPython.lib.pretty import pretty

import alphapulse_lib as ap
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.errors import InputError
from alphapulse_lib.model.currency import decimals_of
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.views import tables
from alphapulse_lib.views.tearsheet import body
from tests.resources.toy_market import MINUTE, BuysOnce, Planned, write, write_minutes

#: Opens and closes of twelve days from Monday 2 March 2020 on.
DAYS = [(110 + n + n % 3 / 4, 110.5 + n - n % 4 / 2) for n in range(12)]
COSTS = {"percent": 0.1, "minimum": 500.0, "borrow_percent": 3.6, "interest_percent": 1.8, "debit_percent": 7.2}


@pytest.fixture(autouse=True)
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(tmp_path / "catalog"))
    return tmp_path


def imported(folder: Path, symbol: str, venue: str) -> tuple[Instrument, list[date]]:
    known = sessions(venue)
    days = known.days[known.days >= np.datetime64("2020-03-02")][: len(DAYS)].tolist()
    rows = [f"{day},{o},{max(o, c) + 1},{min(o, c) - 1},{c},1000" for day, (o, c) in zip(days, DAYS, strict=True)]
    file = folder / f"{symbol.replace('/', '')}.csv"
    file.write_text("\n".join(["date,open,high,low,close,volume", *rows]))
    ap.ingest("files", file, symbol=symbol, venue=venue, period="1d", stamps="session", recover=False)
    found = Index(Roots.of_settings()).get(f"{symbol}.{venue}")
    assert found is not None
    return found, days


def by_hand(days: list[date], plan: dict[str, float], cash: float) -> float:
    """The last equity: each night is charged on what was held over it, then the day's order fills at its open."""
    held, close, before = 0.0, 0.0, days[0]
    for number, (day, (opened, closed)) in enumerate(zip(days, DAYS, strict=True), 1):
        nights = (day - before).days / 360
        short = max(-held, 0.0) * close
        cash -= short * COSTS["borrow_percent"] / 100 * nights
        free = cash - short
        cash += free * COSTS["interest_percent" if free > 0 else "debit_percent"] / 100 * nights
        if bought := plan.get(str(number - 1), 0.0):
            cash -= bought * opened + max(abs(bought) * opened * COSTS["percent"] / 100, COSTS["minimum"])
            held += bought
        close, before = closed, day
    return cash + held * close


@pytest.mark.parametrize(
    ("symbol", "venue", "currency"),
    [
        ("7203", "XTKS", "JPY"),
        ("SAP", "XETR", "EUR"),
        ("VOD", "XLON", "GBP"),
        ("USD/JPY", "IDEALPRO", "JPY"),
        ("USDJPY", "IDEALPRO", "JPY"),
        ("EUR/USD", "IDEALPRO", "USD"),
        ("ES", "XCME", "USD"),
        ("ETH/BTC", "CRYPTO", "BTC"),
    ],
)
def test_equity_is_that_of_a_hand_in_the_money_that_prices_are_in(
    toy: Path, symbol: str, venue: str, currency: str
) -> None:
    instrument, days = imported(toy, symbol, venue)
    assert instrument.currency == currency
    # Bought as a week begins, turned round over a weekend, bought back in its middle.
    weeks = [number for number, (a, b) in enumerate(pairwise(days), 1) if (b - a).days > 1] or [5]
    plan = {str(weeks[0]): 9000, str(weeks[0] + 2): -15000, "9": 2000}
    run = ap.backtest(Planned, symbol, "1d", params={"plan": plan}, cash=1e6, costs=COSTS, progress=False)
    wanted = by_hand(days, plan, 1e6)
    if venue == "CRYPTO":  # its last night ends as its last bar closes
        wanted += run.cash_flows.amount[run.cash_flows.ts == run.equity.index[-1]].sum()
    assert len(run.fills) == 3
    assert run.stats["end_equity"] == pytest.approx(wanted, abs=1e-6)
    decimals = {"JPY": 0, "BTC": 8}.get(currency, 2)
    assert f"to {run.stats['end_equity']:,.{decimals}f} {currency}" in pretty(run)
    assert f"{1e6:,.{decimals}f} {currency}" in Path(run.tearsheet(toy / "sheet.html")).read_text()


def test_who_buys_as_a_week_of_currencies_begins_pays_for_no_weekend(toy: Path) -> None:
    _, days = imported(toy, "EUR/USD", "IDEALPRO")
    assert days[4:6] == [date(2020, 3, 6), date(2020, 3, 9)]
    plan, costs = {"5": 10_000, "6": -10_000}, {"debit_percent": 3.6}
    run = ap.backtest(Planned, "EUR/USD", "1d", params={"plan": plan}, cash=1e6, costs=costs, progress=False)
    bought = 10_000 * DAYS[5][0] - 1e6  # on Monday, sold on Tuesday: one night
    assert run.cash_flows.amount.tolist() == pytest.approx([-bought * 0.0001])
    # Of minutes the day begins at 17:00 in New York, which is Sunday's 21:00 of UTC from the 8th of March on.
    friday, monday = 1_583_528_400 * 10**9, 1_583_701_260 * 10**9
    closes = [friday - MINUTE, friday, monday + MINUTE, monday + 2 * MINUTE, monday + 3 * MINUTE]
    write_minutes("EUR/GBP", [(100.0,) * 4] * 5, closes=closes, venue="IDEALPRO")
    plan = {"2": 20_000}
    run = ap.backtest(
        Planned, "EUR/GBP", "1m", params={"plan": plan}, cash=1e6, costs=costs, gaps="allow", progress=False
    )
    assert run.cash_flows.empty


def test_what_is_priced_in_other_money_than_its_venue_says_is_told_in_it(toy: Path) -> None:
    write("FUND", "1d", sessions("XLON").closes[5000:5005], [(100.0,) * 4] * 5, venue="XLON")
    run = ap.backtest(Planned, "FUND", "1d", params={"plan": {}}, progress=False)
    assert run.record.environment["currency"] == "USD"
    assert "to 100,000.00 USD" in pretty(run)
    assert "currency" not in run.record.versions
    assert ap.rerun(run.id, progress=False).identical


def test_runs_of_unlike_money_are_compared_by_it(toy: Path) -> None:
    for symbol, venue in (("SAP", "XETR"), ("7203", "XTKS")):
        imported(toy, symbol, venue)
    runs = [ap.backtest(BuysOnce, symbol, "1d", progress=False) for symbol in ("SAP", "7203", "SAP")]
    assert ap.compare(runs[:2]).differing["currency"] == ["EUR", "JPY"]
    assert "currency" not in ap.compare(runs[::2]).differing
    listed = ap.runs()
    assert listed["currency"].tolist() == ["EUR", "JPY", "EUR"]
    told = tables.runs(listed, 240)
    assert f"{runs[0].stats['end_equity']:,.2f} EUR" in told
    assert f"{runs[1].stats['end_equity']:,.0f} JPY" in told


def test_yen_are_told_without_decimals_wherever_they_are(toy: Path) -> None:
    imported(toy, "7203", "XTKS")
    run = ap.backtest(
        Planned, "7203", "1d", params={"plan": {"1": 9000, "3": -5000}}, cash=1e6, costs=COSTS, progress=False
    )
    told = re.sub("<[^>]*>", " ", body(run))
    for name in ("Every round trip", "Still held", "Costs"):
        assert name in told
    assert re.findall(r"[\d,]+\.\d+ +JPY", pretty(run) + told) == []
    assert f" {run.stats['commission']:,.0f} JPY, slippage" in " ".join(pretty(run).split())
    made = run.trades["pnl"].iloc[-1]
    assert f"{abs(made):,.0f} " in told and f"{abs(made):,.2f}" not in told


def test_a_sweep_that_looks_for_yen_tells_them_without_decimals(toy: Path, shared: LocalCluster) -> None:
    imported(toy, "7203", "XTKS")
    asked: dict[str, Any] = {"objective": "end_equity", "progress": False}
    found = ap.sweep("SmaCross", "7203", "1d", grid={"fast": [1, 2], "slow": [3, 4]}, **asked)
    best = found.best.stats["end_equity"]
    assert f"best end_equity {best:,.0f} at " in found.text() and f"its own {best:,.0f}." in found.text()
    assert f"<td>{best:,.0f}</td>" in found._repr_html_() and f">{best:,.0f}</td></tr>" in found._repr_html_()
    cells = [cell for row in found.heatmap().data[0].text for cell in row]
    assert f"{best:,.0f}" in cells
    plans = [{"1": 100}, {"1": -100}]
    walked = ap.walk_forward(Planned, "7203", "1d", grid={"plan": plans}, train=5, test=3, **asked)
    inside = walked.table["inside"].iloc[-1]
    assert f" {inside:,.0f} " in walked.text() and f"<td>{inside:,.0f}</td>" in walked._repr_html_()
    told = [found.text(), found._repr_html_(), *cells, walked.text()]
    assert re.findall(r"\d,\d{3}\.\d+", " ".join([*told, walked._repr_html_()])) == []


def test_decimals_are_those_that_the_engine_knows() -> None:
    codes = ["USD", "EUR", "GBP", "JPY", "KRW", "HUF", "TWD", "BTC", "XBT", "ETH", "BNB"]
    # In a process of its own: a run's engine gives its currency more decimals, for all of its process.
    program = (
        f"from nautilus_trader.model import Currency; print([Currency.from_str(each).precision for each in {codes}])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert [decimals_of(each) for each in codes] == literal_eval(told)
    assert decimals_of("USDT") == 2, "a coin that stands for dollars is told as they are"


def test_unlike_money_and_a_schedule_of_other_money_are_refused_by_name(toy: Path) -> None:
    imported(toy, "SAP", "XETR")
    imported(toy, "7203", "XTKS")
    with pytest.raises(InputError, match=r"in EUR \(SAP\) and JPY \(7203\)"):
        ap.backtest(BuysOnce, ["7203", "SAP"], "1d", gaps="allow", progress=False)
    with pytest.raises(InputError, match="benchmark SAP is in EUR, the instruments in JPY"):
        ap.backtest(BuysOnce, "7203", "1d", benchmark="SAP", progress=False)
    for costs in ("ibkr-pro-fixed", ap.Costs.preset("alpaca", slippage_bps=2)):
        with pytest.raises(InputError, match="is in USD, and 7203 trades in JPY"):
            ap.backtest(BuysOnce, "7203", "1d", costs=costs, progress=False)
