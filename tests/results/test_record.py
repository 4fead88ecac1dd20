"""What is kept of a raw result, finished or not."""

from __future__ import annotations

import math
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
from small_runs import fills, kept, marks, raw, spec

from alphapulse_lib.errors import LedgerError
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.record import environment, keep, measure, new_run_id
from alphapulse_lib.session.search import objective_of


def test_a_finished_run_leaves_all_its_files(tmp_path: Path) -> None:
    record = kept(Ledger(tmp_path))
    there = {path.name for path in (tmp_path / "runs" / record.id).iterdir()}
    assert there == set(record.artefacts.values())
    assert there == {
        *(f"{name}.parquet" for name in ("equity", "fills", "marks", "orders", "positions", "trades")),
        "log.txt",
        "source.py",
    }
    assert (tmp_path / "runs" / record.id / "source.py").read_text() == spec().strategy.text


@pytest.mark.parametrize("status", ["failed", "interrupted"])
def test_a_run_that_did_not_finish_is_kept_and_not_measured(tmp_path: Path, status: str) -> None:
    record = kept(Ledger(tmp_path), status, error="ValueError: no", traceback="Traceback ...")
    assert (record.status, record.statistics, record.error) == (status, {}, "ValueError: no")
    assert "equity" not in record.artefacts
    assert "fills" in record.artefacts
    assert Ledger(tmp_path).get(record.id) == record


def test_an_account_that_is_lost_in_the_evening_is_lost_on_that_day_of_its_exchange(tmp_path: Path) -> None:
    closes = [
        ("2024-01-02 19:00", "GOOG", 100.0),
        ("2024-01-02 19:30", "GOOG", 250.0),
        ("2024-01-03 09:31", "GOOG", 250.0),
    ]
    sold = fills(("2024-01-02 19:00", "GOOG", "sell", 1_000, 100.0, 0.0))
    lost = replace(raw("finished"), fills=sold, marks=marks(*closes))
    told = measure(spec(period="1m", cash=100_000.0), lost).files["warnings.txt"]
    assert "The account was lost on 2024-01-02: its equity fell to \N{MINUS SIGN}50,000.00 USD." in str(told)


def test_what_comes_after_an_account_was_lost_is_said_to_be_nobodys(tmp_path: Path) -> None:
    closes = [(f"2024-01-0{day} 16:00", "GOOG", price) for day, price in ((2, 100.0), (3, 250.0), (4, 20.0))]
    sold = fills(("2024-01-02 16:00", "GOOG", "sell", 1_000, 100.0, 0.0))
    lost = replace(raw("finished"), fills=sold, marks=marks(*closes))
    measured = measure(spec(cash=100_000.0), lost)
    assert measured.statistics["total_return"] == pytest.approx(0.8)
    assert "fell to \N{MINUS SIGN}50,000.00 USD. What came after it is nobody's" in str(measured.files["warnings.txt"])
    value = objective_of("total_return")
    assert math.isnan(value(measured.statistics))
    assert value({"total_return": 0.8, "max_drawdown": -0.99}) == 0.8


def test_the_environment_names_what_decides_results() -> None:
    found = environment()
    assert found["nautilus_trader"] == version("nautilus_trader")
    assert {"python", "alphapulse", "numpy", "pyarrow", "duckdb", "pandas", "system", "machine"} <= found.keys()


def test_the_engines_environment_is_kept_too(tmp_path: Path) -> None:
    assert kept(Ledger(tmp_path), environment={"image": "sha256:1"}).environment["image"] == "sha256:1"


def test_ids_differ_and_can_be_given_before_the_run(tmp_path: Path) -> None:
    assert len({new_run_id() for _ in range(100)}) == 100
    given = new_run_id()
    record = keep(spec(), raw(), Ledger(tmp_path), user="ada", started_at=1, ended_at=2, run_id=given)
    assert record.id == given
    with pytest.raises(LedgerError, match="exists already"):
        keep(spec(), raw(), Ledger(tmp_path), user="ada", started_at=1, ended_at=2, run_id=given)
    assert len(Ledger(tmp_path).runs()) == 1
