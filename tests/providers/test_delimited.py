"""Text files, read with the line number of every row; Python's csv module is the judge."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphapulse_lib.errors import UnreadableFile
from alphapulse_lib.providers.delimited import Grid, read_delimited

SHARED = Path(__file__).parents[3] / "shared" / "data"


def read(folder: Path, content: str | bytes, name: str = "table.csv", size: int | None = None) -> Grid:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return together(read_delimited(path, size))


def together(grids: Iterable[Grid]) -> Grid:
    """All grids of a file as one."""
    parts = list(grids)
    assert [each.last for each in parts] == [False] * (len(parts) - 1) + [True]
    return Grid(
        pa.concat_tables([each.rows for each in parts]),
        np.concatenate([each.lines for each in parts]),
        np.concatenate([each.torn_lines for each in parts]),
        [text for each in parts for text in each.torn_texts],
    )


def rows_of(grid: Grid) -> list[list[str]]:
    return [list(row.values()) for row in grid.rows.to_pylist()]


def test_the_header_is_line_1_and_empty_lines_count(tmp_path: Path) -> None:
    grid = read(tmp_path, "a,b\n1,2\n\n3,4\n")
    assert rows_of(grid) == [["1", "2"], ["3", "4"]]
    assert grid.lines.tolist() == [2, 4]


def test_a_quoted_line_break_keeps_later_line_numbers_right(tmp_path: Path) -> None:
    grid = read(tmp_path, 'a,b\n"one\ntwo",2\n3,"x, ""y"""\n')
    assert rows_of(grid) == [["one\ntwo", "2"], ["3", 'x, "y"']]
    assert grid.lines.tolist() == [2, 4]


def test_a_quote_inside_a_word_is_a_character(tmp_path: Path) -> None:
    assert rows_of(read(tmp_path, 'a,b\n5" pipe,2\n3,4\n')) == [['5" pipe', "2"], ["3", "4"]]


def test_rows_of_another_width_are_handed_over_with_their_text(tmp_path: Path) -> None:
    grid = read(tmp_path, "a,b\n1,2\n3\n4,5,6\n7,8\n")
    assert rows_of(grid) == [["1", "2"], ["7", "8"]]
    assert grid.lines.tolist() == [2, 5]
    assert grid.torn_lines.tolist() == [3, 4]
    assert grid.torn_texts == ["3", "4,5,6"]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters(tmp_path: Path, delimiter: str) -> None:
    assert rows_of(read(tmp_path, f"a{delimiter}b\n1,5{delimiter}2\n")) == [["1,5", "2"]]


@pytest.mark.parametrize("ending", ["\r\n", "\r", "\n"])
def test_line_endings(tmp_path: Path, ending: str) -> None:
    grid = read(tmp_path, ending.join(["a,b", "1,2", "3,4"]))
    assert rows_of(grid) == [["1", "2"], ["3", "4"]]
    assert grid.lines.tolist() == [2, 3]


@pytest.mark.parametrize("size", [5, 7, 16])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("ending", ["\r\n", "\r", "\n"])
def test_a_file_read_in_small_pieces_is_the_same(tmp_path: Path, size: int, encoding: str, ending: str) -> None:
    text = ending.join(["name;b", "Nestlé;2", "", '"a; b";3', "torn", "Züri;4", "x;5", "y;6"])
    grid = read(tmp_path, text.encode(encoding), size=size)
    assert rows_of(grid) == [["Nestlé", "2"], ["a; b", "3"], ["Züri", "4"], ["x", "5"], ["y", "6"]]
    assert grid.lines.tolist() == [2, 4, 6, 7, 8]
    assert (grid.torn_lines.tolist(), grid.torn_texts) == ([5], ["torn"])


def test_a_quote_that_is_never_closed_does_not_fill_the_memory(tmp_path: Path) -> None:
    grid = read(tmp_path, "a,b\n" + '"1,2\n' + "3,4\n" * 2000, size=64)
    assert grid.rows.num_rows == 2001


def test_gzip_is_told_by_its_content(tmp_path: Path) -> None:
    assert rows_of(read(tmp_path, gzip.compress(b"a,b\n1,2\n", mtime=0), "plain.csv")) == [["1", "2"]]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    grid = read(tmp_path, "name,b\nNestlé,2\n".encode(encoding))
    assert grid.rows.column_names == ["name", "b"]
    assert rows_of(grid) == [["Nestlé", "2"]]


def test_repeated_and_missing_names(tmp_path: Path) -> None:
    assert read(tmp_path, ",close,close\n1,2,3\n").rows.column_names == ["", "close", "close.1"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (bytes(range(256)) * 20, "binary"),
        (bytes(range(128, 256)) * 20 + b"\x01\x02\x03" * 50, "not text"),
        (b"PAR1\x00\x00", "a Parquet file"),
        (b"PK\x03\x04rest", "a zip archive"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b'[{"date": "2013-05-01"}]', "JSON"),
        (gzip.compress(b"a,b\n1,2\n" * 1000, mtime=0)[:40], "torn"),
    ],
)
def test_what_is_no_table_is_refused_by_name(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(UnreadableFile, match=said) as refused:
        read(tmp_path, content, "prices.csv")
    assert "prices.csv" in refused.value.message


CELLS = st.text(st.sampled_from('ab1,;"\n é'), max_size=6)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=12),
    size=st.one_of(st.none(), st.integers(20, 200)),
)
def test_whatever_csv_writes_is_read_back_on_its_line(
    rows: list[tuple[str, str, str]], size: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    written, lines = io.StringIO(), []
    writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["x", "y", "z"])
    for row in rows:
        lines.append(written.getvalue().count("\n") + 1)
        writer.writerow(row)
    grid = read(tmp_path_factory.mktemp("csv"), written.getvalue(), size=size)
    assert rows_of(grid) == [list(row) for row in rows]
    assert grid.lines.tolist() == lines


#: As papers have them: texts over several lines of either kind, quotes in quotes, empty rows between and at the end.
ODD = (
    'Headline;Text\r\n"One; with a semicolon";"First line\r\nsecond ""quoted"" line\nthird"\r\n\r\n'
    'Two;plain\n;\n\n"""Three"" begins quoted";""\r\n\r\n'
)


@pytest.mark.parametrize("size", [None, 1 << 16])
def test_odd_headlines_have_the_lines_that_csv_gives_them(tmp_path: Path, size: int | None) -> None:
    grid = read(tmp_path, ODD, size=size)
    reader = csv.reader(io.StringIO(ODD, newline=""), delimiter=";")
    rows = [(reader.line_num, row) for row in reader if row][1:]
    assert rows[0][1][1].count("\n") == 2
    assert rows_of(grid) == [[cell.replace("\r\n", "\n") for cell in row] for _, row in rows]
    # A row's last line is csv's; its first is as many before as its texts have line ends.
    assert grid.lines.tolist() == [line - sum(cell.count("\n") for cell in row) for line, row in rows]


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data, whole newspapers")
@pytest.mark.parametrize("name", ["ieee_stock_tweets_2020", "guardian_biz_2017_2020", "cnbc_2017_2020"])
def test_real_headlines_have_the_lines_that_csv_gives_them(name: str) -> None:
    path = SHARED / "news" / f"{name}.csv.gz"
    with gzip.open(path, "rt", newline="", encoding="utf-8") as opened:
        reader = csv.reader(opened, delimiter=";" if name.startswith("ieee") else ",")
        expected, ended = [], 0
        for row in reader:
            if row:
                expected.append((ended + 1, row))
            ended = reader.line_num
    grid = together(read_delimited(path, 1 << 16))
    assert grid.lines.tolist() == [line for line, _ in expected[1:]]
    assert rows_of(grid)[-1] == [cell.replace("\r\n", "\n") for cell in expected[-1][1]]
