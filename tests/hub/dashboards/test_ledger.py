"""A run as a row of the dashboards' tables: its luck is reckoned with the trials of now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import small_runs

from alphapulse_lib.model.family import Family
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.views import numbers
from hub.dashboards.ledger import row
from hub.dashboards.templating import render


def test_later_trials_deflate_a_row(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    first = small_runs.kept(ledger)
    alone = row(first, Family("SmaCross", {first.spec_id: first.statistics["sharpe_per_period"]}))
    assert (alone.trials, alone.deflated) == (1, pytest.approx(first.statistics["deflated_sharpe"]))
    small_runs.kept(ledger, parameters={"fast": 1}, cash=2_000_000.0)
    small_runs.kept(ledger, parameters={"fast": 2}, cash=30_000.0)
    now = ledger.family(first.spec)
    later = row(first, Family(now.name, dict(now.sharpes)))
    assert later.trials == 3
    assert later.deflated == pytest.approx(now.deflate(first.statistics, first.spec)["deflated_sharpe"])
    assert later.deflated != alone.deflated


def test_a_run_without_a_result_has_no_luck(tmp_path: Path) -> None:
    failed = small_runs.kept(Ledger(tmp_path), "failed", error="no")
    assert (row(failed, Family("x", {})).trials, row(failed, Family("x", {"a": float("nan")})).deflated) == (None, None)


def test_a_return_that_is_zero_as_it_is_written_is_no_gain_and_no_loss(tmp_path: Path) -> None:
    record = small_runs.kept(Ledger(tmp_path))
    for total, told in ((0.00004, '<td class="" '), (-0.00004, '<td class="" '), (-0.0001, '<td class="down" ')):
        shown = replace(row(record, Family("SmaCross", {})), total=total)
        table = render("runs_table", groups=[{"family": "", "rows": [shown]}], more=False, count=1, most=6)
        assert f'{told}data-key="{total}">{numbers.percent(total)}</td>' in table
