"""When a convention spread is wide, by the rule that the module states."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from small_runs import kept

from alphapulse_lib.results.conventions import Conventions
from alphapulse_lib.results.ledger import Ledger


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        (0.08, 0.09, ""),
        (0.08, 0.12, "a quarter of the result"),
        (0.09, 0.12, ""),  # exactly a quarter
        (-0.12, -0.08, "a quarter of the result"),
        (0.02, -0.001, "one earns where another loses"),
        (0.02, 0.0, "a quarter of the result"),  # nothing filled, and so nothing lost
        (0.059, 0.061, "beats buying and holding"),
        (0.0598, 0.0602, ""),  # less than a tenth of a per cent of the cash
        (-0.0004, 0.0005, ""),
    ],
)
def test_a_range_is_wide_where_a_reader_would_decide_otherwise(
    tmp_path: Path, one: float, other: float, why: str
) -> None:
    record = kept(Ledger(tmp_path))
    assert record.statistics["benchmark_return"] == pytest.approx(0.06)
    low, high = sorted((one, other))
    found = Conventions(
        {
            "next_open": replace(record, statistics=record.statistics | {"total_return": one}),
            "close": replace(record, statistics=record.statistics | {"total_return": other}),
        }
    )
    assert found.range == (low, high)
    assert found.best.statistics["total_return"] == high
    assert found.worst.statistics["total_return"] == low
    assert why in found.why_wide
    assert bool(found.why_wide) == bool(why)


@pytest.mark.parametrize(("total", "counted"), [(0.8, -1.0), (-0.9, -1.0), (-1.2, -1.2)])
def test_an_account_that_was_lost_and_came_back_counts_as_one_that_lost_all(
    tmp_path: Path, total: float, counted: float
) -> None:
    record = kept(Ledger(tmp_path))
    lost = replace(record, statistics=record.statistics | {"total_return": total, "max_drawdown": -1.5})
    found = Conventions({"next_open": record, "close": lost})
    assert found.range == (counted, record.statistics["total_return"])
    assert found.returns["close"] == counted
    assert (found.worst, found.best) == (lost, record)
    assert found.why_wide == "one earns where another loses its account"
