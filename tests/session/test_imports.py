"""`ap.ingest` and `ap.revert` as a person uses them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import alphapulse_lib as ap
from alphapulse_lib.catalog import datasets
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import CatalogDamaged, InputError, UnknownImport, UnknownPeriod, UnreadableFile

PROJECT = Path(__file__).parents[2]
BARS = "Date,Open,High,Low,Close,Volume\n2013-05-01,10,11,9,10.5,100\n2013-05-02,10.5,12,10,11,200\n"
NEWS = "published_at,headline\n2013-05-01 09:30,Acme beats estimates\n2013-05-01 11:00,Weather is fine\n"


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.csv"
    path.write_text(BARS)
    return path


def stored(name: str) -> pd.DataFrame:
    return datasets.read(Roots.of_settings(), name).to_pandas()


def test_own_bars_come_back_from_ap_bars(prices: Path) -> None:
    report = ap.ingest("files", prices, symbol="GOOG", venue="XNAS", period="1d", stamps="session")
    assert report.written == 2
    assert ap.bars("GOOG", "1d").close.tolist() == [10.5, 11.0]
    ap.revert(report.id)
    assert len(ap.instruments()) == 0


def test_an_instrument_goes_with_the_last_import_that_has_any_of_it(prices: Path) -> None:
    about = {"symbol": "GOOG", "venue": "XNAS", "period": "1d"}
    first = ap.ingest("files", prices, **about)
    prices.write_text(BARS.replace("2013-05-0", "2013-05-1").replace("-11,", "-13,").replace("-12,", "-14,"))
    second = ap.ingest("files", prices, **about)
    assert ap.revert(first.id).instruments == ()
    assert len(ap.bars("GOOG")) == 2
    assert ap.revert(second.id).instruments == ("GOOG.XNAS",)
    assert ap.instruments().empty and ap.check().empty


def test_rows_to_release_are_those_of_the_quarantine(prices: Path) -> None:
    prices.write_text(BARS + "2013-05-04,10,11,9,10,100\n")
    report = ap.ingest("files", prices, symbol="GOOG", venue="XNAS")
    with pytest.raises(InputError, match="no column number"):
        ap.release(report.id, ap.instruments())
    assert ap.release(report.id, ap.quarantine(report.id)).written == 1


def test_articles_are_searched_for_companies_and_scored(prices: Path, tmp_path: Path) -> None:
    ap.ingest("files", prices, symbol="ACME", venue="XNYS", name="Acme Corporation")
    (tmp_path / "news.csv").write_text(NEWS)
    report = ap.ingest("files", tmp_path / "news.csv", kind="articles", timezone="America/New_York")
    mentions, scores = stored("mentions"), stored("scores")
    assert mentions.instrument_id.tolist() == ["ACME.XNYS"]
    assert len(scores) == 2
    assert scores.score.iloc[0] > 0.05
    ap.revert(report.id)
    assert len(stored("mentions")) == len(stored("scores")) == len(stored("articles")) == 0


def test_an_instrument_that_comes_later_is_found_in_older_articles(prices: Path, tmp_path: Path) -> None:
    (tmp_path / "news.csv").write_text(NEWS)
    ap.ingest("files", tmp_path / "news.csv", kind="articles", timezone="America/New_York")
    assert len(stored("mentions")) == 0
    ap.ingest("files", prices, symbol="ACME", venue="XNYS", name="Acme Corporation")
    assert stored("mentions").instrument_id.tolist() == ["ACME.XNYS"]


def test_an_import_cut_short_before_its_mentions_is_made_whole_by_running_it_again(
    prices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ap.ingest("files", prices, symbol="ACME", venue="XNYS", name="Acme Corporation")
    (tmp_path / "news.csv").write_text(NEWS)
    options: dict[str, Any] = {"kind": "articles", "timezone": "America/New_York"}
    with monkeypatch.context() as patch:
        patch.setenv("ALPHAPULSE_SCORER", "no-such-scorer")
        with pytest.raises(InputError):
            ap.ingest("files", tmp_path / "news.csv", **options)
    assert len(stored("scores")) == 0
    ap.ingest("files", tmp_path / "news.csv", **options)
    assert len(stored("scores")) == 2


def test_an_instrument_whose_import_died_before_older_articles_were_searched_is_found_by_the_next_one(
    prices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "news.csv").write_text(NEWS)
    ap.ingest("files", tmp_path / "news.csv", kind="articles", timezone="America/New_York")
    with monkeypatch.context() as patch:
        patch.setenv("ALPHAPULSE_SCORER", "no-such-scorer")
        with pytest.raises(InputError):
            ap.ingest("files", prices, symbol="ACME", venue="XNYS", name="Acme Corporation")
    datasets.remove(Roots.of_settings().writable, "mentions", stored("mentions").import_id[0])
    assert ap.ingest("files", prices, symbol="ACME", venue="XNYS", name="Acme Corporation").written == 0
    assert stored("mentions").instrument_id.tolist() == ["ACME.XNYS"]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "said"),
    [
        (("flies", "prices.csv"), {}, InputError, "No provider is called 'flies'"),
        (("sampel",), {}, InputError, "No dataset is declared as 'sampel'"),
        (("files",), {}, InputError, "What is files to import"),
        (("prices.csv",), {}, InputError, r"ap\.ingest\('files', 'prices.csv', \.\.\.\)"),
        (("data/old", "prices.csv"), {}, InputError, "`alphapulse ingest files data/old`"),
        (("files", "absent.csv"), {"symbol": "A"}, UnreadableFile, "no file absent.csv"),
        (("files", "prices.csv"), {"kind": "bar"}, InputError, "kind='bar'"),
        (("files", "prices.csv"), {"stamps": "start"}, InputError, "stamps='start'"),
        (("files", "prices.csv"), {"symbol": 5}, InputError, "symbol='5' is not text"),
        (("files", "prices.csv"), {"columns": ["Close"]}, InputError, "columns="),
        (("files", "prices.csv"), {"columns": "Close"}, InputError, "columns='Close' is no mapping of text to text"),
        (("files", "prices.csv"), {"columns": {"close": 5}}, InputError, "is no mapping of text to text"),
        (("files", "prices.csv"), {"symbol": "A", "venue": "NYSE1"}, InputError, "Unknown venue"),
        (
            ("files", "prices.csv"),
            {"symbol": "A", "venue": "XNYS", "timezone": "New York"},
            InputError,
            "Unknown time zone",
        ),
        (
            ("files", "prices.csv"),
            {"symbol": "A", "venue": "XNYS", "period": "1 fortnight"},
            UnknownPeriod,
            "fortnight",
        ),
        ((5,), {}, InputError, "is text, not '5', a int"),
        ((None,), {}, InputError, "is text, not 'None'"),
        ((5, "prices.csv"), {}, InputError, "is text, not '5'"),
        (("files", "prices.csv"), {"adjusted": "yes"}, InputError, "adjusted='yes' is neither True nor False"),
        (("files", "prices.csv"), {"recover": None}, InputError, "recover='None' is neither"),
        (("files", "prices.csv"), {"day_first": "no"}, InputError, "day_first='no' is neither"),
        (("files", pd.DataFrame()), {}, InputError, "Not a path"),
        (("files", "prices.csv"), {"kind": ["bars"]}, InputError, "kind="),
        (("files", "prices.csv"), {"stamps": {"open"}}, InputError, "stamps="),
    ],
)
def test_what_cannot_be_used_says_so(
    prices: Path, monkeypatch: pytest.MonkeyPatch, arguments: Any, options: Any, error: type[Exception], said: str
) -> None:
    monkeypatch.chdir(prices.parent)
    with pytest.raises(error, match=said):
        ap.ingest(*arguments, **options)
    assert not Roots.of_settings().team.exists()


def test_an_import_id_is_text() -> None:
    with pytest.raises(InputError, match="An import's id is text, not '5'"):
        ap.revert(5)  # type: ignore[arg-type]


def test_an_unknown_import_says_so() -> None:
    with pytest.raises(UnknownImport):
        ap.revert("nothing")


@pytest.mark.usefixtures("writable_sample")
def test_the_sample_again_changes_nothing() -> None:
    assert ap.ingest("sample").written == 0


#: As a business paper's site has them: two blanks, the zone by letters, the weekday before the day; and empty rows.
HEADLINES = '''Headlines,Time,Description
A better way to invest in the gold rush," 7:51  PM ET Fri, 17 July 2020","""Quoted"" at its beginning"
,,
"A week ahead, with a comma"," 7:25  PM ET Fri, 17 July 2020",
,,
In winter,"10:05  AM ET Thu, 16 January 2020","It is told, and more"
'''


def test_a_newspapers_odd_stamps_and_blank_rows(tmp_path: Path) -> None:
    path = tmp_path / "paper.csv"
    path.write_text(HEADLINES)
    columns = {"headline": "Headlines", "published_at": "Time", "body": "Description"}
    report = ap.ingest("files", path, kind="articles", source="paper", columns=columns)
    assert (report.written, len(report.quarantined)) == (3, 2)
    assert set(report.quarantined.reason) == {"blank row"}
    found = stored("articles").set_index("headline")
    assert found.body["A better way to invest in the gold rush"] == '"Quoted" at its beginning'
    assert found.published_at.to_dict() == {
        "A better way to invest in the gold rush": pd.Timestamp("2020-07-17 23:51", tz="UTC"),
        "A week ahead, with a comma": pd.Timestamp("2020-07-17 23:25", tz="UTC"),
        "In winter": pd.Timestamp("2020-01-16 15:05", tz="UTC"),
    }


def test_stamps_that_change_their_offset_at_a_clock_change(tmp_path: Path) -> None:
    """The file repeats the hour after the change with other figures: the first is kept, the second set aside."""
    offsets = ["+01:00"] * 8 + ["+00:00"] * 12
    walls = [*pd.date_range("2021-10-31", periods=8, freq="15min")]  # to 02:00 in London, when it was 01:00 again
    walls += [*pd.date_range("2021-10-31 01:00", periods=8, freq="15min")]
    walls += [*pd.date_range("2021-10-31 01:00", periods=4, freq="15min")]
    stamps = [f"{wall}{offset}" for wall, offset in zip(walls, offsets, strict=True)]
    frame = pd.DataFrame({"Datetime": stamps, "Open": 1.0, "High": 2.0, "Low": 1.0, "Close": 1.5, "Volume": 5})
    frame.loc[16:, "Close"] = 1.75
    frame.to_csv(tmp_path / "btc.csv", index=False)
    report = ap.ingest("files", tmp_path / "btc.csv", symbol="BTCUSD", venue="CRYPTO", period="15m", stamps="open")
    held = ap.bars("BTCUSD", "15m")
    assert report.written == len(held) == 16
    # From 00:00 in London's summer, 23:00 UTC, four hours; each bar is told at its end.
    assert held.ts.tolist() == [*pd.date_range("2021-10-30 23:15", periods=16, freq="15min", tz="UTC")]
    assert set(held.close) == {1.5}
    assert len(report.quarantined) == 4
    assert report.quarantined.reason.str.contains("has another bar for this time").all()


def test_many_names_with_the_flash_crash() -> None:
    path = PROJECT / "catalog" / "sample" / "us57_daily_2009_2010.csv.gz"
    report = ap.ingest("files", path, venue="XNYS")
    assert report.written + len(report.quarantined) == len(pd.read_csv(path))
    assert any("range over 25% beyond open and close" in warning for warning in report.warnings)


@pytest.mark.parametrize("name", ["instruments.parquet", "data/bars/AAPL.*/*.parquet", "articles/2012.parquet"])
def test_what_is_advised_for_a_damaged_file_puts_it_right(writable_sample: Path, name: str) -> None:
    bars, articles = ap.bars("AAPL"), ap.news("AAPL")
    (damaged,) = writable_sample.glob(name)
    damaged.write_bytes(damaged.read_bytes()[:-500])
    import_id = ap.ingest("sample").id  # known already: nothing is read
    with pytest.raises(CatalogDamaged, match=r"(?s)remove it and import.*alphapulse revert"):
        ap.revert(import_id)
    with pytest.raises(CatalogDamaged, match="remove it"):
        ap.sql("SELECT count(*), sum(close) FROM bars_1d, articles, instruments").fetchall()
    assert any("alphapulse revert" in advice for advice in ap.check()["advice"])
    damaged.unlink()
    ap.revert(import_id)
    ap.ingest("sample")
    assert ap.check().empty
    assert ap.bars("AAPL").equals(bars)
    assert ap.news("AAPL").equals(articles)
