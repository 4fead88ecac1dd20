"""What people ask of a vendor, from the request to the team's catalog: a real API, a real worker, Alpaca's protocol."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from alpaca_server import KEY, SECRET, AlpacaServer, HoldsBack, Market, Row, alpaca
from api_server import EVERYTHING, RunningApi
from sqlalchemy import update
from typer.testing import CliRunner
from waiting import until
from worker_process import WorkerProcess

import alphapulse_lib as ap
from alphapulse_lib import clock
from alphapulse_lib.catalog.reader import bar_table
from alphapulse_lib.cli import app
from alphapulse_lib.errors import Conflict, KeysMissing, NotAllowed, StoppedWaiting, UnknownSymbol, UnknownTarget
from alphapulse_lib.hub_client import Client
from alphapulse_lib.ingestion.records import records
from alphapulse_lib.model.ingest import Ingest
from alphapulse_lib.providers.alpaca_calls import Calls
from alphapulse_lib.settings import Settings
from hub.api.schedules.schema import SCHEDULES
from hub.vault import Vault

DAYS = {"2020-08-27": 500.04, "2020-08-28": 499.23, "2020-08-31": 129.04, "2020-09-01": 134.18}
USERS = [f"user{each:02}" for each in range(20)]
NAMES = [f"T{chr(65 + at // 26)}{chr(65 + at % 26)}" for at in range(47)]


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


@contextmanager
def held_back(hub: Hub, after: int = 0) -> Iterator[HoldsBack]:
    """The vendor says nothing to a call, the one after so many, for as long as the block lasts."""
    hub.server.misbehave(vendor := HoldsBack(after))
    try:
        yield vendor
    finally:
        vendor.may_go_on.set()
        hub.server.misbehaviours.clear()


class Hub:
    """An API and a worker on one home, and the vendor that the worker asks."""

    def __init__(self, home: Path, server: AlpacaServer, key: str = KEY, secret: str = SECRET) -> None:
        self.server = server
        self.datasets = home.with_name("datasets")
        place = {"alpaca_url": server.url, "alpaca_trading_url": server.url, "datasets": self.datasets}
        self.chosen = Settings(home=home, alpaca_key=key, alpaca_secret=secret, **place)
        self.datasets.mkdir()
        self.api = RunningApi(self.chosen).start()
        for name in USERS:
            self.api.door.scopes[name] = EVERYTHING
        self.worker = WorkerProcess(self.chosen).start()

    def client(self, name: str = "ada") -> Client:
        return Client(self.api.url, name)

    def ended(self, asked: Ingest) -> Ingest:
        with self.client() as client:
            until(lambda: client.ingests.get(asked.id).ended)
            return client.ingests.get(asked.id)

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


def test_twenty_people_at_once_cause_no_call_twice_and_no_refusal(running: Hub) -> None:
    """Each wants fifteen names, one by one, most of which others want: 300 requests, where 200 a minute are let in."""
    names = NAMES[2:36]
    before = len(running.server.asked)

    def ask(place: int) -> list[Ingest]:
        with running.client(USERS[place]) as client:
            wanted = [names[(place + step) % len(names)] for step in range(15)]
            asked = [client.ingests.ask("alpaca", [each], start="2020-08-27", end="2020-09-01") for each in wanted]
            until(lambda: all(client.ingests.get(each.id).ended for each in asked), within=240)
            return [client.ingests.get(each.id) for each in asked]

    with ThreadPoolExecutor(20) as people:
        told = [each for some in people.map(ask, range(20)) for each in some]
    assert {each.state for each in told} == {"finished"}, [each.error for each in told if each.error]
    assert len(told) == 300
    calls = running.server.asked[before:]
    # Alpaca's list was asked for in the first test; what is left is each name's actions and its days, once.
    assert Counter(map(str, calls)).most_common(1)[0][1] == 1, "no call was made twice"
    assert sorted(asked["symbols"] for path, asked in calls if path.endswith("/bars")) == names
    assert len(calls) == 2 * len(names)
    assert running.server.refused_for_pace == 0
    root = running.chosen.catalog_root
    assert sum(each["written"] for each in records(root) if each["instruments"]) == 8 + 4 * len(names)


def test_who_asks_for_the_same_shares_a_fetch_and_may_leave_it(running: Hub) -> None:
    before = len(running.server.asked)
    wanted = {"start": "2020-08-28", "end": "2020-08-31"}
    with running.client("ada") as ada, running.client("bob") as bob, held_back(running) as vendor:
        first = ada.ingests.ask("alpaca", ["TBK", "TBL"], **wanted)
        assert vendor.is_asked.wait(60)
        same, other, alone = (bob.ingests.ask("alpaca", each, **wanted) for each in (["tbl", "TBK"], ["TBM"], ["TBN"]))
        line = [ada.ingests.get(each.id) for each in (first, same, other, alone)]
        assert [each.state for each in line] == ["running", "running", "waiting", "waiting"]
        assert [each.position for each in line] == [0, 0, 1, 2]
        assert [each.shared for each in line] == [2, 2, 1, 1]
        assert (line[0].parts, line[0].parts_done) == (2, 0)
        assert [bob.ingests.cancel(each.id).state for each in (same, alone)] == ["cancelled"] * 2
        assert ada.ingests.get(first.id).shared == 1
        with pytest.raises(Conflict, match="is over: cancelled"):
            bob.ingests.cancel(alone.id)
        with pytest.raises(NotAllowed, match="This is ada's"):
            bob.ingests.cancel(first.id)
        assert [each.id for each in bob.ingests.list(state="waiting")] == [other.id]
        assert {each.id for each in bob.ingests.list(owner="bob", state="cancelled")} == {same.id, alone.id}
    assert [running.ended(each).state for each in (first, other)] == ["finished", "finished"]
    assert not [asked for _, asked in running.server.asked[before:] if "TBN" in asked["symbols"]]


def test_a_fetch_that_nobody_wants_any_more_ends_after_its_part(running: Hub) -> None:
    with running.client() as client, held_back(running) as vendor:
        asked = client.ingests.ask("alpaca", ["TBM"], start="2020-08-27", end="2020-08-27")
        assert vendor.is_asked.wait(60)
        assert client.ingests.cancel(asked.id).state == "cancelled"
        again = client.ingests.ask("alpaca", ["TBM"], start="2020-08-27", end="2020-08-27")
    ended = running.ended(again)
    assert (ended.state, ended.rows) == ("finished", 1), "the same is another fetch, and goes on where that one was"
    with running.client() as client:
        given_up = client.ingests.get(asked.id)
    assert (given_up.state, given_up.parts_done) == ("cancelled", 1)


def test_a_failure_is_told_in_the_words_of_without_a_hub(workspace: Hub) -> None:
    with pytest.raises(UnknownSymbol, match="alpaca lists no 'NOPE'"):
        ap.ingest("alpaca", ["NOPE"], "1d", "2020-08-27", "2020-09-01")
    told = next(each for each in ap.notifications() if each.kind == "ingest-failed")
    assert "alpaca lists no 'NOPE'" in told.text


def test_interrupting_stops_the_waiting_and_not_the_fetch(workspace: Hub) -> None:
    person = threading.get_ident()

    def waits() -> bool:
        """Whether the person who asked has come to wait for the request's end."""
        frame = sys._current_frames().get(person)
        while frame is not None and frame.f_code.co_name != "_end_of":
            frame = frame.f_back
        return frame is not None

    with held_back(workspace) as vendor:

        def interrupt() -> None:
            vendor.is_asked.wait(120)
            until(waits)  # the worker may ask before the hub has answered: only then is anybody waiting
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt).start()
        with pytest.raises(StoppedWaiting, match="the hub goes on") as met:
            ap.ingest("alpaca", ["TBN"], "1d", "2020-08-27", "2020-09-01")
        assert "alphapulse ingest --status" in met.value.hint
        newest = next(iter(ap.ingests("ada")))
        assert newest.value.state == "running"
        assert ap.ingests().frame().iloc[0][["id", "what", "position"]].tolist() == [
            newest.id, "alpaca: TBN 1d from 2020-08-27 to 2020-09-01", 0
        ]  # fmt: skip
    assert newest.wait().written == 4


def test_a_worker_killed_in_a_fetch_loses_and_repeats_nothing(running: Hub) -> None:
    """Actions, a year of both and a year of each are four parts; it is killed while asking for the third."""
    server, names = running.server, ["TBO", "TBP"]
    days = [f"{year}-08-{day}" for year in (2019, 2020) for day in ("27", "28")]
    stamps = [f"{day}T13:{minute}:00Z" for day in days for minute in range(30, 60)]
    for name in names:
        server.market.bars[name, "1Min"] = [bar(each, 100 + at / 100) for at, each in enumerate(stamps)]
    before = len(server.asked)
    with running.client() as client, held_back(running, after=2) as vendor:
        asked = client.ingests.ask("alpaca", names, "1m", start="2019-08-01", end="2020-09-01")
        assert vendor.is_asked.wait(60)
        under_way = client.ingests.get(asked.id)
        assert (under_way.parts, under_way.parts_done, under_way.rows) == (4, 2, 120)
        running.worker.kill()
    running.worker.start()
    ended = running.ended(asked)
    assert (ended.state, ended.rows, len(ended.imports)) == ("finished", 240, 2)
    assert (ended.parts, ended.parts_done) == (4, 4)
    calls = Counter((path, told["start"], told["symbols"]) for path, told in server.asked[before:])
    assert sorted(calls.values()) == [1, 1, 1, 2], "nothing but the part in flight is asked for again"
    for name in names:
        held = bar_table(running.chosen.catalog_root, f"{name}.XNAS", "1m")
        closes = [int(np.datetime64(each[:-1], "ns").astype(int)) + 60 * 10**9 for each in stamps]
        assert held["ts_event"].cast("int64").to_pylist() == closes, "no row lost or doubled"


def test_a_dataset_is_brought_up_to_date_by_cron(workspace: Hub) -> None:
    """The firing of a slot is a request like any other; the slot here is of the minute in which it is made."""
    (workspace.datasets / "few-daily.yaml").write_text(
        "provider: alpaca\nuniverse: [TBQ, TBU]\nperiods: [1d]\nhistory: 2020-08-27\n"
    )
    with pytest.raises(UnknownTarget, match="few-dialy"):
        ap.schedule(cron="* * * * *", dataset="few-dialy")
    # One slot alone: the next is an hour from now, however long this takes.
    slot = clock.now().replace(second=0, microsecond=0)
    made = ap.schedule(cron=f"{slot.minute} * * * *", timezone="America/New_York", dataset="few-daily")
    with workspace.api._app.state.engine.execution_options(writes=True).begin() as connection:
        before = int(slot.timestamp() - 1) * 10**9
        connection.execute(update(SCHEDULES).values(decided_until=before, next_at=before))
    until(lambda: made.last is not None and made.last.ended)
    made.pause()
    last = made.last
    assert last is not None
    assert (last.state, last.kind, last.dataset, last.notebook) == ("finished", "slot", "few-daily", "")
    assert last.detail == "8 rows are new"
    [asked] = [each for each in ap.ingests("ada").values() if each.firing == last.id]
    assert (asked.dataset, asked.provider, asked.state) == ("few-daily", "alpaca", "finished")
    assert ap.bars("TBQ", "1d", adjust="none")["close"].tolist() == [each + 42 for each in DAYS.values()]
    frame = ap.schedules("ada").frame()
    assert frame.loc[frame.id == made.id, ["dataset", "state"]].to_numpy().tolist() == [["few-daily", "finished"]]
    fired = made.fire()
    until(lambda: made.last is not None and made.last.id == fired.id and made.last.ended)
    assert made.last is not None
    assert (made.last.kind, made.last.detail) == ("asked", "0 rows are new")
    with held_back(workspace):
        (workspace.datasets / "few-daily.yaml").write_text(
            "provider: alpaca\nuniverse: [TBQ, TBU, TBR]\nperiods: [1d]\nhistory: 2020-08-27\n"
        )
        held = made.fire()
        until(lambda: made.last is not None and made.last.state == "running")
        assert made.cancel(held.id[:8]).state == "cancelled"
    assert [each.state for each in ap.ingests("ada").values() if each.firing == held.id] == ["cancelled"]
    made.delete()


def test_own_files_and_a_dry_run_ask_nobody(workspace: Hub, tmp_path: Path) -> None:
    requests = len(list(ap.ingests().values()))
    plan = ap.ingest("alpaca", ["TAA", "TBT"], "1d", "2020-08-27", "2020-09-01", dry_run=True)
    asked = plan.instruments.to_pydict()
    assert set(asked["instrument_id"]) == {"TBT.XNYS"}, "of the other one the team's catalog lacks nothing"
    (tmp_path / "own.csv").write_text("date,open,high,low,close,volume\n2020-08-27,1,2,1,2,5\n")
    mine = ap.ingest("files", tmp_path / "own.csv", symbol="TAA", venue="XNAS", period="1d")
    assert mine.written == 1
    assert (tmp_path / "ada" / "catalog" / "imports" / f"{mine.id}.json").exists()
    assert ap.bars("TAA", "1d", adjust="none")["close"].tolist() == [2.0], "one's own overlays the team's"
    assert len(list(ap.ingests().values())) == requests
    assert not [told for _, told in workspace.server.asked if "TBT" in told.get("symbols", "")]


def test_the_command_shows_the_line_and_takes_back(workspace: Hub) -> None:
    with held_back(workspace) as vendor, workspace.client("bob") as bob, workspace.client() as ada:
        bob.ingests.ask("alpaca", ["TBR"], start="2020-08-27", end="2020-09-01")
        assert vendor.is_asked.wait(60)
        mine = ada.ingests.ask("alpaca", ["TBS"], start="2020-08-27")
        done = CliRunner().invoke(app, ["ingest", "--status", "--json"])
        first, second, *_ = sorted(json.loads(done.stdout), key=lambda each: each["position"] is None)
        assert (second["owner"], second["state"], second["position"]) == ("bob", "running", 0)
        assert (first["id"], first["state"], first["position"]) == (mine.id, "waiting", 1)
        table = CliRunner().invoke(app, ["ingest", "--status"]).stdout.splitlines()
        assert "bob" in table[1]
        assert "alpaca: TBR 1d from 2020-08-27" in table[1]
        done = CliRunner().invoke(app, ["ingest", "--cancel", mine.id[:10]])
        assert (done.exit_code, f"Request {mine.id} is cancelled" in done.stdout) == (0, True)


def test_without_keys_the_one_who_asked_is_told_as_without_a_hub(tmp_path: Path, alpacas: AlpacaServer) -> None:
    keyless = Hub(tmp_path / "home", alpacas, key="", secret="")
    try:
        with keyless.client() as client:
            asked = client.ingests.ask("alpaca", ["TAA"], start="2020-08-27")
            ended = keyless.ended(asked)
        assert ended.error is not None
        assert ended.error.kind == "KeysMissing"
        with pytest.raises(KeysMissing) as alone:
            Calls().get("stocks", "/bars", {})
        assert (ended.error.message, ended.error.hint) == (
            alone.value.message.replace("stocks", "trading"), alone.value.hint,
        )  # fmt: skip
        _takes_sealed_keys(keyless)
    finally:
        keyless.end()


def _takes_sealed_keys(hub: Hub) -> None:
    """The same worker, which nobody starts anew; its keys are in its memory and in no file that others read."""
    Vault.of(hub.chosen).put("alpaca", (KEY, SECRET))
    until(lambda: "Took the keys of vendors" in hub.worker.said)
    with hub.client() as client:
        ended = hub.ended(client.ingests.ask("alpaca", ["TAA"], start="2020-08-27", end="2020-09-01"))
    assert (ended.state, ended.rows) == ("finished", 4)
    assert SECRET not in Path(f"/proc/{hub.worker.pid}/environ").read_text()
    left = [file for file in hub.chosen.home_root.rglob("*") if file.is_file()]
    assert [str(file) for file in left if SECRET.encode() in file.read_bytes()] == []
