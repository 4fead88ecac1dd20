"""Files of all sorts, turned into canonical rows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from alphapulse_lib.errors import IngestError, InputError, MissingColumn, UnreadableFile
from alphapulse_lib.providers import pieces
from alphapulse_lib.providers.contract import Batch, Request
from alphapulse_lib.providers.files import FilesProvider

BARS = "Date,Open,High,Low,Close,Volume\n2013-05-01,1,2,0.5,1.5,10\n2013-05-02,2,3,1.5,2.5,20\n"


def read(target: Any, **options: Any) -> list[Batch]:
    return list(FilesProvider().read(Request(target, **{"venue": "XNYS", "symbol": "A", **options})))


def written(folder: Path, text: str, name: str = "prices.csv") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def rows(batch: Batch) -> pd.DataFrame:
    return batch.table.to_pandas()


def test_bars_of_a_csv(tmp_path: Path) -> None:
    found = rows(read(written(tmp_path, BARS))[0])
    assert found.close.tolist() == [1.5, 2.5]
    assert found.symbol.tolist() == ["A", "A"]
    assert found.line.tolist() == [2, 3]
    assert found.bare.all()


def test_the_index_that_pandas_writes_is_found(tmp_path: Path) -> None:
    frame = pd.read_csv(written(tmp_path, BARS), index_col="Date", parse_dates=True).rename_axis(None)
    frame.to_csv(tmp_path / "indexed.csv")
    frame.to_parquet(tmp_path / "indexed.parquet")
    text, parquet = rows(read(tmp_path / "indexed.csv")[0]), rows(read(tmp_path / "indexed.parquet")[0])
    assert text.wall.tolist() == parquet.wall.tolist()
    assert parquet.line.tolist() == [1, 2]


def test_date_and_time_in_two_columns(tmp_path: Path) -> None:
    path = written(tmp_path, "date,time,o,h,l,c\n20130501,09:31,1,2,1,1\n")
    expected = datetime(2013, 5, 1, 9, 31, tzinfo=ZoneInfo("America/New_York"))
    assert rows(read(path)[0]).instant.tolist() == [int(expected.timestamp()) * 10**9]


def test_symbols_and_venues_of_a_column(tmp_path: Path) -> None:
    path = written(
        tmp_path, "ticker,exchange,date,o,h,l,c\naapl,NASDAQ,2013-05-01,1,2,1,1\nibm,XNYS,2013-05-01,1,2,1,1\n"
    )
    found = rows(read(path, symbol=None, venue=None)[0])
    assert found.symbol.tolist() == ["AAPL", "IBM"]
    assert found.venue.tolist() == ["XNAS", "XNYS"]


def test_a_folder_a_pattern_and_a_list_are_read_file_by_file_and_named_by_symbol(tmp_path: Path) -> None:
    for name in ("ibm.csv", "msft.csv"):
        written(tmp_path, BARS, f"bars/{name}")
    written(tmp_path, "not data", "bars/README.md")
    for target in (
        tmp_path / "bars",
        str(tmp_path / "bars/*.csv"),
        [tmp_path / "bars/ibm.csv", tmp_path / "bars/msft.csv"],
    ):
        batches = read(target, symbol=None)
        assert [rows(batch).symbol[0] for batch in batches] == ["IBM", "MSFT"]


def test_available_at_of_the_file_is_kept_and_a_bare_date_is_the_end_of_its_day(tmp_path: Path) -> None:
    path = written(tmp_path, "date,o,h,l,c,crawl\n2013-05-01,1,2,1,1,2013-05-02\n")
    midnight = datetime(2013, 5, 3, tzinfo=ZoneInfo("America/New_York"))
    assert rows(read(path)[0]).available_at.tolist() == [int(midnight.timestamp()) * 10**9 - 1]


def test_an_article_of_a_day_is_available_at_the_end_of_that_day(tmp_path: Path) -> None:
    path = written(tmp_path, "Time,Headlines\n18-Jul-20,Shares rise\n")
    midnight = datetime(2020, 7, 19, tzinfo=ZoneInfo("Europe/London"))
    batch = read(path, kind="articles", venue=None, timezone="Europe/London")[0]
    assert rows(batch).available_at.tolist() == [int(midnight.timestamp()) * 10**9 - 1]
    assert any("end of their day" in note for note in batch.notes)


def test_articles_that_name_no_zone_need_one(tmp_path: Path) -> None:
    path = written(tmp_path, "time,title\n2013-05-01 09:30,Shares rise\n")
    with pytest.raises(IngestError, match="zone"):
        read(path, kind="articles", venue=None)


def test_every_bad_row_says_why(tmp_path: Path) -> None:
    bad = "2013-05-03,,1,1,1,1\nnever,1,1,1,1,1\n2013-05-04,1,2\n,,,,,\n2013-05-06,1,abc,1,1,1\n"
    found = rows(read(written(tmp_path, BARS + bad))[0])
    reasons = dict(zip(found.line, found.reason, strict=True))
    assert reasons[4] == "open is missing"
    assert reasons[5] == "stamp 'never' is not understood"
    assert reasons[6] == "has not the 6 fields of the header"
    assert reasons[7] == "blank row"
    assert reasons[8] == "high 'abc' is not a number"
    assert pd.isna(reasons[2])


def test_a_symbol_that_cannot_name_an_instrument(tmp_path: Path) -> None:
    path = written(tmp_path, "symbol,date,o,h,l,c\nA/B C,2013-05-01,1,2,1,1\n,2013-05-01,1,2,1,1\n")
    said = ["symbol A/B C cannot name an instrument", "symbol is missing"]
    assert rows(read(path, symbol=None)[0]).reason.tolist() == said


def test_actions(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "ex_date,kind,ratio,amount\n2005-02-28,split,2:1,\n2012-08-09,Cash Dividend,,2.65\n2012-08-10,split,0,\n",
    )
    found = rows(read(path, kind="actions")[0])
    assert found.kind.tolist()[:2] == ["split", "dividend"]
    assert found.ratio[0] == 2.0
    assert found.amount[1] == 2.65
    assert found.reason.tolist()[2] == "a split needs a ratio above 0"


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda folder: folder / "absent.csv", UnreadableFile, "no file absent.csv"),
        (lambda folder: folder, UnreadableFile, "no data files"),
        (lambda folder: folder / "*.csv", UnreadableFile, "No file is matched"),
        (lambda folder: written(folder, ""), UnreadableFile, "empty"),
        (lambda folder: written(folder, "Date,Open,High,Low,Close\n"), UnreadableFile, "no rows"),
        (lambda folder: written(folder, BARS, "prices.parquet"), UnreadableFile, "not a Parquet file"),
        (lambda _: None, InputError, "Not a path"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, make: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        read(make(tmp_path))


def test_a_misspelt_file_suggests_the_nearest(tmp_path: Path) -> None:
    written(tmp_path, BARS)
    with pytest.raises(UnreadableFile) as refused:
        read(tmp_path / "price.csv")
    assert "prices.csv" in refused.value.hint


def test_rows_without_a_symbol_need_one(tmp_path: Path) -> None:
    with pytest.raises(MissingColumn, match="symbols"):
        read(written(tmp_path, BARS), symbol=None)


def test_a_torn_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "prices.parquet"
    pa.parquet.write_table(pa.table({"date": ["2013-05-01"]}), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UnreadableFile, match="torn"):
        read(path)


@pytest.mark.parametrize("place", [0, 1, 5])
def test_a_parquet_file_of_which_a_page_is_torn(tmp_path: Path, place: int) -> None:
    """Its footer is whole: what is wrong is found as its rows are read."""
    path = tmp_path / "prices.parquet"
    rows = {"date": ["2013-05-01", "2013-05-02"]} | {name: [1.0, 2.0] for name in ("open", "high", "low", "close")}
    pa.parquet.write_table(pa.table(rows), path, use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[pa.parquet.read_metadata(path).row_group(0).column(4).data_page_offset + place] ^= 4
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=r"prices\.parquet is .*torn"):
        read(path)


def test_one_symbol_of_a_file_that_holds_several(tmp_path: Path) -> None:
    path = written(tmp_path, "symbol,date,o,h,l,c\nA,2013-05-01,1,2,1,1\nB,2013-05-01,1,2,1,1\nB,2013-05-02,1,2,1,2\n")
    batch = read(path, symbol="b")[0]
    assert rows(batch).line.tolist() == [3, 4]
    assert set(rows(batch).symbol) == {"B"}
    assert batch.notes[0] == "rows of other symbols left out: 1"
    with pytest.raises(InputError, match="no rows of 'C'"):
        read(path, symbol="C")


def test_files_of_one_symbol_each_are_known_to_hold_all_of_it(tmp_path: Path) -> None:
    for name in ("A", "B"):
        written(tmp_path, BARS, f"{name}.csv")
    pd.read_csv(tmp_path / "A.csv").to_parquet(tmp_path / "C.parquet")
    assert [(each.name, each.whole) for each in read(tmp_path, symbol=None)] == [
        ("A.csv", True),
        ("B.csv", True),
        ("C.parquet", True),
    ]
    assert not any(each.whole for each in read(tmp_path))  # all are of the symbol that is told
    assert not any(each.whole for each in read([tmp_path / "A.csv"]))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("more.csv", "symbol,date,open,high,low,close\nA,2013-05-01,1,2,1,1\n"),
        ("sub/a.csv", BARS),
        ("A.parquet", ""),
    ],
)
def test_of_a_symbol_that_another_file_may_hold_too_none_is_said_to_be_whole(
    tmp_path: Path, name: str, text: str
) -> None:
    for own in ("A", "B"):
        written(tmp_path, BARS, f"{own}.csv")
    if text:
        written(tmp_path, text, name)
    else:
        pd.read_csv(tmp_path / "A.csv").to_parquet(tmp_path / name)
    assert not any(each.whole for each in read(tmp_path, symbol=None))


def test_a_long_file_is_not_whole_block_by_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE", 64)
    for own in ("A", "B"):
        written(tmp_path, BARS, f"{own}.csv")
    found = read(tmp_path, symbol=None)
    assert len(found) > 2 and not any(each.whole for each in found)
