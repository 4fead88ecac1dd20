"""Who gets through which door: every route of a real hub, its services and somebody's server, asked by everybody."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import canaries
import httpx
import psutil
import pytest
import walls
from hub_client import Person
from processes import command
from running_hub import RunningHub
from signed_in import SignedIn
from visitors import Belongings, Visitor, comers
from walls import WHO, Route, Row

from hub import family

pytestmark = pytest.mark.timeout(900)

OWNER, OTHER, VIEWER = "bob", "cleo", "dora"
_NO_SECRET = ("_xsrf", "jupyterhub-session-id")
#: Of a vendor that nobody is at.
KEYS = {
    "ALPHAPULSE_ALPACA_KEY": "PKCANARYOFTHEWALLS01",
    "ALPHAPULSE_ALPACA_SECRET": "canary-of-a-vendor-s-secret-of-the-walls",
    "ALPHAPULSE_ALPACA_URL": "http://127.0.0.1:1",
    "ALPHAPULSE_ALPACA_TRADING_URL": "http://127.0.0.1:1",
}


class Team(RunningHub):
    """A hub of four people who are all told one password."""

    def credentials(self) -> list[tuple[str, str]]:
        printed = dict(super().credentials())
        return [*printed.items(), (OTHER, printed[OWNER]), (VIEWER, printed[OWNER])]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, sample_catalog: Path) -> Iterator[Team]:
    home = tmp_path_factory.mktemp("walls") / "home"
    team = Team(
        home,
        ALPHAPULSE_USERS=f"{OWNER},{OTHER},{VIEWER}",
        ALPHAPULSE_EVERYBODY="viewer",
        ALPHAPULSE_ROLES=f"researcher={OWNER},researcher={OTHER}",
        ALPHAPULSE_CATALOG=str(sample_catalog),
        **KEYS,
    )
    team.start()
    yield team
    team.handed |= canaries.of_servers(team.home)
    team.interrupt()


@pytest.fixture(scope="module")
def surroundings(hub: Team) -> dict[str, str]:
    """The variables of the owner's server, which runs."""
    owner = Person(hub.url, OWNER)
    owner.sign_in(dict(hub.credentials())[OWNER])
    owner.start_server()
    owner.own("PUT", "contents/mine.txt", json={"type": "file", "format": "text", "content": "secret"})
    return one(hub, "jupyterhub.singleuser").environ()


def one(hub: Team, words: str) -> psutil.Process:
    """A process of the hub."""
    (found,) = [each for each in family.members(hub.home) if words in command(each)]
    return found


@pytest.fixture(scope="module")
def idle(hub: Team, surroundings: dict[str, str]) -> Iterator[None]:
    """The worker begins nothing meanwhile: what the table asks for stays as it was asked for."""
    worker = one(hub, "-m hub.worker")
    for _ in range(20):
        worker.send_signal(signal.SIGSTOP)
        try:  # it may have been stopped while it held the API's database
            if httpx.get(f"{hub.url}/services/api/health", timeout=3).status_code == 200 and _writes(hub):
                break
        except httpx.TimeoutException:
            pass
        worker.send_signal(signal.SIGCONT)
    else:
        raise AssertionError("the worker could not be stopped without the API's database in its hand")
    yield
    worker.send_signal(signal.SIGCONT)


def _writes(hub: Team) -> bool:
    person = Person(hub.url, OWNER)
    person.sign_in(dict(hub.credentials())[OWNER])
    made = person.http.post(f"/hub/api/users/{OWNER}/tokens", headers=person._headers(), json={}).json()["token"]
    headers = {"Authorization": f"Bearer {made}"}
    read = httpx.post(f"{hub.url}/services/api/v1/notifications/read", json={"id": 0}, headers=headers, timeout=3)
    return read.status_code == 200


def test_the_table_has_a_line_for_every_route(hub: Team, surroundings: dict[str, str], tmp_path: Path) -> None:
    document = httpx.get(f"{hub.url}/services/api/openapi.json", timeout=60).json()
    routes = [
        *walls.api_routes(document),
        *walls.hub_routes(),
        *walls.dashboard_routes(tmp_path),
        *walls.workspace_routes(surroundings, hub.home / "users" / OWNER),
    ]
    assert len(routes) > 250
    rows = [Row(row.method, row.path.replace("{owner}", OWNER), row.answers) for row in walls.table()]
    missing = "\n".join(f"{route.method} {route.shown}" for route in walls.unknown(routes, rows))
    assert not missing, (
        f"{walls.TABLE} has no line for these routes. Add one for each, 'METHOD path {' '.join(WHO)}', with the status "
        f"that each should get (the test after this one then says what they do get):\n{missing}"
    )


def test_everybody_is_answered_as_the_table_says_and_nobody_is_told_a_secret(
    hub: Team, surroundings: dict[str, str], idle: None, tmp_path: Path
) -> None:
    who = comers(hub, OWNER, OTHER, VIEWER)
    secrets = secret(hub, who) | {"the token of the owner's server": surroundings["JUPYTERHUB_API_TOKEN"].encode()}
    assert len(secrets) > 20
    hub.handed |= {what: value.decode() for what, value in secrets.items()}
    wrong: list[str] = []
    told: list[str] = []
    # A connection that is kept may be one that the proxy just lets go of.
    alone = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(timeout=60, trust_env=False, limits=alone) as http:
        things = Belongings(http, hub.url, who["owner"], who["admin"], tmp_path, OWNER)
        for row in walls.table():
            said = answered(http, row, who, things)
            got = {name: status for name, (status, _) in said.items()}
            told += [
                f"{row.method} {row.path} tells {name} {what}"
                for name, (_, content) in said.items()
                for what, value in secrets.items()
                if value in content
                and (what != f"{name}'s token" or not re.match(r"/user/\{owner\}/(lab|doc)\b", row.path))
            ]
            if any(not row.expects(name, status) for name, status in got.items()):
                found = " ".join(f"{got.get(name, '-')!s:3}" for name in WHO)
                wanted = " ".join(f"{row.answers[name]:3}" for name in WHO)
                wrong.append(f"{row.method:6} {row.path}\n       wanted {wanted}\n       got    {found}")
    assert not wrong, f"columns: {' '.join(WHO)}\n" + "\n".join(wrong)
    assert not told, "\n".join(told)


def answered(http: httpx.Client, row: Row, who: dict[str, Visitor], things: Belongings) -> dict[str, tuple[int, bytes]]:
    """What each who asks is told."""
    return {name: who[name].ask(http, row, things.fill(row)) for name in WHO if row.asked_by(name)}


def secret(hub: Team, who: dict[str, Visitor]) -> dict[str, bytes]:
    """What no answer may hold: the hub's secrets, vendors' keys, and each visitor's own token and cookies.

    The key to the hub's forms stands in its pages, and which session a token is of in the list of one's own: both are
    worth nothing without the cookies. JupyterLab's page holds what its own visitor came with, for its scripts.
    """
    held = canaries.secrets(hub.home, hub.environment)
    for name, visitor in who.items():
        held |= {f"{name}'s token": visitor.token} if visitor.token else {}
        cookies = visitor.cookies.jar if visitor.cookies else ()
        held |= {f"{name}'s cookie {each.name}": each.value or "" for each in cookies if each.name not in _NO_SECRET}
    return {what: value.encode() for what, value in held.items() if len(value) >= canaries.LEAST}


def test_a_route_without_a_line_and_a_line_that_is_wrong_are_told() -> None:
    row = Row("GET", "/a/{x}", dict.fromkeys(WHO, "200") | {"nobody": "401|403", "admin": "+", "other": "-"})
    missing = walls.unknown([Route("GET", "/a/[^/]+"), Route("POST", "/a/[^/]+"), Route("GET", "/b")], [row])
    assert missing == [Route("POST", "/a/[^/]+"), Route("GET", "/b")]
    assert row.expects("nobody", 401) and row.expects("nobody", 403) and not row.expects("nobody", 200)
    assert row.expects("admin", 500) and not row.expects("admin", 403) and not row.expects("admin", 302)
    assert row.asked_by("admin") and not row.asked_by("other")


def test_a_viewer_is_shown_nothing_that_would_be_refused_and_told_why(hub: Team) -> None:
    reads, works = (SignedIn(hub, name) for name in (VIEWER, OTHER))
    controls = {"schedules": 'id="new-schedule"', "market?symbol=AAPL.XNAS": 'id="write"'}
    for page, form in controls.items():
        seen, had = reads.page(page).text, works.page(page).text
        assert form in had and "Your role reads here" not in had and ">Lab</a>" in had
        assert form not in seen and "Your role reads here" in seen and ">Lab</a>" not in seen
