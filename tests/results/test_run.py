"""A run as a person handles it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from small_runs import CLOSES, kept

from alphapulse_lib.errors import LedgerError
from alphapulse_lib.model.run import Series
from alphapulse_lib.results.conventions import CONVENTION
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.run import Run


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def test_what_a_finished_run_shows(ledger: Ledger) -> None:
    run = Run(kept(ledger), ledger)
    assert (run.strategy, run.symbols, run.status) == ("SmaCross", ("GOOG",), "finished")
    assert isinstance(run.equity.index, pd.DatetimeIndex)
    assert str(run.equity.index.tz) == "UTC"
    assert run.equity.iloc[-1] == run.stats["end_equity"]
    assert list(run.fills.columns)[:6] == ["ts", "symbol", "side", "quantity", "price", "commission"]
    assert list(run.trades.columns) == [
        *("symbol", "side", "entry_ts", "exit_ts", "quantity", "entry_price", "exit_price"),
        *("ratio", "commission", "pnl", "return"),
    ]
    assert run.benchmark.iloc[-1] == pytest.approx(100_000 * CLOSES[-1] / CLOSES[0])
    assert run.account["cash"].iloc[0] == 100_000
    assert run.log == "first line\nlast line"
    assert run.warnings == ()
    assert repr(run) == f"<Run {run.id} SmaCross GOOG 1d finished>"


@pytest.mark.parametrize("status", ["failed", "interrupted"])
def test_a_run_that_did_not_finish_has_empty_frames_with_their_columns(ledger: Ledger, status: str) -> None:
    run = Run(kept(ledger, status), ledger)
    assert run.stats == {}
    assert len(run.equity) == len(run.trades) == len(run.benchmark) == 0
    assert "pnl" in run.trades
    assert len(run.fills) == 2
    assert math.isnan(run.deflated["deflated_sharpe"])


def test_files_are_read_only_when_they_are_asked_for(ledger: Ledger) -> None:
    run = Run(kept(ledger), ledger)
    (ledger.folder(run.id) / "log.txt").unlink()
    assert run.stats["trades"] == 1
    with pytest.raises(LedgerError, match=r"log\.txt"):
        _ = run.log


def test_warnings_of_the_engine_are_kept(ledger: Ledger) -> None:
    run = Run(kept(ledger, warnings=("2 sessions are missing", "an order was refused")), ledger)
    assert run.warnings == ("2 sessions are missing", "an order was refused")


def test_changing_stats_changes_no_record(ledger: Ledger) -> None:
    run = Run(kept(ledger), ledger)
    run.stats["sharpe"] = 99
    assert run.stats["sharpe"] != 99


def test_deflation_counts_the_trials_of_today(ledger: Ledger) -> None:
    run = Run(kept(ledger), ledger)
    kept(ledger, parameters={"fast": 99}, cash=5_000.0)
    assert run.stats["trials"] == 1
    assert run.deflated["trials"] == 2


def test_the_same_spec_under_other_conventions_is_found_on_the_same_rows_alone(ledger: Ledger) -> None:
    run = Run(kept(ledger), ledger)
    assert run.conventions.records == {"next_open": run.record}
    kept(ledger, fill="close", parameters={"fast": 1})
    kept(ledger, "failed", fill="close")
    kept(ledger, fill="close", series=(replace(run.record.series[0], fingerprint="4f" * 32),))
    kept(ledger, fill="close", environment={"probe": "all after 2024-01-05 21:00:00 UTC replaced, prices rising"})
    assert run.conventions.records == {"next_open": run.record}
    finer = Series("GOOG.XNAS-1-MINUTE-LAST-EXTERNAL", "team", 9, 1, 2, "5f" * 32)
    weighted = kept(ledger, fill="vwap", series=(*run.record.series, finer), environment={"probe": CONVENTION})
    other = kept(ledger, fill="close", purpose="probe")
    assert run.conventions.records == {"next_open": run.record, "close": other, "vwap": weighted}
    assert Run(other, ledger).conventions.records == run.conventions.records
