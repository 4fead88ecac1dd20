"""Adjusted prices that are declared as traded are doubted where a known split left no trace."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from alphapulse_lib.ingestion.adjusted import unseen_splits

DAYS = np.array([np.datetime64(date(2005, 2, 22) + timedelta(each)) for each in range(10)])
SPLIT = date(2005, 2, 28)


@pytest.mark.parametrize(("after", "unseen"), [(44.86, []), (89.7, [(SPLIT, 2.0)]), (70.0, [(SPLIT, 2.0)])])
def test_a_two_for_one_split_halves_the_price(after: float, unseen: list[object]) -> None:
    close = np.where(np.datetime64(SPLIT) > DAYS, 88.99, after)
    assert unseen_splits(DAYS, close, close, {SPLIT: 2.0}) == unseen


def test_what_cannot_be_told_is_not_doubted() -> None:
    close = np.full(10, 88.99)
    assert unseen_splits(DAYS, close, close, {SPLIT: 1.05}) == []
    assert unseen_splits(DAYS, close, close, {date(2000, 1, 3): 2.0, DAYS[0].item(): 2.0, date(2030, 1, 3): 2.0}) == []
    gap = DAYS.copy()
    gap[6:] += np.timedelta64(300, "D")
    assert unseen_splits(gap, close, close, {gap[6].item(): 2.0}) == []
