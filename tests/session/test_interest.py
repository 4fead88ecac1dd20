"""What cash alone earns is no skill: ratios are of what a run earned over the interest on its own cash."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from distributed import LocalCluster

import alphapulse_lib as ap
from alphapulse_lib.model.run import Costs
from alphapulse_lib.results import breakdown
from alphapulse_lib.results.overfit import probabilistic_sharpe_ratio
from alphapulse_lib.results.performance import risk_free
from tests.resources.toy_market import Planned, write

PAID = {"costs": Costs(interest_percent=3.6), "progress": False}
GOOG = ("SmaCross", "GOOG", "1d", "2008-01-01", "2010-12-31")
#: Averages of nearly as many days as there are never cross.
NEVER, EVER = {"fast": 700, "slow": 750}, {"fast": 5, "slow": 20}


def at(*moments: str) -> list[int]:
    return [int(datetime.fromisoformat(each).replace(tzinfo=UTC).timestamp()) * 10**9 for each in moments]


@pytest.mark.parametrize(
    ("venue", "period", "closes"),
    [
        ("XNAS", "1d", at(*(f"2020-03-{day:02} {21 - (day > 7)}:00" for day in (3, 4, 5, 6, 9, 10, 11)))),
        ("XNAS", "1w", at("2020-02-07 21:00", "2020-02-14 21:00", "2020-02-21 21:00", "2020-02-28 21:00")),
        ("CRYPTO", "1d", at(*(f"2020-03-{day:02} 00:00" for day in range(3, 12)))),
        # From Friday's bars over Sunday evening's, which are of Monday's session, to Tuesday's.
        (
            "XCME",
            "1m",
            at(*(f"2020-03-{each}" for each in ("06 15:00", "06 20:00", "08 23:00", "09 15:00", "10 15:00"))),
        ),
    ],
)
def test_cash_that_never_traded_has_no_ratio(sample: None, tmp_path, monkeypatch, venue, period, closes) -> None:
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(tmp_path / "catalog"))
    write("TOY", period, closes, [(100.0,) * 4] * len(closes), venue=venue)
    run = ap.backtest(Planned, "TOY", period, params={"plan": {}}, gaps="allow", **PAID)
    assert run.stats["total_return"] > 0
    ratios = ("sharpe", "sortino", "omega", "probabilistic_sharpe", "deflated_sharpe")
    assert all(math.isnan(run.stats[name]) for name in ratios)


@pytest.mark.usefixtures("sample")
def test_ratios_are_of_what_was_earned_over_the_interest() -> None:
    idle, run = (ap.backtest(*GOOG, params=params, **PAID) for params in (NEVER, EVER | {"quantity": 50}))
    over = (run.equity.pct_change() - idle.equity.pct_change()).dropna()
    ratio = over.mean() / over.std()
    assert run.stats["sharpe_per_period"] == pytest.approx(ratio, abs=1e-12)
    assert run.stats["sharpe"] == pytest.approx(ratio * 252**0.5, abs=1e-10)
    shortfall = np.sqrt(np.mean(np.minimum(over, 0) ** 2))
    assert run.stats["sortino"] == pytest.approx(over.mean() / shortfall * 252**0.5, abs=1e-10)
    shape = [run.stats[name] for name in ("observations", "skewness", "kurtosis")]
    assert run.stats["probabilistic_sharpe"] == pytest.approx(probabilistic_sharpe_ratio(ratio, *shape))
    held, cash = run.benchmark.pct_change().dropna(), idle.equity.pct_change().dropna()
    assert run.stats["beta"] == pytest.approx(np.polyfit(held - cash, over, 1)[0], abs=1e-10)
    assert run.stats["volatility"] == pytest.approx(run.equity.pct_change().std() * 252**0.5)
    year = over[over.index.year == 2009]
    assert run.by("year").sharpe["2009"] == pytest.approx(year.mean() / year.std() * 252**0.5, abs=1e-10)
    assert run.by("year").sharpe.notna().all()
    assert idle.by("month").sharpe.isna().all()
    free = risk_free(run.spec, breakdown.nanoseconds(run.equity.index))
    rolled, _ = breakdown.rolling(run.spec, run.equity.to_numpy(), 126, free)
    assert rolled[-1] == pytest.approx(over[-126:].mean() / over[-126:].std() * 252**0.5, abs=1e-10)


@pytest.mark.usefixtures("sample")
def test_a_sweep_and_a_walk_choose_nothing_for_its_interest(shared: LocalCluster) -> None:
    grid = {"grid": {"fast": [5, 10], "slow": [20, 40, 750]}, "params": {"quantity": 50}}
    swept = ap.sweep(*GOOG, **grid, **PAID)
    assert swept.best.spec.parameters["slow"] < 750
    assert swept.table.sharpe[-2:].isna().all(), "two never traded"
    assert swept.pbo > 0, "the two that never traded were the best of every half"
    free = swept.returns.iloc[:, 2]
    for scheme in ("rolling", "kfold"):
        given = {"train": 378, "test": 126, "folds": 3, "scheme": scheme, "grid": {"fast": [5], "slow": [20, 40]}}
        walked = ap.walk_forward(*GOOG, **given, params={"quantity": 50}, **PAID)
        over = walked.returns - free[walked.returns.index]
        first = walked.returns.index[[0, *np.cumsum([len(each.returns) for each in walked.folds])[:-1]]]
        over[first] = walked.returns[first]  # a run's first session is after no night
        assert walked.stats["sharpe"] == pytest.approx(over.mean() / over.std() * 252**0.5, abs=1e-10)
        assert isinstance(walked.returns, pd.Series)
