"""Statistics against empyrical, against hand computation, and on input that has no answer."""

from __future__ import annotations

import math
import warnings

import empyrical
import numpy as np
import pandas as pd
import pytest
import quantstats
from hypothesis import given, settings
from hypothesis import strategies as st

from alphapulse_lib.errors import InputError
from alphapulse_lib.results.snooping import reality_check
from alphapulse_lib.results.statistics import summary


def drawn(seed: int, length: int = 756, tail: float = 4) -> pd.Series:
    """Daily returns with fat tails, as many as three years have."""
    values = np.random.default_rng(seed).standard_t(tail, length) * 0.008 + 0.0004
    return pd.Series(np.clip(values, -0.5, 0.5), index=pd.bdate_range("2020-01-01", periods=length))


PAIRS = [(drawn(seed), drawn(seed + 100) * 0.8 + drawn(seed) * 0.3) for seed in range(4)]


@pytest.mark.parametrize(("returns", "benchmark"), PAIRS)
@pytest.mark.parametrize("risk_free", [0.0, 0.0001])
def test_agrees_with_empyrical(returns: pd.Series, benchmark: pd.Series, risk_free: float) -> None:
    found = summary(returns, benchmark, risk_free=risk_free)
    other = {
        "total_return": empyrical.cum_returns_final(returns),
        "cagr": empyrical.cagr(returns),
        "volatility": empyrical.annual_volatility(returns),
        "downside_deviation": empyrical.downside_risk(returns, risk_free),
        "sharpe": empyrical.sharpe_ratio(returns, risk_free),
        "sortino": empyrical.sortino_ratio(returns, risk_free),
        "calmar": empyrical.calmar_ratio(returns),
        "omega": empyrical.omega_ratio(returns, risk_free),
        "max_drawdown": empyrical.max_drawdown(returns),
        "tail_ratio": empyrical.tail_ratio(returns),
        "value_at_risk": empyrical.value_at_risk(returns),
        "conditional_value_at_risk": empyrical.conditional_value_at_risk(returns),
        "alpha": empyrical.alpha(returns, benchmark, risk_free),
        "beta": empyrical.beta(returns, benchmark, risk_free),
        "information_ratio": empyrical.excess_sharpe(returns, benchmark) * 252**0.5,
        "tracking_error": empyrical.annual_volatility(returns - benchmark),
    }
    assert {name: found[name] for name in other} == pytest.approx(other, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("returns", "benchmark"), PAIRS)
def test_the_tails_are_numpys_own_quantiles_to_the_last_bit(returns: pd.Series, benchmark: pd.Series) -> None:
    for each in (returns, benchmark, returns[:1], returns[:20], returns * 0):
        found = summary(each)
        low, high = np.quantile(each, 0.05), np.quantile(each, 0.95)
        assert found["value_at_risk"] == low
        assert repr(found["tail_ratio"]) == repr(float(abs(high) / abs(low)) if low else float("nan"))


@pytest.mark.parametrize(("returns", "benchmark"), PAIRS)
def test_shape_and_correlation_agree_with_scipy_and_numpy(returns: pd.Series, benchmark: pd.Series) -> None:
    stats = pytest.importorskip("scipy.stats")
    found = summary(returns, benchmark)
    assert found["skewness"] == pytest.approx(stats.skew(returns), rel=1e-9)
    assert found["kurtosis"] == pytest.approx(stats.kurtosis(returns, fisher=False), rel=1e-9)
    assert found["correlation"] == pytest.approx(np.corrcoef(returns, benchmark)[0, 1], rel=1e-9)


@pytest.mark.parametrize("periods", [12, 52, 365])
def test_other_periods_agree_with_empyrical(periods: int) -> None:
    returns = PAIRS[0][0]
    found = summary(returns, periods_per_year=periods)
    assert found["sharpe"] == pytest.approx(empyrical.sharpe_ratio(returns, annualization=periods), rel=1e-9)
    assert found["cagr"] == pytest.approx(empyrical.cagr(returns, annualization=periods), rel=1e-9)


def test_by_hand() -> None:
    found = summary([0.10, -0.05, 0.02, -0.04], periods_per_year=4)
    assert found["observations"] == 4
    assert found["total_return"] == pytest.approx(1.10 * 0.95 * 1.02 * 0.96 - 1)
    assert found["cagr"] == pytest.approx(found["total_return"])
    # From 1.1 through 1.045 and 1.0659 down to 1.023264.
    assert found["max_drawdown"] == pytest.approx(1.023264 / 1.1 - 1)
    assert found["omega"] == pytest.approx(0.12 / 0.09)
    assert found["sharpe"] == pytest.approx(2 * found["sharpe_per_period"])
    # The sample deviation: the squares of the distances from 0.0075 sum to 0.014275, over three.
    assert found["sharpe_per_period"] == pytest.approx(0.0075 / math.sqrt(0.014275 / 3))


def test_a_first_loss_is_a_drawdown_from_the_start() -> None:
    assert summary([-0.1, 0.05])["max_drawdown"] == pytest.approx(-0.1)


def test_missing_returns_are_left_out() -> None:
    whole, holed = drawn(1, 50), drawn(1, 50).copy()
    holed.iloc[[3, 20]] = np.nan
    assert summary(holed) == pytest.approx(summary(whole.drop(whole.index[[3, 20]])), nan_ok=True)


def test_series_are_matched_by_index() -> None:
    returns, benchmark = PAIRS[1]
    shuffled = benchmark.sample(frac=1, random_state=3)
    assert summary(returns, shuffled)["beta"] == pytest.approx(empyrical.beta(returns, benchmark), rel=1e-9)


@pytest.mark.parametrize("returns", [[], [math.nan] * 3, pd.Series([], dtype=float)])
def test_nothing_gives_nan(returns: object) -> None:
    found = summary(returns, returns)
    assert found.pop("observations") == 0
    assert all(math.isnan(value) for value in found.values())


@pytest.mark.parametrize(
    "returns",
    [
        [],
        [0.01],
        [0.01] * 10,
        [0.0] * 10,
        [-1.0, 0.5],
        [-3.0, 0.5],
        [1e200, 1e200, 1.0],
        [1e6, 2e6, -1e3],
        [1e-200, 2e-200],
    ],
)
def test_degenerate_returns_never_warn(returns: list[float]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = summary(returns, returns)
    assert not any(math.isinf(value) for value in found.values())


def test_returns_beyond_all_measure_give_no_number_and_do_not_raise() -> None:
    # An account that costs drove far below zero; an alpha of (1 + 500,000) to the power of 252 is no double.
    found = summary([-1e6, 0.5, 2e6, 1e6], [0.01, -0.02, 0.03, 0.01])
    assert math.isnan(found["alpha"])
    assert found["total_return"] == pytest.approx((1 - 1e6) * 1.5 * (1 + 2e6) * (1 + 1e6) - 1)


def test_returns_that_never_vary_have_no_ratio() -> None:
    found = summary([0.001] * 20, [0.002] * 20)
    assert found["volatility"] == 0
    assert found["cagr"] == pytest.approx(1.001**252 - 1)
    for name in ("sharpe", "sortino", "omega", "calmar", "skewness", "kurtosis", "beta", "alpha", "information_ratio"):
        assert math.isnan(found[name]), name


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((["a"],), "not numbers"),
        (([0.1, math.inf],), "infinite"),
        (([[0.1, 0.2], [0.1, 0.2]],), "shape"),
        (([0.1, 0.2], [0.1]), "2 values and benchmark 1"),
        (([0.1], None, 0), "periods_per_year"),
        (([0.1], None, 252, math.nan), "risk_free"),
        (([0.1], None, "252"), "periods_per_year"),
    ],
)
def test_input_that_is_no_series_of_returns_is_refused(arguments: tuple, said: str) -> None:
    with pytest.raises(InputError, match=said):
        summary(*arguments)


@pytest.mark.parametrize("measure", [summary, reality_check])
def test_a_benchmark_that_shares_no_period_is_refused_by_name(measure: object) -> None:
    days = pd.date_range("2020-01-01", periods=9)
    returns = pd.Series(np.linspace(-0.01, 0.02, 9), days)
    table = returns.to_frame() if measure is reality_check else returns
    later = returns.set_axis(pd.date_range("2021-01-01", periods=9))
    said = "returns, from 2020-01-01 .* to 2020-01-09 .*, and benchmark, from 2021-01-01 .*, share no period"
    with pytest.raises(InputError, match=said):
        measure(table, later)  # type: ignore[operator]
    for mine, theirs, named in ((table, returns.tz_localize("UTC"), "benchmark"),
                                (table.tz_localize("UTC"), returns, "returns")):  # fmt: skip
        with pytest.raises(InputError, match=f"The times of {named} are of the zone UTC, those of .* name none"):
            measure(mine, theirs)  # type: ignore[operator]


def test_a_benchmark_of_another_zone_is_matched_by_moment() -> None:
    returns = pd.Series([0.01, -0.02, 0.03], pd.date_range("2020-01-01", periods=3, tz="UTC"))
    other = pd.Series([0.02, -0.01, 0.01], returns.index.tz_convert("America/New_York"))
    assert summary(returns, other) == summary(returns.to_numpy(), other.to_numpy())
    part = other.iloc[1:]  # some of the periods are shared: those count
    assert summary(returns, part)["beta"] == summary(returns.iloc[1:], part)["beta"]
    with pytest.raises(InputError, match="benchmark holds nothing, and returns 3 values"):
        summary(returns, other.iloc[:0])


def test_an_index_that_repeats_is_refused() -> None:
    twice = pd.Series([0.1, 0.2], index=[1, 1])
    with pytest.raises(InputError, match="twice"):
        summary(twice, twice)


@pytest.mark.parametrize(("returns", "benchmark"), PAIRS)
def test_agrees_with_quantstats(returns: pd.Series, benchmark: pd.Series) -> None:
    found, stats = summary(returns, benchmark), quantstats.stats
    other = {
        "total_return": stats.comp(returns),
        "cagr": stats.cagr(returns),
        "volatility": stats.volatility(returns),
        "conditional_value_at_risk": stats.cvar(returns, method="historical"),
        "sharpe": stats.sharpe(returns),
        "sortino": stats.sortino(returns),
        "max_drawdown": stats.max_drawdown(returns),
        "omega": stats.omega(returns),
        "tail_ratio": stats.tail_ratio(returns),
        "beta": stats.greeks(returns, benchmark)["beta"],
        "information_ratio": stats.information_ratio(returns, benchmark) * 252**0.5,
        "time_under_water": (stats.to_drawdown_series(returns) < -1e-12).mean(),
    }
    assert {name: found[name] for name in other} == pytest.approx(other, rel=1e-9)


def test_time_under_water_by_hand() -> None:
    found = summary([-0.1, 0.05, 0.2, -0.01, -0.01, -0.01, 0.5])
    assert found["time_under_water"] == pytest.approx(5 / 7)
    assert found["longest_under_water"] == 3
    assert summary([0.0] * 5)["time_under_water"] == summary([0.1] * 5)["longest_under_water"] == 0
    assert summary([-0.01] * 5)["longest_under_water"] == 5


RETURNS = st.lists(st.floats(-0.9, 2, allow_nan=False), max_size=60)


@settings(deadline=None, max_examples=50)
@given(returns=RETURNS, other=RETURNS)
def test_whatever_the_returns_the_numbers_keep_their_bounds(returns: list[float], other: list[float]) -> None:
    found = summary(returns, (other + [0.0] * 60)[: len(returns)])

    def inside(name: str, low: float, high: float = math.inf) -> bool:
        return math.isnan(found[name]) or low - 1e-9 <= found[name] <= high + 1e-9

    assert found["observations"] == len(returns)
    assert inside("total_return", -1)
    assert inside("max_drawdown", -1, 0)
    assert inside("time_under_water", 0, 1)
    assert inside("longest_under_water", 0, len(returns))
    assert inside("volatility", 0)
    assert inside("omega", 0)
    assert inside("kurtosis", 1)
    assert inside("correlation", -1, 1)
    assert not found["conditional_value_at_risk"] > found["value_at_risk"] + 1e-12
    assert not any(math.isinf(value) for value in found.values())


@settings(deadline=None, max_examples=50)
@given(returns=st.lists(st.floats(-0.9, -1e-6), min_size=2, max_size=60))
def test_nothing_but_losses(returns: list[float]) -> None:
    found = summary(returns)
    assert found["total_return"] < 0
    assert found["max_drawdown"] == pytest.approx(found["total_return"])
    assert found["longest_under_water"] == len(returns)
    assert found["omega"] == 0
    assert not found["sharpe"] > 0
    assert not found["sortino"] > 0


@settings(deadline=None, max_examples=50)
@given(returns=RETURNS, wins=st.lists(st.integers(0, 60), max_size=5))
def test_a_return_that_is_missing_changes_nothing(returns: list[float], wins: list[int]) -> None:
    holed = list(returns)
    for at in wins:
        holed.insert(min(at, len(holed)), math.nan)
    assert summary(holed) == pytest.approx(summary(returns), nan_ok=True)
