"""Plateau or spike, by hand."""

from __future__ import annotations

from math import isnan, nan
from types import SimpleNamespace
from typing import Any

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
    best = Swept(tuple(made), np.empty(0, np.int64), (), np.empty(0)).best
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


def of(*rows: tuple[dict[str, Any], float]) -> list[Trial]:
    record = SimpleNamespace(status="finished", statistics={})
    return [
        Trial(n, parameters, record, np.empty(0), value)  # type: ignore[arg-type]
        for n, (parameters, value) in enumerate(rows)
    ]


def test_what_has_no_order_is_held_fixed() -> None:
    """The best goes long with fast 20: beside it are 10 and 30 of those that go long, and no short one."""
    long, short = {10: 1.6, 20: 2.0, 30: 1.8, 40: 0.0}, {10: -1.6, 20: -2.0, 30: -1.8, 40: 0.0}
    rows = [({"side": "long", "fast": fast}, value) for fast, value in long.items()]
    rows += [({"side": "short", "fast": fast}, value) for fast, value in short.items()]
    found = robustness(made := of(*rows), made[1])
    assert [each.number for each in found.neighbours] == [0, 2]
    assert found.measure == pytest.approx(1.7 / 2.0)
    assert found.verdict == "plateau"


def test_none_among_numbers_is_beside_none_of_them() -> None:
    rows = [({"stop": stop, "on": on}, value) for stop, on, value in [
        (None, True, 0.1), (1, True, 1.0), (2, True, 0.8), (3, True, 0.2),
        (None, False, 0.1), (1, False, 0.1), (2, False, 0.1), (3, False, 0.1),
    ]]  # fmt: skip
    made = of(*rows)
    assert axes(made)["stop"] == [1, 2, 3, None]
    assert [each.number for each in robustness(made, made[1]).neighbours] == [2]
    # The best has no stop, which leaves no number: beside it is whatever differs in one parameter.
    assert [each.number for each in robustness(made, made[0]).neighbours] == [1, 2, 3, 4]


def test_where_no_number_varies_those_that_differ_in_one_parameter_are_neighbours() -> None:
    """In whatever order they came: "a" is beside "c" as beside "b"."""
    values = {("a", True): 2.0, ("b", True): 0.4, ("c", True): 1.0, ("a", False): 1.6, ("b", False): 9, ("c", False): 9}
    made = of(*(({"kind": kind, "on": on, "size": 5}, value) for (kind, on), value in values.items()))
    found = robustness(made, made[0])
    assert [each.number for each in found.neighbours] == [1, 2, 3]
    assert (found.measure, found.verdict) == (0.5, "slope"), "the median of 0.4, 1.0 and 1.6"


def test_of_draws_none_of_another_kind_counts() -> None:
    rows = [({"x": n / 7, "kind": n % 10 * "a"}, 2.0 if n == 10 else 1.0 if n % 10 == 0 else 0.0) for n in range(40)]
    found = robustness(made := of(*rows), made[10])
    assert [each.number for each in found.neighbours] == [0, 20, 30]
    assert found.measure == 0.5


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


def test_of_one_number_that_was_drawn_the_eight_nearest_count_too() -> None:
    """Two draws beside the best, nearly its own, are a plateau of nothing."""
    values = {x: 2.0 if x == 10 else 1.9 if x in (9.99, 10.01) else 0.1 for x in (9.99, 10, 10.01, *range(11, 20))}
    made = of(*(({"x": x}, value) for x, value in values.items()))
    assert robustness(made, made[1], drawn=True).verdict == "spike"
    assert len(robustness(made, made[1], drawn=True).neighbours) == 8
    assert [each.number for each in robustness(made, made[1]).neighbours] == [0, 2], "a grid's are a step away"
