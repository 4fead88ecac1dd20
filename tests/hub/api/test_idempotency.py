"""A POST under an idempotency key: done once, answered alike; whoever dies, waits or is refused in between."""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from uuid import uuid4

import httpx
import pyarrow as pa
import pytest
from pyarrow import parquet
from sqlalchemy import Engine, text

from alphapulse_lib.model.canonical import to_json
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.settings import Settings
from hub.api.database import opened
from hub.roles import TELL
from tests.resources.api_process import ApiProcess
from tests.resources.api_server import Api
from tests.resources.small_runs import kept

NEW = {"target": "notebook:backtests/once.ipynb", "body": "once"}
CLIENT = httpx.Client(timeout=60)  # for all: making one costs more than what it is asked here
FETCH = {"provider": "alpaca", "symbols": ["AAPL"], "start": "2024-01-02"}
SCHEDULE = {"notebook": "backtests/sma.ipynb", "cron": "0 7 * * 1-5"}


@pytest.fixture
def engine(chosen: Settings) -> Iterator[Engine]:
    engine = opened(chosen)
    yield engine
    engine.dispose()


@contextmanager
def nobody_writes_comments(engine: Engine) -> Iterator[None]:
    """Whoever would write a comment waits, with all else of their request done that comes before it."""
    with engine.execution_options(writes=True).connect() as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE comments IN SHARE MODE"))
        yield


def post(url: str, path: str, key: str, new: Any, who: str = "ada") -> httpx.Response:
    headers = {"Authorization": f"Bearer {who}", "Idempotency-Key": key}
    return CLIENT.post(f"{url}{path}", json=new, headers=headers)


def test_who_sends_the_same_at_the_same_time_waits_and_is_told_the_same(api: Api, engine: Engine):
    key = secrets.token_hex(8)
    with ThreadPoolExecutor(8) as pool:
        with nobody_writes_comments(engine):
            sent = [pool.submit(post, api.url, "/v1/comments", key, NEW) for _ in range(8)]
            time.sleep(0.5)
            assert not any(each.done() for each in sent)
        answers = [each.result() for each in sent]
    assert {each.status_code for each in answers} == {201}
    assert len({each.content for each in answers}) == 1
    held = api("GET", "/v1/comments", params={"target": NEW["target"], "limit": 200}).json()["items"]
    assert [each["id"] for each in held].count(answers[0].json()["id"]) == 1


def test_who_dies_in_between_leaves_the_key_free_and_nothing_done(chosen: Settings, engine: Engine):
    process = ApiProcess(chosen)
    process.start()
    key, new = secrets.token_hex(8), NEW | {"target": "notebook:backtests/died.ipynb"}
    silent: list[type[Exception]] = []

    def send() -> None:
        try:
            post(process.url, "/v1/comments", key, new)
        except httpx.TransportError as died:
            silent.append(type(died))

    sending = threading.Thread(target=send)
    try:
        with nobody_writes_comments(engine):
            sending.start()
            time.sleep(1)
            process.kill()
            sending.join(30)
        assert silent
        process.start()
        answer = post(process.url, "/v1/comments", key, new)
        assert (answer.status_code, answer.headers.get("Idempotency-Replayed")) == (201, None)
        asked = {"target": new["target"]}
        held = CLIENT.get(f"{process.url}/v1/comments", params=asked, headers={"Authorization": "Bearer ada"}).json()
        assert [each["id"] for each in held["items"]] == [answer.json()["id"]]
    finally:
        process.kill()


def test_what_was_acknowledged_is_kept_and_what_was_not_is_done_once(chosen: Settings):
    """Killed again and again while eight post: each sends under its key until it is told."""
    process = ApiProcess(chosen)
    process.start()
    target = "notebook:backtests/killed.ipynb"
    told: dict[str, str] = {}
    over = threading.Event()

    def write(name: int) -> None:
        number = 0
        while not over.is_set():
            body, key = f"{name}-{number}", f"{target}-{name}-{number}"
            while True:
                try:
                    answer = post(process.url, "/v1/comments", key, {"target": target, "body": body})
                except httpx.TransportError:
                    time.sleep(0.2)
                    continue
                assert answer.status_code in (201, 503), answer.text
                if answer.status_code == 201:
                    told[body] = answer.json()["id"]
                    break
            number += 1

    try:
        with ThreadPoolExecutor(8) as pool:
            writing = [pool.submit(write, name) for name in range(8)]
            for _ in range(2):
                before = len(told)
                while len(told) < before + 40:
                    assert not any(each.done() for each in writing)
                    time.sleep(0.01)
                process.kill()
                process.start()
            over.set()
            for each in writing:
                each.result()
        held, cursor = {}, ""
        while cursor is not None:
            page = CLIENT.get(
                f"{process.url}/v1/comments",
                params={"target": target, "limit": 200, "cursor": cursor},
                headers={"Authorization": "Bearer ada"},
            ).json()
            for each in page["items"]:
                assert each["body"] not in held, "done twice"
                held[each["body"]] = each["id"]
            cursor = page["next"]
        assert held == told
    finally:
        process.kill()


def test_a_key_that_an_older_version_left_without_an_answer_is_free(api: Api, engine: Engine):
    values = f"('ada', 'left-behind', '{'0' * 64}', {time.time_ns()})"
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(text(f'INSERT INTO idempotency_keys ("user", key, request, created_at) VALUES {values}'))
    assert post(api.url, "/v1/comments", "left-behind", NEW).status_code == 201
    assert post(api.url, "/v1/comments", "left-behind", NEW).headers["Idempotency-Replayed"] == "true"


def _fire(api: Api) -> tuple[str, Any]:
    return f"/v1/schedules/{_schedule(api)}/fire", None


def _publish(api: Api) -> tuple[str, Any]:
    upload, file = uuid4().hex, BytesIO()
    parquet.write_table(pa.table({"id": ["ACME.XNAS"]}), file)
    for path in ("instruments.parquet", "data/bars/ACME.XNAS-1-DAY-LAST-EXTERNAL/1970_2262.parquet"):
        sent = api("PUT", f"/v1/publications/{upload}/files", params={"path": path}, content=file.getvalue())
        assert sent.status_code == 201, sent.text
    return "/v1/publications", {"upload": upload, "instruments": ["ACME.XNAS"]}


def _schedule(api: Api) -> str:
    return str(api("POST", "/v1/schedules", json=SCHEDULE).json()["id"])


def _run(api: Api, ledger: Ledger) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(to_json(kept(ledger)))
    return found


def _share(api: Api, ledger: Ledger) -> tuple[str, Any]:
    run = _run(api, ledger)
    assert api("POST", "/v1/runs", json=run).status_code == 201
    return "/v1/shares", {"subject": run["id"], "audience": "bob"}


def _sign_in(api: Api) -> tuple[str, Any]:
    for who in ("ada", "root"):
        api.door.scopes[who] += (TELL,)
    told = {"id": secrets.token_hex(8), "at": "2026-11-27T10:00:00Z", "who": "ada", "action": "sign-in.accepted"}
    return "/v1/audit", told


EVERY: dict[str, Callable[[Api, Ledger], tuple[str, Any]]] = {
    "/v1/comments": lambda api, _: ("/v1/comments", NEW),
    "/v1/runs": lambda api, ledger: ("/v1/runs", _run(api, ledger)),
    "/v1/shares": lambda api, ledger: _share(api, ledger),
    "/v1/renderings": lambda api, _: ("/v1/renderings", {"notebook": "a.ipynb", "html": "<p>a</p>"}),
    "/v1/families": lambda api, _: ("/v1/families", {"strategies": [{"name": "desk:SmaCross"}]}),
    "/v1/schedules": lambda api, _: ("/v1/schedules", SCHEDULE),
    "/v1/schedules/{}/pause": lambda api, _: (f"/v1/schedules/{_schedule(api)}/pause", None),
    "/v1/schedules/{}/resume": lambda api, _: (f"/v1/schedules/{_schedule(api)}/resume", None),
    "/v1/schedules/{}/fire": lambda api, _: _fire(api),
    "/v1/schedules/{}/firings/{}/cancel": lambda api, _: (
        (path := _fire(api)[0]).removesuffix("fire") + f"firings/{api('POST', path).json()['id']}/cancel",
        None,
    ),
    "/v1/backtests": lambda api, _: ("/v1/backtests", {"notebook": "a.ipynb"}),
    "/v1/backtests/{}/cancel": lambda api, _: (
        f"/v1/backtests/{api('POST', '/v1/backtests', json={'notebook': 'a.ipynb'}).json()['id']}/cancel",
        None,
    ),
    "/v1/ingests": lambda api, _: ("/v1/ingests", FETCH),
    "/v1/ingests/{}/cancel": lambda api, _: (
        f"/v1/ingests/{api('POST', '/v1/ingests', json=FETCH).json()['id']}/cancel",
        None,
    ),
    "/v1/publications": lambda api, _: _publish(api),
    "/v1/publications/reverts": lambda api, _: ("/v1/publications/reverts", {"import": "20200101T000000-abcdef"}),
    "/v1/audit": lambda api, _: _sign_in(api),
    "/v1/notifications/read": lambda api, _: ("/v1/notifications/read", {"id": 1}),
}


def test_every_post_of_the_document_takes_a_key(api: Api):
    document = api("GET", "/openapi.json").json()
    posts = {path: methods["post"] for path, methods in document["paths"].items() if "post" in methods}
    assert {re.sub(r"\{\w+\}", "{}", path.removeprefix("/services/api")) for path in posts} == set(EVERY)
    for path, operation in posts.items():
        assert "Idempotency-Key" in [each["name"] for each in operation["parameters"]], path


@pytest.mark.parametrize("which", EVERY)
def test_what_is_sent_twice_is_done_once(api: Api, tmp_path: Any, which: str):
    path, new = EVERY[which](api, Ledger(tmp_path))
    key = secrets.token_hex(8)
    first, again = post(api.url, path, key, new), post(api.url, path, key, new)
    assert first.is_success, first.text
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    if new is not None:
        assert post(api.url, path, key, {**new, "other": 1}).status_code == 422
    other = post(api.url, path, key, new, who="root")
    assert "Idempotency-Replayed" not in other.headers, "a key is its sender's alone"


def test_an_answer_outlives_what_it_was_about(api: Api):
    path, _ = _fire(api)
    key = secrets.token_hex(8)
    fired = post(api.url, path, key, None)
    assert api("DELETE", path.removesuffix("/fire")).status_code == 204
    assert post(api.url, path, key, None).json() == fired.json()
    assert post(api.url, path, secrets.token_hex(8), None).status_code == 404


def test_who_may_not_is_refused_and_the_key_stays_free(api: Api):
    path, _ = _fire(api)
    key = secrets.token_hex(8)
    assert post(api.url, path, key, None, who="bob").status_code == 403
    assert post(api.url, path, key, None).status_code == 201
