"""Outlines of sources: held against the measure that they spare."""

from __future__ import annotations

import random
from array import array

import pytest

from alphapulse_lib.model.likeness import ALIKE, likeness
from alphapulse_lib.model.outline import Outline, outlined


def kept(numbers: frozenset[int]) -> bytes:
    return array("q", sorted(numbers)).tobytes()


def one_like(mine: frozenset[int], part: float, rng: random.Random) -> frozenset[int]:
    """A source of about the same length that shares about such a part of its numbers."""
    shared = frozenset(rng.sample(sorted(mine), int(len(mine) * part)))
    return shared | {rng.getrandbits(63) for _ in range(rng.randrange(len(mine)))}


@pytest.mark.parametrize("length", [20, 300, 3_000])
def test_none_that_is_alike_is_passed_over(length: int) -> None:
    rng = random.Random(length)
    mine = frozenset(rng.getrandbits(63) for _ in range(length))
    outline, alike = Outline(kept(mine)), 0
    for _ in range(200):
        other = kept(found := one_like(mine, rng.random(), rng))
        may = outline.may_be_like(outlined(other), len(other))
        is_alike = likeness(mine, found) >= ALIKE
        alike += is_alike
        assert may or not is_alike
    assert alike > 20


def test_few_of_those_that_share_what_every_strategy_writes_are_looked_at() -> None:
    rng = random.Random(1)
    mine = frozenset(rng.getrandbits(63) for _ in range(300))
    outline = Outline(kept(mine))
    others = [kept(one_like(mine, 0.25, rng)) for _ in range(500)]
    assert sum(outline.may_be_like(outlined(each), len(each)) for each in others) < 25
