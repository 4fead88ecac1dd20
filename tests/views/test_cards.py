"""Cards: what they say of runs, reports and coverage."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from small_runs import kept, orders

from alphapulse_lib.errors import InputError
from alphapulse_lib.ingestion.report import Report
from alphapulse_lib.model.schedule import Firing
from alphapulse_lib.model.share import Share
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.run import Run
from alphapulse_lib.session.coverage import SessionCoverage
from alphapulse_lib.session.runs import SessionRun
from alphapulse_lib.views import cards, tearsheet


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def test_a_finished_run_in_text(ledger: Ledger) -> None:
    run = Run(kept(ledger, cash=20_000), ledger)
    lines = cards.text(run).splitlines()
    assert lines[0] == "SmaCross · GOOG · 1d"
    assert lines[1] == f"  2024-01-02 to 2024-01-31, New York time · run {run.id[:8]}"
    assert re.fullmatch(r"  Total return +\+2\.49% +to 20,498\.50 USD", lines[2])
    assert re.fullmatch(r"  Buy and hold +\+6\.00%", lines[3])
    assert "1 trial" in lines[4]
    assert re.fullmatch(r"  Round trips +1 +100% won", lines[6])


def test_html_and_text_say_the_same(ledger: Ledger) -> None:
    run = SessionRun(kept(ledger), ledger)
    html = re.sub(r"<style>.*?</style>", "", cards.html(run), flags=re.S)
    for fact in cards.card(run).facts:
        assert f">{fact.value}<" in html
    assert "<svg" in html
    assert run._repr_html_() == cards.html(run)


@pytest.mark.parametrize("name", ["equity.parquet", "warnings.txt"])
def test_a_record_is_shown_without_a_file_that_cannot_be_read(ledger: Ledger, name: str) -> None:
    record = kept(ledger, warnings=("Orders were refused.",))
    whole = cards.text(Run(record, ledger)).splitlines()
    path = ledger.file(record.id, name)
    path.write_bytes(b"\xff torn")
    told = cards.text(Run(record, ledger)).splitlines()
    (unread,) = [each for each in told if each not in whole]
    assert unread.startswith(f"  ! A run's file cannot be read: {path}: ")
    assert len([each for each in whole if each not in told]) == (name == "warnings.txt")
    assert str(path) in cards.html(Run(record, ledger))


def test_a_close_fill_is_marked(ledger: Ledger) -> None:
    run = Run(kept(ledger, fill="close"), ledger)
    assert cards.text(run).splitlines()[0].endswith("[fills at the signal's close]")
    assert "ap-warn" in cards.html(run)


def test_a_failed_run_shows_the_end_of_its_traceback(ledger: Ledger) -> None:
    said = "\n".join(f"line {number} <b>" for number in range(20)) + "\nValueError: no"
    run = Run(kept(ledger, "failed", error="ValueError: no", traceback=said), ledger)
    text = cards.text(run)
    assert "[failed]" in text
    assert "! ValueError: no" in text
    assert "line 19" in text
    assert "line 3 " not in text
    assert "<b>" not in cards.html(run)


def test_an_interrupted_run_says_so(ledger: Ledger) -> None:
    assert "stopped before its end" in cards.text(Run(kept(ledger, "interrupted"), ledger))


def test_rejected_orders_and_warnings_are_not_passed_over(ledger: Ledger) -> None:
    run = Run(kept(ledger, orders=orders(3, "rejected"), warnings=("2 sessions are missing",)), ledger)
    assert "! 3 orders rejected" in cards.text(run)
    assert "! 2 sessions are missing" in cards.text(run)
    why = "3 of 4 orders were refused, the first: no money. run.orders has all of them."
    told = cards.text(Run(kept(ledger, orders=orders(3, "rejected"), warnings=(why,)), ledger))
    assert f"! {why}" in told
    assert "orders rejected" not in told, "once is enough"


def test_a_command_in_a_warning_is_code_in_a_notebook_and_stands_between_backticks_in_a_terminal(
    ledger: Ledger,
) -> None:
    why = "2 bars of GOOG <are> late: `alphapulse check` says where."
    run = Run(kept(ledger, warnings=(why,)), ledger)
    assert "2 bars of GOOG &lt;are&gt; late: <code>alphapulse check</code> says where." in cards.html(run)
    assert f"! {why}" in cards.text(run)


def test_what_a_long_run_took_is_told_without_powers_of_ten(ledger: Ledger) -> None:
    took = {
        "took_seconds": "112.4",
        "took_megabytes": "1200",
        "estimated_seconds": "9000",
        "estimated_megabytes": "900",
    }
    record = replace(kept(ledger), environment=took)
    said = "112 s and 1,200 MB; about 2.5 hours and 900 MB were estimated."
    assert f"Took {said}" in cards.text(Run(record, ledger))
    sheet = tearsheet.html(Run(record, ledger))
    assert said in sheet and "took_seconds" not in sheet and "estimated_megabytes" not in sheet


def test_a_report() -> None:
    aside = pd.DataFrame({"line": [3, 9], "reason": ["high below low", "high below low"], "row": ["", ""]})
    report = Report("i-1", "bars", "prices.csv", 1234, 5, 0, aside, instruments=("GOOG.XNAS",), warnings=("a jump",))
    text = cards.text(report)
    assert text.splitlines()[0] == "Import of prices.csv"
    assert "1,234" in text
    assert "2 x high below low" in text
    assert "! a jump" in text
    assert "ap.revert('i-1')" in text
    assert "Restated" not in text


def test_a_coverage() -> None:
    moments = [pd.Timestamp(f"2024-01-{day} 21:00", tz="UTC") for day in ("02", "31")]
    gap = pd.Timestamp("2024-01-10 21:00", tz="UTC")
    gaps = pd.DataFrame({"first": [gap], "last": [gap], "sessions": [1], "bars": [1]})
    text = cards.text(SessionCoverage("GOOG.XNAS", "1d", "team", 20, *moments, pd.DataFrame(), gaps, off_session=2))
    assert text.splitlines()[0] == "GOOG.XNAS · 1d"
    assert "missing 2024-01-10: 1 bar\n" in text
    assert re.search(r"Gaps +1 +1 whole session$", text, re.M)


def test_other_things_have_no_card() -> None:
    with pytest.raises(InputError, match="no card for a int"):
        cards.html(5)


def fired(**changes: object) -> Firing:
    """A notebook that was asked for by hand and runs its third cell of ten."""
    at = datetime(2024, 1, 2, 7, 0, tzinfo=UTC)
    where = {"notebook": "backtests/sma.ipynb", "output": "runs/sma.ipynb", "parameters": {"fast": 5}}
    firing = Firing(
        id="8c26b077eebcdd27", schedule="3f2a", kind="asked", slot=None, owner="ada", timeout=3600, state="running",
        detail="", runs=(), cells=10, cells_done=3, created_at=at, started_at=at, ended_at=None, **where,
    )  # fmt: skip
    return replace(firing, **changes)


def test_a_firing_says_how_far_it_is() -> None:
    assert repr(fired()) == str(fired()) == "<Firing 8c26b077eebcdd27 of backtests/sma.ipynb: running>"
    assert [" ".join(line.split()) for line in cards.text(fired()).splitlines()] == [
        "backtests/sma.ipynb [running]",
        "firing 8c26b077eebcdd27 · ada",
        "Started 2024-01-02 07:00 UTC",
        "Cells 3 of 10",
        "fast 5",
        "its notebook will be runs/sma.ipynb",
    ]


def test_a_firing_says_how_it_ended() -> None:
    at = datetime(2024, 1, 2, 7, 5, tzinfo=UTC)
    done = cards.card(fired(state="finished", ended_at=at, runs=("ab" * 16, "cd" * 16)))
    assert done.badges == (("finished", False),)
    assert ("Ended", "2024-01-02 07:05") in [(fact.name, fact.value) for fact in done.facts]
    assert done.notes == (("its notebook is runs/sma.ipynb", False), ("runs: abababab, cdcdcdcd", False))
    failed = cards.card(fired(state="failed", ended_at=at, detail="ZeroDivisionError"))
    assert failed.badges == (("failed", True),)
    assert failed.notes == (("ZeroDivisionError", True), ("its notebook is runs/sma.ipynb", False))
    skipped = cards.card(fired(state="skipped", detail="The one before still ran.", started_at=None))
    assert skipped.notes == (("The one before still ran.", True),), "it left no notebook"
    asked = cards.card(fired(notebook="", output="", dataset="us-daily", cells=None, cells_done=None, parameters={}))
    assert (asked.title, [fact.name for fact in asked.facts], asked.notes) == ("us-daily", ["Started"], ())


def test_a_share_says_who_sees_what_since_when_and_how_it_ends() -> None:
    made = datetime(2024, 1, 2, 7, 0, tzinfo=UTC)
    title = "SmaCross on GOOG 1d"
    share = Share("5e1f" * 4, "run", "ab" * 8, (), "ada", "@desk", "ada", made, title)
    assert repr(share) == "<Share 5e1f5e1f5e1f5e1f: SmaCross on GOOG 1d, with the group desk>"
    assert [" ".join(line.split()) for line in cards.text(share).splitlines()] == [
        "SmaCross on GOOG 1d [run, shared]",
        "share 5e1f5e1f5e1f5e1f · ada",
        "With the group desk",
        "Since 2024-01-02 07:00 UTC",
        "ap.shares().take_back('5e1f5e1f5e1f5e1f') takes it back",
    ]
    page = cards.card(replace(share, kind="rendering", audience="*"))
    assert (page.badges, page.facts[0].value) == ((("notebook, shared", False),), "everybody who signed in")
