"""A run taken apart, by hand."""

from __future__ import annotations

from pathlib import Path

import empyrical
import numpy as np
import pandas as pd
import pytest
from small_runs import fills, kept, spec

from alphapulse_lib.results import breakdown
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.run import Run


def curve(**values: float) -> pd.Series:
    """Closes in New York by day: ``d20240131=100``."""
    index = pd.DatetimeIndex([f"{name[1:5]}-{name[5:7]}-{name[7:]} 16:00" for name in values], tz="America/New_York")
    return pd.Series(list(values.values()), index=index.tz_convert("UTC").as_unit("ns"), dtype=float)


def test_months_and_years_compound() -> None:
    equity = curve(d20231130=110, d20231229=99, d20240115=120, d20240131=108.9, d20240329=217.8)
    table = breakdown.monthly_returns(equity, 100, "America/New_York")
    assert table.loc[2023, 11] == pytest.approx(0.10)
    assert table.loc[2023, 12] == pytest.approx(-0.10)
    assert table.loc[2024, 1] == pytest.approx(0.10)
    assert np.isnan(table.loc[2024, 2])
    assert table.loc[2024, 3] == pytest.approx(1.0)
    assert table["year"].tolist() == pytest.approx([-0.01, 217.8 / 99 - 1])


def test_months_are_those_of_the_zone() -> None:
    late = pd.Series([101.0, 102.0], pd.DatetimeIndex(["2024-02-01 02:00", "2024-02-01 15:00"], tz="UTC"))
    assert breakdown.monthly_returns(late, 100, "America/New_York").loc[2024, 1] == pytest.approx(0.01)


def test_midnight_is_of_the_day_that_ends_then() -> None:
    ends = pd.DatetimeIndex(["2023-12-31", "2024-01-01", "2024-01-02"], tz="UTC").as_unit("ns")
    table = breakdown.monthly_returns(pd.Series([100.0, 110.0, 121.0], ends), 100, "UTC")
    assert table.index.tolist() == [2023, 2024]
    assert (table.loc[2023, 12], table.loc[2024, 1]) == pytest.approx((0.10, 0.10))


def test_drawdown() -> None:
    assert breakdown.drawdown(np.array([10.0, 12.0, 9.0, 12.0])).tolist() == [0, 0, -0.25, 0]
    assert breakdown.drawdown(np.empty(0)).tolist() == []


def test_rolling_agrees_with_empyrical() -> None:
    values = 100 * np.exp(np.cumsum(np.random.default_rng(2).normal(0, 0.01, 80)))
    returns = pd.Series(values).pct_change()
    sharpe, volatility = breakdown.rolling(spec(), values, 20)
    assert np.isnan(sharpe[:20]).all()
    for at in (20, 50, 79):
        window = returns.iloc[at - 19 : at + 1]
        assert sharpe[at] == pytest.approx(empyrical.sharpe_ratio(window))
        assert volatility[at] == pytest.approx(empyrical.annual_volatility(window))


def test_rolling_of_a_flat_or_short_curve_is_nan() -> None:
    assert np.isnan(breakdown.rolling(spec(), np.full(30, 5.0), 10)[0]).all()
    assert np.isnan(breakdown.rolling(spec(), np.full(5, 5.0), 10)[1]).all()


def test_debts_are_in_no_rolling_window() -> None:
    sharpe, volatility = breakdown.rolling(spec(), np.array([4.0, 5.0, 3.0, -1.0, -2.0, -1.0, 2.0, 3.0]), 2)
    assert np.isfinite(volatility).tolist() == np.isfinite(sharpe).tolist() == [False, False, True, True] + 4 * [False]


def test_costs_add_up() -> None:
    frame = fills(("2024-01-03 09:30", "GOOG", "buy", 100, 101.0, 1.0)).to_pandas().assign(slippage=2.0)
    taken = breakdown.costs(frame, 97.0)
    assert (taken.gross, taken.slippage, taken.commission, taken.net) == (100, -2, -1, 97)


def test_turnover_is_half_of_what_was_traded_as_a_yearly_rate() -> None:
    equity = curve(d20240131=1_000, d20240229=2_000)
    traded = fills(
        ("2024-01-10 09:30", "A", "buy", 10, 50, 0), ("2024-01-11 09:30", "A", "sell", 10, 50, 0)
    ).to_pandas()
    rate = breakdown.yearly_turnover(traded, equity, "America/New_York")
    assert rate.tolist() == pytest.approx([(1_000 / 2) / 1_000 * 12, 0])


def test_debts_have_no_turnover() -> None:
    equity = curve(d20240131=1_000, d20240229=-2_000, d20240331=0)
    traded = fills(("2024-02-10 09:30", "A", "buy", 10, 50, 0)).to_pandas()
    rate = breakdown.yearly_turnover(traded, equity, "America/New_York")
    assert rate.isna().tolist() == [False, True, True]


def test_sides(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    rows = fills(
        ("2024-01-03 09:30", "GOOG", "buy", 1, 100, 0),
        ("2024-01-04 09:30", "GOOG", "sell", 2, 110, 0),
        ("2024-01-05 09:30", "GOOG", "buy", 1, 115, 0),
    )
    long, short, both = breakdown.sides(Run(kept(ledger, fills=rows), ledger).trades)
    assert (long["side"], long["pnl"], long["hit_rate"]) == ("long", 10, 1)
    assert (short["side"], short["pnl"], short["worst"]) == ("short", -5, -5)
    assert (both["trades"], both["pnl"], both["held"]) == (2, 5, 86_400 * 10**9)
    assert breakdown.sides(Run(kept(ledger), ledger).trades.iloc[:0]) == []
