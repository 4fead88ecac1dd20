"""A long fetch lets others go first that wait for the same vendor, part by part, and loses nothing by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alpaca_server import KEY, SECRET, AlpacaServer, Market, Row, alpaca
from waiting import until
from worker_world import World

from alphapulse_lib.catalog.reader import bar_table
from alphapulse_lib.ingestion.records import records
from alphapulse_lib.settings import Settings
from hub.api.ingests.schema import Ingest, New
from hub.api.ingests.store import IngestStore

MINUTES = [f"{year}-08-27T13:{minute}:00Z" for year in (2018, 2019, 2020) for minute in range(30, 60)]


def bar(at: str) -> Row:
    return {"t": at, "o": 10, "h": 11, "l": 9, "c": 10, "v": 100, "n": 3, "vw": 10}


def asset(symbol: str) -> Row:
    return {
        "id": "00000000-0000-0000-0000-000000000000", "class": "us_equity", "exchange": "NASDAQ", "symbol": symbol,
        "name": symbol, "status": "active", "tradable": True, "marginable": True, "shortable": True,
        "easy_to_borrow": True, "fractionable": True,
    }  # fmt: skip


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AlpacaServer]:
    market = Market(assets=[asset("LONG"), asset("SHORT")])
    market.bars["LONG", "1Min"] = [bar(each) for each in MINUTES]
    market.bars["SHORT", "1Day"] = [bar("2020-08-27T04:00:00Z")]
    with alpaca(market) as running:
        for name, value in {"KEY": KEY, "SECRET": SECRET, "URL": running.url, "TRADING_URL": running.url}.items():
            monkeypatch.setenv(f"ALPHAPULSE_ALPACA_{name}", value)
        yield running


@pytest.fixture
def world(tmp_path: Path, server: AlpacaServer) -> Iterator[World]:
    world = World(Settings(home=tmp_path))  # its fetches give way as soon as anybody waits
    yield world
    world.end()


def test_a_long_fetch_gives_way(world: World, server: AlpacaServer, tmp_path: Path) -> None:
    store = IngestStore(world.engine, ())
    long = store.add(New(provider="alpaca", symbols=["LONG"], period="1m", start="2018-01-02", end="2020-12-30"), "ada")
    short = store.add(New(provider="alpaca", symbols=["SHORT"], start="2020-08-27", end="2020-08-27"), "bob")

    def ended() -> bool:
        world.worker.look()
        return all(store.get(each.id).state == "finished" for each in (long, short))

    until(ended)
    calls = [asked["symbols"] for path, asked in server.asked if "assets" not in path]
    assert calls == ["LONG", "SHORT", "LONG", "SHORT", "LONG", "LONG"], "by turns, and nothing is asked twice for it"
    told: Ingest = store.get(long.id)
    assert (told.rows, told.parts, told.parts_done) == (90, 4, 4)
    assert len(told.imports) == 3
    catalog = tmp_path / "catalog"
    assert bar_table(catalog, "LONG.XNAS", "1m").num_rows == 90
    assert {each["status"] for each in records(catalog)} == {"finished"}
    assert not list((catalog / "imports").glob("*.unfinished")), "a turn's end leaves nothing to be settled"
