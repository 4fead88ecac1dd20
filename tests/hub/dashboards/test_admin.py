"""The administrators' page on a real API without a worker: what its widgets show, and who sees it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any, get_args

import pytest
from sqlalchemy import insert, select, update

from alphapulse_lib.errors import AlphaPulseError
from alphapulse_lib.settings import Settings
from hub.api.audit.schema import Action, Done
from hub.api.database import opened
from hub.api.ingests.schema import FETCHES, INGESTS
from hub.api.metrics.schema import MEASURES
from hub.dashboards.admin import Admin, admin
from hub.dashboards.audit import ACTIONS
from hub.dashboards.page import Page, Services
from hub.dashboards.remote import TroubleError
from hub.dashboards.templating import render
from hub.dashboards.visitor import Visitor
from hub.roles import TELL
from hub.worker.presence import Presence
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

    def __init__(self, services: Services, somebody: Visitor = ROOT, **query: str) -> None:
        super().__init__(somebody, services, query)
        self.slots: dict[str, tuple[str, str]] = {}
        self.notes: list[str] = []
        self.address = ""

    def tell(self, kind: str, **said: Any) -> None:
        if kind == "html":
            self.slots[said["slot"]] = said["state"], said["html"]
        elif kind == "note":
            self.notes.append(said["text"])
        elif kind == "address":
            self.address = said["query"]


@pytest.fixture
def page(running: RunningApi, tmp_path: Path) -> Shown:
    return Shown(Services(running.url.removesuffix("/services/api"), tmp_path))


def show(page: Shown) -> dict[str, tuple[str, str]]:
    asyncio.run(page.reload(*page.widgets))
    return page.slots


def test_nobody_and_nothing_are_said_in_words(page: Shown):
    slots = show(page)
    names = ("people", "waiting", "holdings", "said", "audit")
    assert "No worker runs." in slots.pop("budgets")[1]
    assert {name: state for name, (state, _) in slots.items()} == dict.fromkeys(names, "empty")
    assert "Nobody is on" in slots["people"][1] and "Nobody waits" in slots["waiting"][1]
    assert "Nothing has happened yet" in slots["audit"][1]


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


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({}, {"Files": "as much as the disk has", "Memory, processors": "as much as the machine has"}),
        (
            {"spawner": "docker", "disk_limit": 5000, "workspace_memory": 4000, "workspace_cpus": 1.5},
            {"Files": "5,000 MB", "Memory of a server": "4,000 MB", "Processors of a server": "1.5"},
        ),
        (
            {"spawner": "kubernetes", "kubernetes_disk": 7000, "workspace_memory": 4000},
            {"Files": "7,000 MB", "Memory of a server": "4,000 MB", "Processes of a server": "as its node says"},
        ),
        ({"spawner": "kubernetes", "kubernetes_disk": 7000, "disk_limit": 500}, {"Files": "500 MB"}),
    ],
)
def test_what_each_person_may_use_is_what_limits_them(chosen: dict[str, Any], told: dict[str, str]):
    html = render("quotas", chosen=Settings(_env_file=None, **chosen))
    rows = re.findall(r'<th scope="row" class="left">(.*?)</th><td>(.*?)</td>', html)
    said = {name: re.sub("<.*?>", "", value) for name, value in rows}
    assert {name: said.get(name) for name in told} == told


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


def test_what_is_left_of_vendors_budgets_and_what_the_catalog_lacks(page: Shown, running: RunningApi):
    engine = opened(running.chosen).execution_options(writes=True)
    worker = Presence(engine)
    worker.beat()
    state, html = show(page)["budgets"]
    assert (state, "No vendor was asked" in html) == ("empty", True)
    measures = [
        ("provider_calls_made", "alpaca", 40, worker.id), ("provider_calls_allowed", "alpaca", 190, worker.id),
        ("provider_calls_made", "other", 20, worker.id), ("provider_calls_allowed", "other", 19, worker.id),
        ("catalog_series", "1d", 1200, ""), ("catalog_gaps", "1d", 7, ""), ("catalog_missing_sessions", "1d", 31, ""),
        ("catalog_newest_bar_timestamp_seconds", "1d", time.time() - 12.5 * 86_400, ""),
        ("catalog_series", "1m", 1, ""), ("catalog_gaps", "1m", 0, ""), ("catalog_missing_sessions", "1m", 0, ""),
        ("catalog_newest_bar_timestamp_seconds", "1m", time.time() - 4 * 86_400, ""),
    ]  # fmt: skip
    names = ("name", "label", "value", "worker", "measured_at")
    with engine.begin() as connection:
        told = [dict(zip(names, (*each, time.time_ns()), strict=True)) for each in measures]
        connection.execute(insert(MEASURES), told)
    slots = show(page)
    assert entries(slots["budgets"][1]) == [["alpaca", "40 of 190", "150"], ["other", "20 of 19", "spent"]]
    assert "by 1 worker;" in slots["budgets"][1] and "No worker runs" not in slots["budgets"][1]
    daily, minutes = entries(slots["holdings"][1])
    assert (daily[:4], minutes[:4]) == (["1d", "1,200", "7", "31"], ["1m", "1", "0", "0"])
    assert (daily[4].endswith("12 days old"), "old" in minutes[4]) == (True, False)
    worker.forget(worker.id)
    engine.dispose()


def test_the_last_request_that_ended_is_told_with_its_fault(page: Shown, api: Api, running: RunningApi):
    made = api("POST", "/v1/ingests", "ada", json={"dataset": "sample"}).json()["id"]
    fault = {"kind": "ProviderError", "message": f"No. {EVIL}", "hint": ""}
    its = select(INGESTS.c.fetch).where(INGESTS.c.id == made).scalar_subquery()
    over = {"state": "failed", "error": fault, "ended_at": time.time_ns(), "open_as": None}
    engine = opened(running.chosen).execution_options(writes=True)
    with engine.begin() as connection:
        connection.execute(update(FETCHES).where(FETCHES.c.id == its).values(over))
    engine.dispose()
    state, html = show(page)["holdings"]
    assert (state, "Last failed: sample, for ada," in html) == ("ready", True)
    assert "No. &lt;script&gt;" in html and EVIL not in html


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


@pytest.mark.parametrize(
    "fields", [{}, {"text": " "}, *({"text": "x", "hours": each} for each in ("0", "x", "99999", "²", "9" * 5000))]
)
def test_what_cannot_be_said_is_told_so(page: Shown, fields: dict[str, str]):
    with pytest.raises(TroubleError):
        asyncio.run(page.act("say", "", fields))


def entries(html: str) -> list[list[str]]:
    """A table's rows, as text, cell by cell."""
    rows = [each.partition("</tr>")[0].split("<td")[1:] for each in html.split("<tr>")[2:]]
    return [[_text(cell.partition(">")[2]) for cell in row] for row in rows]


def _text(html: str) -> str:
    return unescape(" ".join(re.sub("<[^>]*>", " ", html).split()))


def tell(api: Api, number: int, **told: Any) -> None:
    """Have the hub tell the audit log of something."""
    deed = {"id": f"{number:016x}", "at": "2026-11-27T10:00:05+00:00", "who": "ada", "action": "sign-in.accepted"}
    api.door.scopes["hub"] = ("access:services!service=api", TELL)
    assert api("POST", "/v1/audit", "hub", json=deed | told).status_code == 204


def test_who_did_what_is_told_the_newest_first(page: Shown, api: Api):
    schedule = {"notebook": "a.ipynb", "cron": "0 7 * * *"}
    headers = {"X-Forwarded-For": "192.0.2.7", "X-Request-ID": "by-this-test"}
    made = api("POST", "/v1/schedules", "bob", json=schedule, headers=headers).json()["id"]
    assert api("DELETE", f"/v1/schedules/{made}", "bob").status_code == 204
    tell(api, 1, who="", action="sign-in.refused")
    odd = {"people": ["ada", EVIL], "admin": False, "nothing": None, "expires_in": 60}
    tell(api, 2, who=EVIL, action="group.joined", about=EVIL, detail=odd)
    tell(api, 3, action="settings.changed", detail={"roles": "x" * 1000})
    state, html = show(page)["audit"]
    assert (state, EVIL in html) == ("ready", False)
    long, evil, refused, deleted, first = entries(html)[:5]
    assert long[2] == f"Settings changed roles {'x' * 294}…"
    assert evil[1:4] == [EVIL, f"Put into a group people ada, {EVIL} · admin no · expires in 60", EVIL]
    moment = "2026-11-27 10:00 UTC"
    assert refused == [moment, "a name that nobody has", "Sign-in refused", "hub", "the hub itself"]
    assert 'title="2026-11-27 10:00:05 UTC"' in html
    assert deleted[1:4] == ["bob", "Schedule deleted owner bob", made]
    told = "Schedule made notebook a.ipynb · cron 0 7 * * *"
    assert first[1:] == ["bob", told, made, "192.0.2.7 by-this-test"]
    assert html.count(f'href="schedules?id={made}"') == 1, "what is deleted has no page"


def test_one_looks_for_a_person_or_a_kind_of_thing_and_further_back(page: Shown, api: Api):
    for number in range(60):
        tell(api, 100 + number, who="cleo", about=f"number {number}")
    asyncio.run(page.act("filter", "", {"who": " cleo ", "action": "sign-in.accepted"}))
    assert page.address == "?who=cleo&action=sign-in.accepted"
    shown = entries(page.slots["audit"][1])
    assert [shown[0][3], len(shown)] == ["number 59", 50]
    assert 'data-act="more"' in page.slots["audit"][1]
    asyncio.run(page.act("more", "", {}))
    shown = entries(page.slots["audit"][1])
    assert [shown[-1][3], len(shown)] == ["number 0", 60]
    assert 'data-act="more"' not in page.slots["audit"][1]
    asyncio.run(page.act("filter", "", {"who": "cleo", "action": "sign-in.refused"}))
    state, html = page.slots["audit"]
    assert (state, "who <b>cleo</b>" in html, "what <b>Sign-in refused</b>" in html) == ("ready", True, True)
    for no_entry in ({"who": "x" * 300}, {"action": "\0"}, {"who": EVIL * 2}):
        asyncio.run(page.act("filter", "", no_entry))
        assert "Nothing is like that" in page.slots["audit"][1] and EVIL not in page.slots["audit"][1]
    tell(api, 99, who="", action="sign-in.refused")
    linked = Shown(page.services, action="sign-in.refused")
    assert {each[2] for each in entries(show(linked)["audit"][1])} == {"Sign-in refused"}
    assert "Other" not in linked.shell()["actions"]
    assert Shown(page.services, action="moon.landed").shell()["actions"]["Other"] == {"moon.landed": "moon.landed"}


def test_each_action_that_the_api_knows_has_its_words():
    named = [action for each in ACTIONS.values() for action in each]
    assert sorted(named) == sorted((*get_args(Done.__value__), *get_args(Action.__value__)))
    assert len({called for each in ACTIONS.values() for called in each.values()}) == len(named)


def test_the_page_is_the_administrators(page: Shown):
    closed = admin(BOB, page.services, {})
    assert (type(admin(ROOT, page.services, {})), closed.widgets, closed.template) == (Admin, {}, "admin_closed")
    forged = Shown(page.services, BOB)  # and who could make it theirs would read nothing, and say nothing
    assert {name: show(forged)[name][0] for name in ("people", "audit")} == dict.fromkeys(("people", "audit"), "error")
    assert "custom:audit:read" in forged.slots["audit"][1]
    with pytest.raises(AlphaPulseError, match="custom:notice:say"):
        asyncio.run(forged.act("say", "", {"text": "mine"}))
