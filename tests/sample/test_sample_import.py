"""The sample in the catalog: what `ap.ingest("sample")` makes of its files."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import alphapulse_lib as ap

PROJECT = Path(__file__).parents[2]
OTHER_SOURCE = PROJECT.parent / "shared" / "data" / "daily" / "sp500_raw_adj_1999_2021_200.parquet"

pytestmark = pytest.mark.usefixtures("sample")


def actions(symbol: str) -> pd.DataFrame:
    return ap.sql(
        f"SELECT CAST(ex_date AS VARCHAR) AS day, kind, ratio, amount FROM actions "
        f"WHERE instrument_id LIKE '{symbol}.%' ORDER BY ex_date"
    ).df()


@pytest.mark.usefixtures("writable_sample")
def test_one_row_is_set_aside_and_a_second_import_changes_nothing() -> None:
    again = ap.ingest("sample")
    assert (again.written, again.restated) == (0, 0)
    assert again.unchanged == 12_154 + 13_941 + 1_564 + 242 - 1
    assert again.quarantined.symbol.tolist() == ["GILD"]
    assert "2010-03-22" in again.quarantined.row.item()


def test_the_instruments_are_63_with_the_names_they_had() -> None:
    found = ap.instruments().set_index("id")
    assert len(found) == 63
    assert found.name["GOOG.XNAS"] == "Google Inc."
    assert found.name["UTX.XNYS"] == "United Technologies Corporation"


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("AAPL", {"2000-06-21": 2.0, "2005-02-28": 2.0}),
        ("MSFT", {"2003-02-18": 2.0}),
        ("IBM", {}),
        ("GOOG", {}),
        ("FB", {}),
    ],
)
def test_the_splits_are_recovered(symbol: str, expected: dict[str, float]) -> None:
    found = actions(symbol)
    splits = found[found.kind == "split"]
    assert dict(zip(splits.day, splits.ratio, strict=True)) == expected


def test_microsofts_special_dividend_is_recovered_to_the_cent() -> None:
    found = actions("MSFT").set_index("day").amount
    assert found["2004-11-15"] == pytest.approx(3.00 + 0.08, abs=1e-9)
    assert found["2003-02-19"] == pytest.approx(0.08, abs=1e-9)  # its first


def test_counts_are_those_of_the_page() -> None:
    dividends = {symbol: (actions(symbol).kind == "dividend").sum() for symbol in ("AAPL", "MSFT", "IBM", "GOOG", "FB")}
    assert dividends == {"AAPL": 3, "MSFT": 37, "IBM": 52, "GOOG": 0, "FB": 0}


@pytest.mark.skipif(not OTHER_SOURCE.exists(), reason="needs ../shared/data/daily, another source of dividends")
@pytest.mark.parametrize("symbol", ["AAPL", "IBM", "MSFT"])
def test_another_source_has_the_same_dividends(symbol: str) -> None:
    wanted = [("symbol", "=", symbol), ("dividend_amount", ">", 0.0)]
    other = pd.read_parquet(OTHER_SOURCE, columns=["date", "dividend_amount"], filters=wanted)
    days = pd.to_datetime(other.date).dt.strftime("%Y-%m-%d")
    amounts = dict(zip(days, other.dividend_amount, strict=True))
    found = actions(symbol)
    found = found[found.kind == "dividend"]
    within = {day: amount for day, amount in amounts.items() if "2000-03-01" < day <= "2013-03-01"}
    assert dict(zip(found.day, found.amount, strict=True)) == pytest.approx(within, abs=1e-9)


@pytest.mark.parametrize("symbol", ["AAPL", "FB", "GOOG", "IBM", "MSFT"])
def test_prices_with_dividends_come_near_the_sources_adjusted_closes(symbol: str) -> None:
    """Within 0.2 %: the source reinvests a dividend at the ex-date's close, which mattered for that of 3.08 dollars."""
    raw = pd.read_csv(PROJECT / "catalog" / "sample" / "us5_daily.csv.gz")
    expected = raw[raw.symbol == symbol].adj_close.to_numpy()
    found = ap.bars(symbol, "1d", "2000-01-01", "2013-12-31", adjust="total").close.to_numpy()
    assert found / found[-1] == pytest.approx(expected / expected[-1], rel=2.5e-3)


def test_a_split_is_not_known_before_its_day() -> None:
    before = ap.bars("AAPL", "1d", "2005-02-25", "2005-02-25", as_of="2005-02-27")
    after = ap.bars("AAPL", "1d", "2005-02-25", "2005-02-25", as_of="2005-03-01")
    assert before.close.item() == pytest.approx(88.99)
    assert after.close.item() == pytest.approx(88.99 / 2)


def test_coverage_finds_the_missing_sessions() -> None:
    assert len(ap.coverage("AAPL", "1d").gaps) == 0
    gaps = ap.coverage("PG", "1d").gaps
    days = [day.strftime("%Y-%m-%d") for day in pd.to_datetime(gaps["first"])]
    assert days == ["2009-09-08", "2009-10-29", "2010-08-18"]
    assert gaps["sessions"].tolist() == [1, 5, 1]
    assert date(2009, 11, 12) in pd.to_datetime(ap.coverage("CSCO", "1d").gaps["first"]).dt.date.tolist()


def test_spy_minutes_are_closes_in_utc() -> None:
    bars = ap.bars("SPY", "1m", "2020-12-18", "2020-12-18")
    assert len(bars) == 391
    assert bars.ts.iloc[0] == pd.Timestamp("2020-12-18 14:31", tz="UTC")
    assert bars.ts.iloc[-1] == pd.Timestamp("2020-12-18 21:01", tz="UTC")


def test_news_is_seen_from_its_minute_on() -> None:
    """Apple's record quarter came out after the close of 2012-01-24, stamped 16:30 in New York."""
    during = ap.news("AAPL", "2012-01-24", "2012-01-24", as_of="2012-01-24T21:29:59Z")
    after = ap.news("AAPL", "2012-01-24", "2012-01-24", as_of="2012-01-24T21:30:00Z")
    assert len(during) == 0
    assert after.article_id.tolist() == ["sample-2012-01-24-aapl-1"]
    assert after.source.tolist() == ["sample"]


def test_every_article_is_found_by_the_symbols_it_names() -> None:
    raw = pd.read_csv(PROJECT / "catalog" / "sample" / "articles.csv", keep_default_na=False)
    named = raw.symbols.str.split(";").explode().str.split(".").str[0].value_counts()
    for symbol in ("AAPL", "GOOG", "IBM", "MSFT", "FB", "SPY", "PG"):
        assert len(ap.news(symbol)) == named[symbol]


def test_news_while_exchanges_were_closed_counts_for_the_next_session() -> None:
    """Apple's shake-up of 2012-10-29: a hurricane kept New York closed on that day and the next."""
    days = ap.sentiment("AAPL", "2012-10-29", "2012-11-01").ts
    assert days.tolist() == [pd.Timestamp("2012-10-31 20:00", tz="UTC")]
