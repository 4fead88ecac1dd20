"""Sign-in through a certified OpenID provider: who comes in as what, who does not, and how long they stay."""

from __future__ import annotations

import html
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from browser import CHROMIUM, Witness
from identity_provider import IdentityProvider
from running_hub import RunningHub, free_port

from alphapulse_lib.hub_client.sign_in import make_token

pytestmark = pytest.mark.timeout(900)

in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's browser: apt-get install chromium")
MINUTE = 60.0  # seconds: how long somebody who was removed may go on
DESK = "custom:catalog:publish"


def person(name: str, *groups: str, **more: Any) -> dict[str, Any]:
    return {"email": f"{name}@example.org", "email_verified": True, "groups": list(groups)} | more


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningHub, IdentityProvider]]:
    """A hub, and the provider that it asks."""
    folder = tmp_path_factory.mktemp("sign-in")
    port = free_port()
    (folder / "secret").write_text("alphapulse-secret\n")
    hub = RunningHub(
        folder / "home",
        ALPHAPULSE_AUTH="oidc",
        ALPHAPULSE_AUTH_ISSUER=f"http://127.0.0.1:{port}",
        ALPHAPULSE_AUTH_CLIENT_ID="alphapulse",
        ALPHAPULSE_AUTH_CLIENT_SECRET_FILE=str(folder / "secret"),
        ALPHAPULSE_AUTH_ALLOWED="example.org",
        ALPHAPULSE_AUTH_LABEL="Example Bank",
        ALPHAPULSE_ADMINS="root@example.org",
        ALPHAPULSE_EVERYBODY="viewer",
        ALPHAPULSE_ROLES="admin=@platform,reviewer=@desk,researcher=@quants,trader=@traders",
    )
    people = {
        "ann": person("ann", "platform"),
        "bob": person("bob", email_verified=False),
        "carl": person("carl", "desk"),
        "dora": person("dora", email="dora@elsewhere.com"),
        "erin": person("erin", "quants"),
        "fred": person("fred"),
        "gail": person("gail"),
        "hans": person("hans", "traders"),
        "ivan": person("ivan"),
        "igor": person("ivan"),  # whom the company gave the address when ivan left
    }
    provider = IdentityProvider(folder, port, hub.url, people).start()
    try:
        hub.start()
        yield hub, provider
        hub.interrupt()
    finally:
        provider.stop()


@pytest.fixture
def hub(world: tuple[RunningHub, IdentityProvider]) -> RunningHub:
    return world[0]


@pytest.fixture
def provider(world: tuple[RunningHub, IdentityProvider]) -> Iterator[IdentityProvider]:
    yield world[1]
    world[1].harms("")


class Visitor:
    """Somebody at the hub without a browser, who fills in the provider's forms."""

    def __init__(self, hub: RunningHub, name: str) -> None:
        self.hub, self.name = hub, name
        self.http = httpx.Client(follow_redirects=True, timeout=60, trust_env=False)

    def sign_in(self, to: str = "/hub/home") -> httpx.Response:
        answer = self.http.get(f"{self.hub.url}/hub/oauth_login", params={"next": to})
        for _ in ("password", "consent"):
            form = re.search(r'<form[^>]* action="([^"]+)"[^>]*>(.*?)</form>', answer.text, re.DOTALL)
            if answer.url.port == self.hub.port or form is None:
                break
            fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[2]))
            if "password" in form[2]:
                fields |= {"login": self.name, "password": "any"}
            answer = self.http.post(urljoin(str(answer.url), form[1]), data=fields)
        return answer

    def token(self) -> str:
        """A token of the person's own."""
        xsrf = next(each.value or "" for each in self.http.cookies.jar if each.name == "_xsrf" and each.path == "/hub/")
        headers = {"X-XSRFToken": xsrf, "Referer": f"{self.hub.url}/hub/home"}
        where = f"{self.hub.url}/hub/api/users/{self.known}/tokens"
        answer = self.http.post(where, headers=headers, json={"note": "a test"})
        answer.raise_for_status()
        return str(answer.json()["token"])

    @property
    def known(self) -> str:
        return f"{self.name}@example.org"


def shown(answer: httpx.Response) -> str:
    """The words of an error's page."""
    found = re.search(r'class="error">(.*?)</div>', answer.text, re.DOTALL)
    return html.unescape(re.sub(r"<[^>]*>|\s+", " ", found[1])) if found else answer.text


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def signed_in(hub: RunningHub, name: str) -> tuple[Visitor, str]:
    visitor = Visitor(hub, name)
    assert visitor.sign_in().status_code == 200
    return visitor, visitor.token()


def model(hub: RunningHub, token: str) -> dict[str, Any]:
    answer = httpx.get(f"{hub.url}/hub/api/user", headers=bearer(token), timeout=60, trust_env=False)
    return answer.json() if answer.status_code == 200 else {"status": answer.status_code}


def comments(hub: RunningHub, token: str) -> int:
    where = f"{hub.url}/services/api/v1/comments"
    return httpx.get(
        where, params={"target": "instrument:AAPL.XNAS"}, headers=bearer(token), timeout=60, trust_env=False
    ).status_code


def server(hub: RunningHub, token: str, name: str) -> str | None:
    """Where somebody's server is, as an administrator sees it."""
    answer = httpx.get(f"{hub.url}/hub/api/users/{name}", headers=bearer(token), timeout=60, trust_env=False)
    answer.raise_for_status()
    return answer.json()["server"]


def status(hub: RunningHub) -> list[dict[str, Any]]:
    """The hub's parts and their processes."""
    command = [Path(sys.executable).with_name("alphapulse"), "status", "--json"]
    done = subprocess.run(command, env=hub.environment, capture_output=True, text=True, timeout=240, check=False)
    return json.loads(done.stdout)["parts"]


def comes_true(asked: Callable[[], object], within: float = MINUTE) -> float:
    """Seconds until that is so; it must become so."""
    begun = time.monotonic()
    while not asked():
        assert time.monotonic() - begun < within, "it never came true"
        time.sleep(0.5)
    return time.monotonic() - begun


def signs_in(page: Any, hub: RunningHub, name: str) -> None:
    """Fill in the provider's forms, in a browser."""
    page.set_default_timeout(60_000)
    page.goto(hub.url)
    page.get_by_role("link", name="Sign in with Example Bank").click()
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", "any")
    page.click("button[type=submit]")
    page.click("text=Continue")


def comes_in(page: Any, hub: RunningHub, name: str) -> None:
    """Sign in, and be at home: the provider's pages have headings, too."""
    signs_in(page, hub, name)
    page.wait_for_url(f"{hub.url}/services/dashboards/home")


# --- coming in -------------------------------------------------------------------------------------------------------


@in_a_browser
def test_a_person_signs_in_and_out_in_a_browser(hub: RunningHub, provider: IdentityProvider, browser: Any):
    page = browser.new_context().new_page()
    seen = Witness(page.context, f"127.0.0.1:{hub.port}")
    comes_in(page, hub, "gail")
    fonts = {"fonts.googleapis.com", "fonts.gstatic.com"}  # of the provider's own pages
    assert {address.split("/")[2] for address in seen.strangers} - fonts == {provider.url.removeprefix("http://")}
    page.goto(f"{hub.url}/hub/logout")
    page.wait_for_url(f"{provider.url}/session/end*")
    page.click("button[value=yes]")
    page.goto(f"{hub.url}/services/dashboards/home")
    page.get_by_role("link", name="Sign in with Example Bank").click()
    page.wait_for_selector("input[name=password]")  # neither here nor there is anybody signed in
    page.context.close()
    where = f"{hub.url}/services/api/v1/audit?action=sign-out.done"
    _, ann = signed_in(hub, "ann")
    told = lambda: httpx.get(where, headers=bearer(ann), timeout=60, trust_env=False).json()["items"]  # noqa: E731
    comes_true(told)  # which the hub sends to the API in its own time
    assert [each["who"] for each in told()] == ["gail@example.org"]


@in_a_browser
def test_a_browser_shows_who_is_refused_what_a_role_has_and_that_somebody_was_removed(
    hub: RunningHub, provider: IdentityProvider, browser: Any, figure: Callable[[str], None]
):
    refused = (("bob", "", "has not verified your e-mail address"),
               ("fred", "for another application", "Audience doesn't match"))  # fmt: skip
    for name, harm, says in refused:
        provider.harms(harm)
        with browser.new_context() as context:
            page = context.new_page()
            signs_in(page, hub, name)
            assert says in page.inner_text(".error")
            page.goto(f"{hub.url}/services/dashboards/home")
            page.get_by_role("link", name="Sign in with Example Bank").wait_for()
    provider.harms("")
    provider.tell(ann=person("ann", "platform"), gail=person("gail"))
    for name, has in (("ann", {"Admin", "Lab"}), ("gail", set())):
        with browser.new_context() as context:
            page = context.new_page()
            comes_in(page, hub, name)
            assert set(page.get_by_role("navigation").first.inner_text().split()) & {"Admin", "Lab"} == has
    with browser.new_context() as context:
        page = context.new_page()
        comes_in(page, hub, "hans")
        provider.tell(hans=None)
        door = page.get_by_role("link", name="Sign in with Example Bank")
        took = comes_true(lambda: page.goto(f"{hub.url}/services/dashboards/home") and door.count())
        figure(f"shown the door {took:.0f} s after its person was removed")
    provider.tell(hans=person("hans", "traders"))


def test_groups_of_the_provider_give_roles_and_take_them(hub: RunningHub, provider: IdentityProvider):
    _, ann = signed_in(hub, "ann")
    _, carl = signed_in(hub, "carl")
    _, erin = signed_in(hub, "erin")
    assert [model(hub, each)["admin"] for each in (ann, carl, erin)] == [True, False, False]
    assert [DESK in model(hub, each)["scopes"] for each in (ann, carl, erin)] == [True, True, False]
    provider.tell(ann=person("ann"), carl=person("carl"), erin=person("erin", "quants", "desk"))
    took = comes_true(
        lambda: (
            [model(hub, each)["admin"] for each in (ann, carl, erin)] == [False, False, False]
            and [DESK in model(hub, each)["scopes"] for each in (ann, carl, erin)] == [False, False, True]
        )
    )
    sys.stdout.write(f"roles followed the provider's groups after {took:.0f} s\n")


#: What the role of each person lets them: whether they read, comment, and publish, trade, have a workspace.
ROLES = {
    "gail": (True, False, False, False, False),
    "erin": (True, True, False, False, True),
    "hans": (True, True, False, True, True),
    "carl": (True, True, True, False, True),
    "ann": (True, True, True, True, True),
}


def test_each_role_s_token_does_at_the_api_what_the_role_says(hub: RunningHub, provider: IdentityProvider):
    groups = {"ann": "platform", "carl": "desk", "erin": "quants", "hans": "traders"}
    provider.tell(gail=person("gail"), **{name: person(name, group) for name, group in groups.items()})
    for name, (reads, comments_too, publishes, trades, works) in ROLES.items():
        visitor, token = signed_in(hub, name)
        comes_true(lambda token=token, publishes=publishes: (DESK in model(hub, token)["scopes"]) == publishes)
        assert comments(hub, token) == (200 if reads else 403)
        new = {"target": "instrument:AAPL.XNAS", "body": f"{name} was here"}
        wrote = httpx.post(f"{hub.url}/services/api/v1/comments", json=new, headers=bearer(token), timeout=60)
        assert wrote.status_code == (201 if comments_too else 403), (name, wrote.text)
        assert ("custom:live:write" in model(hub, token)["scopes"]) == trades, name
        spawned = visitor.http.get(f"{hub.url}/hub/spawn/nobody-{name}", follow_redirects=False)
        assert spawned.status_code in (403, 404), "somebody else's server is an administrator's"
        own = visitor.http.get(f"{hub.url}/hub/spawn-pending/{visitor.known}", follow_redirects=False)
        assert (own.status_code != 403) == works, (name, own.status_code)
        assert visitor.http.get(f"{hub.url}/services/dashboards/home").status_code == 200
        made = make_token(f"{hub.url}/hub/api", visitor.known, 1, "a script", held=token)
        assert made is not None and comments(hub, made.token) == 200
        assert ("custom:comments:write" in model(hub, made.token)["scopes"]) == comments_too, name


def test_who_has_no_role_with_a_workspace_any_more_loses_theirs_and_their_schedules_end_so(
    hub: RunningHub, provider: IdentityProvider
):
    provider.tell(ann=person("ann", "platform"), erin=person("erin", "quants"))
    _, ann = signed_in(hub, "ann")
    erin, token = signed_in(hub, "erin")
    at = f"{hub.url}/services/api/v1/schedules"
    new = {"notebook": "tutorials/01-first-tour.ipynb", "cron": "0 0 1 1 *", "timezone": "UTC"}
    made = httpx.post(at, json=new, headers=bearer(token), timeout=60).raise_for_status().json()["id"]
    erin.http.get(f"{hub.url}/hub/spawn")
    comes_true(lambda: server(hub, ann, erin.known) is not None, within=180)

    provider.tell(erin=person("erin"))
    took = comes_true(lambda: model(hub, token).get("name") and server(hub, ann, erin.known) is None)
    sys.stdout.write(f"the server ended {took:.0f} s after the role was taken\n")
    fired = httpx.post(f"{at}/{made}/fire", json={}, headers=bearer(ann), timeout=60).raise_for_status().json()["id"]
    told: dict[str, Any] = {}

    def ended() -> bool:
        told.update(httpx.get(f"{at}/{made}/firings/{fired}", headers=bearer(ann), timeout=60).json())
        return told["ended_at"] is not None

    comes_true(ended)
    assert told["state"] == "failed"
    assert "erin@example.org may not run notebooks here any more" in told["detail"]
    httpx.delete(f"{at}/{made}", headers=bearer(ann), timeout=60).raise_for_status()
    # The tests after this one find her as she was: with her role, and without a server that is still stopping.
    where = f"{hub.url}/hub/api/users/{erin.known}"
    comes_true(lambda: httpx.get(where, headers=bearer(ann), timeout=60).json()["servers"] == {})
    provider.tell(erin=person("erin", "quants"))


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        ("for another application", "Audience doesn't match"),
        ("about another person", "Signature verification failed"),
        ("signed by nobody", "alg"),
        ("left out", "sent no ID token"),
    ],
)
def test_an_id_token_that_is_not_for_us_is_refused(hub: RunningHub, provider: IdentityProvider, harm: str, says: str):
    provider.harms(harm)
    fred = Visitor(hub, "fred")
    answer = fred.sign_in()
    assert answer.status_code == 403 and says in shown(answer)
    assert fred.http.get(f"{hub.url}/hub/home").url.path == "/hub/login"
    assert "eyJ" not in answer.text + (hub.home / "logs" / "hub.log").read_text(), "a token was told"


@pytest.mark.parametrize(
    ("name", "says"), [("bob", "has not verified your e-mail address"), ("dora", "not currently authorized")]
)
def test_who_may_not_come_in_is_refused(hub: RunningHub, provider: IdentityProvider, name: str, says: str):
    visitor = Visitor(hub, name)
    answer = visitor.sign_in()
    assert answer.status_code == 403 and says in shown(answer)
    assert visitor.http.get(f"{hub.url}/hub/home").url.path == "/hub/login"


def test_a_name_that_was_another_account_s_is_refused_until_that_one_is_deleted(
    hub: RunningHub, provider: IdentityProvider
):
    for _ in range(2):
        signed_in(hub, "ivan")
    refused = Visitor(hub, "igor").sign_in()
    assert refused.status_code == 403
    assert "ivan@example.org is that of another account here" in shown(refused)
    assert "admin page" in shown(refused)
    _, ann = signed_in(hub, "ann")
    where = f"{hub.url}/hub/api/users/ivan@example.org"
    httpx.delete(where, headers=bearer(ann), timeout=60, trust_env=False).raise_for_status()
    assert Visitor(hub, "igor").sign_in().status_code == 200
    assert Visitor(hub, "ivan").sign_in().status_code == 403


# --- staying ---------------------------------------------------------------------------------------------------------


def test_tokens_are_renewed_once_however_many_ask_and_an_outage_signs_nobody_out(
    hub: RunningHub, provider: IdentityProvider
):
    _, token = signed_in(hub, "fred")
    before = provider.said.count("token refresh_token 200 fred ")

    def busy() -> bool:
        with ThreadPoolExecutor(8) as many:
            told = list(many.map(lambda _: model(hub, token), range(8)))
        assert {each.get("name") for each in told} == {"fred@example.org"}
        return provider.said.count("token refresh_token 200 fred ") > before

    sys.stdout.write(f"the tokens were renewed after {comes_true(busy):.0f} s\n")
    assert not re.findall(r"token refresh_token 4\d\d fred .*", provider.said), "a refresh token was used twice"
    provider.harms("down")
    hub_process = next(each["process"] for each in status(hub) if each["name"] == "hub")
    os.kill(hub_process, signal.SIGKILL)  # it starts again, though the provider does not answer it
    log = hub.home / "logs" / "hub.log"
    told = log.read_text().count("does not answer about fred@example.org")
    comes_true(lambda: model(hub, token).get("name") == "fred@example.org", within=180)
    comes_true(lambda: log.read_text().count("does not answer about fred@example.org") > told)
    assert comments(hub, token) == 200


def test_somebody_removed_at_the_provider_loses_all_within_a_minute(hub: RunningHub, provider: IdentityProvider):
    provider.tell(ann=person("ann", "platform"))
    _, ann = signed_in(hub, "ann")
    erin, token = signed_in(hub, "erin")
    assert erin.http.get(f"{hub.url}/services/dashboards/home").status_code == 200
    own = f"{hub.url}/user/{erin.known}/"
    erin.http.get(f"{hub.url}/hub/spawn")
    comes_true(lambda: server(hub, ann, erin.known) is not None, within=180)
    assert erin.http.get(f"{own}lab").status_code == 200  # signed in there too
    assert erin.http.get(f"{own}api/status").status_code == 200
    assert comments(hub, token) == 200

    provider.tell(erin=None)
    lost = {
        "the hub's API": lambda: model(hub, token).get("status") in (401, 403),
        "the REST API": lambda: comments(hub, token) == 401,
        "the dashboards": lambda: erin.http.get(f"{hub.url}/services/dashboards/home").url.path == "/hub/login",
        "the hub's pages": lambda: erin.http.get(f"{hub.url}/hub/home").url.path == "/hub/login",
        "their server": lambda: server(hub, ann, erin.known) is None,
    }
    begun = time.monotonic()
    for what, gone in lost.items():
        comes_true(gone, within=MINUTE - (time.monotonic() - begun))
        sys.stdout.write(f"{what} was lost after {time.monotonic() - begun:.0f} s\n")
    assert Visitor(hub, "erin").sign_in().url.port != hub.port  # the provider asks for the password again, for ever
