"""Rows set aside: listed, released where they can be held, and taken back with their import; flags of kept rows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from alphapulse_lib import clock
from alphapulse_lib.catalog import actions
from alphapulse_lib.catalog.reader import bar_floats
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import InputError, NothingUsable, UnknownImport
from alphapulse_lib.ingestion import flags, importer
from alphapulse_lib.ingestion.quarantine import listed, release
from alphapulse_lib.ingestion.records import find, records
from alphapulse_lib.ingestion.report import Report
from alphapulse_lib.model.window import Window
from alphapulse_lib.providers.contract import Request
from alphapulse_lib.providers.files import FilesProvider

#: By line of the file, from 2 on: good, Saturday, high below low, not a number, a second bar, crude oil's day, an
#: impossible volume, a bar of the future.
BARS = """Date,Open,High,Low,Close,Volume
2020-04-17,20,21,18,18.27,10
2020-04-18,18,19,17,18.5,10
2020-04-20,10,9,11,10,1
2020-04-20,x,1,1,1,1
2020-04-17,20,21,18,18.5,10
2020-04-20,17.73,17.85,-40.32,-37.63,10
2020-04-21,10,11,9,10,-1
2020-04-22,10,11,9,10,5
"""
NOW = datetime(2020, 4, 22, 12, tzinfo=UTC)


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    return Roots(tmp_path / "catalog")


@pytest.fixture
def bring(tmp_path: Path, roots: Roots) -> Any:
    def bring_text(text: str, **options: Any) -> Report:
        path = tmp_path / "prices.csv"
        path.write_text(text)
        request = Request(path, **{"symbol": "CL", "venue": "XNYS", **options})
        return importer.ingest(FilesProvider(), [request], roots)

    return bring_text


def closes(roots: Roots, period: str = "1d") -> list[float]:
    found: list[float] = bar_floats(roots, "CL.XNYS", period)["close"].to_pylist()
    return found


def held_back(roots: Roots, import_id: str) -> dict[int, str]:
    table = listed(roots, import_id)
    return dict(zip(table["line"].to_pylist(), table["held_back"].to_pylist(), strict=True))


def test_each_row_says_why_it_is_there_and_why_it_must_stay(bring: Any, roots: Roots) -> None:
    with clock.at(NOW):
        report = bring(BARS)
        why = held_back(roots, report.id)
    assert {line for line, reason in why.items() if not reason} == {3, 6, 7}
    assert why[4] == "high 9 is below low 11"
    assert "could not be read" in why[5]
    assert why[8] == "volume -1 is negative"
    assert why[9] == "it closes in the future"
    assert listed(roots, report.id)["number"].to_pylist() == [1, 2, 3, 4, 5, 6, 7]


def test_what_can_be_held_is_released_with_who_and_when(bring: Any, roots: Roots) -> None:
    with clock.at(NOW):
        report = bring(BARS)
        done = release(roots, report.id[:15], None, "ada")
    assert (done.written, done.restated, done.by) == (2, 1, "ada")
    assert closes(roots) == [18.5, 18.5, -37.63]
    saturday = bar_floats(roots, "CL.XNYS", "1d")["ts"][1].as_py()
    assert saturday == datetime(2020, 4, 18, 20, tzinfo=UTC), "at the hour of the close before it"
    record = find(roots.team, report.id)
    assert record["released"] == [
        {"by": "ada", "at": NOW.isoformat(), "rows": list(done.rows), "written": 2, "restated": 1}
    ]
    table = listed(roots, report.id)
    assert pc.sum(pc.equal(table["released_by"], "ada")).as_py() == 3
    with pytest.raises(InputError, match="released already"):
        release(roots, report.id, [done.rows[0]], "bob")


def test_a_bar_that_has_closed_since_can_be_released(bring: Any, roots: Roots) -> None:
    with clock.at(NOW):
        report = bring(BARS)
        number = listed(roots, report.id).filter(pc.field("line") == 9)["number"][0].as_py()
        with pytest.raises(InputError, match="closes in the future"):
            release(roots, report.id, [number], "ada")
    with clock.at(datetime(2020, 4, 23, tzinfo=UTC)):
        assert release(roots, report.id, [number], "ada").written == 1
    assert closes(roots) == [18.27, 10.0]


def test_one_row_that_cannot_be_held_keeps_the_others_from_being_written(bring: Any, roots: Roots) -> None:
    with clock.at(NOW):
        report = bring(BARS)
        with pytest.raises(InputError, match="cannot be released") as refused:
            release(roots, report.id, range(1, 8), "ada")
        assert "high 9 is below low 11" in refused.value.message
        for strange in ([0], [8], []):
            with pytest.raises(InputError, match="set 7 rows aside"):
                release(roots, report.id, strange, "ada")
    assert closes(roots) == [18.27]
    with pytest.raises(UnknownImport):
        release(roots, "nobody's", None, "ada")


def test_two_rows_for_one_moment_are_not_released_together(bring: Any, roots: Roots) -> None:
    head, good = BARS.splitlines()[:2]
    report = bring(f"{head}\n{good}\n2020-04-17,20,21,18,19,10\n2020-04-17,20,21,18,18.9,10\n")
    with pytest.raises(InputError, match="say different things of one moment"):
        release(roots, report.id, None, "ada")
    assert release(roots, report.id, [2], "ada").restated == 1
    assert closes(roots) == [18.9]


def test_reverting_an_import_takes_what_was_released_with_it(bring: Any, roots: Roots) -> None:
    with clock.at(NOW):
        report = bring(BARS)
        release(roots, report.id, None, "ada")
    taken = importer.revert(roots, report.id)
    assert (taken.bars, taken.instruments) == (4, ("CL.XNYS",))
    assert listed(roots).num_rows == 0
    with pytest.raises(InputError, match="was taken back"):
        release(roots, report.id, None, "ada")


def test_an_instrument_that_only_a_released_row_has(bring: Any, roots: Roots) -> None:
    with pytest.raises(NothingUsable):
        bring("Date,Open,High,Low,Close,Volume\n2020-04-18,18,19,17,18.5,10\n")
    released = release(roots, next(iter(records(roots.team)))["id"], None, "ada")
    assert released.written == 1
    assert closes(roots) == [18.5]


def test_minutes_outside_the_calendar_are_set_aside_and_those_beside_a_session_kept(bring: Any, roots: Roots) -> None:
    stamps = {
        "2020-04-09 17:00": "", "2020-04-10 11:00": "2020-04-10 is no session of XNYS",  # Good Friday
        "2020-04-11 11:00": "2020-04-11 is no session of XNYS", "2020-04-12 20:00": "", "2020-04-13 04:00": "",
    }  # fmt: skip
    rows = "".join(f"{stamp},10,11,9,10,1\n" for stamp in stamps)
    report = bring(f"Date,Open,High,Low,Close,Volume\n{rows}", period="1m", stamps="open")
    assert [each.partition(",")[0] for each in report.quarantined.reason] == list(filter(None, stamps.values()))
    assert len(closes(roots, "1m")) == 3
    assert release(roots, report.id, None, "ada").written == 2


def test_venues_that_trade_round_the_clock_have_no_day_outside(bring: Any, roots: Roots) -> None:
    text = "Date,Open,High,Low,Close,Volume\n2020-04-18 17:00,10,11,9,10,1\n2020-04-19 17:00,10,11,9,10,1\n"
    assert bring(text, period="1m", stamps="open", symbol="USDJPY", venue="IDEALPRO").written == 2


def test_actions_are_released_too(bring: Any, roots: Roots) -> None:
    text = "ex_date,kind,ratio,amount\n2020-04-18,split,2,\n2020-04-20,dividend,,0.5\n2020-04-21,split,1e9,\n"
    bring(BARS)
    report = bring(text, kind="actions")
    assert held_back(roots, report.id) == {2: "", 4: "a ratio of 1e+09 is not between 1/10,000 and 10,000"}
    assert release(roots, report.id, None, "ada").written == 1
    found = actions.read(roots).to_pylist()
    assert [(each["kind"], str(each["ex_date"])) for each in found] == [
        ("split", "2020-04-18"), ("dividend", "2020-04-20"),
    ]  # fmt: skip
    assert found[0]["available_at"] == datetime(2020, 4, 20, 13, 30, tzinfo=UTC), "the next session's open"


def test_odd_bars_are_kept_and_flagged_one_by_one(bring: Any, roots: Roots) -> None:
    text = "Date,Open,High,Low,Close,Volume\n2010-05-06,41,42,0.01,41.09,1\n2010-05-07,41,42,40,41.00001,1\n"
    first, again = bring(text), bring(text)
    found = flags.read(roots, None, None, Window()).to_pylist()
    assert [(str(each["ts"])[:10], each["flag"]) for each in found] == [
        ("2010-05-06", "extreme range"),
        ("2010-05-07", "off tick"),
    ]
    importer.revert(roots, first.id)
    importer.revert(roots, again.id)
    assert flags.read(roots, None, None, Window()).num_rows == 0
