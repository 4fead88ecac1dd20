"""What people ask of a vendor, from the request to the team's catalog: a real API, a real worker, Alpaca's protocol."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alpaca_server import KEY, SECRET, AlpacaServer, Market, Row, alpaca
from api_server import RunningApi
from worker_process import WorkerProcess

import alphapulse_lib as ap
from alphapulse_lib.settings import Settings

DAYS = {"2020-08-27": 500.04, "2020-08-28": 499.23, "2020-08-31": 129.04, "2020-09-01": 134.18}
NAMES = [f"T{chr(65 + at // 26)}{chr(65 + at % 26)}" for at in range(40)]


def bar(at: str, close: float) -> Row:
    return {"t": at, "o": close, "h": close + 1, "l": close - 1, "c": close, "v": 100, "n": 3, "vw": close}


def asset(symbol: str) -> Row:
    return {
        "id": f"00000000-0000-0000-0000-{NAMES.index(symbol):012}", "class": "us_equity", "exchange": "NASDAQ",
        "symbol": symbol, "name": f"{symbol} Inc.", "status": "active", "tradable": True, "marginable": True,
        "shortable": True, "easy_to_borrow": True, "fractionable": True,
    }  # fmt: skip


@pytest.fixture(scope="module")
def alpacas() -> Iterator[AlpacaServer]:
    market = Market(assets=[asset(each) for each in NAMES])
    for place, name in enumerate(NAMES):
        market.bars[name, "1Day"] = [bar(f"{day}T04:00:00Z", close + place) for day, close in DAYS.items()]
    with alpaca(market) as running:
        yield running


class Hub:
    """An API and a worker on one home, and the vendor that the worker asks."""

    def __init__(self, home: Path, server: AlpacaServer) -> None:
        self.server = server
        self.chosen = Settings(
            home=home, alpaca_key=KEY, alpaca_secret=SECRET, alpaca_url=server.url, alpaca_trading_url=server.url
        )
        self.api = RunningApi(self.chosen).start()
        self.worker = WorkerProcess(self.chosen).start()

    def end(self) -> None:
        self.worker.kill()
        self.api.stop()


@pytest.fixture(scope="module")
def running(alpacas: AlpacaServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    hub = Hub(tmp_path_factory.mktemp("fetching") / "home", alpacas)
    yield hub
    hub.end()


@pytest.fixture
def workspace(running: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Hub:
    """This process as the workspace of ada: what `hub.workspace` gives it, and no key."""
    given = {"API_URL": running.api.url, "API_TOKEN": "ada", "PERSONAL_CATALOG": str(tmp_path / "ada" / "catalog")}
    given |= {"HOME": str(running.chosen.home_root), "CATALOG": str(running.chosen.catalog_root)}
    for name, value in given.items():
        monkeypatch.setenv(f"ALPHAPULSE_{name}", value)
    return running


def test_a_workspace_asks_the_hub_and_is_told_as_it_would_be_without_one(workspace: Hub, tmp_path: Path) -> None:
    report = ap.ingest("alpaca", ["TAA", "TAB"], "1d", "2020-08-27", "2020-09-01")
    assert (report.written, report.instruments) == (8, ("TAA.XNAS", "TAB.XNAS"))
    assert ap.bars("TAB", "1d", adjust="none")["close"].tolist() == [each + 1 for each in DAYS.values()]
    assert not (tmp_path / "ada" / "catalog" / "imports").exists(), "it went to the team's catalog"
    [one] = [each for each in ap.ingests("ada").values() if each.imports == (report.id,)]
    assert (one.state, one.rows, one.calls_done) == ("finished", 8, one.calls)
