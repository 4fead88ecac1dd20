"""The finance scorer reads labelled headlines better than VADER, and the documentation says how much better."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
DATA = PROJECT.parent / "shared" / "data" / "news"
PAGE = PROJECT / "docs" / "reference" / "sentiment.md"


@pytest.fixture(scope="module")
def table() -> str:
    if not DATA.exists():
        pytest.skip("the labelled headlines are not at ../shared/data/news")
    command = [sys.executable, "-m", "tests.benchmarks.bench_sentiment"]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECT).stdout


def test_finance_beats_vader_in_accuracy_and_macro_f1(table: str) -> None:
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    measured = {(data, scorer): (accuracy, f1) for data, _, scorer, _, accuracy, f1 in rows}
    sets = {data for data, _ in measured}
    assert len(sets) == 4
    for data in sets:
        for ours, theirs in zip(measured[data, "finance"], measured[data, "vader"], strict=True):
            assert float(ours.rstrip("%")) > float(theirs.rstrip("%")) + 20


def test_the_page_shows_what_is_measured(table: str) -> None:
    assert table in PAGE.read_text(encoding="utf-8")
