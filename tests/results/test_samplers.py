"""What is proposed: the whole grid in its order, draws without repeats, TPE that learns and can be replayed."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from alphapulse_lib.errors import InputError
from alphapulse_lib.results.samplers import sampler_of, space_of

GRID = {"fast": range(5, 20, 5), "slow": [30, 60], "side": ["long", "both"]}


def all_of(kind: str, grid: dict, trials: int | None = None, seed: int = 0, value=lambda _: 0.0) -> list[dict]:
    sampler = sampler_of(kind, space_of(grid), trials, seed)
    found: list[dict] = []
    while batch := sampler.ask():
        sampler.tell([value(each) for each in batch])
        found += batch
    return found


def test_a_grid_is_every_combination_in_its_order() -> None:
    every = [dict(zip(GRID, each, strict=True)) for each in itertools.product((5, 10, 15), (30, 60), ("long", "both"))]
    assert all_of("grid", GRID) == every
    assert all_of("grid", GRID, 5) == every[:5]
    assert all_of("grid", {"n": np.array([1, 2])}) == [{"n": 1}, {"n": 2}]
    assert all_of("grid", {"x": FloatDistribution(0.5, 1.5, step=0.5)}) == [{"x": 0.5}, {"x": 1.0}, {"x": 1.5}]


@pytest.mark.parametrize("kind", ["grid", "random", "tpe"])
def test_values_are_proposed_as_specs_hold_them(kind: str) -> None:
    grid = {
        "size": [Decimal("1.50"), Decimal(2)],
        "day": CategoricalDistribution(["2024-01-02"]),
        "wait": [timedelta(minutes=1)],
        "since": [date(2024, 1, 2)],
        "bands": [(1, 2)],
    }
    drawn = all_of(kind, grid, None if kind == "grid" else 2)
    same = {"day": "2024-01-02", "wait": 60.0, "since": "2024-01-02", "bands": [1, 2]}
    assert sorted(drawn, key=str) == [{"size": size} | same for size in ("1.50", "2")]
    with pytest.raises(InputError, match="x=nan cannot be kept in a spec"):
        all_of(kind, {"x": [float("nan")]}, 2)


@pytest.mark.parametrize("kind", ["random", "tpe"])
def test_draws_are_different_ones_and_the_same_for_the_same_seed(kind: str) -> None:
    drawn = all_of(kind, GRID, 10, seed=3)
    assert len({repr(each) for each in drawn}) == 10
    assert drawn == all_of(kind, GRID, 10, seed=3)
    assert drawn != all_of(kind, GRID, 10, seed=4)
    assert {repr(each) for each in all_of(kind, GRID, 50)} == {repr(each) for each in all_of("grid", GRID)}


def test_as_many_are_proposed_as_were_asked_for_where_there_are_so_many() -> None:
    """A sampler that has found the best place draws there again and again: it gave up, and less was tried."""

    def value(each: dict) -> float:
        return -float(each["n"])

    grid = {"n": IntDistribution(1, 40)}
    for kind in ("random", "tpe"):
        for trials in (36, 40):
            drawn = all_of(kind, grid, trials, value=value)
            assert len({each["n"] for each in drawn}) == len(drawn) == trials
            assert drawn == all_of(kind, grid, trials, value=value)
        assert sampler_of(kind, space_of(grid), 50, 0).total == 40
    many = {"n": IntDistribution(1, 10**9), "side": ["long"]}
    drawn = all_of("tpe", many, 24, value=lambda each: 0.0)
    assert len({each["n"] for each in drawn}) == 24


def test_steps_end_where_their_distribution_does() -> None:
    grid = {"x": FloatDistribution(0.1, 0.7, step=0.1), "y": FloatDistribution(2.0, 2.0)}
    every = all_of("grid", grid)
    assert every[-1] == {"x": 0.7, "y": 2.0}
    assert {repr(each) for each in all_of("random", grid, 7)} == {repr(each) for each in every}


def test_more_trials_begin_with_the_same() -> None:
    def value(each: dict) -> float:
        return -abs(each["x"] - 0.3)

    grid = {"x": FloatDistribution(0, 1)}
    for kind in ("random", "tpe"):
        assert all_of(kind, grid, 40, value=value)[:16] == all_of(kind, grid, 16, value=value)


def test_tpe_learns_where_the_good_ones_are() -> None:
    def value(each: dict) -> float:
        return float("nan") if each["n"] == 7 else -((each["x"] - 0.7) ** 2) - abs(each["n"] - 40) / 100

    grid = {"x": FloatDistribution(-5, 5), "n": IntDistribution(1, 100)}
    late = [value(each) for each in all_of("tpe", grid, 96, value=value)[48:]]
    drawn = [value(each) for each in all_of("random", grid, 96)[48:]]
    assert np.nanmedian(late) > np.nanmedian(drawn) / 3


@pytest.mark.parametrize(
    ("grid", "kind", "trials", "words"),
    [
        ({"x": FloatDistribution(0, 1)}, "grid", None, "no end"),
        ({f"p{n}": range(10) for n in range(6)}, "grid", None, "1,000,000 points"),
        ({"n": IntDistribution(1, 10**12)}, "grid", None, "1,000,000,000,000 points"),
        ({"x": "5"}, "grid", None, "no list"),
        ({"x": 5}, "grid", None, "no list"),
        ([5], "grid", None, "names no parameters"),
        ({"x": [1]}, "tpe", None, "how many"),
    ],
)
def test_a_space_that_cannot_be_searched_is_told(grid: object, kind: str, trials: int | None, words: str) -> None:
    with pytest.raises(InputError, match=words):
        sampler_of(kind, space_of(grid), trials, 0)
