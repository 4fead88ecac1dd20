"""Which bars can be true, and which are merely odd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from alphapulse_lib.ingestion.validate import Figures, judge, oddities, repeated

NOW = 2 * 10**18
GOOD: dict[str, Any] = {"ts": 10**18, "open": 10.0, "high": 11.0, "low": 9.0, "close": 10.5, "volume": 100.0}


def bars(*changes: dict[str, Any]) -> Figures:
    rows = [{**GOOD, **change} for change in changes]
    return Figures(*(np.array([row[name] for row in rows]) for name in GOOD))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"low": 10.0, "high": 10.5}, ""),
        ({"open": 10.0, "high": 10.0, "low": 10.0, "close": 10.0}, ""),
        ({"volume": 0.0}, ""),
        ({"high": 10.5 - 1e-9}, ""),
        ({"close": np.nan}, "close nan is not a number"),
        ({"high": np.inf}, "high inf is not a number"),
        ({"low": 0.0}, "low 0 is not above 0"),
        ({"open": -1.0}, "open -1 is not above 0"),
        ({"high": 8.0}, "high 8 is below low 9"),
        ({"close": 11.5}, "close 11.5 lies outside low 9 and high 11"),
        ({"open": 8.99}, "open 8.99 lies outside low 9 and high 11"),
        ({"volume": -1.0}, "volume -1 is negative"),
        ({"volume": 1e30}, "volume 1e+30 is too large"),
        ({"volume": 1e13}, ""),
        ({"high": 1e25, "close": 1e25}, "high 1e+25 is too large"),
        ({"high": 2e13}, "high 2e+13 is too large"),
        ({"ts": NOW + 1}, "it closes in the future"),
        ({"ts": NOW}, ""),
        ({"ts": -1}, "it lies before 1970"),
    ],
)
def test_judge(change: dict[str, Any], reason: str) -> None:
    assert judge(bars({}, change), NOW).tolist() == ["", reason]


def test_a_repetition_is_passed_over_and_a_contradiction_names_the_line() -> None:
    again, reason = repeated(bars({}, {}, {"close": 10.6}), np.array([1, 1, 1]), np.array([2, 3, 4]))
    assert again.tolist() == [False, True, False]
    assert reason.tolist() == ["", "", "line 2 has another bar for this time"]


def test_versions_that_became_available_at_different_times_are_kept() -> None:
    again, reason = repeated(bars({}, {"close": 10.6}), np.array([1, 2]), np.array([2, 3]))
    assert not again.any()
    assert reason.tolist() == ["", ""]


def test_the_flash_crash_is_counted_and_kept() -> None:
    """Accenture on 2010-05-06: open 41.94, high 42.11, low 0.01, close 41.09 (as published)."""
    crash = bars({"open": 41.94, "high": 42.11, "low": 0.01, "close": 41.09})
    assert judge(crash, NOW).tolist() == [""]
    assert oddities(crash, 4)["a range over 25% beyond open and close, kept"].sum() == 1


def test_prices_off_the_tick_are_counted() -> None:
    odd = oddities(bars({}, {"close": 10.12345}, {"close": 10.1234}), 4)
    assert odd["prices of more than 4 decimals, rounded"].tolist() == [False, True, False]
