"""The dashboards for everybody: weak eyes, no mouse, a wrong link, a part that is down; and what a run's page does."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import psutil
import pytest
import small_runs
from browser import CHROMIUM
from running_hub import RunningHub
from signed_in import SignedIn
from sitting import RULES, sit, visit

from alphapulse_lib.hub_client import Client
from alphapulse_lib.model.run import RunRecord
from alphapulse_lib.results.ledger import Ledger

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs the test packages: make test")

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's browser: apt-get install chromium"),
]

SHIPPED = "alphapulse_lib.engine.strategies.sma_cross:SmaCross"
MESSAGE = "There is *something* to see, @bob."


@pytest.fixture(scope="module")
def admin(hub: RunningHub) -> SignedIn:
    return SignedIn(hub, "admin")


@pytest.fixture(scope="module")
def runs(admin: SignedIn, tmp_path_factory: pytest.TempPathFactory) -> list[RunRecord]:
    """Two runs of the ledger with all their files, a shipped strategy's without any, a comment, two schedules."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    kept = [small_runs.kept(ledger, user="admin", parameters={"fast": fast, "slow": 20}) for fast in (5, 6)]
    spec = small_runs.spec(
        name=SHIPPED, parameters={"fast": 5, "slow": 20, "quantity": 10}, start=small_runs.moment("2010-01-04 00:00"),
        end=small_runs.moment("2012-01-01 00:00") - 1,
    )  # fmt: skip
    bare = replace(kept[0], id="ab" * 8, spec=spec, spec_id=spec.id, artefacts={})
    with Client(f"{admin.url}/services/api", admin.api_token()) as api:
        for run in (*kept, bare):
            api.runs.append(run)
            for file in run.artefacts.values():
                api.runs.upload(run.id, file, ledger.file(run.id, file))
        for run in kept:
            api.shares.make(run.id, "*")
        for target in (f"run:{kept[0].id}", "instrument:AAPL.XNAS"):
            first = api.comments.write(target, MESSAGE)
            api.comments.write(target, "`Indeed`.", parent=first.id)
        for cron in ("0 7 * * 1-5", "0 8 * * 1-5"):
            schedule = api.schedules.create("backtests/sma.ipynb", cron, parameters={"symbol": "GOOG"})
        api.schedules.pause(schedule.id)
    return [*kept, bare]


def addresses(runs: list[RunRecord]) -> list[str]:
    return [
        "home", "home?runs=all", "market", "market?symbol=SPY&period=1m&style=line", "market?symbol=NOPE",
        "runs", "runs?group=family", "runs?status=failed", f"runs?id={runs[0].id}", f"runs?id={runs[2].id}",
        "runs?id=nothing", f"runs?compare={runs[0].id},{runs[1].id}", "runs?compare=x", "schedules",
    ]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_rule_of_axe(hub: RunningHub, admin: SignedIn, browser: Any, runs: Any, scheme: str):
    page, witness = sit(browser, hub, admin, color_scheme=scheme)
    found = []
    for name in addresses(runs):
        page.set_viewport_size({"width": 1280, "height": 900})
        visit(page, hub, name)
        for width in (1280, 400):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(200)
            broken = axe.Axe().run(page, options=RULES).response["violations"]
            found += [(name, width, each["id"], [node["html"][:200] for node in each["nodes"]]) for each in broken]
    assert found == []
    assert witness.errors == []
    page.context.close()


def test_everything_is_done_without_a_mouse(hub: RunningHub, admin: SignedIn, browser: Any, runs: Any):
    page, witness = sit(browser, hub, admin)
    visit(page, hub, "home")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Skip to the page"
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.id") == "main"
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            "() => { const e = document.activeElement, s = getComputedStyle(e.closest('.plotroot') ?? e);"
            " return [e.dataset.focus ?? '', s.outlineStyle !== 'none', e.outerHTML] }"
        )
        if focus[2].startswith("<body"):
            break
        seen.add(focus[0])
        assert focus[1], f"the focus is not seen on {focus[2][:200]}"
    assert {"choose-GOOG.XNAS", "whose", f"run-{runs[0].id}"} <= seen
    page.locator("[data-focus='choose-GOOG.XNAS']").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-slot=chosen] >> text=GOOG")
    assert page.evaluate("() => document.activeElement.dataset.focus") == "choose-GOOG.XNAS", "the focus was lost"
    visit(page, hub, "runs")
    page.locator("th button >> text=Sharpe").focus()
    page.keyboard.press("Enter")
    assert page.locator("th[aria-sort]").inner_text() == "Sharpe"
    assert witness.errors == []
    page.context.close()


def test_a_link_that_is_wrong_is_told_once_and_in_words_for_a_person(
    hub: RunningHub, admin: SignedIn, browser: Any, runs: Any
):
    page, witness = sit(browser, hub, admin)
    long = "x" * 900
    for name, said in {
        "runs?id=ffffffff": "The ledger holds no run ffffffff.",
        "runs?id=../../x": "'../../x' is no id of a run.",
        f"runs?id={runs[0].id}&again=<b>": "'<b>' is no backtest.",
        "runs?status=sleeping": "No run is like that: status sleeping",
        f"runs?user={long}": "No run is like that: user xxx",
        "market?symbol=NOPE": "The catalog holds no 'NOPE'.",
        "market?symbol=AAPL&start=yesterday": "'yesterday' is not a moment.",
        "market?symbol=AAPL&start=2012-05-01&end=2012-01-01": "The window ends before it begins.",
        "market?symbol=AAPL&period=1y&adjust=x&style=y&window=z": "252 bars of 1d",
        "market?article=nothing": "The catalog holds no such article.",
        "home?symbol=NOPE": "The catalog holds no 'NOPE'.",
        "schedules?id=nothing": "There is no such schedule.",
    }.items():
        visit(page, hub, "&".join(quote(each, safe="?=") for each in name.split("&")))
        page.wait_for_timeout(200)
        words = page.locator("main").inner_text()
        assert words.count(said) == 1, (name, words)
        assert page.locator('[data-state="error"]').count() == 0, name
        assert "query." not in words, name
        assert "GET /v1" not in words, name
    assert witness.errors == []
    page.context.close()


def test_a_run_is_run_again_where_that_can_be_and_else_it_is_said_why(
    hub: RunningHub, admin: SignedIn, browser: Any, runs: Any
):
    page, witness = sit(browser, hub, admin)
    visit(page, hub, f"runs?id={runs[0].id}")
    assert page.locator("[data-act=again]").is_disabled()
    assert "was defined in a notebook of admin's workspace" in page.locator("[data-slot=tools]").inner_text()
    visit(page, hub, f"runs?id={runs[2].id}")
    page.click("[data-act=again]")
    page.wait_for_selector("[data-slot=again] .state")
    visit(page, hub, page.url.rpartition("/")[2])  # the address remembers what was asked for
    page.wait_for_selector("[data-slot=again] >> text=Compare the two", timeout=180_000)
    lines = {
        part: [
            json.loads(each)
            for each in (hub.home / "logs" / f"{part}.log").read_text().splitlines()
            if '"request"' in each
        ]
        for part in ("dashboards", "api", "worker")
    }
    (used,) = [each["request"] for each in lines["dashboards"] if each["message"] == "admin used again of runs"]
    told = {part: [each["message"] for each in found if each["request"] == used] for part, found in lines.items()}
    assert any(each.startswith("POST /services/api/v1/backtests 201") for each in told["api"]), told
    assert any(each.startswith("Firing ") and " begins: " in each for each in told["worker"]), told
    page.click("text=Open run")
    page.wait_for_selector(".sheet")
    page.wait_for_selector("[data-slot=origin] >> text=run on request")
    assert "executed notebook" in page.locator("[data-slot=origin]").inner_text()
    with Client(f"{admin.url}/services/api", admin.api_token()) as api:
        fresh = api.runs.get(page.url.rpartition("=")[2]).record
    asked, got = runs[2].spec, fresh.spec
    assert replace(got, strategy=asked.strategy, scorer=asked.scorer) == asked
    assert fresh.user == "admin"
    assert witness.errors == []
    page.context.close()


def test_two_runs_are_laid_side_by_side_from_a_run_s_page_and_its_link_is_copied(
    hub: RunningHub, admin: SignedIn, browser: Any, runs: Any
):
    page, witness = sit(browser, hub, admin, permissions=["clipboard-read", "clipboard-write"])
    visit(page, hub, f"runs?id={runs[0].id[:12]}")
    page.click("text=Copy link")
    page.wait_for_selector("text=Copied")
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied == f"{hub.url}/services/dashboards/runs?id={runs[0].id}"
    page.fill("#other", "no id")
    page.keyboard.press("Enter")
    page.wait_for_selector(".note.bad >> text='no id' is no id of a run.")
    page.fill("#other", runs[1].id)
    page.keyboard.press("Enter")
    page.wait_for_selector(".sides")
    page.wait_for_selector("[data-slot=lines] >> text=fills are the same")
    assert "Their settings differ first in fast: 5 · 6." in page.locator("[data-slot=sides]").inner_text()
    assert witness.errors == []
    page.context.close()


def test_what_becomes_of_a_comment_is_seen_by_everybody_who_looks_at_it(
    hub: RunningHub, admin: SignedIn, browser: Any, runs: Any
):
    bob = SignedIn(hub, "bob")
    name = f"runs?id={runs[1].id}"
    (writing, wrote), (reading, read) = (sit(browser, hub, each) for each in (bob, admin))
    writing.on("dialog", lambda dialog: dialog.accept())
    for page in (writing, reading):
        visit(page, hub, name)
        page.evaluate("() => { window.same = true; }")
    writing.fill("#body", "Look at the costs, @admin.")
    writing.click("#write button.main")
    reading.wait_for_selector("#thread >> text=Look at the costs")
    assert reading.locator("#thread [data-act=edit]").count() == 0, "it is somebody else's"
    writing.click("#thread [data-act=edit]")
    writing.wait_for_selector("text=Changing your comment")
    writing.fill("#body", "Look at the fills, @admin.")
    writing.keyboard.press("Control+Enter")
    reading.wait_for_selector("#thread >> text=Look at the fills")
    reading.wait_for_selector("#thread >> text=edited")
    with Client(f"{admin.url}/services/api", admin.api_token()) as api:
        (comment,) = api.comments.list(f"run:{runs[1].id}")
        api.comments.edit(comment.id, "Look at the *slippage*.")
    writing.wait_for_selector("#thread em >> text=slippage")
    writing.wait_for_selector("#thread >> text=edited by admin")
    writing.click("#thread [data-act=unwrite]")
    reading.wait_for_selector("#thread i >> text=deleted")
    assert reading.locator("#thread >> text=slippage").count() == 0
    assert reading.evaluate("() => window.same") and writing.evaluate("() => window.same"), "nobody reloaded"
    visit(reading, hub, "home")
    reading.wait_for_selector(".mentions >> text=bob mentioned you")
    assert wrote.errors == read.errors == []
    for page in (writing, reading):
        page.context.close()


def part(hub: RunningHub, name: str) -> psutil.Process:
    """The process of a service of this very hub."""
    for each in psutil.process_iter(["cmdline", "environ"]):
        mine = (each.info["environ"] or {}).get("ALPHAPULSE_HOME") == str(hub.home)
        if mine and (each.info["cmdline"] or [])[-2:] == ["-m", f"hub.{name}"]:
            return each
    raise AssertionError(f"hub.{name} does not run")


def test_while_the_api_is_away_what_it_does_not_carry_goes_on_and_the_rest_says_since_when(
    hub: RunningHub, admin: SignedIn, browser: Any, runs: Any
):
    page, _ = sit(browser, hub, admin)
    visit(page, hub, "home")
    api = part(hub, "api")
    os.kill(api.pid, signal.SIGSTOP)
    try:
        page.wait_for_selector("[data-slot=runs] .state.old >> text=As of", timeout=90_000)
        assert page.locator("[data-slot=runs] tbody tr").count() > 0, "what was known stays"
        page.click("[data-focus='choose-MSFT.XNAS']")
        page.wait_for_selector("[data-slot=chosen] >> text=MSFT")
        assert page.locator("[data-slot=watchlist] tbody tr").count() > 0
    finally:
        os.kill(api.pid, signal.SIGCONT)
    page.wait_for_selector("[data-slot=runs] .state.old", state="detached", timeout=90_000)
    page.context.close()


def test_a_page_whose_service_died_says_so_and_opens_again_by_itself(
    hub: RunningHub, admin: SignedIn, browser: Any, runs: Any
):
    page, _ = sit(browser, hub, admin)
    visit(page, hub, "home")
    page.evaluate("() => { window.same = true; }")
    part(hub, "dashboards").kill()
    page.wait_for_selector(".lost", state="visible", timeout=60_000)
    assert "The connection to the dashboards broke" in page.locator(".lost").inner_text()
    page.wait_for_function("() => !window.same", timeout=90_000)
    page.wait_for_function("() => !document.querySelector('main .skeleton')")
    assert page.locator("[data-slot=watchlist] tbody tr").count() > 0
    page.context.close()
