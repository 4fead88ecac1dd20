"""Which instruments headlines are about."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from alphapulse_lib.articles import mentions
from alphapulse_lib.model.instrument import Instrument, Listing

INSTRUMENTS = [
    Instrument("AAPL.XNAS", "Apple Inc."),
    Instrument("ALL.XNYS", "The Allstate Corporation"),
    Instrument("AMZN.XNAS", "Amazon.com, Inc."),
    Instrument("BAC.XNYS", "Bank of America Corporation"),
    Instrument("DIS.XNYS", "The Walt Disney Company"),
    Instrument("F.XNYS", "Ford Motor Company"),
    Instrument("GE.XNYS", "General Electric Company"),
    Instrument("GM.XNYS", "General Motors Company"),
    Instrument("GOOG.XNAS", "Alphabet Inc. Class C"),
    Instrument("GOOGL.XNAS", "Alphabet Inc. Class A"),
    Instrument("IBM.XNYS", "International Business Machines Corporation"),
    Instrument("JNJ.XNYS", "Johnson & Johnson"),
    Instrument("KO.XNYS", "The Coca-Cola Company"),
    Instrument("MCD.XNYS", "McDonald's Corporation"),
    Instrument("MMM.XNYS", "3M Company"),
    Instrument("SO.XNYS", "The Southern Company"),
    Instrument("T.XNYS", "AT&T Inc."),
    Instrument("TGT.XNYS", "Target Corporation"),
    Instrument("UPS.XNYS", "United Parcel Service, Inc."),
    Instrument("VOD.XLON", "Vodafone Group plc"),
    Instrument("WMT.XNYS", "Wal-Mart Stores, Inc."),
]


def articles(headline: str, body: str = "", symbols: tuple[str, ...] = (), day: str = "2012-06-01") -> pa.Table:
    stamp = pa.array([f"{day}T12:00:00Z"]).cast(pa.timestamp("ns", "UTC"))
    return pa.table(
        {
            "source": ["wire"],
            "id": ["1"],
            "published_at": stamp,
            "available_at": stamp,
            "headline": [headline],
            "body": [body],
            "symbols": pa.array([list(symbols)], pa.list_(pa.string())),
        }
    )


def about(headline: str, body: str = "", symbols: tuple[str, ...] = ()) -> dict[str, str]:
    found = mentions.find(articles(headline, body, symbols), INSTRUMENTS)
    return dict(zip(found["instrument_id"].to_pylist(), found["how"].to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("headline", "ids"),
    [
        ("Apple beats estimates", {"AAPL.XNAS"}),
        ("APPLE BEATS ESTIMATES", {"AAPL.XNAS"}),
        ("Apple\u2019s profit doubles", {"AAPL.XNAS"}),
        ("Apples and pears: an apple a day", set()),
        ("Apple juice prices rise", set()),
        ("Amazon opens a warehouse", {"AMZN.XNAS"}),
        ("Amazon.com opens a warehouse", {"AMZN.XNAS"}),
        ("Fires in the Amazon rainforest spread", set()),
        ("Ford recalls trucks", {"F.XNYS"}),
        ("Harrison Ford returns to the screen", set()),
        ("They can afford a ford across the river", set()),
        ("IBM lifts its outlook", {"IBM.XNYS"}),
        ("International Business Machines lifts its outlook", {"IBM.XNYS"}),
        ("International business is brisk", set()),
        ("ALL bets are off", set()),
        ("All of them fall", set()),
        ("Allstate raises its dividend", {"ALL.XNYS"}),
        ("Ups and downs of the market", set()),
        ("UPS and FedEx deliver", {"UPS.XNYS"}),
        ("General Motors and General Electric rise", {"GM.XNYS", "GE.XNYS"}),
        ("General unease on Wall Street", set()),
        ("Attorney general sues GE", {"GE.XNYS"}),
        ("Bank of America cuts jobs", {"BAC.XNYS"}),
        ("Bank of Japan cuts rates", set()),
        ("Southern states hit by storm", set()),
        ("Southern Company gets a loan", {"SO.XNYS"}),
        ("Target price cut", set()),
        ("Shoppers leave Target for rivals", {"TGT.XNYS"}),
        ("Target Corp. warns", {"TGT.XNYS"}),
        ("Walmart and Wal-Mart are one", {"WMT.XNYS"}),
        ("AT&T buys a rival", {"T.XNYS"}),
        ("Johnson & Johnson recalls a drug", {"JNJ.XNYS"}),
        ("Boris Johnson resigns", set()),
        ("McDonald's adds breakfast", {"MCD.XNYS"}),
        ("Coca-Cola and Coca Cola", {"KO.XNYS"}),
        ("Disney buys Marvel", {"DIS.XNYS"}),
        ("3M settles", {"MMM.XNYS"}),
        ("Alphabet rises", {"GOOG.XNAS", "GOOGL.XNAS"}),
        ("", set()),
    ],
)
def test_names_in_headlines(headline: str, ids: set[str]) -> None:
    assert set(about(headline)) == ids


@pytest.mark.parametrize(
    ("headline", "found"),
    [
        ("$AAPL breaks out", {"AAPL.XNAS": "cashtag"}),
        ("$aapl breaks out", {"AAPL.XNAS": "cashtag"}),
        ("US$AAPL or $1,000", {}),
        ("Something (NASDAQ: AAPL) rises", {"AAPL.XNAS": "ticker"}),
        ("Something (NYSE:ALL) rises", {"ALL.XNYS": "ticker"}),
        ("Something (LON:VOD) rises", {"VOD.XLON": "ticker"}),
        ("Something (LON:ALL) rises", {}),
        ("Note: ALL rise", {}),
        ("Apple (NASDAQ: AAPL) rises", {"AAPL.XNAS": "ticker"}),
    ],
)
def test_tickers_in_headlines(headline: str, found: dict[str, str]) -> None:
    assert about(headline) == found


def test_the_source_is_believed_first() -> None:
    found = about("Apple sues Google's parent Alphabet", symbols=("AAPL.XNAS", "IBM"))
    assert found == {"AAPL.XNAS": "source", "IBM.XNYS": "source", "GOOG.XNAS": "name", "GOOGL.XNAS": "name"}


def test_the_body_speaks_only_where_nobody_else_does() -> None:
    assert about("A chief executive resigns", body="He led Apple for years.") == {"AAPL.XNAS": "body"}
    assert about("IBM names a chief", body="She came from Apple.") == {"IBM.XNYS": "name"}


@pytest.mark.parametrize(("day", "expected"), [("2012-06-08", ["OLD.XNAS"]), ("2022-06-09", ["META.XNAS"])])
def test_a_ticker_means_what_it_meant_on_the_day(day: str, expected: list[str]) -> None:
    instruments = [Instrument("OLD.XNAS"), Instrument("META.XNAS")]
    listings = [
        Listing("META", "XNAS", "OLD.XNAS", None, date(2022, 1, 31)),
        Listing("META", "XNAS", "META.XNAS", date(2022, 6, 9), None),
    ]
    found = mentions.find(articles("$META moves", day=day), instruments, listings)
    assert found["instrument_id"].to_pylist() == expected


def test_one_row_an_instrument_and_revision_with_its_times() -> None:
    first = articles("Apple sues")
    later = first.set_column(3, "available_at", articles("", day="2012-06-02")["available_at"])
    found = mentions.find(pa.concat_tables([first, later]), INSTRUMENTS)
    assert found["instrument_id"].to_pylist() == ["AAPL.XNAS"] * 2
    assert found["available_at"].to_pylist() == [first["available_at"][0].as_py(), later["available_at"][0].as_py()]


def test_nothing_in_nothing_out() -> None:
    assert mentions.find(articles("Apple").slice(0, 0), INSTRUMENTS).num_rows == 0
    assert mentions.find(articles("Apple"), []).num_rows == 0
