"""The reality check and Hansen's test: against `arch` on the same draws, and that they hold their size."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from arch.bootstrap import SPA

from alphapulse_lib.errors import InputError
from alphapulse_lib.results import snooping
from alphapulse_lib.results.snooping import reality_check, stationary_indices, superior_predictive_ability

RESAMPLES, BLOCK = 300, 9


def trials(seed: int, rows: int = 250, count: int = 12, shift: float = 0.0) -> np.ndarray:
    """Returns that remember a little, some of them good and some of them bad."""
    generator = np.random.default_rng(seed)
    drawn = generator.normal(0, 0.01, (rows + 1, count))
    return drawn[1:] + 0.3 * drawn[:-1] + generator.normal(shift, 0.001, count)


@pytest.fixture
def same_draws(monkeypatch: pytest.MonkeyPatch) -> dict[int, list[np.ndarray]]:
    """The resamples of `arch`, by seed, in place of our own."""
    found: dict[int, list[np.ndarray]] = {}

    def drawn(rows: int, resamples: int, block: float, generator: np.random.Generator) -> np.ndarray:
        held, found[0] = found[0][:resamples], found[0][resamples:]
        assert all(len(each) == rows for each in held)
        return np.array(held)

    monkeypatch.setattr(snooping, "stationary_indices", drawn)
    return found


def by_arch(values: np.ndarray, draws: dict[int, list[np.ndarray]]) -> pd.Series:
    test = SPA(np.zeros(len(values)), -values, block_size=BLOCK, reps=RESAMPLES, seed=5)
    indices = []
    update = test.bootstrap.update_indices
    test.bootstrap.update_indices = lambda: indices.append(update()) or indices[-1]  # type: ignore[method-assign]
    test.compute()
    draws[0] = indices
    return test.pvalues


@pytest.mark.parametrize("seed", range(6))
def test_reality_check_agrees_with_arch_on_the_same_draws(seed: int, same_draws: dict) -> None:
    values = trials(seed)
    theirs = by_arch(values, same_draws)
    found = reality_check(values, resamples=RESAMPLES, block=BLOCK)
    assert found.p_value == found.lower == found.upper == pytest.approx(theirs["upper"], abs=1e-12)
    assert found.best == str(values.mean(axis=0).argmax())
    assert found.statistic == pytest.approx(250**0.5 * values.mean(axis=0).max(), rel=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_superior_predictive_ability_agrees_with_arch_on_the_same_draws(seed: int, same_draws: dict) -> None:
    values = trials(seed)
    # `arch` divides by no deviation; of returns that are divided by it already it makes the same test.
    deviation = np.sqrt(deviations_of_arch(values))
    theirs = by_arch(values / deviation, same_draws)
    found = superior_predictive_ability(values, resamples=RESAMPLES, block=BLOCK)
    assert (found.lower, found.p_value, found.upper) == pytest.approx(tuple(theirs), abs=1e-12)
    assert found.statistic == pytest.approx(250**0.5 * (values / deviation).mean(axis=0).max(), rel=1e-9)


def deviations_of_arch(values: np.ndarray) -> np.ndarray:
    test = SPA(np.zeros(len(values)), -values, block_size=BLOCK, reps=1, seed=5)
    test.compute()
    return test._loss_diff_var


@pytest.mark.parametrize("block", [1.0, 4.0, 9.0])
def test_the_variance_is_that_of_the_bootstrap_itself(block: float) -> None:
    values = trials(3, 60, 2)
    drawn = values[stationary_indices(60, 40_000, block, np.random.default_rng(2))].mean(axis=1)
    assert snooping._long_run_variance(values, block) == pytest.approx(60 * drawn.var(axis=0), rel=0.04)


def test_stretches_have_the_mean_length_asked_for_and_cover_all_alike() -> None:
    drawn = stationary_indices(500, 400, 10, np.random.default_rng(1))
    breaks = (np.diff(drawn, axis=1) % 500 != 1).mean()
    assert 1 / breaks == pytest.approx(10, rel=0.03)
    assert np.bincount(drawn.ravel(), minlength=500) == pytest.approx(400, rel=0.5)


def test_what_never_trades_is_no_more_than_luck() -> None:
    assert reality_check(np.zeros((500, 3))).p_value == 1.0


@pytest.mark.parametrize("test", [reality_check, superior_predictive_ability])
def test_noise_is_rejected_about_as_seldom_as_asked(test: object) -> None:
    drawn = (np.random.default_rng(seed).normal(0, 0.01, (200, 20)) for seed in range(200))
    found = np.array([test(values, resamples=200).p_value for values in drawn])
    assert 0.03 < (found < 0.1).mean() < 0.17


def test_a_poor_trial_hides_a_good_one_from_the_reality_check_alone() -> None:
    # Hansen's own point: many poor, wild trials raise White's critical value and not his.
    values = np.random.default_rng(4).normal(0, 0.01, (500, 30))
    values[:, 0] += 0.0016
    values[:, 1:] = 8 * values[:, 1:] - 0.02
    assert reality_check(values).p_value > 0.2
    assert superior_predictive_ability(values).p_value < 0.01


def test_a_benchmark_is_taken_off_and_matched_by_index() -> None:
    days = pd.bdate_range("2020-01-01", periods=250)
    frame = pd.DataFrame(trials(1), index=days, columns=[f"trial {each}" for each in range(12)])
    market = pd.Series(trials(2)[:, 0], index=days)
    for test in (reality_check, superior_predictive_ability):
        assert test(frame, market.sample(frac=1, random_state=1)) == test(frame.sub(market, axis=0))
    assert reality_check(frame).best.startswith("trial ")


def test_one_seed_gives_one_answer() -> None:
    values = trials(1)
    assert reality_check(values, seed=3) == reality_check(values, seed=3)
    assert reality_check(values, seed=3).p_value == pytest.approx(reality_check(values, seed=4).p_value, abs=0.06)


def test_drawing_some_at_a_time_draws_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snooping, "_AT_ONCE", 1000)
    assert len(snooping._resampled_means(trials(1), 50, None, 0)) == 50


@pytest.mark.parametrize("test", [reality_check, superior_predictive_ability])
@pytest.mark.parametrize(
    ("returns", "arguments", "said"),
    [
        (pd.DataFrame({"a": [0.1] * 9 + [nan]}), {}, "'a' hold nan at row 9"),
        (np.full((10, 2), inf), {}, "inf"),
        (np.ones((7, 2)), {}, "too few"),
        (np.ones((10, 2)), {"benchmark": [0.1] * 9}, "10 rows and benchmark 9"),
        (trials(0), {"resamples": 0}, "resamples"),
        (trials(0), {"block": 0.5}, "block"),
        (trials(0), {"block": True}, "block"),
        (trials(0), {"block": 251.0}, "block=251.0 is longer than the 250 returns"),
        (trials(0, 10), {"benchmark": [0.1] * 9 + [nan]}, "benchmark holds nan at row 9"),
        (trials(0, 10), {"benchmark": "GOOG"}, "benchmark is no series of numbers"),
        (trials(0, 10), {"benchmark": np.ones((10, 2))}, r"benchmark has the shape \(10, 2\)"),
        (np.ma.masked_greater(np.full((10, 2), 0.1), 0.0), {}, "'0' hold nan at row 0, and 1 more column does"),
        (pd.DataFrame({"a": pd.array([0.1] * 9 + [pd.NA], "Float64")}), {}, "'a' hold nan at row 9"),
    ],
)
def test_what_cannot_be_tested_is_refused(test: object, returns: object, arguments: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        test(returns, **arguments)


def test_a_trial_without_a_deviation_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="'cash' over the benchmark's never vary, nor do those of 1 more"):
        superior_predictive_ability(pd.DataFrame({"a": trials(0)[:, 0], "cash": 0.0, "idle": 0.0}))


@pytest.mark.parametrize("block", [None, 1.0, 250.0])
def test_where_no_trial_is_better_every_drawing_reaches_as_much(block: float | None) -> None:
    values = trials(1)
    found = superior_predictive_ability(values - values.mean(axis=0) - 1e-5, block=block)
    assert (found.statistic, found.lower, found.p_value, found.upper) == (0.0, 1.0, 1.0, 1.0)


def test_an_arrow_table_says_how_its_trials_are_called() -> None:
    table = pa.table({"slow": trials(1)[:, 0], "fast": trials(1)[:, 0] + 0.01})
    assert reality_check(table).best == "fast"
