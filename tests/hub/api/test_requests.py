"""Each request has an id: the caller's where it is well formed, else one of ours; it stays with what comes of it."""

from __future__ import annotations

import json
import logging

import pytest
from sqlalchemy import select

from alphapulse_lib.settings import Settings
from hub.api.database import opened
from hub.api.ingests.schema import INGESTS
from hub.api.schedules.schema import FIRINGS
from hub.logs import JsonLines, about
from tests.resources.api_server import Api

NAME = "from-the-browser.1234"


def test_an_id_that_is_sent_is_said_again_and_another_one_is_made(api: Api):
    assert api("GET", "/health", headers={"X-Request-ID": NAME}).headers["X-Request-ID"] == NAME
    made = {api("GET", "/health").headers["X-Request-ID"] for _ in range(3)}
    assert len(made) == 3 and all(len(each) == 32 for each in made)


@pytest.mark.parametrize(
    "odd", ["short", "a b c d e f g h", "x" * 65, '"}\\nadmin signed in', "-leading-dash", "ünïcödé-id-123"]
)
def test_an_id_that_would_break_a_log_is_not_taken(api: Api, odd: str):
    answer = api("GET", "/health", headers={"X-Request-ID": odd.encode("latin-1")})
    assert answer.headers["X-Request-ID"] != odd
    assert len(answer.headers["X-Request-ID"]) == 32


def test_refusals_and_errors_say_it_too(api: Api):
    for who, path, status in (
        (None, "/v1/comments", 401),
        ("ada", "/v1/nothing", 404),
        ("ada", "/v1/runs?limit=x", 422),
    ):
        answer = api("GET", path, who, headers={"X-Request-ID": NAME})
        assert (answer.status_code, answer.headers["X-Request-ID"]) == (status, NAME)


def test_it_is_kept_with_what_was_asked_for(api: Api, chosen: Settings):
    headers = {"X-Request-ID": NAME}
    made = api("POST", "/v1/backtests", json={"notebook": "a.ipynb"}, headers=headers)
    schedule = api("POST", "/v1/schedules", json={"notebook": "b.ipynb", "cron": "0 7 * * *"}).json()["id"]
    fired = api("POST", f"/v1/schedules/{schedule}/fire", headers={"X-Request-ID": f"{NAME}5"})
    asked = {"provider": "alpaca", "symbols": ["BTCUSD"], "period": "1d", "start": "2024-01-01", "end": "2024-01-05"}
    ingest = api("POST", "/v1/ingests", json=asked, headers={"X-Request-ID": f"{NAME}6"})
    assert [each.status_code for each in (made, fired, ingest)] == [201, 201, 201], ingest.text
    engine = opened(chosen)
    with engine.begin() as connection:
        told = dict(connection.execute(select(FIRINGS.c.id, FIRINGS.c.request)).all())
        told |= dict(connection.execute(select(INGESTS.c.id, INGESTS.c.request)).all())
    engine.dispose()
    assert [told[each.json()["id"]] for each in (made, fired, ingest)] == [NAME, f"{NAME}5", f"{NAME}6"]


SECRETS = [
    "Authorization: Bearer CANARYcanary0123456789",
    "headers {'Authorization': 'token CANARYcanary0123456789', 'Accept': '*/*'}",
    '{"Cookie": "a=CANARY1; jupyterhub-session-id=CANARY2", "Host": "here"}',
    "set-cookie: jupyterhub-hub-login=CANARY; HttpOnly",
    "GET /hub/oauth_callback?code=CANARY&state=CANARY2 failed",
    "GET /x?token=CANARY&limit=5",
    "Setting new xsrf cookie for b'CANARY:CANARY2' {'path': '/hub/'}",  # as JupyterHub itself says it
    '{"api_token": "CANARY", "user": "ada"}',
    "APCA_API_SECRET_KEY is wrong: {'api_key': 'CANARY', 'secret': 'CANARY'}",
    "the password=CANARY was refused; ?password=CANARY",
]


@pytest.mark.parametrize("words", SECRETS)
def test_what_carries_a_secret_is_logged_without_it(words: str):
    record = logging.LogRecord("x", logging.WARNING, __file__, 1, words, (), None)
    line = JsonLines().format(record)
    assert "[secret]" in line
    assert "CANARY" not in line


def test_a_traceback_is_one_line_and_plain_words_stay():
    try:
        raise ValueError("token abcdefabcdefabcdef0123 was refused")
    except ValueError as error:
        record = logging.LogRecord(
            "x",
            logging.ERROR,
            __file__,
            1,
            "a state of %d, key figures: %s",
            (5, "ok"),
            (type(error), error, error.__traceback__),
        )
    with about(NAME):
        line = JsonLines().format(record)
    told = json.loads(line)
    assert "\n" not in line
    assert (told["message"], told["request"], told["level"]) == ("a state of 5, key figures: ok", NAME, "ERROR")
    assert "Traceback" in told["error"] and "abcdefabcdef" not in told["error"]
