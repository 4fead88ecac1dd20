"""Requests of odd shapes: refused at once in the one shape of errors, saying nothing of the machine."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import httpx
import pytest
from waiting import until

from alphapulse_lib.model.canonical import to_json
from alphapulse_lib.results.ledger import Ledger
from tests.resources.api_server import Api
from tests.resources.small_runs import kept

POSTS = ("/v1/comments", "/v1/runs", "/v1/families", "/v1/schedules", "/v1/backtests", "/v1/notifications/read")


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        b"null",
        b"7",
        b"NaN",
        b"\xff\xfe",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"\\ud800": 1}',
        b'{"a": "\\ud800"}',
        b'{"a\\u0000": 1}',
        b'{"a": ' + b"9" * 5_000 + b"}",
        b'{"id": 1e999}',
        b'{"id": 99999999999999999999}',
        b'{"strategies": [{"name": "\\ud800"}]}',
        b'{"strategies": [{"name": "desk:\\u0000"}]}',
        b'{"strategies": [{"name": "S", "text": "\\ud800"}]}',
        b'{"strategies": [{"name": "S", "text": "x = \\u0000"}]}',
        b'{"strategies": [{"name": "S", "family": "\\u0000"}]}',
    ],
)
def test_a_body_that_is_none_is_refused(api: Api, path: str, sent: bytes):
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x"):
        headers = {"Content-Type": kind, "Idempotency-Key": "odd"}
        refused(api("POST", path, content=sent, headers=headers))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/comments", "target"),
        ("/v1/comments", "parent"),
        ("/v1/comments", "order"),
        ("/v1/runs", "cursor"),
        ("/v1/runs", "spec"),
        ("/v1/firings", "run"),
        ("/v1/firings", "state"),
        ("/v1/schedules", "limit"),
        ("/v1/notifications", "unread"),
        ("/v1/bars?symbol=AAPL", "period"),
        ("/v1/bars?symbol=AAPL", "start"),
        ("/v1/bars?symbol=AAPL", "as_of"),
        ("/v1/bars", "symbol"),
        ("/v1/coverage", "symbol"),
    ],
)
@pytest.mark.parametrize(
    "value", ["%00", "a%00b", "NaN", "-1", "-1e999", "9" * 40, "0000-01-01", "%ED%A0%80", "../../etc/passwd", "%25s"]
)
def test_a_parameter_that_is_none_is_refused(api: Api, path: str, name: str, value: str):
    refused(api("GET", f"{path}{'&' if '?' in path else '?'}{name}={value}"))


@pytest.mark.parametrize("user", ["x" * 256, "a\nb"])
def test_a_run_of_nobody_is_refused(api: Api, tmp_path: Any, user: str):
    run = json.loads(to_json(kept(Ledger(tmp_path)))) | {"user": user}
    refused(api("POST", "/v1/runs", "root", json=run))


def refused(answer: Any) -> None:
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    for told in ("Traceback", "site-packages", "sqlalchemy", "psycopg", str(__file__)):
        assert told not in answer.text


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("/v1/news?instrument=AAPL.XNAS", "It takes symbol"),
        ("/v1/bars?symbol=AAPL&perod=1d", "Did you mean period?"),
        ("/v1/firings?ownr=ada", "Did you mean owner?"),
    ],
)
def test_a_parameter_that_is_not_known_is_not_passed_over(api: Api, asked: str, says: str):
    answer = api("GET", asked)
    assert answer.status_code == 422
    assert says in answer.json()["hint"]


STRATEGY = {"name": "SmaCross", "symbols": ["AAPL"]}


@pytest.mark.parametrize(
    ("path", "sent", "detail", "hint"),
    [
        (
            "backtests",
            {"notebook": "a.ipynb", "tiemout": 9},
            "body.tiemout: 'tiemout' is no field here",
            "mean timeout?",
        ),
        (
            "backtests",
            {"strategy": STRATEGY | {"adust": "none"}},
            "body.strategy.adust: 'adust' is no field here",
            "Did you mean adjust? It takes name, symbols, period,",
        ),
        (
            "backtests",
            {"strategy": STRATEGY | {"fill": "next_opne"}},
            "body.strategy.fill: 'next_opne' should be 'next_open', 'close', 'next_close', 'vwap' or 'ticks'",
            "Did you mean next_open",
        ),
        (
            "backtests",
            {"strategy": STRATEGY | {"costs": {"precent": 1}}},
            "body.strategy.costs.precent: 'precent' should be 'per_share', 'percent'",
            "Did you mean percent",
        ),
        (
            "families",
            {"strategies": [{"name": "S", "txt": ""}]},
            "body.strategies.0.txt: 'txt' is no field",
            "mean text?",
        ),
        (
            "backtests",
            {"notebook": "a.ipynb", "timeout": "x" * 99},
            f"body.timeout: '{'x' * 59}... should be a valid",
            "",
        ),
        ("backtests", {"notebook": None, "timeout": True}, "body.timeout: true should be a valid integer", ""),
        ("shares", {"subject": None, "audience": "*"}, "body.subject: null should be a valid string", ""),
        ("notifications/read", {"id": True}, "body.id: true should be a valid integer", ""),
        ("notifications/read", {"id": 1, "all": True}, "body.all: 'all' is no field here", "It takes id."),
    ],
)
def test_what_arrived_is_said_with_the_nearest_that_is_taken(
    api: Api, path: str, sent: dict[str, Any], detail: str, hint: str
):
    answer = api("POST", f"/v1/{path}", json=sent)
    assert answer.status_code == 422
    told = answer.json()
    assert detail in told["detail"] and hint in told["hint"], told


def test_who_leaves_while_sending_is_no_fault_of_ours(api: Api, tmp_path: Any, caplog: pytest.LogCaptureFixture):
    run = kept(Ledger(tmp_path))
    assert api("POST", "/v1/runs", json=json.loads(to_json(run))).status_code == 201
    at = httpx.URL(api.url)
    head = f"PUT {at.path}/v1/runs/{run.id}/files/log.txt HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ada\r\n"
    with socket.create_connection((at.host, at.port or 80)) as leaving:
        leaving.sendall(f"{head}Content-Length: 9000\r\n\r\nhalf of it".encode())
        time.sleep(0.5)
    told = 'route="/v1/runs/{run_id}/files/{name}",status="400"'
    until(lambda: told in api("GET", "/metrics", "root").text, 20)
    assert "fault" not in caplog.text and "Traceback" not in caplog.text and "failed" not in caplog.text
