"""A run by year, month, symbol and side, and its drawdowns: by hand, and against quantstats and empyrical."""

from __future__ import annotations

from pathlib import Path

import empyrical
import numpy as np
import pandas as pd
import pytest
import quantstats
from small_runs import CLOSES, fills, kept, marks, rising

from alphapulse_lib.errors import InputError
from alphapulse_lib.model.run import Costs
from alphapulse_lib.results import breakdown, groups
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.run import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three years, a trade a month, long and short, of some 10,000."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(4).normal(0.0005, 0.015, 756)))
    days = rising(closes)["ts"].to_pandas().dt.tz_convert("America/New_York")
    rows = [
        (f"{days[at]:%Y-%m-%d} 09:30", "GOOG", "buy" if number % 2 else "sell", 100 if number else 50, closes[at], 1.0)
        for number, at in enumerate(range(20, 756, 21))
    ]
    return Run(kept(ledger, marks=rising(closes), fills=fills(*rows), cash=10_000.0), ledger)


@pytest.mark.parametrize("every", ["year", "month"])
def test_periods_agree_with_empyrical(run: Run, every: str) -> None:
    found = run.by(every)
    returns = run.equity.pct_change().dropna()
    returns.index = returns.index.tz_convert("America/New_York").tz_localize(None)
    parts = returns.groupby(returns.index.to_period({"year": "Y", "month": "M"}[every]))
    assert found["return"].to_numpy() == pytest.approx(parts.agg(empyrical.cum_returns_final).to_numpy(), rel=1e-9)
    assert found["max_drawdown"].to_numpy() == pytest.approx(parts.agg(empyrical.max_drawdown).to_numpy(), abs=1e-12)
    assert found["sharpe"].to_numpy() == pytest.approx(parts.agg(empyrical.sharpe_ratio).to_numpy(), rel=1e-9)
    assert found["volatility"].to_numpy() == pytest.approx(parts.agg(empyrical.annual_volatility).to_numpy(), rel=1e-9)
    assert (1 + found["return"]).prod() - 1 == pytest.approx(run.stats["total_return"])
    assert (1 + found["benchmark"]).prod() - 1 == pytest.approx(run.stats["benchmark_return"])
    assert found["trades"].sum() == run.stats["trades"]
    assert found["pnl"].sum() == pytest.approx(run.trades["pnl"].sum())


def test_the_only_year_of_a_run_has_the_run_s_own_ratios(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    costly = Costs(interest_percent=3.6)
    for opening in ("2024-01-03 09:30", "2024-01-02 09:30"):  # the first value is the cash, or a return on it
        bought = fills((opening, "GOOG", "buy", 100, 99, 1.0))
        run = Run(kept(ledger, marks=rising(CLOSES), fills=bought, costs=costly), ledger)
        (year,) = run.by("year").to_dict("records")
        same = {
            "volatility": "volatility",
            "sharpe": "sharpe",
            "max_drawdown": "max_drawdown",
            "return": "total_return",
        }
        assert {name: year[name] for name in same} == pytest.approx({n: run.stats[own] for n, own in same.items()})


@pytest.mark.parametrize("every", ["year", "month"])
def test_debts_have_no_returns(tmp_path: Path, every: str) -> None:
    ledger = Ledger(tmp_path)
    sold = fills(("2024-01-30 16:00", "GOOG", "sell", 100, 100, 0))
    days = [("2024-01-30 16:00", 100), ("2024-01-31 16:00", 120), ("2024-02-01 16:00", 190), ("2024-02-29 16:00", 250)]
    later = [("2025-01-02 16:00", 200), ("2025-03-03 16:00", 300)]
    closes = marks(*((when, "GOOG", close) for when, close in days + later))
    # 5,000 is 5,000, 3,000, -4,000, -10,000, -5,000 and -15,000 by the closes.
    run = Run(kept(ledger, marks=closes, fills=sold, cash=5_000, fill="close"), ledger)
    assert run.equity.tolist() == [5_000, 3_000, -4_000, -10_000, -5_000, -15_000]
    found = run.by(every)
    returns = found["return"].tolist()
    lost = [-1.8] if every == "year" else [-0.4, -4_000 / 3_000 - 1]
    assert returns[: len(lost)] == pytest.approx(lost)
    after = found.iloc[len(lost) :]
    assert len(after) == (1 if every == "year" else 2)
    assert after[["return", "volatility", "sharpe", "max_drawdown"]].isna().all(axis=None)
    assert after["benchmark"].notna().all(), "what it is held against goes on"
    wide = breakdown.monthly_returns(run.equity, 5_000, "America/New_York")
    assert wide.loc[2024, [1, 2, "year"]].tolist() == pytest.approx([-0.4, -4_000 / 3_000 - 1, -1.8])
    assert wide.loc[2025].isna().all()


def test_a_period_falls_as_deep_as_its_deepest_bar(tmp_path: Path) -> None:
    hours = [("11:00", 80), ("16:00", 100), ("11:00", 90), ("16:00", 110), ("11:00", 99), ("16:00", 120)]
    days = ["2024-01-30"] * 2 + ["2024-01-31"] * 2 + ["2024-02-01"] * 2
    closes = marks(*((f"{day} {hour}", "GOOG", price) for day, (hour, price) in zip(days, hours, strict=True)))
    bought = fills(("2024-01-30 09:30", "GOOG", "buy", 10, 100, 0))
    ledger = Ledger(tmp_path)
    run = Run(kept(ledger, marks=closes, fills=bought, cash=1_000, period="1h"), ledger)
    # 1,000 is 800, 1,000, 900 and 1,100 in January; February begins at 1,100 and goes to 990 and 1,200.
    assert run.by("month")["max_drawdown"].tolist() == pytest.approx([-0.2, -0.1])
    assert run.by("year")["max_drawdown"].tolist() == pytest.approx([run.stats["max_drawdown"]])


def test_symbols_add_up_to_the_result(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    both = marks(
        ("2024-01-02 16:00", "GOOG", 100, 1),
        ("2024-01-03 16:00", "GOOG", 51, 2),
        ("2024-01-02 16:00", "IBM", 10, 1),
        ("2024-01-03 16:00", "IBM", 11, 1),
    )
    bought = fills(
        ("2024-01-02 16:00", "GOOG", "buy", 10, 100, 2),
        ("2024-01-02 16:00", "IBM", "buy", 20, 10, 1),
        ("2024-01-03 16:00", "IBM", "sell", 20, 11, 1),
    )
    made = Run(kept(ledger, marks=both, fills=bought, instruments=("GOOG.XNAS", "IBM.XNYS")), ledger)
    found = made.by("symbol")
    assert found.index.tolist() == ["GOOG", "IBM"]
    # Ten shares became twenty at 51, less 1,000 and 2; twenty made a dollar each, less 2.
    assert found["pnl"].tolist() == pytest.approx([18, 18])
    assert found["pnl"].sum() == pytest.approx(made.stats["end_equity"] - made.spec.cash)
    assert found.loc["IBM", ["traded", "fills", "trades", "hit_rate", "commission"]].tolist() == [420, 2, 1, 1, 2]


def test_sides(run: Run) -> None:
    found = run.by("side")
    assert found.index.tolist() == ["long", "short"]
    assert found["trades"].sum() == run.stats["trades"]
    assert found.loc["short", "pnl"] == pytest.approx(run.trades.loc[run.trades["side"] == "short", "pnl"].sum())


def test_drawdowns_by_hand(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    bought = fills(("2024-01-02 16:00", "GOOG", "buy", 1, 100, 0))
    found = Run(kept(ledger, fills=bought, cash=100.0), ledger).drawdowns
    # 100 102 101 105 104 108 107 103 106
    assert found["depth"].tolist() == pytest.approx([103 / 108 - 1, 101 / 102 - 1, 104 / 105 - 1])
    assert [f"{each:%m-%d}" for each in found["peak"]] == ["01-09", "01-03", "01-05"]
    assert [f"{each:%m-%d}" for each in found["trough"]] == ["01-11", "01-04", "01-08"]
    assert found["recovered"].isna().tolist() == [True, False, False]
    assert found["length"].tolist() == [3, 1, 1]
    assert found["fall"].tolist() == [2, 1, 1]
    assert len(CLOSES) == 9


def test_drawdowns_agree_with_quantstats(run: Run) -> None:
    found = run.drawdowns
    curve = run.equity.copy()
    curve.index = curve.index.tz_localize(None).normalize()
    theirs = quantstats.stats.drawdown_details(quantstats.stats.to_drawdown_series(curve.pct_change().fillna(0)))
    theirs = theirs.sort_values("max drawdown").head(20)
    assert (found["depth"].head(20) * 100).tolist() == pytest.approx(theirs["max drawdown"].tolist(), rel=1e-9)
    assert [f"{each:%Y-%m-%d}" for each in found["trough"].head(20)] == [str(each)[:10] for each in theirs["valley"]]
    assert found["depth"][0] == pytest.approx(run.stats["max_drawdown"], rel=1e-9)
    assert found["length"].max() == run.stats["longest_under_water"]
    assert found["length"].sum() / (len(curve) - 1) == pytest.approx(run.stats["time_under_water"])


def test_a_loss_at_once_is_a_drawdown_from_the_start() -> None:
    curve = pd.Series([90.0, 80.0], index=pd.to_datetime(["2024-01-02", "2024-01-03"], utc=True))
    found = groups.drawdowns(curve, 100.0)
    assert found["depth"].tolist() == pytest.approx([-0.2])
    assert found["peak"][0] == curve.index[0]
    assert found["length"].tolist() == [2]


@pytest.mark.parametrize("what", groups.GROUPS)
def test_a_run_without_trades_or_marks_is_taken_apart_too(tmp_path: Path, what: str) -> None:
    ledger = Ledger(tmp_path)
    for changes in ({"fills": fills()}, {"fills": fills(), "marks": rising([])}):
        made = Run(kept(ledger, **changes), ledger)
        made.by(what)
        assert made.drawdowns.empty


def test_another_word_is_refused_with_the_nearest(run: Run) -> None:
    with pytest.raises(InputError, match="'years'") as refused:
        run.by("years")
    assert "year" in refused.value.hint
