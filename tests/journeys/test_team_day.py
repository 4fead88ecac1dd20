"""One day of a small team, driven in two browsers against the hub that `make up` starts.

Set SCREENSHOTS to a folder to look at what the browsers saw.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, Witness
from lab import run_every_cell
from running_hub import RunningHub

from alphapulse_lib.hub_client import Client

pytestmark = [
    pytest.mark.journey,
    pytest.mark.timeout(900),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's browser: apt-get install chromium"),
]

HOME = "/services/dashboards/home"
TUTORIAL = "tutorials/01-first-tour.ipynb"


def token(hub: RunningHub, name: str) -> str:
    """A token of the REST API, made as a script's owner makes one."""
    done = subprocess.run(
        [Path(sys.executable).with_name("alphapulse"), "token", "--user", name],
        env=hub.environment,
        input=dict(hub.credentials())[name] + "\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.strip()


class Sitting:
    """Somebody at a browser of their own."""

    def __init__(self, browser: Any, hub: RunningHub, name: str) -> None:
        self.name, self.hub = name, hub
        self.context = browser.new_context(color_scheme="light", viewport={"width": 1280, "height": 900})
        self.context.set_default_timeout(120_000)
        self.witness = Witness(self.context, hub.url.removeprefix("http://"))
        self.page = self.context.new_page()

    def sign_in(self) -> None:
        self.page.goto(self.hub.url)
        self.page.fill("#username_input", self.name)
        self.page.fill("#password_input", dict(self.hub.credentials())[self.name])
        self.page.click("#login_submit")

    def visit(self, name: str) -> Any:
        self.page.goto(f"{self.hub.url}/services/dashboards/{name}")
        self.page.wait_for_function("() => !document.querySelector('main .skeleton')")
        return self.page

    def picture(self, name: str) -> None:
        if folder := os.environ.get("SCREENSHOTS"):
            self.page.screenshot(path=Path(folder) / f"day-{name}.png", full_page=True)


@pytest.fixture(scope="module")
def admin(browser: Any, hub: RunningHub) -> Sitting:
    return Sitting(browser, hub, "admin")


@pytest.fixture(scope="module")
def bob(browser: Any, hub: RunningHub) -> Sitting:
    return Sitting(browser, hub, "bob")


def test_sign_in_leads_home(admin: Sitting):
    admin.sign_in()
    admin.page.wait_for_url(f"**{HOME}")
    admin.page.wait_for_function("() => !document.querySelector('main .skeleton')")
    assert admin.page.locator(".who .name").inner_text() == "admin"
    for widget in ("Watchlist", "Latest news", "Recent runs", "Schedules", "For you", "AAPL"):
        admin.page.locator("main").get_by_text(widget, exact=True).first.wait_for()
    admin.page.locator(".area-chart canvas").first.wait_for()
    admin.page.locator("[data-slot=news] .up, [data-slot=news] .down").first.wait_for()  # news carry their scores
    admin.page.locator("main").get_by_text("You have run none yet").first.wait_for()
    admin.picture("1-home")


def test_the_tutorial_s_backtest_runs_in_jupyterlab(admin: Sitting, hub: RunningHub):
    page = admin.page
    page.click("nav >> text=Lab")
    page.wait_for_url("**/user/admin/lab**")
    page.wait_for_selector(".jp-LauncherCard >> text=AlphaPulse")
    page.dblclick(".jp-DirListing-itemText >> text=tutorials")
    page.dblclick(f".jp-DirListing-itemText >> text={Path(TUTORIAL).name}")
    page.wait_for_selector('.jp-KernelName >> text="AlphaPulse"')
    source = json.loads(hub.workspace("admin").text(TUTORIAL))
    run_every_cell(page, source["cells"])
    assert page.locator(".jp-NotebookPanel .jp-RenderedText[data-mime-type*=stderr]").count() == 0


def test_a_schedule_is_made_and_its_owner_s_server_stopped(admin: Sitting, hub: RunningHub):
    """Its minute comes while the team is at what follows."""
    page = admin.visit("schedules")
    page.fill("#notebook", "backtests/sma.ipynb")
    page.keyboard.press("Tab")
    page.wait_for_function("() => document.querySelector('[name=parameters]').value.includes('fast')")
    page.fill("[name=timezone]", "UTC")
    # The next minute but one: this one may be over before the form is sent.
    soon = datetime.now(UTC) + timedelta(seconds=90)
    page.fill("[name=cron]", f"{soon.minute} {soon.hour} * * *")
    page.keyboard.press("Tab")
    page.wait_for_selector("text=Next:")
    page.click("#new-schedule button.main")
    page.locator(".plans-table tr", has_text="backtests/sma.ipynb").wait_for()
    own = admin.context.new_page()
    own.goto(f"{hub.url}/hub/home")
    own.wait_for_function("() => window._jupyterhub_page_loaded")  # until then its buttons do nothing
    with own.expect_response(lambda answer: answer.request.method == "DELETE") as stopped:
        own.click("#stop")
    assert stopped.value.ok, stopped.value.text()
    own.wait_for_selector("#stop", state="hidden")
    own.close()


def test_the_run_is_on_the_dashboard_with_its_tearsheet(admin: Sitting):
    page = admin.visit("home")
    page.click("[data-slot=runs] a >> text=Trend")
    page.wait_for_url("**/runs?id=*")
    page.locator(".sheet >> text=Sharpe").first.wait_for()
    assert "Traceback" not in page.locator("main").inner_text()
    admin.picture("2-run")


def test_a_second_person_reads_a_comment_and_answers_which_the_first_sees_without_reloading(
    admin: Sitting, bob: Sitting
):
    page = admin.page
    page.fill("#whom", "bob")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-slot=shares] li >> text=bob")
    page.fill("#body", "Is *ten* days too quick? @bob")
    page.click("#write button.main")
    page.wait_for_selector("#thread em >> text=ten")
    page.evaluate("() => { window.same = true; }")
    bob.sign_in()
    bob.page.wait_for_url(f"**{HOME}")
    bob.page.click(".mentions a >> text=admin mentioned you")
    bob.page.wait_for_selector("#thread em >> text=ten")
    bob.page.click("#thread button >> text=Answer")
    bob.page.wait_for_selector("text=Answering admin")
    bob.page.fill("#body", "Look at the costs.")
    bob.page.keyboard.press("Control+Enter")
    page.wait_for_selector("#thread ol ol >> text=Look at the costs.")
    assert page.evaluate("() => window.same"), "the page was not reloaded"
    admin.picture("3-thread")


def test_the_schedule_fires_while_its_owner_s_server_is_stopped(admin: Sitting, hub: RunningHub):
    page = admin.visit("schedules")
    page.wait_for_selector("[data-slot=firings] >> text=finished", timeout=480_000)
    own = admin.context.new_page()
    own.goto(f"{hub.url}/hub/home")
    assert own.locator("#start").inner_text() == "Start My Server", "it fired without the owner's own server"
    own.close()
    admin.picture("4-schedules")


def test_what_it_ran_is_in_the_folder_in_the_ledger_and_told(admin: Sitting, hub: RunningHub):
    page = admin.page
    output = page.locator("[data-slot=firings] a[href*='.ipynb']").first.get_attribute("href") or ""
    (written,) = hub.workspace("admin").named(output.rpartition("/")[2])
    executed = json.loads(hub.workspace("admin").text(written))
    assert "injected-parameters" in json.dumps(executed)
    assert not [
        cell for cell in executed["cells"] for each in cell.get("outputs", []) if each["output_type"] == "error"
    ]
    with Client(f"{hub.url}/services/api", token(hub, "admin")) as client:
        (run,) = [each for each in client.runs.list(user="admin") if "firing" in each.environment]
        assert (run.status, run.spec.strategy.name.rpartition(":")[2]) == ("finished", "SmaCross")
        assert run.environment["firing"] in {each.id for each in client.schedules.firings()}
        assert sorted(each.kind for each in client.notifications.list()) == ["firing-finished", "reply"]
    home = admin.visit("home")
    home.locator("[data-slot=runs] a >> text=SmaCross").wait_for()
    assert "backtests/sma.ipynb" in home.locator(".mentions").inner_text()
    admin.picture("5-evening")


def test_nobody_saw_an_error_and_no_other_host_was_asked(admin: Sitting, bob: Sitting):
    assert admin.witness.errors == []
    assert bob.witness.errors == []
    assert admin.witness.strangers | bob.witness.strangers == set()
