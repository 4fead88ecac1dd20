"""A host for each person's server: Lab works there, and what another serves from theirs gets at nothing of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hostile
import httpx
import lab
import nbformat
import pytest
from browser import CHROMIUM, FLAGS
from running_hub import RunningHub, free_port
from tls_front import TLSFront, certificate
from waiting import until

from alphapulse_lib.errors import SettingsError
from alphapulse_lib.settings import Settings
from hub import network, origins
from hub.keys import keys

pytestmark = pytest.mark.timeout(600)

in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's browser: apt-get install chromium")

DOMAIN = "hub.localhost"  # browsers take what is below localhost for this machine

#: What bob has his own server do: it serves a page of his, guarded by nothing, and writes down what it is told.
EXTENSION = """
from pathlib import Path

from jupyter_server.auth.decorator import allow_unauthenticated
from tornado.web import RequestHandler

HERE = Path(__file__).parent


def _jupyter_server_extension_points():
    return [{"module": "evil"}]


class Served(RequestHandler):
    @allow_unauthenticated
    def get(self, name):
        with (HERE / "told.txt").open("a") as told:
            print(self.request.headers.get("Cookie", ""), file=told)
        self.set_header("Content-Type", "text/javascript" if name.endswith("js") else "text/html")
        self.set_header("Service-Worker-Allowed", "/")
        for wall in ("Content-Security-Policy", "Cross-Origin-Opener-Policy"):
            self.clear_header(wall)
        self.write((HERE / name).read_text())


def _load_jupyter_server_extension(app):
    app.web_app.add_handlers(".*$", [(app.base_url + "evil/([a-z.]+)", Served)])
"""
CONFIGURATION = """
import sys

sys.path.insert(0, {home!r})
"""
ENABLED = {"ServerApp": {"jpserver_extensions": {"evil": True}}}
#: A service worker that would answer for whatever it is let.
WORKER = """
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(clients.claim()));
self.addEventListener("fetch", (event) => event.respondWith(new Response("forged")));
"""
#: What else a page tries whose host is below the hub's.
BELOW = """async (hub) => {
  const told = {};
  const trial = async (name, how) => {
    try { told[name] = String(await how()); } catch (no) { told[name] = "refused: " + no.name; }
  };
  await trial("hub at this host", async () => (await fetch("/hub/home", {credentials: "include"})).status);
  await trial("api at this host", async () => (await fetch("/hub/api/user", {credentials: "include"})).status);
  await trial("change at this host", async () => (await fetch("/hub/api/user", {method: "POST", body: "{}"})).status);
  for (const scope of ["/", "/user/bob/evil/"]) {
    await trial("worker " + scope, async () => {
      const it = await navigator.serviceWorker.register("/user/bob/evil/worker.js", {scope});
      return "registered " + new URL(it.scope).pathname;
    });
  }
  await trial("worker of the hub", async () =>
    (await navigator.serviceWorker.register(hub + "/user/bob/evil/worker.js")).scope);
  for (const name of ["__Host-jupyterhub-hub-login", "__Host-service-dashboards", "jupyterhub-hub-login",
                      "jupyterhub-session-id", "service-dashboards"]) {
    document.cookie = `${name}=forged; domain=DOMAIN; path=/; secure`;
    document.cookie = `${name}=forged; domain=DOMAIN; path=/hub/; secure`;
  }
  return told;
}""".replace("DOMAIN", DOMAIN)


class Place:
    """A hub over TLS, an administrator in front of it, and bob, whose server serves what he likes."""

    def __init__(self, home: Path, sample: Path, port: int) -> None:
        self.url, self.port = f"https://{DOMAIN}:{port}", port
        self.hub = RunningHub(
            home, ALPHAPULSE_USERS="bob", ALPHAPULSE_CATALOG=str(sample), ALPHAPULSE_SUBDOMAIN_HOST=self.url
        )
        self.bobs = home / "users" / "bob"
        for name in ("admin", "bob"):
            (home / "users" / name).mkdir(parents=True, mode=0o700)
        self._plant(home / "users" / "admin")
        self.hub.start()

    def _plant(self, admins: Path) -> None:
        kernel = {"kernelspec": {"name": "alphapulse", "display_name": "A"}}
        for folder in (admins, self.bobs):
            cells = [nbformat.v4.new_code_cell("6 * 7")]
            nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "sum.ipynb")
        (self.bobs / ".jupyter" / "jupyter_server_config.d").mkdir(parents=True)
        (self.bobs / ".jupyter" / "jupyter_server_config.d" / "evil.json").write_text(json.dumps(ENABLED))
        (self.bobs / ".jupyter" / "jupyter_server_config.py").write_text(CONFIGURATION.format(home=str(self.bobs)))
        (self.bobs / "evil.py").write_text(EXTENSION)
        (self.bobs / "worker.js").write_text(WORKER)
        (self.bobs / "page.html").write_text(hostile.page(self.url, "admin", f"{self.of('admin')}/user/admin"))

    def of(self, name: str) -> str:
        """The host of somebody's server."""
        return f"https://{name}.{DOMAIN}:{self.port}"

    def token(self, name: str) -> dict[str, str]:
        """What a script of somebody's says who it is by, at the hub's address on this machine."""
        worker = {"Authorization": f"token {keys(self.hub.home).worker_token}"}
        asked = httpx.post(f"{self.hub.url}/hub/api/users/{name}/tokens", headers=worker, json={}, timeout=60)
        return {"Authorization": f"Bearer {asked.raise_for_status().json()['token']}"}

    def start_bobs(self) -> None:
        """Have bob's server run."""
        mine = self.token("bob")
        at = f"{self.hub.url}/hub/api/users/bob"
        httpx.post(f"{at}/server", headers=mine, timeout=60).raise_for_status()
        until(lambda: httpx.get(at, headers=mine, timeout=60).json()["servers"].get("", {}).get("ready"), 240)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, sample_catalog: Path) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("hosts")
    made = Place(folder / "home", sample_catalog, free_port())
    with TLSFront(made.port, made.hub.port, certificate(folder, DOMAIN, f"*.{DOMAIN}")):
        yield made
    made.hub.interrupt()


@pytest.fixture(scope="module")
def admin(place: Place) -> Iterator[Any]:
    """The administrator's browser, who has signed in."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the test packages: make test")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, "--ignore-certificate-errors"])
        context = browser.new_context(ignore_https_errors=True)
        context.set_default_timeout(180_000)
        page = context.new_page()
        page.goto(f"{place.of('bob')}/hub/login")  # a link that bob sent
        assert page.url.startswith(f"{place.url}/hub/login"), "the sign-in is at the hub's own host"
        page.fill("input[name=username]", "admin")
        page.fill("input[name=password]", dict(place.hub.credentials())["admin"])
        page.click("input[type=submit]")
        page.wait_for_url(f"{place.url}/services/dashboards/home")
        page.wait_for_function("() => !document.querySelector('main .skeleton')")  # which came by a websocket
        yield context
        browser.close()


@in_a_browser
def test_lab_and_its_kernel_work_at_their_owners_host(place: Place, admin: Any, figure: Callable[[str], None]) -> None:
    from playwright import sync_api

    page = admin.new_page()
    unwell: list[str] = []
    page.on("requestfailed", lambda request: unwell.append(f"{request.failure} {request.url.split('?')[0]}"))
    page.on("response", lambda answer: answer.status >= 500 and unwell.append(f"{answer.status} {answer.url}"))
    page.goto(f"{place.url}/hub/user-redirect/lab/tree/sum.ipynb")
    page.wait_for_url(f"{place.of('admin')}/user/admin/lab/**", timeout=240_000)
    page.wait_for_selector(lab.IDLE)
    for _ in range(9):  # a key that is pressed while Lab still puts its panels in order is lost
        if words := lab.asked(page):  # seen once on a busy machine, and it was not read what it said
            figure(f"Lab asked {words!r}; {unwell}")
        try:
            page.click(".jp-NotebookPanel .jp-Cell >> nth=0", timeout=20_000)
        except sync_api.TimeoutError:  # a dialog that came just now
            continue
        page.keyboard.press("Shift+Enter")
        try:
            page.wait_for_selector('.jp-OutputArea-output >> text="42"', timeout=20_000)
            break
        except sync_api.TimeoutError:
            continue
    assert page.inner_text(".jp-OutputArea-output >> nth=0").strip() == "42"
    page.goto(f"{place.url}/user/admin/lab")  # an old link
    page.wait_for_url(f"{place.of('admin')}/user/admin/lab**")


@in_a_browser
def test_each_cookie_is_of_one_host(place: Place, admin: Any) -> None:
    held = {each["name"]: each for each in admin.cookies()}
    assert {"__Host-jupyterhub-hub-login", "__Host-service-dashboards", "jupyterhub-session-id"} <= held.keys()
    assert {each["domain"] for each in held.values()} == {DOMAIN, f"admin.{DOMAIN}"}, "a dot would be those below too"
    assert all(each["httpOnly"] and each["secure"] for name, each in held.items() if name != "_xsrf"), held


@in_a_browser
def test_what_bob_serves_from_his_host_gets_nothing_of_who_opens_it(place: Place, admin: Any) -> None:
    place.start_bobs()
    before = {(each["domain"], each["name"]): each["value"] for each in admin.cookies()}
    page = admin.new_page()
    page.goto(f"{place.of('bob')}/user/bob/evil/page.html")
    page.wait_for_function("() => window.told", timeout=120_000)
    told = page.evaluate(hostile.TOLD)
    wanted = ("user", "home", "dashboards", "token", "comment", "key", "kernel")
    tried = {name: said for name, said in told.items() if name in wanted or name.startswith(("frame", "window"))}
    assert len(tried) == len(wanted) + 6
    assert [name for name, said in tried.items() if not said.startswith(("refused", "closed"))] == []
    assert not [value for value in before.values() if value in told["cookies"]]
    below = page.evaluate(BELOW, place.url)
    assert below.pop("worker /user/bob/evil/") == "registered /user/bob/evil/", "on his own pages he may"
    assert below.pop("change at this host") == "421"
    assert {said.partition(":")[0] for said in below.values()} == {"refused"}, below
    seen = (place.bobs / "told.txt").read_text()
    assert not [name for (_, name), value in before.items() if value in seen], "his server was sent it"
    now = {(each["domain"], each["name"]): each["value"] for each in admin.cookies()}
    assert before.items() <= now.items(), "none of the hub's was overwritten"
    assert f".{DOMAIN}" in {domain for domain, _ in now}, "of the whole domain he can set some"


@in_a_browser
def test_after_it_the_hub_is_itself_and_the_administrator_still_signed_in(place: Place, admin: Any) -> None:
    page = admin.new_page()
    for address in (f"{place.url}/hub/token", f"{place.of('admin')}/user/admin/api/status"):
        page.goto(address)
        assert page.url == address and "forged" not in page.content()
        assert page.evaluate("async () => (await navigator.serviceWorker.getRegistrations()).length") == 0
    page.goto(f"{place.url}/services/dashboards/home")
    assert page.url == f"{place.url}/services/dashboards/home"
    asked = httpx.get(f"{place.hub.url}/hub/api/users/admin", headers=place.token("admin"), timeout=60).json()
    assert list(asked["servers"]) == [""], "nothing was started in their name"
    page.goto(f"{place.url}/hub/logout")
    page.goto(f"{place.url}/hub/home")
    assert "/hub/login" in page.url


def test_a_notebook_fires_in_its_owners_server(place: Place) -> None:
    mine, at = place.token("bob"), f"{place.hub.url}/services/api/v1/schedules"
    new = {"notebook": "sum.ipynb", "cron": "0 0 1 1 *", "timezone": "UTC"}
    made = httpx.post(at, headers=mine, json=new, timeout=60).raise_for_status().json()
    fired = httpx.post(f"{at}/{made['id']}/fire", headers=mine, json={}, timeout=60).raise_for_status().json()
    told = fired

    def over() -> bool:
        nonlocal told
        told = httpx.get(f"{at}/{made['id']}/firings/{fired['id']}", headers=mine, timeout=60).json()
        return told["ended_at"] is not None

    until(over, 180, lambda: json.dumps(told))
    assert told["state"] == "finished", json.dumps(told)


@pytest.mark.parametrize(
    "given",
    ["hub.example.org", "https://hub.example.org/x", "https://localhost", "https://10.0.0.1", "https://h.example:x"],
)
def test_a_host_that_others_cannot_be_below_is_refused(given: str) -> None:
    with pytest.raises(SettingsError, match="ALPHAPULSE_SUBDOMAIN_HOST"):
        origins.check(Settings(subdomain_host=given))


def test_names_lead_to_hosts_that_no_other_name_leads_to() -> None:
    assert origins.host_of("ann", "hub.example.org", "user") == "ann.hub.example.org"
    assert origins.host_of("api", "hub.example.org", "service") == "hub.example.org"
    names = ["ann@example.org", "ann.example.org", "ann_example", "u-ann--x", "123", "-ann", "ann-", "a" * 64, "_"]
    hosts = {origins.host_of(name, "hub.example.org", "user") for name in names}
    assert len(hosts) == len(names)
    labels = [host.removesuffix(".hub.example.org") for host in hosts]
    assert all(label.isascii() and "." not in label and len(label) <= 63 and label[2:4] != "--" for label in labels)


def test_an_address_of_the_machine_is_the_hubs_own_host(tmp_path: Path) -> None:
    places = network.apart("https://hub.example.org")
    places.write(tmp_path / "network.json")
    assert network.read(tmp_path / "network.json").domain == "hub.example.org"
    assert "--host-routing" in network.proxy_command(places)
    assert "--host-routing" not in network.proxy_command(network.apart())
