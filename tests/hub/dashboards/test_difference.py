"""Where two runs begin to differ, worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import small_runs

from hub.dashboards import difference

ROWS = [(f"2024-01-0{day} 09:30", "GOOG", "buy", 100, 101.0625, 0.0) for day in (3, 4, 5)]


def written(folder: Path, name: str, *rows: tuple[str, str, str, float, float, float]) -> difference.Fills:
    path = folder / name
    pq.write_table(small_runs.fills(*rows), path)
    found = difference.fills(path)
    assert found is not None
    return found


def test_the_first_fill_that_is_not_the_same_is_named(tmp_path: Path):
    one = written(tmp_path, "a", *ROWS)
    other = written(tmp_path, "b", ROWS[0], ROWS[1], (*ROWS[2][:4], 101.07, 0.0))
    found = difference.lines(one, other, "America/New_York")
    assert [each.differs for each in found] == [False, False, True]
    assert found[2].number == 3
    assert found[2].one == "2024-01-05 09:30:00 EST buy 100 GOOG at 101.0625"
    assert found[2].other == "2024-01-05 09:30:00 EST buy 100 GOOG at 101.07"


def test_one_that_goes_on_longer_differs_where_the_other_ends(tmp_path: Path):
    one, other = written(tmp_path, "a", *ROWS), written(tmp_path, "b", *ROWS[:2])
    assert [(each.number, each.other) for each in difference.lines(one, other, "UTC") if each.differs] == [(3, "—")]
    assert difference.lines(one, one, "UTC") == []


def test_a_file_that_cannot_be_read_is_no_list_of_fills(tmp_path: Path):
    torn = tmp_path / "torn.parquet"
    torn.write_bytes(b"PAR1")
    assert difference.fills(torn) is None


def test_the_first_line_of_a_source_that_is_not_the_same():
    assert difference.first_line("a\nb\nc", "a\nB\nc") == (2, "b", "B")
    assert difference.first_line("a", "a\nb") == (2, "—", "b")
    assert difference.first_line("a\nb", "a\nb") is None
