"""What every vendor must keep to. A new vendor adds a class that serves the sessions below; the tests are inherited.

The sessions are New York's, written by hand from the exchange's published hours: the clocks change between the first
two, the third and the fourth end early, at 13:00.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest
from alpaca_server import KEY, SECRET, AlpacaServer, Market, Row, alpaca

from alphapulse_lib import clock
from alphapulse_lib.errors import InputError, ProviderError
from alphapulse_lib.ingestion.closes import close_times
from alphapulse_lib.model.instrument import venue
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window
from alphapulse_lib.providers.contract import KINDS, Fetch, Vendor
from alphapulse_lib.providers.registry import vendor as vendor_of
from alphapulse_lib.providers.registry import vendors

#: Session, the open of its first minute, the open of its last minute, its close; times of UTC.
SESSIONS = [
    ("2024-03-08", "2024-03-08T14:30", "2024-03-08T20:59", "2024-03-08T21:00"),
    ("2024-03-11", "2024-03-11T13:30", "2024-03-11T19:59", "2024-03-11T20:00"),
    ("2024-07-03", "2024-07-03T13:30", "2024-07-03T16:59", "2024-07-03T17:00"),
    ("2024-11-29", "2024-11-29T14:30", "2024-11-29T17:59", "2024-11-29T18:00"),
    ("2024-12-02", "2024-12-02T14:30", "2024-12-02T20:59", "2024-12-02T21:00"),
]
#: The closes of the bars that opened with those minutes.
MINUTES = [
    "2024-03-08T14:31", "2024-03-08T21:00", "2024-03-11T13:31", "2024-03-11T20:00", "2024-07-03T13:31",
    "2024-07-03T17:00", "2024-11-29T14:31", "2024-11-29T18:00", "2024-12-02T14:31", "2024-12-02T21:00",
]  # fmt: skip
WINDOW = Window.of("2024-03-08", "2024-12-02")
COLUMNS = {
    "bars": {
        "name": pa.string(), "wall": pa.int64(), "bare": pa.bool_(), "open": pa.float64(), "high": pa.float64(),
        "low": pa.float64(), "close": pa.float64(), "volume": pa.float64(), "adj_close": pa.float64(),
        "instant": pa.int64(),
    },
    "trades": {
        "instant": pa.int64(), "price": pa.float64(), "size": pa.float64(), "trade_id": pa.string(),
        "conditions": pa.string(), "exchange": pa.string(),
    },
    "quotes": {
        "instant": pa.int64(), "bid": pa.float64(), "ask": pa.float64(), "bid_size": pa.float64(),
        "ask_size": pa.float64(),
    },
    "actions": {
        "kind": pa.string(), "ex_date": pa.date32(), "ratio": pa.float64(), "amount": pa.float64(),
        "new_symbol": pa.string(), "part": pa.string(),
    },
}  # fmt: skip
EVERY = {
    "symbol": pa.string(),
    "venue": pa.string(),
    "line": pa.int64(),
    "reason": pa.string(),
    "available_at": pa.int64(),
}
LISTED = {
    "symbol": pa.string(), "venue": pa.string(), "name": pa.string(), "asset_class": pa.string(),
    "currency": pa.string(), "status": pa.string(), "price_precision": pa.int64(), "size_precision": pa.int64(),
    "start": pa.date32(), "end": pa.date32(),
}  # fmt: skip


def ns(moment: str) -> int:
    return int(np.datetime64(moment, "ns").astype(np.int64))


class VendorContract:
    """Inherit, name the vendor, serve for ``AAPL`` the minutes and days of `SESSIONS`, and one of each other kind."""

    name: ClassVar[str]

    @pytest.fixture
    def vendor(self) -> Vendor:
        """The vendor, made as the registry makes it, asking a double that serves what is told above."""
        raise NotImplementedError

    def calls(self) -> int:
        """How often the double was asked."""
        raise NotImplementedError

    @pytest.fixture
    def away(self, vendor: Vendor) -> None:
        """From now on nothing answers where the vendor asks."""
        raise NotImplementedError

    def fetch(self, kind: str, period: str | None = None, window: Window = WINDOW) -> Fetch:
        return Fetch(kind, ("AAPL",), window, period)  # type: ignore[arg-type]

    def all_of(self, vendor: Vendor) -> Iterator[Fetch]:
        for kind in sorted(vendor.kinds):
            for period in sorted(vendor.periods & {"1m", "1d"}) if kind == "bars" else [None]:
                yield self.fetch(kind, period)

    def test_it_is_found_by_its_name(self, vendor: Vendor) -> None:
        assert vendor.name == self.name
        assert self.name in vendors()
        assert type(vendor_of(self.name)) is type(vendor)
        assert vendor.kinds
        assert vendor.kinds <= set(KINDS)
        assert all(str(Period.parse(each)) == each for each in vendor.periods)

    def test_rows_have_the_canonical_columns_and_their_text(self, vendor: Vendor) -> None:
        for fetch in self.all_of(vendor):
            batches = list(vendor.fetch(fetch))
            assert batches, fetch
            for batch in batches:
                assert {each.name: each.type for each in batch.table.schema} == EVERY | COLUMNS[fetch.kind]
                assert batch.raw.num_rows == batch.table.num_rows
                assert all(batch.raw["row"].to_pylist())
                usable = batch.table.filter(pa.compute.is_null(batch.table["reason"]))
                assert usable["symbol"].null_count == 0

    def test_a_minutes_instant_is_its_close(self, vendor: Vendor) -> None:
        got = pa.concat_tables([batch.table for batch in vendor.fetch(self.fetch("bars", "1m"))])
        assert got["instant"].to_pylist() == [ns(each) for each in MINUTES]
        assert set(got["bare"].to_pylist()) == {False}
        assert got["adj_close"].null_count == got.num_rows

    def test_a_day_closes_with_its_session(self, vendor: Vendor) -> None:
        got = pa.concat_tables([batch.table for batch in vendor.fetch(self.fetch("bars", "1d"))])
        times = (got[name].to_numpy() for name in ("wall", "instant", "bare"))
        closes, reasons = close_times(*times, venue=venue("XNAS"), period=Period.parse("1d"), stamps="session")
        assert closes.tolist() == [ns(close) for *_, close in SESSIONS]
        assert not any(reasons)

    def test_both_bounds_of_a_window_are_in_it(self, vendor: Vendor) -> None:
        for first, last in ((MINUTES[2], MINUTES[2]), (MINUTES[1], MINUTES[4])):
            window = Window(ns(first), ns(last))
            got = pa.concat_tables([batch.table for batch in vendor.fetch(self.fetch("bars", "1m", window))])
            assert got["instant"].to_pylist() == [ns(each) for each in MINUTES if first <= each <= last]

    def test_nothing_there_is_nothing_and_no_error(self, vendor: Vendor) -> None:
        window = Window.of("2024-03-09", "2024-03-10")  # a weekend
        assert sum(each.table.num_rows for each in vendor.fetch(self.fetch("bars", "1m", window))) == 0

    def test_asking_twice_gives_the_same(self, vendor: Vendor) -> None:
        for fetch in self.all_of(vendor):
            first, second = (pa.concat_tables([each.table for each in vendor.fetch(fetch)]) for _ in range(2))
            assert first.equals(second)

    def test_an_estimate_asks_nobody_and_lies_above(self, vendor: Vendor) -> None:
        for fetch in self.all_of(vendor):
            before = self.calls()
            guess = vendor.estimate(fetch)
            assert self.calls() == before
            rows = sum(each.table.num_rows for each in vendor.fetch(fetch))
            assert guess.rows >= rows
            assert guess.calls >= self.calls() - before
            assert guess.bytes > 0

    def test_what_it_does_not_serve_is_refused(self, vendor: Vendor) -> None:
        for fetch in (self.fetch("bars", "7s"), self.fetch("bars"), self.fetch("articles")):
            with pytest.raises(InputError) as refused:
                list(vendor.fetch(fetch))
            assert refused.value.hint

    def test_what_is_final_grows_with_the_clock_and_lies_behind_it(self, vendor: Vendor) -> None:
        for fetch in self.all_of(vendor):
            for now in (datetime(2024, 3, 11, 12, tzinfo=UTC), datetime(2024, 7, 3, 20, tzinfo=UTC)):
                with clock.at(now):
                    final = vendor.final_until(fetch.kind, fetch.period)
                    assert final <= clock.now_ns()
                with clock.at(now + timedelta(days=1)):
                    assert vendor.final_until(fetch.kind, fetch.period) > final

    def test_nothing_later_than_what_is_final_is_handed_over(self, vendor: Vendor) -> None:
        with clock.at(datetime(2024, 3, 11, 20, 30, tzinfo=UTC)):
            final = vendor.final_until("bars", "1m")
            got = pa.concat_tables([batch.table for batch in vendor.fetch(self.fetch("bars", "1m"))])
        assert max(got["instant"].to_pylist()) <= final

    def test_its_list_has_the_canonical_columns(self, vendor: Vendor) -> None:
        got = vendor.instruments()
        assert {each.name: each.type for each in got.schema} == LISTED
        row = next(row for row in got.to_pylist() if row["symbol"] == "AAPL")
        assert (row["venue"], row["asset_class"], row["currency"]) == ("XNAS", "equity", "USD")

    def test_a_vendor_that_is_away_is_told_in_our_own_words(self, vendor: Vendor, away: None) -> None:
        for ask in (lambda: list(vendor.fetch(self.fetch("bars", "1m"))), vendor.instruments):
            with pytest.raises(ProviderError) as refused:
                ask()
            assert refused.value.message
            assert refused.value.hint


class TestAlpaca(VendorContract):
    name = "alpaca"

    @pytest.fixture(autouse=True)
    def server(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        def bar(at: str) -> Row:
            return {"t": at, "o": 10.0, "h": 12.0, "l": 9.5, "c": 11.25, "v": 1234, "n": 3, "vw": 10.5}

        midnights = ("2024-03-08T05", "2024-03-11T04", "2024-07-03T04", "2024-11-29T05", "2024-12-02T05")
        market = Market(
            bars={
                ("AAPL", "1Min"): [bar(f"{at}:00Z") for _, first, last, _ in SESSIONS for at in (first, last)],
                ("AAPL", "1Day"): [bar(f"{each}:00:00Z") for each in midnights],
            },
            trades={"AAPL": [{"t": "2024-03-08T14:30:00.1Z", "x": "V", "p": 10.0, "s": 100, "c": ["@"], "i": 1}]},
            quotes={"AAPL": [{"t": "2024-03-08T14:30:00.2Z", "ap": 10.1, "as": 1, "bp": 10.0, "bs": 2, "c": ["R"]}]},
            actions={
                "cash_dividends": [
                    {"id": "1", "symbol": "AAPL", "rate": 0.25, "ex_date": "2024-05-10", "process_date": "2024-05-16"}
                ]
            },
            assets=[
                {"symbol": "AAPL", "class": "us_equity", "exchange": "NASDAQ", "status": "active", "name": "Apple"}
            ],
        )
        with alpaca(market) as server:
            self._server: AlpacaServer = server
            for name, value in {"KEY": KEY, "SECRET": SECRET, "URL": server.url, "TRADING_URL": server.url}.items():
                monkeypatch.setenv(f"ALPHAPULSE_ALPACA_{name}", value)
            yield

    @pytest.fixture
    def vendor(self) -> Vendor:
        return vendor_of(self.name)

    def calls(self) -> int:
        return len(self._server.asked)

    @pytest.fixture
    def away(self, vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
        from alphapulse_lib.providers.alpaca_calls import Calls

        monkeypatch.setattr(Calls, "wait", lambda *_: None)
        for name in ("URL", "TRADING_URL"):
            monkeypatch.setenv(f"ALPHAPULSE_ALPACA_{name}", "http://127.0.0.1:9")
