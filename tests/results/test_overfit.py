"""The worked examples of the papers, and what happens at the edges."""

from __future__ import annotations

import warnings
from itertools import combinations, combinations_with_replacement, product
from math import inf, isnan, log, nan, sqrt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_runs import spec

from alphapulse_lib.errors import InputError
from alphapulse_lib.model.family import Family
from alphapulse_lib.results.overfit import (
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    minimum_backtest_length,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
    probability_of_backtest_overfitting,
)
from alphapulse_lib.results.snooping import reality_check, superior_predictive_ability

# Bailey and Lopez de Prado (2014), "A numerical example": an annual Sharpe ratio of 2.5 over 1,250 days.
DAILY = 2.5 / sqrt(250)
SPREAD = 0.5 / 250


def test_expected_maximum_of_the_paper() -> None:
    assert expected_maximum_sharpe(100, SPREAD) == pytest.approx(0.1132, abs=5e-5)


@pytest.mark.parametrize(("trials", "published"), [(100, 0.9004), (46, 0.9505)])
def test_deflated_sharpe_of_the_paper(trials: int, published: float) -> None:
    found = deflated_sharpe_ratio(DAILY, 1250, skewness=-3, kurtosis=10, trials=trials, variance=SPREAD)
    assert found == pytest.approx(published, abs=5e-5)


def test_deflated_sharpe_of_normal_returns_with_88_trials_of_the_paper() -> None:
    found = deflated_sharpe_ratio(DAILY, 1250, skewness=0, kurtosis=3, trials=88, variance=SPREAD)
    assert found == pytest.approx(0.9505, abs=5e-5)


# Bailey and Lopez de Prado (2012), section 4: a monthly Sharpe ratio of 0.458 over two years.
@pytest.mark.parametrize(
    ("skewness", "kurtosis", "published"),
    [(0, 3, 0.982), (-2.448, 10.164, 0.913)],
)
def test_probabilistic_sharpe_of_the_paper(skewness: float, kurtosis: float, published: float) -> None:
    assert probabilistic_sharpe_ratio(0.458, 24, skewness, kurtosis) == pytest.approx(published, abs=5e-4)


# The same paper: an annual 2 against 1 at 95 %, in years, for daily, weekly and monthly returns.
@pytest.mark.parametrize(("yearly", "published"), [(250, 2.73), (52, 2.83), (12, 3.24)])
def test_minimum_track_record_of_the_paper(yearly: int, published: float) -> None:
    length = minimum_track_record_length(2 / sqrt(yearly), 0, 3, benchmark=1 / sqrt(yearly))
    assert length / yearly == pytest.approx(published, abs=6e-3)


def test_at_the_minimum_length_the_confidence_is_reached_exactly() -> None:
    length = minimum_track_record_length(0.1, -0.4, 5, benchmark=0.02, confidence=0.9)
    lower, upper = (probabilistic_sharpe_ratio(0.1, round(length) + step, -0.4, 5, 0.02) for step in (-1, 1))
    assert lower < 0.9 < upper


@pytest.mark.parametrize("confidence", [0.01, 0.4, 0.5])
def test_a_confidence_that_any_gain_has_is_reached_at_once(confidence: float) -> None:
    assert minimum_track_record_length(0.1, 0, 3, confidence=confidence) == 1.0
    assert probabilistic_sharpe_ratio(0.1, 2, 0, 3) > confidence


def test_expected_maximum_is_near_that_of_many_drawn_samples() -> None:
    drawn = np.random.default_rng(7).normal(0, 0.05, (20_000, 50)).max(axis=1).mean()
    assert expected_maximum_sharpe(50, 0.05**2) == pytest.approx(drawn, rel=0.02)


def test_a_single_trial_deflates_nothing() -> None:
    assert expected_maximum_sharpe(1, 0.3) == 0
    assert deflated_sharpe_ratio(0.1, 500, 0, 3, 1, 0.3) == probabilistic_sharpe_ratio(0.1, 500, 0, 3)


def test_more_trials_deflate_more() -> None:
    found = [deflated_sharpe_ratio(0.1, 500, 0, 3, trials, 0.002) for trials in (1, 2, 10, 1_000, 10**20)]
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.05


@pytest.mark.parametrize(
    "values", [(nan, 100, 0, 3), (0.1, 1, 0, 3), (0.1, 100, nan, 3), (0.1, 100, 0, nan), (3.0, 100, 10, 3)]
)
def test_what_cannot_be_known_is_nan(values: tuple[float, int, float, float]) -> None:
    assert isnan(probabilistic_sharpe_ratio(*values))


def test_no_length_proves_a_ratio_below_the_benchmark() -> None:
    assert minimum_track_record_length(0.1, 0, 3, benchmark=0.1) == inf


@pytest.mark.parametrize("call", [lambda: expected_maximum_sharpe(0, 1), lambda: expected_maximum_sharpe(2, -1)])
def test_impossible_trials_are_refused(call: object) -> None:
    with pytest.raises(InputError):
        call()  # type: ignore[operator]


@pytest.mark.parametrize("wrong", ["x", None, [0.1], np.array([0.1, 0.2])])
@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda wrong: probabilistic_sharpe_ratio(wrong, 24, 0, 3), "sharpe"),
        (lambda wrong: probabilistic_sharpe_ratio(0.1, wrong, 0, 3), "observations"),
        (lambda wrong: probabilistic_sharpe_ratio(0.1, 24, 0, 3, wrong), "benchmark"),
        (lambda wrong: deflated_sharpe_ratio(0.1, 24, wrong, 3, 5, 0.1), "skewness"),
        (lambda wrong: deflated_sharpe_ratio(0.1, 24, 0, 3, wrong, 0.1), "trials"),
        (lambda wrong: expected_maximum_sharpe(5, wrong), "variance"),
        (lambda wrong: minimum_track_record_length(0.1, 0, wrong), "kurtosis"),
        (lambda wrong: minimum_track_record_length(0.1, 0, 3, confidence=wrong), "confidence"),
        (lambda wrong: minimum_backtest_length(5, wrong), "sharpe"),
    ],
)
def test_what_is_no_number_is_refused_by_its_name(call: object, name: str, wrong: object) -> None:
    with pytest.raises(InputError, match=f"{name}=.* is not a number"):
        call(wrong)  # type: ignore[operator]


NUMBERS = {
    probabilistic_sharpe_ratio: {
        "sharpe": 0.1, "observations": 100, "skewness": 0.0, "kurtosis": 3.0, "benchmark": 0.0
    },
    expected_maximum_sharpe: {"trials": 10, "variance": 0.5},
    deflated_sharpe_ratio: {
        "sharpe": 0.1, "observations": 100, "skewness": 0.0, "kurtosis": 3.0, "trials": 10, "variance": 0.5
    },
    minimum_track_record_length: {
        "sharpe": 0.1, "skewness": 0.0, "kurtosis": 3.0, "benchmark": 0.0, "confidence": 0.95
    },
    minimum_backtest_length: {"trials": 10, "sharpe": 1.0},
}  # fmt: skip
ODD = [0, -1, -0.5, nan, 5e-324, 1e-200, 1e60, 1e76, 1e308, -1e308, 10**400, inf, -inf, 2.5, True, 1j, "x",
       np.float64(3), np.int64(3), np.float32("inf")]  # fmt: skip


@pytest.mark.parametrize("function", NUMBERS, ids=lambda each: each.__name__)
def test_whatever_number_arrives_an_answer_or_the_projects_own_error_comes_back(function: object) -> None:
    usual = NUMBERS[function]  # type: ignore[index]
    for one, other in combinations_with_replacement(usual, 2):
        for first, second in product(ODD, ODD):
            called = usual | {one: first, other: second}
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                try:
                    answer = function(**called)  # type: ignore[operator]
                except InputError as refused:
                    assert one in refused.message or other in refused.message
                else:
                    assert isinstance(answer, float), called
                    assert not any(abs(each) > 1e75 for each in called.values()), called


def test_what_lies_beyond_all_is_named() -> None:
    for wrong, said in ((inf, "trials=inf"), (-inf, "trials=-inf"), (10**400, "trials=a whole number beyond 1e75")):
        with pytest.raises(InputError, match=f"{said} lies beyond"):
            expected_maximum_sharpe(wrong, 0.5)
    with pytest.raises(InputError, match=r"kurtosis=-1.2 is negative.\nIt is not excess here: a normal's is 3"):
        probabilistic_sharpe_ratio(0.1, 100, 0, -1.2)


@pytest.mark.parametrize(
    "wrong", [1e305 * np.ones((64, 4)), 1j * np.ones((64, 4)), [[10**400, 1]] * 64, [[1], [1, 2]], "x", None]
)
@pytest.mark.parametrize("test", [probability_of_backtest_overfitting, reality_check, superior_predictive_ability])
def test_returns_that_are_none_are_refused(test: object, wrong: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match=r"returns (are not numbers|of '0' hold 1e\+305 at row 0|have the shape)"):
            test(wrong)  # type: ignore[operator]


@pytest.mark.parametrize("wrong", [inf, nan, -1, 2.5, "x", None, True, [1]])
@pytest.mark.parametrize("test", [reality_check, superior_predictive_ability])
def test_a_seed_that_is_none_is_refused(test: object, wrong: object) -> None:
    with pytest.raises(InputError, match=r"seed=.* is not a whole number"):
        test(np.random.default_rng(0).normal(0, 0.01, (64, 4)), seed=wrong)  # type: ignore[operator]


def test_a_record_beyond_all_reckoning_hides_no_other_from_the_ledger() -> None:
    """What a record says is what somebody sent: the count of trials is told all the same."""
    family = Family("one", {"a": 0.1, "b": 0.2})
    for strange in ({"sharpe_per_period": inf}, {"sharpe_per_period": 1e200}, {"kurtosis": -2.0}, {"skewness": -1e99}):
        usual = {"sharpe_per_period": 0.1, "skewness": 0.0, "kurtosis": 3.0, "observations": 100}
        told = family.deflate(usual | strange, spec())
        assert told["trials"] == 2
        assert isnan(told["deflated_sharpe"])
    for beyond in (1e60, 1e200, inf):
        told = Family("one", {"a": 0.1, "b": beyond}).deflate(usual, spec())
        assert told == Family("one", {"a": 0.1, "b": nan}).deflate(usual, spec())


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_an_impossible_confidence_is_refused(confidence: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        minimum_track_record_length(0.1, 0, 3, confidence=confidence)


# Bailey, Borwein, Lopez de Prado and Zhu (2014): what is printed there of a true Sharpe ratio of zero.
def test_expected_maximum_of_ten_trials_of_the_paper() -> None:
    assert expected_maximum_sharpe(10, 1) == pytest.approx(1.57, abs=5e-3)


@pytest.mark.parametrize(("years", "most"), [(5, 45), (2, 7)])
def test_minimum_backtest_length_of_the_paper(years: int, most: int) -> None:
    assert minimum_backtest_length(most, 1.0) <= years < minimum_backtest_length(most + 1, 1.0)


@settings(deadline=None, max_examples=50)
@given(trials=st.integers(2, 10**6), sharpe=st.floats(0.01, 5))
def test_minimum_backtest_length_stays_below_the_bound_of_the_paper(trials: int, sharpe: float) -> None:
    assert 0 < minimum_backtest_length(trials, sharpe) < 2 * log(trials) / sharpe**2


def test_minimum_backtest_length_is_in_the_unit_of_the_ratio() -> None:
    assert minimum_backtest_length(45, 1 / sqrt(252)) == pytest.approx(252 * minimum_backtest_length(45, 1.0))
    assert minimum_backtest_length(1, 1.0) == 0


@pytest.mark.parametrize(("trials", "sharpe"), [(0, 1.0), (5, 0.0), (5, -1.0), (5, nan)])
def test_a_backtest_length_that_means_nothing_is_refused(trials: int, sharpe: float) -> None:
    with pytest.raises(InputError):
        minimum_backtest_length(trials, sharpe)


def noise(seed: int, rows: int = 1250, trials: int = 200) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.01, (rows, trials))


def as_the_paper_tells_it(values: np.ndarray, partitions: int) -> list[float]:
    """The logits step by step, halves in their order, with nothing shared with what is tested."""
    blocks = np.split(values, partitions)
    logits = []
    for chosen in combinations(range(partitions), partitions // 2):
        inside = np.concatenate([blocks[each] for each in chosen])
        outside = np.concatenate([blocks[each] for each in range(partitions) if each not in chosen])
        best = (inside.mean(axis=0) / inside.std(axis=0, ddof=1)).argmax()
        rank = pd.Series(outside.mean(axis=0) / outside.std(axis=0, ddof=1)).rank()[best]
        relative = rank / (values.shape[1] + 1)
        logits.append(log(relative / (1 - relative)))
    return logits


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), partitions=st.sampled_from([2, 4, 6]), trials=st.integers(2, 9))
def test_logits_are_those_of_the_paper_step_by_step(seed: int, partitions: int, trials: int) -> None:
    values = noise(seed, 60, trials)
    found = probability_of_backtest_overfitting(values, partitions)
    expected = as_the_paper_tells_it(values, partitions)
    assert found.logits.tolist() == pytest.approx(expected, abs=1e-12)
    assert found.pbo == pytest.approx(np.mean(np.asarray(expected) <= 0))


def test_sixteen_partitions_are_halved_in_12870_ways() -> None:
    found = probability_of_backtest_overfitting(noise(1, 320, 5))
    assert found.logits.shape == found.in_sample.shape == found.out_of_sample.shape == (12_870,)
    assert found.probability_of_loss == np.mean(found.out_of_sample < 0)


def test_random_strategies_over_noise_are_seen_through() -> None:
    odds = []
    for seed in range(12):
        values = noise(seed)
        sharpes = values.mean(axis=0) / values.std(axis=0, ddof=1)
        best = values[:, sharpes.argmax()]
        standard = (best - best.mean()) / best.std()
        deflated = deflated_sharpe_ratio(
            sharpes.max(), 1250, (standard**3).mean(), (standard**4).mean(), 200, sharpes.var(ddof=1)
        )
        assert probabilistic_sharpe_ratio(sharpes.max(), 1250, 0, 3) > 0.95  # alone it would be believed
        assert deflated < 0.95
        odds.append(probability_of_backtest_overfitting(values, 10).pbo)
    assert 0.4 < np.mean(odds) < 0.6
    assert 0.3 < probability_of_backtest_overfitting(noise(0)).pbo < 0.7


def test_planted_skill_is_found() -> None:
    values = noise(8)
    values[:, 17] += 0.0025  # a Sharpe ratio of 4 a year
    assert probability_of_backtest_overfitting(values).pbo < 0.02


def test_what_was_best_must_be_worst_where_nothing_is_left_in_sum() -> None:
    # "Pseudo-Mathematics", the compensation effect: all trials have the same mean and deviation over the whole.
    values = noise(3, 640, 50)
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    assert probability_of_backtest_overfitting(values).pbo == 1.0


def test_the_oldest_rows_that_fill_no_partition_are_left_out() -> None:
    values = noise(5, 67, 6)
    whole, cut = (probability_of_backtest_overfitting(each, 8) for each in (values, values[3:]))
    assert whole.logits.tolist() == cut.logits.tolist()


def test_a_trial_that_never_trades_is_no_error() -> None:
    values = noise(6, 160, 4)
    values[:, 2] = 0
    found = probability_of_backtest_overfitting(values - 0.1 * (values != 0), 4)
    assert set(found.out_of_sample) == {0.0}  # all others lose all the time
    assert found.pbo == 0


@pytest.mark.parametrize(
    ("returns", "partitions", "said"),
    [
        (pd.DataFrame({"fast": [0.1, nan] * 20, "slow": [0.1] * 40}), 4, "'fast' hold nan at row 1"),
        (np.where(np.arange(80).reshape(40, 2) == 7, inf, 0.1), 4, "'1' hold inf at row 3"),
        (np.zeros((40, 1)), 4, "1 trials"),
        (np.zeros(40), 4, "shape"),
        ([["a", "b"]], 4, "not numbers"),
        (np.zeros((40, 2)), 5, "even count"),
        (np.zeros((40, 2)), 0, "even count"),
        (np.zeros((40, 2)), 22, "even count"),
        (np.zeros((40, 2)), 16.0, "even count"),
        (np.zeros((31, 2)), 16, "too few"),
        (pd.DataFrame(), 16, "0 trials"),
    ],
)
def test_trials_that_cannot_be_compared_are_refused(returns: object, partitions: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        probability_of_backtest_overfitting(returns, partitions)


def test_of_few_rows_it_says_how_many_partitions_are_enough() -> None:
    returns = np.random.default_rng(1).normal(0, 0.01, (22, 3))
    with pytest.raises(InputError) as refused:
        probability_of_backtest_overfitting(returns)
    assert "partitions=10" in refused.value.hint
    assert 0 <= probability_of_backtest_overfitting(returns, partitions=10).pbo <= 1
