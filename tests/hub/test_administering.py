"""What an administrator does at a real hub, and what everybody else sees of it.

Set SCREENSHOTS to a folder to look at what the browser saw, light and dark.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser import CHROMIUM
from job_server import write
from running_hub import RunningHub
from signed_in import SignedIn
from sitting import RULES, fits, sit, visit
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect
from waiting import until

from alphapulse_lib.hub_client import Client

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs the test packages: make test")

pytestmark = pytest.mark.timeout(900)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's browser: apt-get install chromium")

WORDS = "Down on Friday from 18:00 to 19:00 UTC: <b>save</b> your notebooks."


#: Seconds after which a server of this hub ends in which nothing is.
IDLE = 24


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    home = tmp_path_factory.mktemp("administered") / "home"
    own = home / "users" / "bob"
    own.mkdir(parents=True)
    for each in (home, own.parent, own):
        each.chmod(0o700)
    (own / "large.bin").write_bytes(os.urandom(1_000_000))  # as much as bob may use
    limits = {"ALPHAPULSE_IDLE_MINUTES": str(IDLE / 60), "ALPHAPULSE_DISK_LIMIT": "1"}
    running = RunningHub(home, ALPHAPULSE_USERS="bob", **limits).start()
    yield running
    running.interrupt()


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
        broken = axe.Axe().run(page, context="#notice", options=RULES).response["violations"]
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
    bob.api_token()  # a row of each of the tables there
    page.goto(f"{hub.url}/hub/token")
    page.wait_for_selector("table >> text=a test")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "tables scroll inside themselves"
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
    page.wait_for_selector(".Toastify >> text=Your files take")
    picture(page, "notice-lab")
    page.click('.Toastify >> text="Do not show again"')
    page.wait_for_selector(said, state="detached")
    with page.expect_response("**/alphapulse/notices") as asked:
        page.reload()
    assert [each["name"] for each in asked.value.json()] == ["disk", "announcement"]
    page.wait_for_selector(".Toastify >> text=Your files take")  # this one comes again until it is so no more
    page.wait_for_timeout(1000)
    assert page.query_selector(said) is None
    assert (witness.errors, witness.strangers) == ([], set())
    page.context.close()


# --- servers that nobody uses -----------------------------------------------------------------------------------------


class Servers:
    """Named servers of one person, spoken to as scripts do."""

    def __init__(self, hub: RunningHub, name: str) -> None:
        somebody = SignedIn(hub, name)
        headers = {"Authorization": f"token {somebody.api_token()}"}
        self.http = httpx.Client(base_url=hub.url, timeout=120, trust_env=False, headers=headers)
        self._user, self._own = f"/hub/api/users/{name}", f"/user/{name}"

    def ask_for(self, name: str) -> None:
        self.http.post(f"{self._user}/servers/{name}").raise_for_status()

    def is_ready(self, name: str) -> bool:
        return bool(self.listed().get(name, {}).get("ready"))

    def listed(self) -> dict[str, Any]:
        """Those that the hub knows to run, or to start."""
        return self.http.get(self._user).json()["servers"]

    def post(self, name: str, path: str, **body: Any) -> Any:
        answer = self.http.post(f"{self._own}/{name}/{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    def occupy(self, name: str, kernel: str) -> None:
        """Have a kernel compute for longer than the test lasts."""
        address = f"ws{str(self.http.base_url)[4:].rstrip('/')}{self._own}/{name}/api/kernels/{kernel}/channels"
        sent = {"header": {"msg_id": "1", "msg_type": "execute_request", "username": "", "session": "1"},
                "parent_header": {}, "metadata": {}, "channel": "shell",
                "content": {"code": "import time; time.sleep(3000)", "silent": False}}  # fmt: skip

        async def send() -> None:
            opened = await websocket_connect(HTTPRequest(address, headers=dict(self.http.headers)))
            await opened.write_message(json.dumps(sent))
            while '"busy"' not in str(await opened.read_message()):
                pass
            opened.close()

        with ThreadPoolExecutor(1) as beside:  # this thread's own loop is Playwright's
            beside.submit(asyncio.run, asyncio.wait_for(send(), 60)).result()

    def runs(self, name: str) -> bool:
        """Whether it answers; asking counts as no use of it."""
        return self.http.get(f"{self._own}/{name}/api/status").status_code == 200


def test_a_server_in_which_nothing_is_ends_by_itself_and_no_other(hub: RunningHub):
    servers = Servers(hub, "bob")
    notebook = write(hub.home / "users" / "bob", "long.ipynb", "import time; time.sleep(3000)")
    job = {"id": "long", "notebook": notebook, "output": "out.ipynb"}
    held: dict[str, Callable[[str], Any]] = {
        "idle-kernel": lambda name: servers.post(name, "api/kernels"),
        "busy-kernel": lambda name: servers.occupy(name, servers.post(name, "api/kernels")["id"]),
        "terminal": lambda name: servers.post(name, "api/terminals"),
        "working": lambda name: servers.post(name, "alphapulse/jobs", **job),
    }
    for name, fill in held.items():  # each as soon as it is there, or it would be one that nobody uses
        servers.ask_for(name)
        until(lambda name=name: servers.is_ready(name), 240, pause=0.2)
        fill(name)
    servers.ask_for("nothing")
    until(lambda: servers.is_ready("nothing"), 240, pause=0.2)
    until(lambda: not servers.runs("nothing"), 120, pause=0.5)
    time.sleep(IDLE / 2 + 1)  # all have been looked at since: none was asked for anything as late as the one that ended
    assert [each for each in held if not servers.runs(each)] == []


# --- the administrators' page -----------------------------------------------------------------------------------------


@needs_browser
def test_the_page_shows_who_is_on_and_says_something_to_everybody(
    hub: RunningHub, admin: SignedIn, bob: SignedIn, browser: Any
):
    page, witness = sit(browser, hub, admin)
    visit(page, hub, "admin")
    assert page.text_content("nav a[aria-current]") == "Admin"
    rows = page.locator(".people tbody tr")
    assert "admin" in [each.split("\n")[0] for each in rows.all_inner_texts()]
    for name, *counts in (("idle-kernel", "1", "0", "0"), ("terminal", "0", "1", "0"), ("working", "0", "0", "1")):
        row = rows.filter(has_text=f"server {name}")
        cells = row.locator("td:is([data-label=Kernels], [data-label=Terminals], [data-label=Jobs])")
        until(lambda cells=cells, counts=counts: cells.all_inner_texts() == counts, 90)  # as soon as they say so
        assert "nearly full" in row.locator("td[data-label=Files]").text_content()
        assert float(row.locator("td[data-label=Memory]").text_content().split()[0].replace(",", "")) > 30
    assert "No vendor was asked" in page.inner_text("[data-slot=budgets]")
    found = []
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        for width in (1280, 400):
            assert fits(page, width), width
            broken = axe.Axe().run(page, options=RULES).response["violations"]
            found += [(width, each["id"], each["nodes"][0]["html"]) for each in broken]
            picture(page, f"admin-{width}")
    assert found == []
    page.focus("#sought input")  # by keyboard alone
    page.keyboard.type("bob")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")  # to the first of them
    page.wait_for_function("() => location.search === '?who=bob&action=sign-in.accepted'")

    def are_found() -> bool:
        read = "rows => rows.map(row => [1, 2].map(at => row.cells[at].innerText.split('\\n')[0].trim()))"
        found = page.locator(".audit tbody tr").evaluate_all(read)
        return bool(found) and all(each == ["bob", "Signed in"] for each in found)

    until(are_found, 60, pause=0.2)
    page.focus("#say textarea")
    page.keyboard.type(WORDS)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(f'.saying >> text="{WORDS}"')
    page.on("dialog", lambda asked: asked.accept())
    page.focus("[data-focus=unsay]")
    page.keyboard.press("Enter")
    page.wait_for_selector('[data-slot=said] >> text="Nothing is said now."')
    assert (witness.errors, witness.strangers) == ([], set())
    page.context.close()
    other, witness = sit(browser, hub, bob)
    visit(other, hub, "admin")
    assert "This page is the administrators'" in other.inner_text("main")
    assert "Admin" not in other.inner_text("nav")
    assert (witness.errors, witness.strangers) == ([], set())
    other.context.close()
