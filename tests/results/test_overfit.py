"""The worked examples of the papers, and what happens at the edges."""

from __future__ import annotations

from math import inf, isnan, nan, sqrt

import numpy as np
import pytest

from alphapulse_lib.errors import InputError
from alphapulse_lib.results.overfit import (
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
)

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


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_an_impossible_confidence_is_refused(confidence: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        minimum_track_record_length(0.1, 0, 3, confidence=confidence)
