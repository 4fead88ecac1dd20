"""Renderings over HTTP: seen by their owner and whom they are shared with, kept no longer than they are shared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from alphapulse_lib import clock
from alphapulse_lib.settings import Settings
from hub.api.renderings import store
from tests.resources.api_server import EVERYTHING, Api

PAGE = {"notebook": "scheduled/sma.ipynb", "html": "<h1>Найдено</h1><script>alert(1)</script>"}


@pytest.fixture
def team(api: Api) -> Api:
    """Ada and Bob are of one team, Cleo of none."""
    api.door.scopes["cleo"] = EVERYTHING
    return api


def made(api: Api, who: str = "ada") -> str:
    answer = api("POST", "/v1/renderings", who, json=PAGE)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["owner"], told["notebook"], told["size"]) == (who, PAGE["notebook"], len(PAGE["html"].encode()))
    return str(told["id"])


def share(api: Api, rendering: str, audience: str, who: str = "ada") -> Any:
    return api("POST", "/v1/shares", who, json={"kind": "rendering", "subject": rendering, "audience": audience})


def seen_by(api: Api, rendering: str, who: str) -> bool:
    page, known = (api("GET", f"/v1/renderings/{rendering}{rest}", who) for rest in ("/page", ""))
    assert page.status_code == known.status_code and page.status_code in (200, 404)
    if page.status_code == 200:
        assert page.content.decode() == PAGE["html"]
        assert page.headers["content-disposition"].startswith("attachment")
        assert page.headers["content-type"] == "application/octet-stream"
    return page.status_code == 200


def test_it_is_seen_by_its_owner_and_whom_it_is_shared_with_and_by_no_fellow(team: Api, chosen: Settings):
    rendering = made(team)
    file = chosen.home_root / "api" / "renderings" / f"{rendering}.html"
    assert [who for who in ("ada", "bob", "cleo", "root") if seen_by(team, rendering, who)] == ["ada", "root"]
    assert share(team, rendering, "*", "bob").status_code == 404
    first, second = (share(team, rendering, audience).json() for audience in ("cleo", "@desk"))
    assert [who for who in ("bob", "cleo") if seen_by(team, rendering, who)] == ["bob", "cleo"]
    assert share(team, rendering, "*", "cleo").status_code == 403
    assert team("DELETE", f"/v1/shares/{first['id']}").status_code == 204
    assert (seen_by(team, rendering, "bob"), seen_by(team, rendering, "cleo"), file.exists()) == (True, False, True)
    assert team("DELETE", f"/v1/shares/{second['id']}").status_code == 204
    assert not any(seen_by(team, rendering, who) for who in ("ada", "bob", "cleo", "root"))
    assert not file.exists()


def test_one_that_was_never_shared_goes_after_a_day(team: Api, chosen: Settings, monkeypatch: pytest.MonkeyPatch):
    forgotten, shared, of_bob = made(team), made(team), made(team, "bob")
    assert share(team, shared, "cleo").status_code == 201
    later = clock.now_ns() + 25 * 3600 * 10**9
    monkeypatch.setattr(store.clock, "now_ns", lambda: later)
    made(team)
    monkeypatch.undo()
    assert [seen_by(team, each, "ada") for each in (forgotten, shared)] == [False, True]
    assert seen_by(team, of_bob, "bob"), "another's are theirs to forget"
    held = {each.stem for each in (chosen.home_root / "api" / "renderings").iterdir()}
    assert {shared, of_bob} <= held and forgotten not in held


def test_nobody_keeps_more_than_a_hundred(team: Api):
    team.door.scopes["eve"] = EVERYTHING
    for _ in range(100):
        made(team, "eve")
    refused = team("POST", "/v1/renderings", "eve", json=PAGE)
    assert (refused.status_code, "100" in refused.json()["detail"]) == (409, True)


@pytest.mark.parametrize(
    "change",
    [
        {"notebook": "../../etc/passwd"},
        {"notebook": "a.html"},
        {"html": ""},
        {"html": "\ud800"},
        {"html": 5},
        {"owner": "bob"},
    ],
)
def test_what_is_no_rendering_is_refused(team: Api, change: dict[str, Any]):
    answer = team(
        "POST", "/v1/renderings", content=json.dumps(PAGE | change), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422, answer.text


def test_a_page_that_is_lost_is_told(team: Api, chosen: Settings):
    rendering = made(team)
    Path(chosen.home_root / "api" / "renderings" / f"{rendering}.html").unlink()
    answer = team("GET", f"/v1/renderings/{rendering}/page")
    assert (answer.status_code, "is gone" in answer.json()["detail"]) == (404, True)
