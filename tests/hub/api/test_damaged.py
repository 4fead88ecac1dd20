"""Rows that a hand or a disk damaged: each is named, none hides the others, and none is a fault of ours."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, insert, text, update

from alphapulse_lib.hub_client import Client
from alphapulse_lib.model.canonical import to_json
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.settings import Settings
from hub.api.comments.schema import COMMENTS
from hub.api.database import opened
from hub.api.ledger.schema import RUNS
from hub.api.notifications.schema import NOTIFICATIONS
from hub.api.schedules.schema import FIRINGS, SCHEDULES
from tests.resources.api_server import EVERYTHING, Api
from tests.resources.small_runs import kept


@pytest.fixture
def engine(chosen: Settings) -> Iterator[Engine]:
    engine = opened(chosen).execution_options(writes=True)
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ("{", "JSONDecodeError"),
        ("", "JSONDecodeError"),
        ("[]", "TypeError"),
        ("null", "TypeError"),
        ("7", "TypeError"),
        ('{"id": "x"}', "KeyError"),
        ("older", "colour"),
        ("lacking", "engine"),
        ("infinite", "Infinity is no JSON"),
        ("[" * 100_000, "RecursionError"),
    ],
)
def test_a_run_that_cannot_be_read_is_named_and_hides_no_other(
    api: Api, engine: Engine, tmp_path: Any, record: str, says: str
):
    whole = json.loads(to_json(kept(Ledger(tmp_path), instruments=("WMT.XNYS",))))
    made = {
        "older": json.dumps(whole | {"colour": "red"}),
        "lacking": json.dumps({name: value for name, value in whole.items() if name != "purpose"}),
        "infinite": to_json(kept(Ledger(tmp_path))).replace('"status":"finished"', '"status":Infinity'),
    }.get(record, record)
    says = "purpose" if record == "lacking" else says
    assert api("POST", "/v1/runs", json=whole).status_code == 201
    damaged = secrets.token_hex(8)
    row = {"id": damaged, "spec_id": "0" * 64, "family": "SmaCross WMT.XNYS 1d", "strategy": "SmaCross"}
    row |= {"status": "finished", "purpose": "trial", "user": "ada", "started_at": 1, "record": made}
    with engine.begin() as connection:
        connection.execute(insert(RUNS).values(row))
    page = api("GET", "/v1/runs", params={"limit": 2}).json()
    assert [each["id"] for each in page["items"]] == [whole["id"]]
    assert [each["id"] for each in page["damaged"]] == [damaged]
    assert says in page["damaged"][0]["why"]
    one = api("GET", f"/v1/runs/{damaged}")
    assert (one.status_code, one.headers["content-type"]) == (409, "application/problem+json")
    assert damaged in one.json()["detail"] and says in one.json()["detail"]
    assert api("PUT", f"/v1/runs/{damaged}/files/log.txt", content=b"x").status_code == 409
    with Client(api.url, "ada") as client:
        found = client.runs.page(limit=2)
        assert [each.id for each in found.items] == [whole["id"]]
        assert [each.id for each in found.damaged] == [damaged]
        assert next(client.runs.list()).id == whole["id"]


def test_comments_notifications_and_firings_too(api: Api, engine: Engine):
    api.door.scopes["cleo"] = EVERYTHING
    target = "notebook:backtests/damaged.ipynb"
    ids = [api("POST", "/v1/comments", json={"target": target, "body": f"{n} @cleo"}).json()["id"] for n in range(3)]
    told = [each["id"] for each in api("GET", "/v1/notifications", "cleo").json()["items"]]
    fired = [api("POST", "/v1/backtests", "cleo", json={"notebook": "a.ipynb"}).json()["id"] for _ in range(2)]
    with engine.begin() as connection:
        connection.execute(update(COMMENTS).where(COMMENTS.c.id == ids[1]).values(mentions={"a": 1}))
        connection.execute(update(NOTIFICATIONS).where(NOTIFICATIONS.c.sequence == told[1]).values(about=[1]))
        connection.execute(update(FIRINGS).where(FIRINGS.c.id == fired[0]).values(state="perhaps"))
        if connection.dialect.name == "sqlite":  # PostgreSQL takes nothing else than JSON
            broken = {"table": "comments", "id": ids[1]}
            connection.execute(text("UPDATE comments SET mentions = '[' WHERE id = :id"), broken)
    page = api("GET", "/v1/comments", params={"target": target}).json()
    assert [each["id"] for each in page["items"]] == [ids[0], ids[2]]
    assert [each["id"] for each in page["damaged"]] == [ids[1]]
    assert api("GET", f"/v1/comments/{ids[1]}").status_code == 409
    mended = api("PATCH", f"/v1/comments/{ids[1]}", json={"body": "anew @cleo"})
    assert (mended.status_code, mended.json()["mentions"]) == (200, ["cleo"])
    page = api("GET", "/v1/notifications", "cleo").json()
    assert [each["id"] for each in page["damaged"]] == [str(told[1])]
    assert told[0] in [each["id"] for each in page["items"]]
    page = api("GET", "/v1/firings?owner=cleo", "cleo").json()
    assert ([each["id"] for each in page["items"]], page["damaged"][0]["id"]) == ([fired[1]], fired[0])
    assert "state" in page["damaged"][0]["why"]
    assert api("GET", f"/v1/firings/{fired[0]}", "cleo").status_code == 409


def test_a_schedule_of_a_time_when_more_was_let_in_is_refused_in_a_reader_s_words(api: Api, engine: Engine):
    new = {"notebook": "a.ipynb", "cron": "0 7 * * *", "timezone": "UTC"}
    made = api("POST", "/v1/schedules", json=new).json()["id"]
    with engine.begin() as connection:
        connection.execute(update(SCHEDULES).where(SCHEDULES.c.id == made).values(parameters={"a b": 1}))
    refused = api("POST", f"/v1/schedules/{made}/fire")
    assert (refused.status_code, refused.json()["detail"][:29]) == (422, "'a b' is no name of a paramet")


@pytest.mark.parametrize("chosen", ["sqlite"], indirect=True, scope="module")  # PostgreSQL checks what it stores
def test_a_byte_that_is_no_text_damages_one_row(api: Api, engine: Engine, tmp_path: Any):
    run = kept(Ledger(tmp_path), name="strategies:Torn")
    assert api("POST", "/v1/runs", json=json.loads(to_json(run))).status_code == 201
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER runs_stay_update"))
        torn = "UPDATE runs SET record = cast(x'7bff22' AS text) WHERE id = :id"
        connection.execute(text(torn), {"id": run.id})
    assert [each["id"] for each in api("GET", "/v1/runs").json()["damaged"]][:1] == [run.id]
