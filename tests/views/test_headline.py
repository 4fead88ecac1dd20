"""A run in short whose account was lost and came back: nowhere is that told as a gain."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from small_runs import fills, kept, marks

import alphapulse_lib as ap
from alphapulse_lib.model.family import Family
from alphapulse_lib.model.run import RunRecord
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.views import cards, tables, tearsheet
from hub.dashboards.ledger import row
from hub.dashboards.templating import render


@pytest.fixture
def lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunRecord:
    """A short that fell to minus half its cash on the second day, and ended 80 % above it."""
    monkeypatch.setenv("ALPHAPULSE_LEDGER", str(tmp_path))
    closes = [(f"2024-01-0{day} 16:00", "GOOG", price) for day, price in ((2, 100.0), (3, 250.0), (4, 20.0))]
    sold = fills(("2024-01-02 16:00", "GOOG", "sell", 1_000, 100.0, 0.0))
    record = kept(Ledger(tmp_path), cash=100_000.0, fills=sold, marks=marks(*closes))
    assert (record.statistics["total_return"], record.statistics["end_equity"]) == (pytest.approx(0.8), 180_000)
    return record


def test_a_card_and_a_tearsheet_say_that_it_was_lost(lost: RunRecord) -> None:
    run = ap.run(lost.id)
    told = cards.text(run)
    assert re.search(r"Total return +lost +what came after is nobody's\n", told)
    body = tearsheet.body(run)
    assert '<dt>Total return</dt><dd class="value down">lost</dd>' in body
    for text in (told, body.partition("<section>")[0]):
        assert "The account was lost on 2024-01-03" in text
        assert "80.00%" not in text.replace("\N{MINUS SIGN}80.00%", "") and "180,000" not in text


def test_the_listing_and_a_comparison_say_so(lost: RunRecord, tmp_path: Path) -> None:
    kept(Ledger(tmp_path))
    told = tables.runs(ap.runs(), 240)
    assert "180,000" not in told and "  lost  " in told
    compared = ap.compare(ap.runs()["id"]).text
    assert re.search(r"total_return +\S+ +lost\n", compared) and "80.00%" not in compared


def test_the_hub_s_tables_say_so_and_sort_it_below_all_others(lost: RunRecord) -> None:
    shown = row(lost, Family("SmaCross", {}))
    table = render("runs_table", groups=[{"family": "", "rows": [shown]}], more=False, count=1, most=6)
    assert '<td class="down" data-key="-1.0">lost</td>' in table
    for name in ("home_runs", "run_bare"):
        assert "80.00%" not in render(name, runs=[shown], run=shown, record=lost, everybody=False)
