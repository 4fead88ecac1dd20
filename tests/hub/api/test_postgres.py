"""What only a server of several writers can get wrong."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from alphapulse_lib.model.canonical import to_json
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.settings import Settings
from hub.api.comments.markup import rendered
from hub.api.comments.schema import New
from hub.api.comments.store import CommentStore
from hub.api.database import opened, writing
from tests.resources.api_server import Api
from tests.resources.small_runs import kept

TARGET = "notebook:backtests/late.ipynb"


def test_an_event_that_is_committed_late_is_heard(api: Api, chosen: Settings):
    """A first writer takes its place and commits only after a second one: a listener must hear both."""
    engine = opened(chosen)
    heard: list[str] = []
    ready, over = threading.Event(), threading.Event()

    def listen() -> None:
        headers = {"Authorization": "Bearer bob"}
        with httpx.stream("GET", f"{api.url}/v1/comments/events?target={TARGET}", headers=headers, timeout=60) as told:
            for line in told.iter_lines():
                if line.startswith(":"):
                    ready.set()
                if line.startswith("data"):
                    heard.append(json.loads(line.removeprefix("data: "))["body"])
                    if len(heard) == 2:
                        over.set()
                        return

    def write_second() -> None:
        assert api("POST", "/v1/comments", json={"target": TARGET, "body": "second"}).status_code == 201

    listening = threading.Thread(target=listen)
    listening.start()
    assert ready.wait(120)
    second = threading.Thread(target=write_second)
    with writing(engine):
        CommentStore(engine).add(New(target=TARGET, body="first"), rendered("first"), "ada")
        second.start()
        time.sleep(2)  # long enough for the second to be heard, were it not held back
    second.join(120)
    assert over.wait(120), f"only {heard} was heard"
    listening.join(120)
    assert heard == ["first", "second"]
    engine.dispose()


def test_a_strategy_on_hundreds_of_instruments_has_a_family(api: Api, tmp_path: Any):
    names = tuple(f"{number:x}{'ABCDEFGH'[number % 8]}{number * 7919:x}.XNYS" for number in range(2_000))
    run = kept(Ledger(tmp_path), instruments=names)
    assert api("POST", "/v1/runs", json=json.loads(to_json(run))).status_code == 201
    (family,) = api(
        "POST", "/v1/families", json={"strategies": [{"name": run.spec.strategy.name, "text": run.spec.strategy.text}]}
    ).json()
    assert [each["spec_id"] for each in family["trials"]] == [run.spec_id]


@pytest.mark.parametrize("chosen", ["postgresql"], indirect=True, scope="module")  # SQLite has no TRUNCATE
def test_not_even_the_database_lets_all_runs_go(api: Api, chosen: Settings):
    engine = opened(chosen)
    with pytest.raises(DatabaseError, match="changes nothing"), engine.begin() as connection:
        connection.execute(text("TRUNCATE runs"))
    engine.dispose()
