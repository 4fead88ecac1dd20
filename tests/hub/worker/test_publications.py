"""A series of one's own from a workspace into the team's catalog: a real API, and a real worker that may be killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_server import EVERYTHING, RunningApi
from sqlalchemy import select
from typer.testing import CliRunner
from waiting import until
from worker_process import WorkerProcess

import alphapulse_lib as ap
from alphapulse_lib.catalog import storage
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.integrity import check
from alphapulse_lib.catalog.reader import bar_floats
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.cli import app
from alphapulse_lib.errors import CatalogDamaged, InputError, NotAllowed
from alphapulse_lib.hub_client import Client
from alphapulse_lib.ingestion import excerpt, importer
from alphapulse_lib.ingestion.records import find, records
from alphapulse_lib.model.ingest import Ingest
from alphapulse_lib.model.period import Period
from alphapulse_lib.settings import Settings
from hub.api.database import opened
from hub.api.ingests.schema import INGESTS

HEADER = "Date,Open,High,Low,Close,Volume,available_at\n"
FIRST = "2013-05-01,10,11,9,10.5,100,2013-05-01\n2013-05-02,10.5,12,10,11,200,2013-05-02\n"
#: What was said of the first of May two weeks later.
CORRECTED = "2013-05-01,10,11,9,10.75,100,2013-05-14\n"


class Hub:
    """An API and a worker on one home, and ada's workspace."""

    def __init__(self, home: Path) -> None:
        self.chosen = Settings(home=home)
        self.api = RunningApi(self.chosen).start()
        self.worker = WorkerProcess(self.chosen).start()
        self.team, self.own = Path(self.chosen.catalog_root), home / "users" / "ada" / "catalog"

    @property
    def uploads(self) -> list[Path]:
        return list(self.chosen.home_root.glob("api/uploads/*/*"))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    hub = Hub(tmp_path_factory.mktemp("publications") / "home")
    yield hub
    hub.worker.kill()
    hub.api.stop()


@pytest.fixture
def workspace(running: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """This process as the workspace of ada: what `hub.workspace` gives it."""
    given = {"API_URL": running.api.url, "API_TOKEN": "ada", "PERSONAL_CATALOG": str(running.own)}
    given |= {"HOME": str(running.chosen.home_root), "CATALOG": str(running.team)}
    for name, value in given.items():
        monkeypatch.setenv(f"ALPHAPULSE_{name}", value)
    running.api.door.scopes["ada"] = EVERYTHING
    return running


def imported(folder: Path, symbol: str, **options: object) -> list[str]:
    ids = []
    for number, text in enumerate((FIRST, CORRECTED)):
        (folder / f"{number}.csv").write_text(HEADER + text)
        ids.append(ap.ingest("files", folder / f"{number}.csv", symbol=symbol, venue="XNAS", **options).id)  # type: ignore[arg-type]
    (folder / "splits.csv").write_text("ex_date,kind,ratio\n2013-05-02,split,2\n")
    ap.ingest("files", folder / "splits.csv", kind="actions", symbol=symbol, venue="XNAS")
    return ids


def closes(root: Path, instrument: str, **options: object) -> list[float]:
    return bar_floats(root, instrument, "1d", **options)["close"].to_pylist()  # type: ignore[arg-type]


def sent(hub: Hub, symbol: str) -> tuple[Client, str]:
    """The files of a series at the hub, as ap.publish sends them."""
    client, upload = Client(hub.api.url, "ada"), os.urandom(16).hex()
    beside = hub.own.with_name(f"excerpt-{upload}")
    beside.mkdir()
    for name, file in excerpt.files(hub.own, beside, [Index(hub.own).resolve(symbol)], Period.parse("1d")):
        client.publications.upload(upload, name, storage.read(file))
    return client, upload


def ended(client: Client, asked: Ingest) -> Ingest:
    until(lambda: client.ingests.get(asked.id).ended)
    return client.ingests.get(asked.id)


def test_a_workspace_publishes_and_is_told_as_without_a_hub(workspace: Hub, tmp_path: Path) -> None:
    mine = imported(tmp_path, "ACME")
    report = ap.publish("ACME")
    assert (report.kind, report.written, report.restated, report.actions) == ("publication", 2, 1, 1)
    assert closes(workspace.team, "ACME.XNAS") == [10.75, 11]
    assert closes(workspace.team, "ACME.XNAS", as_of=1_367_700_000 * 10**9) == [10.5, 11], "the fourth of May"
    record = find(workspace.team, report.id)
    assert record["published"] | {"at": ""} == {"by": "ada", "at": "", "period": "1d", "imports": sorted(mine)}
    [one] = [each for each in ap.ingests("ada").values() if each.imports == (report.id,)]
    assert (one.what, one.state, one.rows) == ("publication of ACME.XNAS 1d", "finished", 2)
    status = CliRunner().invoke(app, ["ingest", "--status"])
    assert "publication of ACME.XNAS 1d" in status.output
    until(lambda: not workspace.uploads)
    assert check(Roots(workspace.team)) == []
    again = ap.publish("ACME")
    assert (again.written, again.restated, again.actions) == (0, 0, 0)


def test_who_may_not_is_told_so_and_nothing_is_sent(workspace: Hub, tmp_path: Path) -> None:
    imported(tmp_path, "NOTME")
    workspace.api.door.scopes["ada"] = tuple(each for each in EVERYTHING if each != "custom:catalog:publish")
    with pytest.raises(NotAllowed, match="ada may not publish into the team's catalog") as refused:
        ap.publish("NOTME")
    assert "ALPHAPULSE_PUBLISHERS" in refused.value.hint
    assert not workspace.uploads


def test_a_worker_that_dies_leaves_it_to_the_next_one(workspace: Hub, tmp_path: Path) -> None:
    imported(tmp_path, "KILL")
    os.kill(workspace.worker._process.pid, signal.SIGSTOP)
    client, upload = sent(workspace, "KILL")
    with client:
        asked = client.publications.ask(upload, ["KILL.XNAS"])
        os.kill(workspace.worker._process.pid, signal.SIGCONT)
        until(lambda: client.ingests.get(asked.id).state != "waiting")
        workspace.worker.kill()
        workspace.worker.start()
        done = ended(client, asked)
        assert (done.state, done.error) == ("finished", None)
        reports = [find(workspace.team, each) for each in done.imports]
        assert sum(each["written"] for each in reports) == done.rows == 2
        assert closes(workspace.team, "KILL.XNAS") == [10.75, 11]
    until(lambda: not workspace.uploads)
    assert check(Roots(workspace.team)) == [], "what the dead one left is settled"


def test_whoever_may_publish_takes_a_publication_back(workspace: Hub, tmp_path: Path) -> None:
    imported(tmp_path, "BACK")
    report = ap.publish("BACK")
    assert closes(workspace.team, "BACK.XNAS") == [10.75, 11]
    may_not = tuple(each for each in EVERYTHING if each != "custom:catalog:publish")
    workspace.api.door.scopes["ada"] = may_not
    with pytest.raises(NotAllowed, match="ada may not publish"):
        ap.revert(report.id)
    workspace.api.door.scopes["ada"] = EVERYTHING
    taken = ap.revert(report.id)
    assert (taken.id, taken.bars, taken.actions, taken.instruments) == (report.id, 3, 1, ("BACK.XNAS",))
    assert closes(workspace.team, "BACK.XNAS") == []
    record = find(workspace.team, report.id)
    assert (record["status"], record["reverted_by"]) == ("reverted", "ada")
    [one, *_] = ap.ingests("ada").values()
    assert (one.what, one.state) == (f"reversal of {report.id}", "finished")
    with pytest.raises(InputError, match="taken back already"):
        ap.revert(report.id)


def test_a_reversal_that_was_done_before_the_worker_died_is_told_as_done(workspace: Hub, tmp_path: Path) -> None:
    imported(tmp_path, "TWICE")
    report = ap.publish("TWICE")
    workspace.worker.kill()
    with Client(workspace.api.url, "ada") as client:
        asked = client.publications.revert(report.id)
        engine = opened(workspace.chosen)
        with engine.connect() as connection:
            fetch = connection.execute(select(INGESTS.c.fetch).where(INGESTS.c.id == asked.id)).scalar_one()
        engine.dispose()
        importer.revert(Roots(workspace.team), report.id, {"reverted_by": "ada", "reverted_for": fetch})
        workspace.worker.start()
        assert (ended(client, asked).state, ended(client, asked).error) == ("finished", None)


def test_only_publications_are_taken_back_through_the_hub(workspace: Hub, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as alone:
        for name in ("PERSONAL_CATALOG", "API_URL"):
            alone.delenv(f"ALPHAPULSE_{name}")
        [first, _] = imported(tmp_path, "TEAMS")
    with Client(workspace.api.url, "ada") as client:
        done = ended(client, client.publications.revert(first))
        assert done.error is not None
        assert "is no publication" in done.error.message
        unknown = ended(client, client.publications.revert("nothing"))
        assert unknown.error is not None
        assert unknown.error.kind == "UnknownImport"
    assert closes(workspace.team, "TEAMS.XNAS") == [10.75, 11]


def test_adjusted_prices_stay_marked_and_others_are_not_mixed_in(workspace: Hub, tmp_path: Path) -> None:
    imported(tmp_path, "ADJ", adjusted=True)
    report = ap.publish("ADJ")
    assert find(workspace.team, report.id)["series"][0]["adjusted"] == "declared adjusted"
    client, upload = sent(workspace, "ADJ")
    with client:
        asked = ended(client, client.publications.ask(upload, ["ADJ.XNAS"]))
    assert asked.error is not None and "declared as traded" in asked.error.message
    until(lambda: not workspace.uploads)


def test_damaged_files_are_refused_by_the_same_check(workspace: Hub, tmp_path: Path) -> None:
    imported(tmp_path, "TORN")
    for path in workspace.own.glob("data/bars/TORN*/*.parquet"):
        torn = bytearray(path.read_bytes())
        torn[4:40] = bytes(36)  # its end is whole: the API takes it for Parquet
        path.write_bytes(torn)
    with pytest.raises(CatalogDamaged):
        ap.publish("TORN")
    assert not [each for each in records(workspace.team) if "TORN.XNAS" in each["instruments"]]
    until(lambda: not workspace.uploads)


def test_what_is_cancelled_while_it_waits_is_removed(workspace: Hub, tmp_path: Path) -> None:
    imported(tmp_path, "WAIT")
    os.kill(workspace.worker._process.pid, signal.SIGSTOP)
    try:
        client, upload = sent(workspace, "WAIT")
        with client:
            client.ingests.cancel(client.publications.ask(upload, ["WAIT.XNAS"]).id)
            assert not workspace.uploads
    finally:
        os.kill(workspace.worker._process.pid, signal.SIGCONT)
    assert closes(workspace.team, "WAIT.XNAS") == []


def test_a_series_that_is_not_held_is_refused_before_anything_is_sent(workspace: Hub, tmp_path: Path) -> None:
    imported(tmp_path, "DAILY")
    with pytest.raises(InputError, match="holds no 1m bars of DAILY"):
        ap.publish("DAILY", "1m")
    assert not workspace.uploads
