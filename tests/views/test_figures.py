"""Plotly figures: the numbers that they carry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_runs import CLOSES, DAYS, fills, kept, marks, rising

from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.run import Run
from alphapulse_lib.views import figures


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def traces(figure: object) -> dict:
    return {trace.name: trace for trace in figure.data}  # type: ignore[attr-defined]


def test_equity_stands_beside_buy_and_hold(ledger: Ledger) -> None:
    run = Run(kept(ledger), ledger)
    drawn = traces(figures.equity(run))
    assert list(drawn["SmaCross"].y) == run.equity.tolist()
    assert drawn["Buy and hold"].y[-1] == pytest.approx(100_000 * CLOSES[-1] / CLOSES[0])
    assert min(drawn["SmaCross, drawdown"].y) == pytest.approx(run.stats["max_drawdown"])


def test_thousands_of_per_cent_are_written_as_money_is(ledger: Ledger) -> None:
    layout = figures.equity(Run(kept(ledger), ledger)).layout
    assert (layout.yaxis.tickformat, layout.yaxis2.tickformat) == (",", ",.0%")


def test_fills_stand_on_the_price(ledger: Ledger) -> None:
    drawn = traces(figures.trades_on_price(Run(kept(ledger), ledger)))
    assert list(drawn["GOOG"].y) == list(CLOSES)
    assert list(drawn["bought"].y) == [101]
    assert list(drawn["sold"].y) == [106]
    assert drawn["bought"].marker.symbol != drawn["sold"].marker.symbol


def test_fills_follow_a_split(ledger: Ledger) -> None:
    split = marks(("2024-01-02 16:00", "GOOG", 100, 1), ("2024-01-03 16:00", "GOOG", 51, 2))
    sold = fills(("2024-01-02 09:30", "GOOG", "buy", 1, 99, 0), ("2024-01-03 09:30", "GOOG", "sell", 2, 50, 0))
    drawn = traces(figures.trades_on_price(Run(kept(ledger, marks=split, fills=sold), ledger)))
    assert list(drawn["GOOG"].y) == [100, 102]
    assert list(drawn["sold"].y) == [100]


def test_months(ledger: Ledger) -> None:
    run = Run(kept(ledger), ledger)
    heat = figures.monthly(run).data[0]
    assert heat.z[0][0] == pytest.approx(run.stats["total_return"])
    assert heat.text[0][0].startswith("+")
    assert heat.y == ("2024",)


def test_candles_with_articles_and_fills() -> None:
    days = pd.DatetimeIndex(["2024-01-02 21:00", "2024-01-03 21:00"], tz="UTC")
    bars = pd.DataFrame({"ts": days, "open": [1, 2], "high": [3, 4], "low": [0, 1], "close": [2, 3], "volume": [5, 6]})
    news = pd.DataFrame({"available_at": pd.DatetimeIndex(["2024-01-03 10:00"], tz="UTC"), "headline": ["H"]})
    bought = fills(("2024-01-03 09:30", "GOOG", "buy", 1, 2, 0)).to_pandas()
    drawn = traces(figures.price(bars, bought, news, dark=True))
    assert list(drawn["volume"].y) == [5, 6]
    assert [pd.Timestamp(at, tz="UTC") for at in drawn["articles"].x] == [days[1]]
    assert list(drawn["bought"].y) == [2]


def test_long_lines_keep_their_extremes(ledger: Ledger) -> None:
    closes = np.full(20_000, 100.0)
    closes[12_345] = 200.0
    run = Run(kept(ledger, marks=rising(closes.tolist()), fills=fills()), ledger)
    line = traces(figures.trades_on_price(run))["GOOG"]
    assert len(line.y) < 5_000
    assert max(line.y) == 200


def test_a_long_line_s_deepest_fall_is_drawn(ledger: Ledger) -> None:
    closes = np.full(20_000, 100.0)
    closes[12_343] = 50.0
    bought = fills(("2024-01-03 09:30", "GOOG", "buy", 100, 100, 0))
    drawn = traces(figures.equity(Run(kept(ledger, marks=rising(closes.tolist()), fills=bought), ledger)))
    assert min(drawn["SmaCross, drawdown"].y) == pytest.approx(-0.05)
    assert min(drawn["Buy and hold, drawdown"].y) == -0.5
    assert len(drawn["SmaCross, drawdown"].y) < 5_000


def test_what_the_first_bar_cost_is_below_the_cash(ledger: Ledger) -> None:
    bought = fills(("2024-01-02 16:00", "GOOG", "buy", 100, 100, 500.0))
    drawn = traces(figures.equity(Run(kept(ledger, marks=rising([100.0, 101.0]), fills=bought), ledger)))
    assert list(drawn["SmaCross, drawdown"].y) == pytest.approx([-0.005, -0.004])


def test_wide_spans_are_drawn_on_a_logarithmic_axis(ledger: Ledger) -> None:
    kinds = [
        figures.trades_on_price(Run(kept(ledger, marks=rising(closes), fills=fills()), ledger)).layout.yaxis.type
        for closes in ([100.0, 110.0], [100.0, 400.0])
    ]
    assert kinds == ["linear", "log"]


def test_an_account_that_nothing_moves_is_told_in_whole_amounts(ledger: Ledger) -> None:
    split = [(f"2024-01-{day} 16:00", "GOOG", 0.226 if day > "05" else 1.13, 5 if day > "05" else 1) for day in DAYS]
    run = Run(kept(ledger, marks=marks(*split), fills=fills()), ledger)
    assert 0 < np.ptp(run.benchmark) < 1e-9
    layout = figures.equity(run).layout
    assert layout.yaxis.range == pytest.approx((90_000, 110_000))
    assert layout.yaxis.tickformat == ","
    assert layout.yaxis2.range == (-1, 1)
    assert figures.equity(Run(kept(ledger), ledger)).layout.yaxis.range is None, "what moves is told by its own range"


@pytest.mark.parametrize("draw", [figures.equity, figures.trades_on_price, figures.monthly])
def test_a_run_without_a_result_has_an_empty_figure(ledger: Ledger, draw: Callable) -> None:
    assert draw(Run(kept(ledger, "failed", fills=fills()), ledger)).layout.height > 0


@pytest.mark.parametrize("dark", [False, True])
def test_colours_are_never_red_or_green(ledger: Ledger, dark: bool) -> None:
    text = figures.equity(Run(kept(ledger), ledger), dark=dark).to_json()
    assert ("#6cb6ff" in text) == dark
    assert "red" not in text
    assert "green" not in text
