"""Families in a ledger: kept as runs come, told with every listing, found again in ledgers of before."""

from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path

import pytest
from edited_sources import EDITED, OTHER, RENAMED, SMA_CROSS
from small_runs import kept, spec

from alphapulse_lib.model.run import StrategySource
from alphapulse_lib.model.tried import trial_of
from alphapulse_lib.results.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def source(name: str, text: str, family: str = "") -> StrategySource:
    return StrategySource(f"desk.ideas:{name}", f"{hash((name, text)) % 16**16:064x}", text, family)


def test_trials_are_counted_over_edits_names_instruments_and_periods(ledger: Ledger) -> None:
    first = kept(ledger, strategy=source("SmaCross", SMA_CROSS))
    kept(ledger, strategy=source("MyIdea", RENAMED), parameters={"quick": 3})
    kept(ledger, strategy=source("SmaCross", EDITED), instruments=("AAPL.XNAS",))
    last = kept(ledger, strategy=source("SmaCross", SMA_CROSS), period="1h")
    kept(ledger, strategy=source("MeanReversion", OTHER))
    assert last.statistics["trials"] == 4
    family = ledger.family(first.spec)
    assert (family.name, family.trials, family.similar_to) == ("SmaCross", 4, "")
    edited = ledger.family(spec(strategy=source("SmaCross", EDITED)))
    assert edited.similar_to == first.id
    assert 0.6 < edited.similarity < 1
    assert [each.id for each in ledger.runs(family="MeanReversion")] == [ledger.runs(1)[0].id]
    assert len(ledger.runs(family="SmaCross")) == 4
    assert ledger.runs(family="nobody's") == []


def test_to_hold_a_result_against_something_else_is_no_further_trial(ledger: Ledger) -> None:
    own = kept(ledger, strategy=source("SmaCross", SMA_CROSS))
    held = kept(ledger, strategy=source("SmaCross", SMA_CROSS), benchmark="IBM.XNYS")
    assert held.spec_id != own.spec_id, "its statistics are others"
    assert trial_of(held.spec) == trial_of(own.spec) == own.spec_id
    assert held.statistics["trials"] == ledger.family(own.spec).trials == ledger.family(held.spec).trials == 1
    assert kept(ledger, strategy=source("SmaCross", SMA_CROSS), seed=1, benchmark="IBM.XNYS").statistics["trials"] == 2
    with sqlite3.connect(ledger.path) as connection:  # as an earlier version left it: counted anew
        connection.execute("DROP TABLE run_trials")
    assert ledger.family(own.spec).trials == 2


def test_a_parameter_at_its_default_and_a_whole_number_as_a_float_are_no_further_trial(ledger: Ledger) -> None:
    own = kept(ledger, strategy=source("SmaCross", SMA_CROSS), parameters={"fast": 5})
    more = {"strategy": source("SmaCross", SMA_CROSS), "parameters": {"fast": 5.0, "slow": 20}}
    spelled = kept(ledger, at_default=("slow",), **more)
    assert spelled.spec_id != own.spec_id
    assert spelled.statistics["trials"] == ledger.family(own.spec).trials == 1
    assert ledger.get(spelled.id).spec.at_default == ("slow",)
    assert kept(ledger, **more).statistics["trials"] == 2, "as where nobody knew the default"


def test_asking_about_a_strategy_that_never_ran_changes_nothing(ledger: Ledger) -> None:
    assert ledger.family(spec(strategy=source("MyIdea", RENAMED))).trials == 0
    assert not ledger.path.exists()
    kept(ledger, strategy=source("SmaCross", SMA_CROSS))
    assert ledger.family(spec(strategy=source("MyIdea", RENAMED))).name == "SmaCross"
    assert ledger.family(spec(strategy=source("MeanReversion", OTHER))).trials == 0
    with sqlite3.connect(ledger.path) as connection:
        assert connection.execute("SELECT COUNT(*) FROM strategies").fetchone() == (1,)


def test_a_ledger_of_an_earlier_version_is_counted_by_ideas(ledger: Ledger) -> None:
    runs = [
        kept(ledger, strategy=source("SmaCross", SMA_CROSS)),
        kept(ledger, strategy=source("Renamed", RENAMED)),
        kept(ledger, name="m:Sourceless"),
    ]
    with sqlite3.connect(ledger.path) as connection:  # as that version left it
        for table in ("run_strategies", "strategies", "run_trials", "strategy_outlines"):
            connection.execute(f"DROP TABLE {table}")
    assert [ledger.family(each.spec).trials for each in runs] == [2, 2, 1]
    with sqlite3.connect(ledger.path) as connection:  # and as it goes on beside this one
        row = dataclasses.replace(runs[0], id="f" * 16)
        from alphapulse_lib.model.canonical import to_json

        connection.execute(
            "INSERT INTO runs (id, spec_id, family, strategy, instruments, period, status, purpose, user, started_at, "
            "record) VALUES (?, ?, 'old', 'x', 'x', '1d', 'failed', 'trial', 'ada', 1, ?)",
            (row.id, "e" * 64, to_json(row)),
        )
    assert ledger.family(runs[1].spec).trials == 3


@pytest.mark.parametrize("table", ["strategies", "run_strategies"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET key = 'x'"])
def test_no_run_is_ever_moved_to_another_family(ledger: Ledger, table: str, statement: str) -> None:
    kept(ledger)
    with sqlite3.connect(ledger.path) as connection, pytest.raises(sqlite3.IntegrityError, match="changes nothing"):
        connection.execute(statement.format(table))
