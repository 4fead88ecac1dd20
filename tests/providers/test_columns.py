"""Columns guessed from the names that real sources give them."""

from __future__ import annotations

import pytest

from alphapulse_lib.errors import InputError, MissingColumn
from alphapulse_lib.providers.columns import assign


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"], {"ts": "Date", "adj_close": "Adj Close"}),
        (["", "open", "high", "low", "close"], {"ts": ""}),
        (["index", "date", "open", "high", "low", "close", "volume"], {"ts": "date"}),
        (["", "date", "open", "high", "low", "close"], {"ts": "date"}),
        (["__index_level_0__", "Open", "High", "Low", "Close"], {"ts": "__index_level_0__"}),
        (["t", "o", "h", "l", "c", "v"], {"ts": "t", "close": "c", "volume": "v"}),
        (["timestamp", "1. open", "2. high", "3. low", "4. close"], {"open": "1. open", "close": "4. close"}),
        (["<TICKER>", "<DATE>", "<TIME>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>"],
         {"ts": "<DATE>", "clock": "<TIME>", "symbol": "<TICKER>", "volume": "<VOL>"}),
        (["Date", "Close/Last", "Volume", "Open", "High", "Low"], {"close": "Close/Last"}),
        (["Ticker", "Datetime", "OPEN", "HIGH", "LOW", "CLOSE", "available_at"],
         {"symbol": "Ticker", "ts": "Datetime", "available_at": "available_at"}),
    ],
)  # fmt: skip
def test_bars(names: list[str], expected: dict[str, str]) -> None:
    found = assign(names, "bars", {}, "prices.csv")
    assert {name: found[name] for name in expected} == expected


def test_what_the_caller_names_comes_first() -> None:
    names = ["when", "o", "h", "l", "Settle", "close"]
    found = assign(names, "bars", {"ts": "when", "close": "Settle"}, "prices.csv")
    assert (found["ts"], found["close"]) == ("when", "Settle")


def test_a_canonical_name_may_be_given_by_another_of_its_names() -> None:
    assert assign(["d", "o", "h", "l", "c"], "bars", {"date": "d"}, "prices.csv")["ts"] == "d"


@pytest.mark.parametrize("names", [["Close", "Close.1"], ["close", "CLOSE"]])
def test_of_columns_of_the_same_name_none_is_chosen(names: list[str]) -> None:
    names = ["Date", "Open", "High", "Low", *names]
    with pytest.raises(InputError, match=rf"(?s)2 columns that may be close: {names[4]}, {names[5]}.*'{names[5]}'"):
        assign(names, "bars", {}, "prices.csv")
    assert assign(names, "bars", {"close": names[5]}, "prices.csv")["close"] == names[5]


def test_articles() -> None:
    found = assign(["id", "created_at", "text", "title", "tickers"], "articles", {}, "news.csv")
    assert found == {
        "id": "id",
        "published_at": "created_at",
        "body": "text",
        "headline": "title",
        "symbols": "tickers",
    }


def test_a_missing_column_says_what_there_is_and_how_to_name_it() -> None:
    with pytest.raises(
        MissingColumn, match=r"prices.csv has no column for close: it has Date, Open, High, Low, Foo"
    ) as e:
        assign(["Date", "Open", "High", "Low", "Foo"], "bars", {}, "prices.csv")
    assert "columns={'close':" in e.value.hint


def test_a_file_without_a_header_is_told_so() -> None:
    with pytest.raises(MissingColumn) as refused:
        assign(["2013-05-01", "1.0", "2.0", "0.5", "1.5"], "bars", {}, "prices.csv")
    assert "looks like data" in refused.value.hint


def test_a_column_that_is_not_there_suggests_the_nearest() -> None:
    with pytest.raises(MissingColumn) as refused:
        assign(["Date", "Open", "High", "Low", "Close"], "bars", {"close": "Clsoe"}, "prices.csv")
    assert "Close" in refused.value.hint


def test_an_unknown_canonical_name_suggests_the_nearest() -> None:
    with pytest.raises(InputError) as refused:
        assign(["Date", "Open", "High", "Low", "Close"], "bars", {"clsoe": "Close"}, "prices.csv")
    assert "close" in refused.value.hint


def test_actions_need_a_ratio_or_an_amount() -> None:
    with pytest.raises(MissingColumn, match="ratio or amount"):
        assign(["ex_date", "kind"], "actions", {}, "actions.csv")
