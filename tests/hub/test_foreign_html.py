"""What one person writes never runs with another's rights, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import hostile
import nbformat
import pytest
import small_runs
from browser import CHROMIUM, FLAGS
from hub_client import Person
from running_hub import RunningHub
from waiting import until

from alphapulse_lib.hub_client import Client
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.session import renderings

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's browser: apt-get install chromium"),
]

#: What no page may learn or do with its reader's rights.
WANTED = (
    "user",
    "home",
    "dashboards",
    "token",
    "key",
    "kernel",
    "comment",
    *(f"server {path}" for path in ("lab", "nothing-here", "api/contents", "api/kernels")),
)
SHUT = ("refused", "401", "403", "404", "405")


class Place:
    """A hub, what bob planted in it, and the administrator's browser."""

    def __init__(self, hub: RunningHub, url: str, browser: Any, folder: Path) -> None:
        self.hub, self.url = hub, url
        self.passwords = dict(hub.credentials())
        self.bob = Person(hub.url, "bob")
        self.bob.sign_in(self.passwords["bob"])
        self._plant(folder)
        self.context = browser.new_context(viewport={"width": 1280, "height": 900})
        self.context.set_default_timeout(90_000)
        self.sign_in("admin", self.context)
        admin = Person(hub.url, "admin")
        admin.sign_in(self.passwords["admin"])
        admin.start_server()
        self.context.new_page().goto(f"{url}/user/admin/lab")  # as who works in a workspace of their own

    def _plant(self, folder: Path) -> None:
        asked = self.bob.http.post("/hub/api/users/bob/tokens", headers=self.bob._headers(), json={})
        token = asked.json()["token"]
        home = self.hub.home / "users" / "bob"
        home.mkdir(mode=0o700, exist_ok=True)
        (home / "evil.html").write_text(hostile.page(self.url, "admin"))
        nbformat.write(hostile.notebook(self.url, "admin"), home / "evil.ipynb")
        with Client(f"{self.hub.url}/services/api", token) as api:
            api.comments.write("instrument:AAPL.XNAS", hostile.in_markdown())
            drawn = api.renderings.make("evil.ipynb", renderings.rendered(home / "evil.ipynb"))
            api.shares.make(drawn.id, "admin", kind="rendering")
            run = small_runs.kept(Ledger(folder), user="bob", parameters={"<img src=x onerror=window.ran=1>": 1})
            named = "notebook:<img src=x onerror=\"window.ran='name'\">"
            run = replace(run, environment={**run.environment, "python": named})
            api.runs.append(run)
            api.comments.write(f"run:{run.id}", hostile.in_markdown())
        self.run, self.rendering = run.id, drawn.id
        mine = {"Authorization": f"token {token}"}
        answer = self.bob.http.post("/hub/api/users/bob/server", headers=mine)
        assert answer.status_code in (201, 202), answer.text
        until(lambda: self.bob.http.get("/hub/api/users/bob", headers=mine).json()["servers"][""]["ready"], 240)

    def sign_in(self, name: str, context: Any) -> Any:
        """Type a name and a password into the hub's own page."""
        page = context.new_page()
        page.goto(f"{self.url}/hub/login")
        page.fill("input[name=username]", name)
        page.fill("input[name=password]", self.passwords[name])
        page.click("input[type=submit]")
        page.wait_for_url("**/services/dashboards/home")
        return page

    def opened(self, path: str) -> Any:
        """A page of bob's server in the administrator's browser, which asks once whether that is meant."""
        page = self.context.new_page()
        page.goto(f"{self.url}/user/bob/{path}")
        if "/hub/api/oauth2/authorize" in page.url:
            page.click("form [type=submit]")
        return page


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, sample_catalog: Path) -> Iterator[Place]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the test packages: make test")
    folder = tmp_path_factory.mktemp("foreign")
    hub = RunningHub(folder / "home", ALPHAPULSE_USERS="bob", ALPHAPULSE_CATALOG=str(sample_catalog))
    hub.start()
    try:
        with sync_api.sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            yield Place(hub, hub.url, browser, folder / "ledger")
            browser.close()
    finally:
        hub.interrupt()


def gained(told: dict[str, str]) -> dict[str, str]:
    """Of what the script tried, what it got."""
    got = {name: told[name] for name in WANTED if not told[name].startswith(SHUT)}
    seen = {name: said for name, said in told.items() if name.startswith(("frame", "window"))}
    assert len(seen) == 6
    got |= {name: said for name, said in seen.items() if not said.startswith(("refused", "nothing", "closed"))}
    return got | {name: told[name] for name in ("parent",) if not told[name].startswith("refused")}


@pytest.mark.parametrize("path", ["files/evil.html", "nbconvert/html/evil.ipynb", "voila/render/evil.ipynb"])
def test_what_bob_wrote_gets_nothing_of_the_administrator_who_opens_it(place: Place, path: str) -> None:
    page = place.opened(path)
    page.wait_for_function("() => window.told", timeout=120_000)
    told = page.evaluate(hostile.TOLD)
    assert gained(told) == {}
    secrets = {each["name"]: each["value"] for each in place.context.cookies() if each["httpOnly"]}
    assert secrets.keys() >= {"jupyterhub-hub-login", "service-dashboards"}
    assert not [name for name, value in secrets.items() if value in told["cookies"]]
    if not path.startswith("voila"):  # it is nobody's page, of no host at all
        assert told["cookies"] == told["storage"] == "refused: SecurityError"
    for each in place.context.pages:
        each.close()


def test_a_rendering_that_bob_shared_is_shown_and_gets_nothing_of_who_looks_at_it(place: Place) -> None:
    page = place.context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    answer = page.goto(f"{place.url}/services/dashboards/renderings/{place.rendering}")
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    page.wait_for_function("() => window.told", timeout=120_000)
    told = page.evaluate(hostile.TOLD)
    assert gained(told) == {}
    assert told["cookies"] == told["storage"] == "refused: SecurityError"
    assert page.locator("text=A report").count() >= 1
    assert {each for each in asked if not each.startswith((place.url, "data:", "blob:"))} == set()
    for each in place.context.pages:
        each.close()


def test_nothing_that_was_tried_has_happened(place: Place) -> None:
    page = place.context.new_page()
    page.goto(f"{place.url}/hub/token")
    assert "Requested via api" not in page.inner_text("body"), "a token was made in the administrator's name"
    page.goto(f"{place.url}/services/dashboards/market?symbol=AAPL")
    page.wait_for_function("() => !document.querySelector('main .skeleton')")
    assert "stolen" not in page.inner_text("main")
    page.close()


def test_a_comment_and_a_run_are_words_whatever_is_written_in_them(place: Place) -> None:
    page = place.context.new_page()
    asked: list[str] = []
    page.on("dialog", lambda dialog: asked.append(dialog.message))
    page.goto(f"{place.url}/services/dashboards/runs?id={place.run}")
    page.wait_for_selector("#thread >> text=Planted.")
    page.wait_for_timeout(500)
    assert page.evaluate("() => window.ran") is None
    active = "#thread .words :is(script, iframe, form, style, svg, math, img[onerror], [onload], [onfocus])"
    assert page.locator(active).count() == 0
    links = page.eval_on_selector_all("#thread .words a", "all => all.map((each) => each.protocol)")
    assert set(links) <= {":", "http:", "https:", "mailto:"}, "the first is a link without an address"
    assert asked == []
    page.close()
