"""The ledger over HTTP: appended, read, never changed."""

from __future__ import annotations

import hashlib
import json
import math
import re
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import MetaData, event, text, true
from sqlalchemy.exc import DatabaseError

from alphapulse_lib.model.canonical import to_json
from alphapulse_lib.model.run import StrategySource
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.settings import Settings
from hub.api.database import opened
from hub.api.ledger.store import RunStore
from hub.api.ledger.titles import target_in_words, title
from tests.resources.api_server import Api
from tests.resources.edited_sources import EDITED, OTHER, RENAMED, SMA_CROSS
from tests.resources.small_runs import kept

#: What a version before the families of runs kept, as it dumped it.
EARLIER = Path(__file__).parents[2] / "resources" / "schemas" / "api_before_datasets.sqlite.sql"


@pytest.fixture
def ledger(tmp_path: Any) -> Ledger:
    return Ledger(tmp_path / "ledger")


def record(ledger: Ledger, user: str = "ada", **changes: Any) -> dict[str, Any]:
    return json.loads(to_json(kept(ledger, user=user, **changes)))


def test_a_run_is_appended_once_and_read_by_the_team(api: Api, ledger: Ledger):
    run = record(ledger)
    first = api("POST", "/v1/runs", json=run)
    assert (first.status_code, first.json()["record"]) == (201, run)
    assert api("POST", "/v1/runs", json=run).status_code == 200
    assert api("GET", f"/v1/runs/{run['id']}", "bob").json()["record"] == run
    assert api("GET", f"/v1/runs/{run['id'][:10]}", "bob").json()["record"]["id"] == run["id"]
    listed = api("GET", "/v1/runs", "bob", params={"user": "ada", "symbol": "GOOG", "strategy": "SmaCross"}).json()
    assert [each["id"] for each in listed["items"]].count(run["id"]) == 1
    for narrowed in ({"symbol": "GOO"}, {"symbol": "%"}, {"user": "bob"}, {"status": "failed"}, {"strategy": "Cross"}):
        items = api("GET", "/v1/runs", params=narrowed).json()["items"]
        assert run["id"] not in [each["id"] for each in items], narrowed


def test_no_run_is_changed_or_taken_back(api: Api, ledger: Ledger):
    run = record(ledger)
    assert api("POST", "/v1/runs", json=run).status_code == 201
    forged = run | {"statistics": run["statistics"] | {"sharpe": 9.0}}
    refused = api("POST", "/v1/runs", json=forged)
    assert refused.status_code == 409
    assert run["id"] in refused.json()["detail"]
    for method in ("DELETE", "PATCH", "PUT"):
        assert api(method, f"/v1/runs/{run['id']}", "root", json=forged).status_code == 405
    assert api("GET", f"/v1/runs/{run['id']}").json()["record"] == run


def test_nobody_appends_in_another_name(api: Api, ledger: Ledger):
    run = record(ledger, user="ada")
    assert api("POST", "/v1/runs", "bob", json=run).status_code == 403
    assert api("POST", "/v1/runs", "root", json=run).status_code == 201


def test_the_trials_of_a_family_are_counted_over_everybody(api: Api, ledger: Ledger):
    ours = {"instruments": ("MSFT.XNAS",)}
    mine, theirs, again, failed = (
        record(ledger, parameters={"fast": 1}, **ours),
        record(ledger, user="bob", parameters={"fast": 2}, **ours),
        record(ledger, parameters={"fast": 1}, **ours),
        record(ledger, status="failed", parameters={"fast": 3}, **ours),
    )
    for each in (mine, theirs, again, failed):
        assert api("POST", "/v1/runs", each["user"], json=each).status_code == 201
    family = api("GET", f"/v1/runs/{mine['id']}").json()["family"]
    tried = {each["spec_id"] for each in (mine, theirs, failed)}
    assert tried <= {each["spec_id"] for each in family["trials"]}
    assert len(family["trials"]) == len({each["spec_id"] for each in family["trials"]})
    listed = api("GET", "/v1/runs", "bob", params={"symbol": "MSFT", "family": family["name"]}).json()
    assert [each["id"] for each in listed["items"]] == [each["id"] for each in (failed, again, theirs, mine)]
    assert [each["id"] for each in listed["counted"]] == [each["id"] for each in listed["items"]]
    assert {each["trials"] for each in listed["counted"]} == {len(family["trials"])}
    assert mine["statistics"]["trials"] == 1, "what is told is today's, not the record's"


def test_an_idea_is_one_under_whatever_name_and_the_listing_says_why(api: Api, ledger: Ledger):
    def of(name: str, text: str) -> dict[str, Any]:
        source = StrategySource(f"desk:{name}", "cd" * 32, text)
        return record(ledger, strategy=source, parameters={"of": name})

    first, renamed, other = of("SmaCross", SMA_CROSS), of("MyIdea", RENAMED), of("MeanReversion", OTHER)
    for each in (first, renamed, other):
        assert api("POST", "/v1/runs", json=each).status_code == 201
    found = {each["id"]: each for each in api("GET", "/v1/runs", params={"user": "ada"}).json()["counted"]}
    assert found[renamed["id"]]["family"] == found[first["id"]]["family"]
    assert (found[renamed["id"]]["similar_to"], found[renamed["id"]]["similarity"]) == (first["id"], 1)
    assert (found[other["id"]]["family"], found[other["id"]]["similar_to"]) == ("MeanReversion", "")
    asked = {"strategies": [{"name": "m:Whatever", "text": EDITED}, {"name": "m:Nobody's"}]}
    mine, nobodys = api("POST", "/v1/families", json=asked).json()
    assert (mine["name"], mine["similar_to"]) == (found[first["id"]]["family"], first["id"])
    assert (nobodys["name"], nobodys["trials"]) == ("Nobody's", [])


def test_a_benchmark_makes_no_further_trial(api: Api, ledger: Ledger):
    own = record(ledger, strategy=StrategySource("m:Compared", "cd" * 32))
    held = record(ledger, strategy=StrategySource("m:Compared", "cd" * 32), benchmark="IBM.XNYS")
    for each in (held, own):
        assert api("POST", "/v1/runs", json=each).status_code == 201
    family = api("GET", f"/v1/runs/{held['id']}").json()["family"]
    assert [each["spec_id"] for each in family["trials"]] == [own["spec_id"]]


def test_a_parameter_spelled_out_at_its_default_makes_no_further_trial(api: Api, ledger: Ledger):
    own = record(ledger, strategy=StrategySource("m:Spelled", "cd" * 32), parameters={})
    more = {"parameters": {"slow": 20}, "at_default": ("slow",)}
    spelled = record(ledger, strategy=StrategySource("m:Spelled", "cd" * 32), **more)
    for each in (spelled, own):
        assert api("POST", "/v1/runs", json=each).status_code == 201
    family = api("GET", f"/v1/runs/{spelled['id']}").json()["family"]
    assert [each["spec_id"] for each in family["trials"]] == [own["spec_id"]]


def test_runs_of_an_earlier_version_are_counted_by_ideas(api: Api, chosen: Settings, ledger: Ledger):
    runs = [record(ledger, strategy=StrategySource(f"old:{name}", "ef" * 32, text)) for name, text in
            (("Reverting", OTHER), ("Renamed", OTHER.replace("_closes", "_seen")))]  # fmt: skip
    for each in runs:
        assert api("POST", "/v1/runs", json=each).status_code == 201
    before = api("GET", f"/v1/runs/{runs[0]['id']}").json()["family"]
    held = re.findall(r"^CREATE TABLE (\w+)", EARLIER.read_text(), re.MULTILINE)
    engine = opened(chosen)
    with engine.begin() as connection:  # as that version left the database
        newer = MetaData()
        newer.reflect(connection, only=lambda name, _: name not in held)
        newer.drop_all(connection)
        for table in ("firings", "ingests"):
            connection.execute(text(f"ALTER TABLE {table} DROP COLUMN request"))
        connection.execute(text("ALTER TABLE firings DROP COLUMN progress"))
        if engine.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER runs_stay_insert"))
    engine.dispose()
    engine = opened(chosen)
    after = RunStore(engine, chosen.home).get(runs[1]["id"], true()).family
    engine.dispose()
    assert {each.spec_id for each in after.trials} == {each["spec_id"] for each in before["trials"]}
    assert api("GET", f"/v1/runs/{runs[0]['id']}").json()["family"] == before


@pytest.mark.parametrize(
    "change",
    [
        {"id": "../../etc"},
        {"id": "ABCDEF0123456789"},
        {"spec_id": "0" * 64},
        {"status": "perfect"},
        {"user": ""},
        {"started_at": "yesterday"},
        {"started_at": 2**70},
        {"spec": None},
        {"spec": {}},
        {"artefacts": {"x": "../../../etc/passwd"}},
        {"artefacts": []},
        {"statistics": 3},
        {"statistics": {}},
        {"error": "\ud800"},
        {"error": "a\x00b"},
        {"error": 5},
        {"environment": [1]},
        {"environment": {"a": 1}},
        {"ended_at": "x"},
        {"ended_at": None},
        {"ended_at": 0},
        {"started_at": 2**63 - 1, "ended_at": 2**63 - 1},
        {"series": [{"name": 5}]},
        {"traceback": ["x"]},
        {"extra": 1},
    ],
)
def test_what_is_no_record_is_refused(api: Api, ledger: Ledger, change: dict[str, Any]):
    sent = json.dumps(record(ledger) | change)  # in ASCII: a lone surrogate can be sent so alone
    answer = api("POST", "/v1/runs", content=sent, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert "record" in answer.json()["detail"]
    assert api("GET", "/v1/runs").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"start": "x"},
        {"start": 10**30},
        {"end": -(10**25)},
        {"start": 5, "end": 4},
        {"period": 5},
        {"period": "1x"},
        {"cash": "x"},
        {"parameters": [1]},
        {"instruments": []},
        {"instruments": [1, 2]},
        {"instruments": ["a b"]},
        {"fill": "<img>"},
        {"strategy": {"name": 5, "digest": "x", "text": ""}},
        {"costs": {"per_share": "free"}},
    ],
)
def test_a_spec_that_none_can_have_is_refused_and_the_list_stays_whole(
    api: Api, ledger: Ledger, change: dict[str, Any]
):
    run = record(ledger)
    spec = run["spec"] | change
    plain = json.loads(json.dumps(spec))
    plain["strategy"].pop("text")
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    answer = api("POST", "/v1/runs", json=run | {"spec": spec, "spec_id": digest})
    assert answer.status_code == 422, answer.text
    assert api("GET", "/v1/runs").status_code == 200


def test_a_statistic_of_any_size_is_no_fault_of_ours(api: Api, ledger: Ledger):
    run = record(ledger)
    sent = json.dumps(run | {"statistics": run["statistics"] | {"sharpe_per_period": 10**400}})
    assert api("POST", "/v1/runs", content=sent, headers={"Content-Type": "application/json"}).status_code == 422


ODD = [("observations", 1e308), ("observations", -3), ("observations", "x"), ("observations", 1.5)]
ODD += [(name, "high") for name in ("sharpe_per_period", "skewness", "kurtosis")]


@pytest.mark.parametrize(("name", "value"), ODD)
def test_a_word_for_a_number_that_luck_is_reckoned_with_is_refused(api: Api, ledger: Ledger, name: str, value: object):
    run = record(ledger)
    refused = api("POST", "/v1/runs", json=run | {"statistics": run["statistics"] | {name: value}})
    assert (refused.status_code, f"statistics.{name} is no" in refused.json()["detail"]) == (422, True)


def test_a_word_for_a_number_that_was_taken_in_before_hides_no_list(ledger: Ledger, tmp_path: Path):
    store = RunStore(opened(Settings(home=tmp_path)), tmp_path / "runs")
    taken = [kept(ledger, parameters={"fast": number}) for number in range(len(ODD) + 2)]
    unlike = (*ODD, ("observations", None), ("observations", 20))
    for each, (name, value) in zip(taken, unlike, strict=True):
        store.append(replace(each, statistics=each.statistics | {name: value}))
    records = [text for _, text in store.page(true(), 50, None) if isinstance(text, str)]
    assert [each.trials for each in store.counted(records, true())] == [len(taken)] * len(taken)


def test_of_a_family_only_the_trials_that_came_since_are_read(ledger: Ledger, tmp_path: Path):
    engine = opened(Settings(home=tmp_path))
    store, read = RunStore(engine, tmp_path / "runs"), []

    def hear(_connection: Any, cursor: Any, statement: str, given: Any, *_: Any) -> None:
        if "FROM run_trials" in statement and "ORDER BY run_strategies.sequence" in statement:
            read.append(len(cursor.connection.execute(statement, given).fetchall()))

    event.listen(engine, "after_cursor_execute", hear)
    edits = [StrategySource("m:Edited", "ab" * 32, f"{SMA_CROSS}X = [{number}]\n" * 2) for number in range(3)]
    taken = []
    for number, each in enumerate((*edits, *edits)):
        sharpe = math.nan if number == 3 else number / 10
        run = kept(ledger, strategy=each, parameters={"fast": number % 5})  # the last one is the first, again
        taken.append(
            replace(run, statistics=run.statistics | {"sharpe_per_period": sharpe, "observations": 9 + number})
        )
        store.append(taken[-1])
        (family,) = {each.name: each for each in store.families(edits, true())}.values()
        assert family == RunStore(engine, tmp_path / "runs").families(edits[-1:], true())[0]
        assert read == [1, number + 1], "one reading a question: what is new, and of another process all"
        read.clear()
    assert (family.sharpes[taken[0].spec_id], family.lengths[taken[0].spec_id]) == (0.5, 14)
    assert [each.trials for each in store.counted([to_json(each) for each in taken], true())] == [5] * 6
    assert read == [0]


def test_files_are_handed_in_once_by_the_owner_and_read_by_the_team(api: Api, ledger: Ledger):
    run = record(ledger)
    api("POST", "/v1/runs", json=run)
    content = (ledger.folder(run["id"]) / "equity.parquet").read_bytes()
    path = f"/v1/runs/{run['id']}/files/equity.parquet"
    assert api("GET", path).status_code == 404
    assert api("PUT", path, "bob", content=content).status_code == 403
    assert api("PUT", path, content=content).status_code == 201
    assert api("PUT", path, content=content).status_code == 200
    assert api("PUT", path, content=b"other").status_code == 409
    got = api("GET", path, "bob")
    assert got.headers["content-disposition"].startswith("attachment")
    assert pq.read_table(pa.BufferReader(got.content)).num_rows == 9
    assert api("GET", f"/v1/runs/{run['id']}").json()["files"] == ["equity.parquet"]
    for name in ("evil.parquet", "..%2F..%2Fapi.sqlite", "%2Fetc%2Fpasswd"):
        assert api("PUT", f"/v1/runs/{run['id']}/files/{name}", content=b"x").status_code == 404
        assert api("GET", f"/v1/runs/{run['id']}/files/{name}").status_code == 404


def test_a_file_larger_than_any_json_is_taken(api: Api, ledger: Ledger):
    run = record(ledger)
    api("POST", "/v1/runs", json=run)
    assert api("PUT", f"/v1/runs/{run['id']}/files/log.txt", content=b"x" * 3_000_000).status_code == 201


def test_not_even_the_database_lets_a_run_go(tmp_path: Any, ledger: Ledger):
    from alphapulse_lib.settings import Settings
    from hub.api.database import opened
    from hub.api.ledger.store import RunStore

    chosen = Settings(home=tmp_path)
    engine = opened(chosen)
    RunStore(engine, tmp_path / "runs").append(kept(ledger))
    for act in ("DELETE FROM runs", "UPDATE runs SET user = 'mallory'"):
        with pytest.raises(DatabaseError, match="changes nothing"), engine.begin() as connection:
            connection.execute(text(act))
    with sqlite3.connect(tmp_path / "api" / "api.sqlite") as direct:
        assert direct.execute("SELECT count(*) FROM runs").fetchone() == (1,)


def test_who_is_told_of_a_run_is_told_which_by_what_a_person_knows(api: Api, ledger: Ledger):
    run = record(ledger)
    assert api("POST", "/v1/runs", json=run).status_code == 201
    target = {"target": f"run:{run['id']}", "body": "@bob look"}
    assert api("POST", "/v1/comments", json=target).status_code == 201
    told = api("GET", "/v1/notifications", "bob").json()["items"][0]
    named = f"SmaCross on GOOG 1d, 2024-01-02 to 2024-01-31 (run {run['id'][:8]})"
    assert told["text"] == f"ada mentioned you on {named}"
    assert told["about"]["target"] == target["target"]


def test_a_run_of_a_renamed_instrument_is_told_of_as_it_was_asked_for(api: Api, chosen: Settings, ledger: Ledger):
    run = record(ledger)
    run["environment"] |= {"symbols": "GOOGL"}
    assert api("POST", "/v1/runs", json=run).status_code == 201
    engine = opened(chosen)
    with engine.connect() as connection:
        assert title(connection, run["id"]).startswith("SmaCross on GOOGL 1d, 2024-01-02 to ")
    engine.dispose()


def test_a_run_whose_record_cannot_be_read_is_told_by_its_id(api: Api, chosen: Settings):
    engine = opened(chosen)
    with engine.connect() as connection:
        assert title(connection, "0123456789abcdef") == "run 01234567"
        assert target_in_words(connection, "notebook:a.ipynb") == "notebook:a.ipynb"
    engine.dispose()
