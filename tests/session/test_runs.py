"""`ap.runs` and `ap.run`, on a ledger that the settings name."""

from __future__ import annotations

import inspect
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from edited_sources import EDITED, OTHER, SMA_CROSS
from small_runs import kept

import alphapulse_lib as ap
from alphapulse_lib.errors import InputError, LedgerError, UnknownRun
from alphapulse_lib.model.run import StrategySource
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.session.hub import RunWarning
from alphapulse_lib.session.running import tell_if_apart
from alphapulse_lib.session.runs import open_ledger

COLUMNS = [
    *("id", "strategy", "family", "symbols", "period", "window", "sharpe", "deflated", "trials", "drawdown"),
    *("end_equity", "currency", "trades", "similar_to", "similarity", "status", "purpose", "user", "started"),
]


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setenv("ALPHAPULSE_LEDGER", str(tmp_path / "ledger"))
    return open_ledger()


def test_without_a_run_there_is_an_empty_frame_with_the_columns(ledger: Ledger) -> None:
    frame = ap.runs()
    assert list(frame.columns) == COLUMNS
    assert len(frame) == 0
    assert frame["started"].dtype == "datetime64[ns, UTC]"
    with pytest.raises(UnknownRun, match="no run 'abc'"):
        ap.run("abc")


def test_runs_are_listed_the_newest_first(ledger: Ledger) -> None:
    first = kept(ledger)
    second = kept(ledger, "failed", user="grace", error="no")
    frame = ap.runs()
    assert list(frame.columns) == COLUMNS
    assert frame["id"].tolist() == [second.id, first.id]
    row = frame.iloc[1]
    assert (row["strategy"], row["symbols"], row["period"], row["status"]) == ("SmaCross", "GOOG", "1d", "finished")
    assert row["purpose"] == "trial"
    assert row["window"] == "2024-01-02 to 2024-01-31"
    assert row["end_equity"] == first.statistics["end_equity"]
    assert row["trades"] == 1
    assert row["started"] == pd.Timestamp(1, tz="UTC")
    assert pd.isna(frame.iloc[0]["sharpe"])
    assert pd.isna(frame.iloc[0]["trades"])
    assert pd.isna(frame.iloc[0]["trials"])


def test_deflation_in_the_list_counts_later_trials(ledger: Ledger) -> None:
    first = kept(ledger)
    alone = ap.runs()["deflated"].iloc[0]
    assert alone == pytest.approx(first.statistics["deflated_sharpe"])
    kept(ledger, parameters={"fast": 1}, cash=2_000_000.0)
    kept(ledger, parameters={"fast": 2}, cash=30_000.0)
    assert ap.runs()["deflated"].iloc[-1] != alone
    assert ap.runs()["trials"].tolist() == [3, 3, 3]


def test_the_list_can_be_narrowed(ledger: Ledger) -> None:
    kept(ledger)
    kept(ledger, "interrupted", name="m:Other", user="grace")
    assert len(ap.runs(limit=1)) == 1
    assert len(ap.runs(limit=np.int64(1))) == 1
    assert len(ap.runs(limit=None)) == 2
    assert ap.runs(status="interrupted")["user"].tolist() == ["grace"]
    assert ap.runs(strategy="SmaCross", symbol="GOOG", user="ada", purpose="trial")["status"].tolist() == ["finished"]
    assert len(ap.runs(strategy="Nothing")) == 0


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ({"limit": 0}, "limit=None"),
        ({"limit": "5"}, "limit=None"),
        ({"limit": True}, "limit=None"),
        ({"status": "finish"}, "Did you mean finished"),
        ({"purpose": "trials"}, "Did you mean trial"),
    ],
)
def test_what_cannot_be_asked_is_refused(ledger: Ledger, asked: dict, hint: str) -> None:
    with pytest.raises(InputError) as refused:
        ap.runs(**asked)
    assert hint in refused.value.hint


def test_a_run_is_found_by_the_beginning_of_its_id(ledger: Ledger) -> None:
    record = kept(ledger)
    assert ap.run(record.id[:5]).record == record


def test_a_tearsheet_lands_in_the_runs_folder_or_where_asked(ledger: Ledger, tmp_path: Path) -> None:
    run = ap.run(kept(ledger).id)
    page = run.tearsheet()
    assert Path(page) == ledger.folder(run.id) / "tearsheet.html"
    (tmp_path / "sheets").mkdir()
    assert Path(run.tearsheet(tmp_path / "sheets")) == tmp_path / "sheets" / f"tearsheet-{run.id}.html"
    own = run.tearsheet(str(tmp_path / "own.html"))
    assert Path(own).read_text(encoding="utf-8") == Path(page).read_text(encoding="utf-8")
    with pytest.raises(LedgerError, match="cannot be written"):
        run.tearsheet(tmp_path / "nowhere" / "a.html")
    with pytest.raises(LedgerError, match="cannot be written"):
        run.tearsheet(tmp_path / ("x" * 300))


def test_a_failed_run_has_a_tearsheet_and_a_card(ledger: Ledger) -> None:
    run = ap.run(kept(ledger, "failed", error="ValueError: no", traceback="Traceback\nValueError: no").id)
    assert "ValueError: no" in Path(run.tearsheet()).read_text(encoding="utf-8")
    assert "ValueError: no" in run._repr_html_()


@pytest.mark.parametrize("kind", ["equity", "price", "monthly"])
def test_figures(ledger: Ledger, kind: str) -> None:
    assert ap.run(kept(ledger).id).figure(kind).data


@pytest.mark.parametrize("asked", [{"status": ["failed"]}, {"purpose": 5}, {"strategy": ["SmaCross"]}, {"user": 5}])
def test_runs_are_asked_for_by_text(ledger: Ledger, asked: dict) -> None:
    with pytest.raises(InputError, match=next(iter(asked))):
        ap.runs(**asked)


def test_an_unknown_figure_is_refused(ledger: Ledger) -> None:
    with pytest.raises(InputError, match="kind='prise' is not known") as refused:
        ap.run(kept(ledger).id).figure("prise")
    assert "Did you mean price" in refused.value.hint


def test_who_writes_another_strategy_of_the_same_name_is_told_that_its_trials_are_counted_anew(ledger: Ledger) -> None:
    first = kept(ledger, strategy=StrategySource("__main__:Idea", "1" * 64, SMA_CROSS))
    edited = kept(ledger, strategy=StrategySource("__main__:Idea", "2" * 64, EDITED))
    other = kept(ledger, strategy=StrategySource("__main__:Other", "3" * 64, OTHER + OTHER))
    named = StrategySource("__main__:Idea", "4" * 64, "import os\n" + inspect.getsource(kept) * 3, "carry")
    declared = kept(ledger, strategy=named)
    with warnings.catch_warnings(action="error"):
        for each in (first, edited, other, declared):
            tell_if_apart([each], ledger.family)
    unlike = StrategySource("__main__:Idea", "5" * 64, inspect.getsource(Ledger))
    apart = kept(ledger, strategy=unlike)
    with pytest.warns(
        UserWarning, match="unlike .* of that name before it, .* 'Idea 2', whose trials are counted from 1"
    ):
        tell_if_apart([apart], ledger.family)
    further = [kept(ledger, strategy=unlike, parameters={"n": each}) for each in (1, 2)]
    with pytest.warns(UserWarning, match="unlike") as told:
        tell_if_apart([apart, *further], ledger.family)
    assert not issubclass(told[0].category, RunWarning), "no record says it, so a terminal must"
    with warnings.catch_warnings(action="error"):
        tell_if_apart(further[1:], ledger.family)
