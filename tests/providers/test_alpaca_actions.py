"""Alpaca's corporate actions and assets. The actions are those that the companies announced, with their own figures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pyarrow as pa
import pytest
from alpaca_server import KEY, SECRET, AlpacaServer, BadJson, Market, RepeatedToken, Row, TruncatedPage, alpaca

from alphapulse_lib.errors import BadAnswer
from alphapulse_lib.model.window import Window
from alphapulse_lib.providers import alpaca_actions
from alphapulse_lib.providers.alpaca import Alpaca
from alphapulse_lib.providers.alpaca_calls import Calls
from alphapulse_lib.providers.budget import Budget
from alphapulse_lib.providers.contract import Fetch


def action(day: str, **more: object) -> Row:
    return {"id": f"{day}-{sorted(more.items())}", "process_date": day, **more}


ACTIONS = {
    "forward_splits": [  # Apple four for one, NVIDIA ten for one
        action("2020-08-31", symbol="AAPL", new_rate=4, old_rate=1, ex_date="2020-08-31"),
        action("2024-06-10", symbol="NVDA", new_rate=10, old_rate=1, ex_date="2024-06-10"),
    ],
    "reverse_splits": [  # General Electric one for eight
        action("2021-08-02", symbol="GE", new_rate=1, old_rate=8, ex_date="2021-08-02")
    ],
    "cash_dividends": [  # Apple 0.24 a share: without it from 2023-11-10, paid on 2023-11-16
        action("2023-11-16", symbol="AAPL", rate=0.24, special=False, foreign=False, ex_date="2023-11-10")
    ],
    "spin_offs": [  # one GE HealthCare for three General Electric
        action("2023-01-04", source_symbol="GE", source_rate=3, new_symbol="GEHC", new_rate=1, ex_date="2023-01-04")
    ],
    "name_changes": [action("2022-06-09", old_symbol="FB", new_symbol="META")],
    "cash_mergers": [  # Twitter for 54.20 a share
        action("2022-10-28", acquiree_symbol="TWTR", rate=54.2, effective_date="2022-10-28")
    ],
    "stock_mergers": [  # by hand: one share of B for two of A
        action(
            "2023-05-01",
            acquirer_symbol="BBB",
            acquirer_rate=1,
            acquiree_symbol="AAA",
            acquiree_rate=2,
            effective_date="2023-05-01",
        )
    ],
    "worthless_removals": [action("2023-10-04", symbol="BBBYQ")],
    "unit_splits": [action("2023-03-01", old_symbol="UNITU", new_symbol="UNIT", effective_date="2023-03-01")],
}
EVERYBODY = ("AAPL", "NVDA", "GE", "FB", "TWTR", "AAA", "BBBYQ", "UNITU")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AlpacaServer]:
    with alpaca(Market(actions=ACTIONS)) as running:
        for name, value in {"KEY": KEY, "SECRET": SECRET, "URL": running.url, "TRADING_URL": running.url}.items():
            monkeypatch.setenv(f"ALPHAPULSE_ALPACA_{name}", value)
        yield running


@pytest.fixture
def vendor() -> Alpaca:
    return Alpaca(Calls(Budget(100_000), patience=0.01))


def found(vendor: Alpaca, *symbols: str, start: str = "2015-01-01", end: str = "2024-12-31") -> list[Row]:
    batches = list(vendor.fetch(Fetch("actions", symbols, Window.of(start, end))))
    assert all(batch.raw.num_rows == batch.table.num_rows for batch in batches)
    return pa.concat_tables([batch.table for batch in batches]).to_pylist() if batches else []


def test_each_kind_says_what_happened(server: AlpacaServer, vendor: Alpaca) -> None:
    got = {
        (row["symbol"], row["kind"], row["ex_date"], row["ratio"], row["amount"], row["new_symbol"])
        for row in found(vendor, *EVERYBODY)
        if row["reason"] is None
    }
    assert got == {
        ("AAPL", "split", date(2020, 8, 31), 4.0, None, None),
        ("NVDA", "split", date(2024, 6, 10), 10.0, None, None),
        ("GE", "split", date(2021, 8, 2), 0.125, None, None),
        ("AAPL", "dividend", date(2023, 11, 10), None, 0.24, None),
        ("GE", "spin_off", date(2023, 1, 4), 1 / 3, None, "GEHC"),
        ("FB", "rename", date(2022, 6, 9), None, None, "META"),
        ("TWTR", "delisting", date(2022, 10, 28), None, 54.2, None),
        ("AAA", "delisting", date(2023, 5, 1), 0.5, None, "BBB"),
        ("BBBYQ", "delisting", date(2023, 10, 4), None, 0.0, None),
    }


def test_what_we_have_no_kind_for_is_kept_with_its_reason(server: AlpacaServer, vendor: Alpaca) -> None:
    (row,) = found(vendor, "UNITU")
    assert (row["kind"], row["reason"]) == (None, "unit splits are kept nowhere")


def test_a_dividend_is_found_by_the_day_it_goes_not_the_day_it_is_paid(server: AlpacaServer, vendor: Alpaca) -> None:
    assert len(found(vendor, "AAPL", start="2023-11-10", end="2023-11-10")) == 1
    assert found(vendor, "AAPL", start="2023-11-16", end="2023-11-16") == []


def test_pages_of_actions_follow(server: AlpacaServer, vendor: Alpaca, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alpaca_actions, "_ROWS", 3)
    server.misbehave(TruncatedPage(times=1, after=1))
    got = found(vendor, *EVERYBODY)
    assert len(got) == 10
    assert [row["line"] for row in got] == list(range(1, 11))
    assert len(server.asked) == 5


@pytest.mark.parametrize("how", [BadJson, RepeatedToken])
def test_actions_that_stay_crooked_are_refused(
    how: type, server: AlpacaServer, vendor: Alpaca, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alpaca_actions, "_ROWS", 3)
    server.misbehave(how(after=1))
    with pytest.raises(BadAnswer, match="corporate actions"):
        found(vendor, *EVERYBODY)


def test_assets_become_instruments(server: AlpacaServer, vendor: Alpaca) -> None:
    stock = {"class": "us_equity", "status": "active", "name": "Apple Inc. Common Stock"}
    server.market.assets = [
        {"symbol": "AAPL", "exchange": "NASDAQ", **stock},
        {"symbol": "SPY", "exchange": "ARCA", **stock, "name": "SPDR S&P 500 ETF Trust"},
        {"symbol": "IMO", "exchange": "AMEX", **stock, "name": None},
        {"symbol": "TWTR", "exchange": "NYSE", **stock, "status": "inactive"},
        {"symbol": "ABCDF", "exchange": "OTC", **stock},
        {"symbol": "BTC/USD", "class": "crypto", "exchange": "CRYPTO", "status": "active", "name": "Bitcoin",
         "min_trade_increment": "0.000000001", "price_increment": "0.01"},
        {"symbol": "AAPL240621C00200000", "class": "us_option", "exchange": "", "status": "active"},
    ]  # fmt: skip
    got = {row["symbol"]: row for row in vendor.instruments().to_pylist()}
    assert {symbol: row["venue"] for symbol, row in got.items()} == {
        "AAPL": "XNAS", "ABCDF": None, "BTC/USD": "CRYPTO", "IMO": "XASE", "SPY": "ARCX", "TWTR": "XNYS",
    }  # fmt: skip
    assert got["TWTR"]["status"] == "inactive"
    assert (got["BTC/USD"]["price_precision"], got["BTC/USD"]["size_precision"]) == (2, 9)
    assert (got["AAPL"]["price_precision"], got["AAPL"]["size_precision"]) == (4, 0)
    assert (got["BTC/USD"]["currency"], got["AAPL"]["currency"]) == ("USD", "USD")


def test_a_list_of_assets_that_is_none_is_refused(server: AlpacaServer, vendor: Alpaca) -> None:
    server.misbehave(BadJson())
    with pytest.raises(BadAnswer, match="assets"):
        vendor.instruments()
