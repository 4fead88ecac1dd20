"""Plateau or spike, by hand."""

from __future__ import annotations

from math import isnan, nan
from types import SimpleNamespace

import numpy as np
import pytest

from alphapulse_lib.results.robustness import axes, robustness
from alphapulse_lib.results.swept import Swept, Trial


def trials(values: list[list[float]]) -> list[Trial]:
    """A grid of ``fast`` (rows) and ``slow`` (columns)."""
    record = SimpleNamespace(status="finished", statistics={})
    cells = [(row, column, value) for row, line in enumerate(values) for column, value in enumerate(line)]
    return [
        Trial(n, {"fast": 5 * row, "slow": 10 * column}, record, np.empty(0), value)  # type: ignore[arg-type]
        for n, (row, column, value) in enumerate(cells)
    ]


@pytest.mark.parametrize(
    ("values", "measure", "verdict"),
    [
        ([[1.8, 1.6, 0], [1.8, 2.0, 0], [1.6, 1.6, 0]], 0.8, "plateau"),  # median of 1.8 1.6 0 1.8 0 1.6 1.6 0
        ([[0.1, 0.2, 0], [0.1, 2.0, 0], [0.3, 0.2, 0]], 0.05, "spike"),
        ([[1.2, 9.0, 1], [1.2, 1.2, 1], [1.2, 1.2, 1]], 1.2 / 9, "spike"),  # at the edge it has five neighbours
        ([[2.0, 1.2, nan], [1.2, nan, 1], [1, 1, 1]], 0.6, "slope"),  # a failed neighbour is left out
    ],
)
def test_the_measure_is_the_neighbours_median_over_the_best(values: list, measure: float, verdict: str) -> None:
    made = trials(values)
    best = Swept(tuple(made), np.empty(0, np.int64), ()).best
    assert best is not None
    found = robustness(made, best)
    assert found.measure == pytest.approx(measure)
    assert found.verdict == verdict
    assert repr(found).startswith(f"<Robustness {verdict}: {len(found.neighbours)} neighbours")


def test_of_an_objective_below_zero_the_share_is_the_other_way_round() -> None:
    made = trials([[-1.0, -1.25], [-1.25, -4.0]])
    found = robustness(made, made[0])
    assert (found.measure, found.verdict, len(found.neighbours)) == (pytest.approx(0.8), "plateau", 3)


def test_zero_has_no_measure() -> None:
    made = trials([[0.0, -2.0], [-3.0, -4.0]])
    found = robustness(made, made[0])
    assert (isnan(found.measure), found.verdict, len(found.neighbours)) == (True, "unknown", 3)


def test_of_draws_the_eight_nearest_count() -> None:
    record = SimpleNamespace(status="finished", statistics={})
    made = [
        Trial(n, {"x": n / 7, "kind": "a"}, record, np.empty(0), 2.0 if n == 10 else 1.0 if 6 <= n <= 14 else 0.0)  # type: ignore[arg-type]
        for n in range(20)
    ]
    made.append(Trial(20, {"x": 10 / 7, "kind": "b"}, record, np.empty(0), 0.0))  # type: ignore[arg-type]
    found = robustness(made, made[10])
    assert sorted(each.number for each in found.neighbours) == [6, 7, 8, 9, 11, 12, 13, 14]
    assert found.measure == 0.5
    assert axes(made)["kind"] == ["a", "b"]
