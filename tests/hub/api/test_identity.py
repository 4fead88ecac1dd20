"""Who may ask for what."""

from __future__ import annotations

import pytest

from tests.resources.api_server import EVERYTHING, Api


def test_health_asks_nobody_who_they_are(api: Api):
    answer = api("GET", "/health", who=None)
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


@pytest.mark.parametrize("header", ["", "Bearer", "Basic YWRhOmFkYQ==", "Bearer mallory", "ada", "Bearer a b"])
def test_who_shows_no_token_that_the_hub_knows_is_not_let_in(api: Api, header: str):
    answer = api("GET", "/v1/comments", who=None, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["status"] == 401


def test_a_cookie_is_no_token(api: Api):
    answer = api("GET", "/v1/comments", who=None, headers={"Cookie": "service-api=ada; jupyterhub-session-id=ada"})
    assert answer.status_code == 401


def test_a_token_does_what_its_scopes_say_and_no_more(api: Api):
    api.door.scopes = {
        "outsider": tuple(each for each in EVERYTHING if not each.startswith("access")),
        "reader": ("access:services!service=api", "custom:comments:read"),
    }
    new = {"target": "instrument:AAPL.XNAS", "body": "words"}
    assert api("GET", "/v1/comments", "outsider").status_code == 403
    assert api("GET", "/v1/comments", "reader").status_code == 200
    refused = api("POST", "/v1/comments", "reader", json=new)
    assert refused.status_code == 403
    assert "custom:comments:write" in refused.json()["detail"]
    for path in ("/v1/runs", "/v1/instruments", "/v1/notifications"):
        assert api("GET", path, "reader").status_code == 403


def test_a_hub_that_is_away_is_said_to_be_and_nobody_is_let_in(api: Api):
    api.door.is_away = True
    answer = api("GET", "/v1/comments")
    assert answer.status_code == 503
    assert "hub" in answer.json()["detail"]
