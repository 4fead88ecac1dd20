"""What an administrator says to everybody, until it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alphapulse_lib import clock
from tests.resources.api_server import Api

NOTHING = {"id": "", "text": "", "until": None}


def said(api: Api) -> dict[str, str | None]:
    answer = api("GET", "/notice", who=None)
    assert answer.status_code == 200
    return answer.json()


def test_everybody_reads_what_administrators_alone_say(api: Api):
    words = "Down on Friday at 18:00 UTC <b>for</b> an hour."
    assert said(api) == NOTHING
    assert api("PUT", "/v1/notice", "ada", json={"text": "mine"}).status_code == 403
    assert api("PUT", "/v1/notice", None, json={"text": "mine"}).status_code == 401
    assert said(api) == NOTHING
    first = api("PUT", "/v1/notice", "root", json={"text": f"  {words} "}).json()
    assert said(api) == first == {"id": first["id"], "text": words, "until": None}
    entry = api("GET", "/v1/audit", "root", params={"action": "notice.said"}).json()["items"][0]
    assert (entry["who"], entry["detail"]) == ("root", {"text": words})
    # Who closed the first is to be shown the second, though it says the same.
    assert api("PUT", "/v1/notice", "root", json={"text": words}).json()["id"] != first["id"]
    assert api("PUT", "/v1/notice", "root", json={"text": ""}).json() == NOTHING == said(api)


def test_it_ends_by_itself(api: Api, monkeypatch: pytest.MonkeyPatch):
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    told = api("PUT", "/v1/notice", "root", json={"text": "soon", "until": until.isoformat()}).json()
    assert datetime.fromisoformat(told["until"]) == until
    assert said(api)["text"] == "soon"
    monkeypatch.setattr(clock, "now_ns", lambda: int(until.timestamp()) * 10**9)
    assert said(api) == NOTHING


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"text": "x" * 501},
        {"text": "a\nb"},
        {"text": "x", "until": "2026-01-01T00:00:00"},
        {"text": "x", "until": "2026-01-01T00:00:00Z"},
        {"text": "x", "until": "0001-01-01T00:00:00+23:59"},
        {"text": "x", "until": "9999-12-31T23:59:59-23:59"},
        {"text": "x", "more": 1},
    ],
)
def test_odd_words_are_refused(api: Api, wrong: dict[str, object]):
    before = said(api)
    assert api("PUT", "/v1/notice", "root", json=wrong).status_code == 422
    assert said(api) == before
