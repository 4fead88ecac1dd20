"""What an administrator does at a real hub, and what everybody else sees of it.

Set SCREENSHOTS to a folder to look at what the browser saw, light and dark.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM
from running_hub import RunningHub
from signed_in import SignedIn
from sitting import sit, visit

from alphapulse_lib.hub_client import Client

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs the test packages: make test")

pytestmark = pytest.mark.timeout(900)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's browser: apt-get install chromium")

WORDS = "Down on Friday from 18:00 to 19:00 UTC: <b>save</b> your notebooks."


@pytest.fixture(scope="module")
def admin(hub: RunningHub) -> SignedIn:
    return SignedIn(hub, "admin")


@pytest.fixture(scope="module")
def bob(hub: RunningHub) -> SignedIn:
    return SignedIn(hub, "bob")


@pytest.fixture(scope="module")
def api(admin: SignedIn) -> Iterator[Client]:
    with Client(f"{admin.url}/services/api", admin.api_token()) as client:
        yield client


def picture(page: Any, name: str) -> None:
    """Keep what the page looks like, light and dark, where the developer asked for it."""
    folder = os.environ.get("SCREENSHOTS")
    for scheme in ("dark", "light") if folder else ():
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(1000)
        page.screenshot(path=Path(folder or "") / f"{name}-{scheme}.png")


# --- the notice -------------------------------------------------------------------------------------------------------


def shown(page: Any) -> str:
    page.wait_for_selector("#notice .said")
    assert page.get_attribute("#notice", "role") == "status"
    return page.text_content("#notice .said p")


@needs_browser
def test_a_notice_is_on_every_page_until_it_is_closed(hub: RunningHub, bob: SignedIn, api: Client, browser: Any):
    api.notices.say(WORDS)
    page, witness = sit(browser, hub, bob, viewport={"width": 400, "height": 800})
    stranger = browser.new_context().new_page()
    stranger.goto(f"{hub.url}/hub/login")
    assert shown(stranger) == WORDS
    picture(stranger, "notice-login")
    visit(page, hub, "home")
    assert shown(page) == WORDS
    picture(page, "notice-home")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        broken = axe.Axe().run(page, context="#notice").response["violations"]
        assert broken == [], [(each["id"], each["nodes"][0]["html"]) for each in broken]
    page.focus("#notice button")  # by keyboard alone
    page.keyboard.press("Enter")
    page.wait_for_selector("#notice .said", state="detached")
    page.goto(f"{hub.url}/hub/home")
    page.wait_for_load_state("networkidle")
    assert page.query_selector("#notice .said") is None, "who closed it is shown it again"
    api.notices.say(f"{WORDS} Again.")
    page.reload()
    assert shown(page) == f"{WORDS} Again."
    picture(page, "notice-hub")
    api.notices.say("")
    page.reload()
    page.wait_for_load_state("networkidle")
    assert page.query_selector("#notice .said") is None
    assert (witness.errors, witness.strangers) == ([], set())
    stranger.context.close()
    page.context.close()


@needs_browser
def test_jupyterlab_shows_it_and_shows_it_no_more_to_who_has_read_it(
    hub: RunningHub, bob: SignedIn, api: Client, browser: Any
):
    api.notices.say(WORDS)
    page, witness = sit(browser, hub, bob)
    page.set_default_timeout(180_000)
    page.goto(f"{hub.url}/hub/user-redirect/lab")
    said = f'.Toastify >> text="{WORDS}"'
    page.wait_for_selector(said)
    picture(page, "notice-lab")
    page.click('.Toastify >> text="Do not show again"')
    page.wait_for_selector(said, state="detached")
    with page.expect_response("**/alphapulse/notices") as asked:
        page.reload()
    assert [each["text"] for each in asked.value.json()] == [WORDS]
    page.wait_for_selector(".jp-Launcher")
    page.wait_for_timeout(2000)
    assert page.query_selector(said) is None
    assert (witness.errors, witness.strangers) == ([], set())
    page.context.close()
