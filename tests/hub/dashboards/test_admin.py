"""The administrators' page on a real API without a worker: what its widgets show, and who sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from alphapulse_lib.errors import AlphaPulseError
from alphapulse_lib.settings import Settings
from hub.dashboards.admin import Admin, admin
from hub.dashboards.page import Page, Services
from hub.dashboards.remote import TroubleError
from hub.dashboards.visitor import Visitor
from tests.resources.api_server import Api, RunningApi

ROOT = Visitor("root", is_admin=True, token="root", session="s")
BOB = Visitor("bob", is_admin=False, token="bob", session="s")
EVIL = "<script>window.ran=1</script>"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, sample_catalog: Path) -> Iterator[RunningApi]:
    api = RunningApi(Settings(home=tmp_path_factory.mktemp("admin"), catalog=sample_catalog)).start()
    yield api
    api.stop()


@pytest.fixture
def api(running: RunningApi) -> Api:
    return Api(running.url, running.door)


class Shown(Admin):
    """The page, with what it tells its browser kept."""

    def __init__(self, services: Services, somebody: Visitor = ROOT) -> None:
        super().__init__(somebody, services, {})
        self.slots: dict[str, tuple[str, str]] = {}
        self.notes: list[str] = []

    def tell(self, kind: str, **said: Any) -> None:
        if kind == "html":
            self.slots[said["slot"]] = said["state"], said["html"]
        elif kind == "note":
            self.notes.append(said["text"])


@pytest.fixture
def page(running: RunningApi, tmp_path: Path) -> Shown:
    return Shown(Services(running.url.removesuffix("/services/api"), tmp_path))


def show(page: Shown) -> dict[str, tuple[str, str]]:
    asyncio.run(page.reload(*page.widgets))
    return page.slots


def test_nobody_and_nothing_are_said_in_words(page: Shown):
    slots = show(page)
    assert {name: state for name, (state, _) in slots.items()} == dict.fromkeys(("people", "waiting", "said"), "empty")
    assert "Nobody is on" in slots["people"][1] and "Nobody waits" in slots["waiting"][1]


def test_who_is_on_and_what_they_use(page: Shown, api: Api):
    told = {
        "server": "", "kernels": 2, "terminals": 1, "jobs": 3, "processors": 0.5, "memory": 300_000_000,
        "memory_limit": 4_000_000_000, "disk": 1_900_000, "disk_limit": 2_000_000,
        "active_at": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    assert api("PUT", "/v1/usage", "bob", json=told).status_code == 204
    job = told | {"server": "job-0123456789abcdef", "disk": None, "disk_limit": None, "memory_limit": None}
    assert api("PUT", "/v1/usage", "ada", json=job).status_code == 204
    for _ in range(2):  # two windows of bob's, and one of somebody who has no server
        page.services.open.add(Page(BOB, page.services, {}))
    page.services.open.add(Page(Visitor(EVIL, is_admin=False, token="t", session="s"), page.services, {}))
    state, html = show(page)["people"]
    assert state == "ready"
    rows = [" ".join(each.split("</tr>")[0].split()) for each in html.split("<tr>")[2:]]
    assert [("&lt;script&gt;" in rows[0]), "dashboards alone" in rows[0], EVIL in html] == [True, True, False]
    assert "ada" in rows[1] and "scheduled notebook" in rows[1] and "nearly full" not in rows[1]
    assert "bob" in rows[2] and "workspace" in rows[2] and "2 dashboards open" in rows[2]
    assert "300 of 4,000 MB" in rows[2] and "2 of 2 MB <b>nearly full</b>" in rows[2] and "0.50" in rows[2]


def test_who_waits_for_data_in_the_order_of_the_line(page: Shown, api: Api):
    for who, symbol in (("ada", "AAPL"), ("bob", "MSFT"), ("root", "MSFT")):
        asked = {"provider": "alpaca", "symbols": [symbol], "start": "2020-01-02", "end": "2020-01-03"}
        assert api("POST", "/v1/ingests", who, json=asked).status_code == 201
    state, html = show(page)["waiting"]
    assert state == "ready"
    rows = [" ".join(each.split("</tr>")[0].split()) for each in html.split("<tr>")[2:]]
    assert len(rows) == 3
    assert "ada" in rows[0] and "AAPL" in rows[0] and "0 before it" in rows[0]
    assert "bob" in rows[1] and "1 before it" in rows[1] and "and 1 more for the same" in rows[1]


def test_something_is_said_and_taken_back(page: Shown, api: Api):
    asyncio.run(page.act("say", "", {"text": f" Down at six. {EVIL} ", "hours": "2"}))
    now = api("GET", "/notice", None).json()
    assert now["text"] == f"Down at six. {EVIL}"
    left = datetime.fromisoformat(now["until"]) - datetime.now(UTC)
    assert 7000 < left.total_seconds() <= 7200
    state, html = page.slots["said"]
    assert (state, "Down at six." in html, EVIL in html) == ("ready", True, False)
    asyncio.run(page.act("unsay", "", {}))
    assert api("GET", "/notice", None).json()["text"] == ""
    assert page.slots["said"][0] == "empty"


@pytest.mark.parametrize("fields", [{}, {"text": " "}, *({"text": "x", "hours": each} for each in ("0", "x", "99999"))])
def test_what_cannot_be_said_is_told_so(page: Shown, fields: dict[str, str]):
    with pytest.raises(TroubleError):
        asyncio.run(page.act("say", "", fields))


def test_the_page_is_the_administrators(page: Shown):
    closed = admin(BOB, page.services, {})
    assert (type(admin(ROOT, page.services, {})), closed.widgets, closed.template) == (Admin, {}, "admin_closed")
    forged = Shown(page.services, BOB)  # and who could make it theirs would read nothing, and say nothing
    assert show(forged)["people"][0] == "error"
    with pytest.raises(AlphaPulseError, match="custom:notice:say"):
        asyncio.run(forged.act("say", "", {"text": "mine"}))
