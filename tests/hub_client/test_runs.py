"""The team's ledger through the client."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from edited_sources import SMA_CROSS
from misbehaving_api import DroppingApi, misbehaving
from small_runs import kept

from alphapulse_lib.errors import Conflict, HubUnreachable, InputError, NotAllowed, UnknownTarget
from alphapulse_lib.hub_client import Client
from alphapulse_lib.model.run import StrategySource
from alphapulse_lib.results.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def test_a_run_goes_up_once_and_comes_down_whole(ada: Client, bob: Client, ledger: Ledger, tmp_path: Path):
    record = kept(ledger)
    there = ada.runs.append(record)
    assert there.record == record
    assert there.files == ()
    assert ada.runs.append(record).record == record
    for name in record.artefacts.values():
        ada.runs.upload(record.id, name, ledger.folder(record.id) / name)
        ada.runs.upload(record.id, name, ledger.folder(record.id) / name)
    found = bob.runs.get(record.id[:10])
    assert set(found.files) == set(record.artefacts.values())
    assert math.isclose(found.family.sharpes[record.spec_id] or 0, record.statistics["sharpe_per_period"])
    bob.runs.download(record.id, "equity.parquet", tmp_path / "equity.parquet")
    own = ledger.folder(record.id) / "equity.parquet"
    assert (tmp_path / "equity.parquet").read_bytes() == own.read_bytes()
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_a_run_is_handed_in_without_its_family_s_trials(ada: Client, bob: Client, ledger: Ledger):
    record = kept(ledger, name="m:Brief")
    assert ada.runs.held(record.id) is None
    assert ada.runs.hand_in(record) == ()
    ada.runs.upload(record.id, "log.txt", ledger.folder(record.id) / "log.txt")
    assert ada.runs.hand_in(record) == ("log.txt",)
    assert bob.runs.held(record.id) == ("log.txt",)
    short = {"Prefer": "return=minimal"}
    path = f"/v1/runs/{record.id}"
    assert ada._transport.send("GET", path, headers=short).json() == {"id": record.id, "files": ["log.txt"]}
    assert ada._transport.send("GET", path, headers={"Prefer": "wait=5"}).json()["family"]["name"] == "Brief"


def test_a_record_comes_without_its_family_s_trials(ada: Client, bob: Client, ledger: Ledger):
    records = [kept(ledger, name="m:Alone", parameters={"fast": number}) for number in range(2)]
    for each in records:
        ada.runs.hand_in(each)
    assert bob.runs.record(records[0].id[:10]) == records[0]
    told = ada._transport.send("GET", f"/v1/runs/{records[0].id}", headers={"Prefer": "trials=none"}).json()
    assert (told["family"]["name"], told["family"]["trials"]) == ("Alone", [])
    assert ada.runs.get(records[0].id).family.trials == 2
    with pytest.raises(UnknownTarget):
        bob.runs.record("f" * 32)


def test_runs_are_listed_and_narrowed(ada: Client, bob: Client, ledger: Ledger):
    mine = ada.runs.append(kept(ledger, name="m:Listed"))
    theirs = bob.runs.append(kept(ledger, "failed", name="m:Listed", user="bob", error="no"))
    assert [each.id for each in ada.runs.list(strategy="Listed")] == [theirs.record.id, mine.record.id]
    assert [each.id for each in ada.runs.list(strategy="Listed", status="failed")] == [theirs.record.id]
    assert [each.id for each in ada.runs.list(strategy="Listed", user="ada", symbol="GOOG")] == [mine.record.id]
    assert [each.id for each in ada.runs.list(family=mine.family.name, limit=1)] == [theirs.record.id]
    first = ada.runs.page(limit=1, strategy="Listed")
    assert first.items[0].id == theirs.record.id
    assert ada.runs.page(limit=1, strategy="Listed", cursor=first.next or "").items[0].id == mine.record.id


def test_families_are_told_in_the_order_asked_for(ada: Client, bob: Client, ledger: Ledger):
    first = ada.runs.append(kept(ledger, name="m:Family", parameters={"fast": 1})).family
    bob.runs.append(kept(ledger, name="m:Family", user="bob", parameters={"fast": 2}))
    asked = [*(StrategySource(f"m:Nobody{number}", "") for number in range(250)), StrategySource("other:Family", "")]
    found = ada.runs.families(asked)
    assert [each.name for each in found] == [*(f"Nobody{number}" for number in range(250)), first.name]
    assert (len(found[0].sharpes), len(found[-1].sharpes)) == (0, 2)
    assert ada.runs.families([]) == ()


def test_a_familys_trials_are_sent_once_however_many_edits_are_asked_about(ada: Client, ledger: Ledger):
    edits = [StrategySource("m:Edited", "ab" * 32, f"{SMA_CROSS}X = [{number}]\n" * 2) for number in range(3)]
    for number, each in enumerate(edits):
        ada.runs.append(kept(ledger, strategy=each, parameters={"fast": number}))
    found = ada.runs.families(edits)
    assert [each.trials for each in found] == [3, 3, 3]
    assert len({each.name for each in found}) == 1 and len({each.similar_to for each in found}) > 1
    asked = {"strategies": [{"name": each.name, "text": each.text} for each in edits]}
    whole = ada._transport.post_plainly("/v1/families", asked).json()
    assert [len(each["trials"]) for each in whole] == [3, 3, 3], "who does not ask for the short answer has it in full"


def test_a_list_tells_how_each_run_is_counted_page_by_page(ada: Client, bob: Client, ledger: Ledger):
    first = ada.runs.append(kept(ledger, name="m:Counted", parameters={"fast": 1}))
    assert [each.trials for _, each in ada.runs.counted(5, strategy="Counted")] == [1]
    records = [kept(ledger, name="m:Counted", user="bob", parameters={"fast": 2 + number}) for number in range(201)]
    for each in records:
        bob.runs.hand_in(each)
    found = ada.runs.counted(250, strategy="Counted")
    assert [each.id for each, _ in found] == [*(each.id for each in reversed(records)), first.record.id]
    assert {(each.family, each.trials) for _, each in found} == {(first.family.name, 202)}
    luck = ada.runs.get(first.record.id).family.deflate(first.record.statistics, first.record.spec)
    assert found[-1][1].deflated_sharpe == pytest.approx(luck["deflated_sharpe"], abs=1e-12)
    assert [each.id for each, _ in ada.runs.counted(1, strategy="Counted")] == [records[-1].id]


def test_runs_of_one_spec_are_found(ada: Client, ledger: Ledger):
    one, two = (kept(ledger, name="m:Spec") for _ in range(2))
    for each in (one, two, kept(ledger, name="m:Spec", cash=5_000.0)):
        ada.runs.append(each)
    assert [each.id for each in ada.runs.list(spec=one.spec_id)] == [two.id, one.id]


def test_what_the_ledger_refuses(ada: Client, bob: Client, ledger: Ledger, tmp_path: Path):
    record = kept(ledger)
    with pytest.raises(NotAllowed, match="'ada' ran it"):
        bob.runs.append(record)
    ada.runs.append(record)
    own = ledger.folder(record.id) / "log.txt"
    ada.runs.upload(record.id, "log.txt", own)
    own.write_text("another log")
    with pytest.raises(Conflict, match=r"another log\.txt"):
        ada.runs.upload(record.id, "log.txt", own)
    with pytest.raises(NotAllowed):
        bob.runs.upload(record.id, "log.txt", own)
    with pytest.raises(UnknownTarget, match=r"names no file 'virus\.py'"):
        ada.runs.upload(record.id, "virus.py", own)
    with pytest.raises(UnknownTarget, match=r"no file 'equity\.parquet' here"):
        ada.runs.download(record.id, "equity.parquet", tmp_path / "equity.parquet")
    assert not (tmp_path / "equity.parquet").exists()
    with pytest.raises(InputError, match="cannot be read"):
        ada.runs.upload(record.id, "log.txt", tmp_path / "nowhere.txt")
    with pytest.raises(InputError, match="cannot be written"):
        ada.runs.download(record.id, "log.txt", tmp_path / "no" / "such" / "folder.txt")
    with pytest.raises(UnknownTarget, match="no run 'ffff'"):
        ada.runs.get("ffff")


def test_a_download_that_breaks_leaves_nothing(tmp_path: Path):
    with (
        misbehaving(DroppingApi(times=99, whole="x" * 5000)) as server,
        Client(server.url, "ada") as client,
        pytest.raises(HubUnreachable, match="broke off"),
    ):
        client.runs.download("abcd", "log.txt", tmp_path / "log.txt")
    assert list(tmp_path.iterdir()) == []
