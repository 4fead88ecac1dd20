"""The audit log: with the deed or not at all, changed by nobody, read by administrators, told once by the hub."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError
from waiting import until

from alphapulse_lib.settings import Settings
from hub.api.audit.schema import AUDIT
from hub.api.audit.store import note
from hub.api.database import opened, writing
from hub.outbox import Outbox
from hub.roles import TELL
from tests.resources.api_server import Api, RunningApi, serving

SCHEDULE = {"notebook": "a.ipynb", "cron": "0 7 * * *", "parameters": {"secret": "canary-of-a-parameter"}}
SIGN_IN = {"id": "0123456789abcdef", "at": "2026-11-27T10:00:00+00:00", "who": "ada", "action": "sign-in.accepted"}


@pytest.fixture
def api(chosen: Settings) -> Iterator[Api]:
    with serving(chosen) as api:
        api.door.scopes["hub"] = ("access:services!service=api", TELL)
        yield api


def entries(api: Api, **wanted: Any) -> list[dict[str, Any]]:
    answer = api("GET", "/v1/audit", "root", params=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_what_is_done_to_schedules_and_comments_is_written_with_who_what_when_and_where(api: Api):
    headers = {"X-Request-ID": "a-request-of-mine", "X-Forwarded-For": "192.0.2.7"}
    before = datetime.now(UTC)
    made = api("POST", "/v1/schedules", json=SCHEDULE, headers=headers).json()["id"]
    assert api("PATCH", f"/v1/schedules/{made}", "root", json={"cron": "0 8 * * *"}).status_code == 200
    for verb in ("pause", "resume", "fire"):
        assert api("POST", f"/v1/schedules/{made}/{verb}").status_code < 300
    assert api("DELETE", f"/v1/schedules/{made}").status_code == 204
    said = {"target": "instrument:AAPL.XNAS", "body": "canary-of-a-comment"}
    comment = api("POST", "/v1/comments", "bob", json=said).json()["id"]
    assert api("DELETE", f"/v1/comments/{comment}", "root").status_code == 200
    found = entries(api, limit=7)[::-1]
    assert [(each["who"], each["action"], each["about"]) for each in found] == [
        ("ada", "schedule.made", made),
        ("root", "schedule.changed", made),
        ("ada", "schedule.paused", made),
        ("ada", "schedule.resumed", made),
        ("ada", "schedule.run", made),
        ("ada", "schedule.deleted", made),
        ("root", "comment.deleted", comment),
    ]
    assert (found[0]["request"], found[0]["origin"]) == ("a-request-of-mine", "192.0.2.7")
    assert (found[1]["detail"], found[1]["origin"]) == ({"owner": "ada", "changed": ["cron"]}, "127.0.0.1")
    assert all(before <= datetime.fromisoformat(each["at"]) <= datetime.now(UTC) for each in found)
    assert found[6]["detail"] == {"author": "bob", "target": "instrument:AAPL.XNAS"}
    assert "canary" not in json.dumps(entries(api, limit=200))


def test_what_is_refused_or_fails_leaves_no_entry(api: Api):
    made = api("POST", "/v1/schedules", json=SCHEDULE).json()["id"]
    count = len(entries(api, limit=200))
    assert api("DELETE", f"/v1/schedules/{made}", "bob").status_code == 403
    assert api("PATCH", f"/v1/schedules/{made}", json={"output": "a.ipynb"}).status_code == 422
    assert api("POST", "/v1/schedules", json=SCHEDULE | {"cron": "never"}).status_code == 422
    assert len(entries(api, limit=200)) == count
    key = {"Idempotency-Key": "once-and-only-once"}
    for _ in range(2):
        assert api("POST", "/v1/schedules", json=SCHEDULE, headers=key).status_code == 201
    assert len(entries(api, limit=200)) == count + 1


def test_nobody_changes_an_entry_not_even_by_the_database(api: Api, chosen: Settings):
    engine = opened(chosen)
    with writing(engine) as connection:
        note(connection, "test.done", "something", who="eve")
    for change in (delete(AUDIT), update(AUDIT).values(who="ada")):
        with pytest.raises(DBAPIError, match="the audit log changes nothing"), writing(engine) as connection:
            connection.execute(change)
    assert entries(api, action="test.done")[0]["who"] == "eve"
    engine.dispose()


def test_sqlite_replaces_no_entry_either(tmp_path: Path):
    engine = opened(Settings(home=tmp_path))
    with writing(engine) as connection:
        note(connection, "test.done", "something", who="eve")
        held = connection.execute(text("SELECT * FROM audit")).mappings().all()
        mine = dict(held[0]) | {"who": "ada"}
        forgeries = [mine | {"id": "another"}, mine | {"sequence": mine["sequence"] + 9}, mine]
        values = ", ".join(f":{each}" for each in mine)
        for each in forgeries:
            connection.execute(text(f"INSERT OR REPLACE INTO audit ({', '.join(mine)}) VALUES ({values})"), each)
        assert connection.execute(text("SELECT * FROM audit")).mappings().all() == held
    engine.dispose()


@pytest.mark.parametrize("table", ["strategies", "run_strategies", "run_trials", "run_lengths"])
def test_sqlite_replaces_nothing_of_the_ledger(tmp_path: Path, table: str):
    engine = opened(Settings(home=tmp_path))
    with engine.connect() as connection:
        made = connection.execute(text("SELECT sql FROM sqlite_master WHERE tbl_name = :t"), {"t": table}).scalars()
        shape = connection.execute(text(f"SELECT * FROM {table}")).keys()
        connection.rollback()
        assert any("INSERT" in each for each in made if each)
        values = ", ".join("1" for _ in shape)
        connection.execute(text(f"INSERT INTO {table} VALUES ({values})"))
        with pytest.raises(DBAPIError, match="what is there stays"):
            connection.execute(text(f"INSERT OR REPLACE INTO {table} VALUES ({values})"))
        connection.rollback()
    engine.dispose()


def test_administrators_read_it_page_by_page_and_nobody_else(api: Api, chosen: Settings):
    engine = opened(chosen)
    with writing(engine) as connection:
        for place in range(5):
            note(connection, "page.made", str(place), who="ada" if place % 2 else "bob")
    engine.dispose()
    seen, cursor = [], ""
    while True:
        answer = api("GET", "/v1/audit", "root", params={"action": "page.made", "limit": 2, "cursor": cursor}).json()
        seen += [each["about"] for each in answer["items"]]
        if not (cursor := answer["next"]):
            break
        with writing(engine) as connection:
            note(connection, "page.made", "later", who="ada")
    assert seen == ["4", "3", "2", "1", "0"]
    assert [each["about"] for each in entries(api, action="page.made", who="bob")] == ["4", "2", "0"]
    refused = api("GET", "/v1/audit", "ada")
    assert (refused.status_code, "custom:audit:read" in refused.json()["detail"]) == (403, True)
    assert api("GET", "/v1/audit", None).status_code == 401
    api.door.scopes["root"] = tuple(each for each in api.door.scopes["root"] if each != "custom:audit:read")
    assert api("GET", "/v1/audit", "root").status_code == 403, (
        "a narrower token of an administrator's, as a workspace's"
    )


def test_the_hub_tells_of_what_is_done_there_once_and_only_the_hub(api: Api):
    for _ in range(2):
        assert api("POST", "/v1/audit", "hub", json=SIGN_IN).status_code == 204
    assert len(entries(api, action="sign-in.accepted")) == 1
    for who in ("ada", "root"):
        assert api("POST", "/v1/audit", who, json=SIGN_IN).status_code == 403
    for wrong in ({"who": "a\nb"}, {"action": "schedule.made"}, {"id": "x"}, {"at": "yesterday"}, {"more": 1}):
        assert api("POST", "/v1/audit", "hub", json=SIGN_IN | wrong).status_code == 422
    told = {"id": "f" * 16, "who": "root", "action": "group.left", "about": "desk", "detail": {"people": ["ada"]}}
    assert api("POST", "/v1/audit", "hub", json=SIGN_IN | told).status_code == 204
    (found,) = entries(api, action="group.left")
    assert {name: found[name] for name in told} == told


def test_what_the_hub_has_to_tell_waits_for_the_api_and_outlives_the_hub(tmp_path: Path, sample_catalog: Path):
    running = RunningApi(Settings(home=tmp_path, catalog=sample_catalog)).start()
    running.door.scopes["hub"] = ("access:services!service=api", TELL)
    url = f"{running.url}/v1/audit"
    api = Api(running.url, running.door)
    running.stop()
    folder = tmp_path / "outbox"
    outbox = Outbox(folder, url, "hub")
    names = [f"{each:016x}" for each in range(12)]
    for name in names[:6]:
        outbox.put(SIGN_IN | {"id": name})
    time.sleep(0.5)
    assert len(list(folder.glob("*.json"))) == 6
    assert {each.stat().st_mode & 0o077 for each in folder.iterdir()} == {0}
    outbox.put(SIGN_IN | {"id": "no id of ours"})
    for name in names[6:]:
        outbox.put(SIGN_IN | {"id": name})
    running.start()
    running.door.scopes["hub"] = ("access:services!service=api", TELL)
    until(lambda: len(list(folder.iterdir())) == 1)
    assert [each["id"] for each in entries(api, limit=50)][::-1] == names
    (refused,) = folder.iterdir()
    assert refused.suffix == ".refused"
    # The hub died before it could send this one; the next finds it.
    (folder / "00000000000000000001-a.json").write_text(json.dumps(SIGN_IN | {"id": "f" * 16}))
    Outbox(folder, url, "hub")
    until(lambda: any(each["id"] == "f" * 16 for each in entries(api, limit=50)))
    running.stop()
