"""The API behind a real hub: its tokens, its roles, and what happens when a process dies."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import httpx
import psutil
import pytest
from hub_client import Person
from processes import command, variables
from prometheus_client.parser import text_string_to_metric_families
from running_hub import PROJECT, RunningHub
from sqlalchemy import create_engine, text
from waiting import until
from watching import PROMTOOL, needs_prometheus, watching

from hub import family, network
from hub.keys import keys

pytestmark = pytest.mark.timeout(600)

API = "/services/api"
#: Of a vendor that nobody is at.
KEYS = {
    "ALPHAPULSE_ALPACA_KEY": "PK",
    "ALPHAPULSE_ALPACA_SECRET": "S",
    "ALPHAPULSE_ALPACA_URL": "http://127.0.0.1:1",
    "ALPHAPULSE_ALPACA_TRADING_URL": "http://127.0.0.1:1",
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, sample_catalog: Path) -> Iterator[RunningHub]:
    home = tmp_path_factory.mktemp("services") / "home"
    given = {"ALPHAPULSE_USERS": "bob,cleo", "ALPHAPULSE_PUBLISHERS": "cleo"} | KEYS
    running = RunningHub(home, ALPHAPULSE_CATALOG=str(sample_catalog), **given).start()
    yield running
    running.interrupt()


def signed_in(hub: RunningHub, name: str) -> Person:
    person = Person(hub.url, name)
    known = dict(hub.credentials())
    person.sign_in(known.get(name) or known["bob"])
    return person


def token(person: Person, **wanted: object) -> str:
    """A token of their own, as the hub's token page makes it."""
    asked = person.http.post(
        f"/hub/api/users/{person.name}/tokens", headers=person._headers(), json={"note": "a test", **wanted}
    )
    asked.raise_for_status()
    return str(asked.json()["token"])


@pytest.fixture(scope="module")
def tokens(hub: RunningHub) -> dict[str, str]:
    return {name: token(signed_in(hub, name)) for name in ("admin", "bob", "cleo")}


def ask(hub: RunningHub, method: str, path: str, shown: str, **more: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {shown}"}
    return httpx.request(method, f"{hub.url}{API}{path}", headers=headers, timeout=30, **more)  # type: ignore[arg-type]


def pid(hub: RunningHub, words: str) -> int:
    (found,) = [one.pid for one in family.members(hub.home) if words in command(one)]
    return found


def running_workspace(hub: RunningHub, name: str, *, start: bool = False) -> dict[str, str]:
    """The environment of somebody's workspace; empty where it does not run."""
    if start:
        signed_in(hub, name).start_server()
    servers = [one for one in family.members(hub.home) if "jupyterhub.singleuser" in command(one)]
    return next((variables(one) for one in servers if variables(one).get("JUPYTERHUB_USER") == name), {})


@pytest.mark.parametrize(("part", "path"), [("api", f"{API}/health"), ("dashboards", "/services/dashboards/health")])
def test_a_service_keeps_a_connection_longer_than_the_proxy_does(hub: RunningHub, part: str, path: str):
    """Node lets go of one after five seconds: if the service were the first, a request could meet it as it closes."""
    places = network.read(hub.home / "run" / "network.json")
    port = {"api": places.api_port, "dashboards": places.dashboards_port}[part]
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    connection.getresponse().read()
    mine = connection.sock
    time.sleep(7)
    connection.request("GET", path)
    assert connection.getresponse().status < 500
    assert connection.sock is mine
    connection.close()


def test_two_people_talk_through_the_proxy(hub: RunningHub, tokens: dict[str, str]):
    new = {"target": "instrument:AAPL.XNAS", "body": "Look, @cleo"}
    written = ask(hub, "POST", "/v1/comments", tokens["bob"], json=new)
    assert written.status_code == 201, written.text
    assert written.json()["author"] == "bob"
    answer = {"target": new["target"], "body": "I see", "parent": written.json()["id"]}
    assert ask(hub, "POST", "/v1/comments", tokens["cleo"], json=answer).json()["author"] == "cleo"
    told = ask(hub, "GET", "/v1/notifications", tokens["cleo"]).json()["items"]
    assert [each["kind"] for each in told] == ["mention"]
    path = f"/v1/comments/{written.json()['id']}"
    assert ask(hub, "PATCH", path, tokens["cleo"], json={"body": "no"}).status_code == 403
    assert ask(hub, "PATCH", path, tokens["admin"], json={"body": "moderated"}).status_code == 200


def test_who_sends_too_much_is_told_so_through_the_proxy(hub: RunningHub, tokens: dict[str, str]):
    large = b"x" * 2_000_000
    assert ask(hub, "POST", "/v1/comments", tokens["bob"], content=large).status_code == 413
    closing = build_opener(ProxyHandler({}))  # unlike httpx it has each connection end with its request
    asked = Request(f"{hub.url}{API}/v1/comments", large, {"Authorization": f"Bearer {tokens['bob']}"})
    with pytest.raises(HTTPError) as refused:
        closing.open(asked, timeout=30)
    assert refused.value.code == 413


def test_a_token_that_may_only_read_only_reads(hub: RunningHub):
    narrow = token(signed_in(hub, "bob"), scopes=["access:services!service=api", "custom:comments:read"])
    assert ask(hub, "GET", "/v1/comments", narrow).status_code == 200
    new = {"target": "instrument:AAPL.XNAS", "body": "x"}
    assert ask(hub, "POST", "/v1/comments", narrow, json=new).status_code == 403
    assert ask(hub, "GET", "/v1/runs", narrow).status_code == 403
    outside = token(signed_in(hub, "bob"), scopes=["read:users!user"])
    assert ask(hub, "GET", "/v1/comments", outside).status_code == 403


def test_who_is_signed_in_in_a_browser_still_needs_a_token(hub: RunningHub):
    person = signed_in(hub, "bob")
    assert person.http.get(f"{API}/v1/comments").status_code == 401
    assert person.http.get(f"{API}/health").status_code == 200


def test_a_workspace_s_own_token_reaches_the_api(hub: RunningHub):
    person = signed_in(hub, "bob")
    person.start_server()
    servers = [one for one in family.members(hub.home) if "jupyterhub.singleuser" in command(one)]
    (given,) = [variables(one) for one in servers if variables(one).get("JUPYTERHUB_USER") == "bob"]
    url, own = given["ALPHAPULSE_API_URL"], given["JUPYTERHUB_API_TOKEN"]
    new = {"target": "instrument:AAPL.XNAS", "body": "from a notebook"}
    answer = httpx.post(f"{url}/v1/comments", json=new, headers={"Authorization": f"Bearer {own}"}, timeout=60)
    assert (answer.status_code, answer.json()["author"]) == (201, "bob")


def test_the_worker_alone_holds_the_keys_of_vendors_and_a_workspace_asks_it(hub: RunningHub):
    person = signed_in(hub, "cleo")
    person.start_server()
    holding = {
        " ".join(command(each).split()[1:4])
        for each in family.members(hub.home)
        if variables(each).get("ALPHAPULSE_ALPACA_KEY")
    }
    assert {words for words in holding if "supervisor" not in words} == {"-m hub.worker"}
    servers = [one for one in family.members(hub.home) if "jupyterhub.singleuser" in command(one)]
    (workspace,) = [variables(one) for one in servers if variables(one).get("JUPYTERHUB_USER") == "cleo"]
    assert not {"ALPHAPULSE_ALPACA_KEY", "ALPHAPULSE_ALPACA_SECRET"} & {
        name for name, value in workspace.items() if value
    }
    asking = "import alphapulse_lib as ap; ap.ingest('alpaca', ['AAPL'], '1d', '2020-08-27', '2020-09-01')"
    said = subprocess.run(
        [sys.executable, "-c", asking], env=workspace, cwd=hub.home / "users" / "cleo", capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert "VendorUnreachable" in said.stderr, said.stderr
    kept = ask(hub, "GET", "/v1/ingests", token(signed_in(hub, "bob"))).json()["items"][0]
    assert (kept["owner"], kept["error"]["kind"]) == ("cleo", "VendorUnreachable")


def test_what_the_board_and_the_alarms_ask_for_is_told_by_the_hub_and_the_api(hub: RunningHub, tokens: dict[str, str]):
    """After somebody started a server and asked a vendor for data, as the tests above did."""
    shown, told = keys(hub.home).metrics_token, {"up"}  # Prometheus' own
    for path in ("/hub/metrics", f"{API}/metrics"):
        bobs = {"Authorization": f"Bearer {tokens['bob']}"}
        assert httpx.get(f"{hub.url}{path}", headers=bobs, timeout=60).status_code == 403

        def read(path: str = path) -> set[str]:
            answer = httpx.get(f"{hub.url}{path}", headers={"Authorization": f"Bearer {shown}"}, timeout=30)
            assert answer.status_code == 200, answer.text
            return {each.name for family in text_string_to_metric_families(answer.text) for each in family.samples}

        if path.startswith(API):
            until(lambda: "alphapulse_provider_calls_made" in read() and "alphapulse_catalog_series" in read())
        told |= read()
    assert ask(hub, "GET", "/v1/runs", shown).status_code == 403, "the token reads metrics alone"
    asked = [*panels(), *re.findall("expr: (.*)", (PROJECT / "docker/prometheus/alerts.yml").read_text())]
    named = {each for query in asked for each in re.findall(r"\b(?:up|(?:alphapulse|jupyterhub|process)_\w+)", query)}
    assert len(named) > 15
    assert named - told == set()


def panels() -> list[str]:
    """What the board asks Prometheus for."""
    board = json.loads((PROJECT / "docker/grafana/dashboards/alphapulse.json").read_text())
    assert len(board["panels"]) == len({panel["id"] for panel in board["panels"]})
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


@needs_prometheus
def test_a_real_prometheus_reads_both_doors_and_has_an_answer_for_each_panel(hub: RunningHub, tmp_path: Path):
    """After the test before this: what it waited for is there. The API's metrics are as Prometheus advises."""
    shown = keys(hub.home).metrics_token
    for path, advised in (("/hub/metrics", False), (f"{API}/metrics", True)):
        text = httpx.get(f"{hub.url}{path}", headers={"Authorization": f"Bearer {shown}"}, timeout=30).text
        said = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        # 3: it is read, and named otherwise than advised; so is some of JupyterHub's own.
        assert said.returncode in ((0,) if advised else (0, 3)), said.stdout + said.stderr
    with watching(tmp_path, hub.url.removeprefix("http://"), shown) as prometheus:
        for what, file in (("config", "prometheus.yml"), ("rules", "alerts.yml")):
            subprocess.run([PROMTOOL, "check", what, file], cwd=tmp_path, check=True, capture_output=True)

        def answer(query: str) -> list[Any]:
            told = prometheus.get("/api/v1/query", params={"query": query})
            assert told.status_code == 200, told.text
            found: list[Any] = told.json()["data"]["result"]
            return found

        def silent() -> list[str]:
            return [query for query in panels() if not answer(query)]

        until(lambda: not silent(), 60, lambda: f"{silent()}\n{prometheus.get('/api/v1/targets').text}", pause=0.5)
        targets = prometheus.get("/api/v1/targets").json()["data"]["activeTargets"]
        assert {(each["labels"]["job"], each["health"]) for each in targets} == {("hub", "up"), ("api", "up")}
        groups = prometheus.get("/api/v1/rules").json()["data"]["groups"]
        alarms = {rule["name"]: rule["query"] for group in groups for rule in group["rules"]}
        assert len(alarms) == 6
        # No vendor is at that address, and its budget is not spent; nothing else is the matter.
        assert {name: answer(query) for name, query in alarms.items() if answer(query)} == {}


def test_who_is_named_and_administrators_publish_from_a_workspace_and_nobody_else(
    hub: RunningHub, tokens: dict[str, str], tmp_path: Path
):
    wanted = {"upload": "0" * 32, "instruments": ["ACME.XNAS"]}
    answers = {each: ask(hub, "POST", "/v1/publications", tokens[each], json=wanted).status_code for each in tokens}
    assert answers == {"admin": 404, "bob": 403, "cleo": 404}, "404: nothing was sent"
    (tmp_path / "a.csv").write_text("Date,Open,High,Low,Close,Volume\n2013-05-01,10,11,9,10.5,100\n")
    publishing = f"""
import alphapulse_lib as ap
ap.ingest("files", {str(tmp_path / "a.csv")!r}, symbol="ACME", venue="XNAS")
print(ap.publish("ACME"))
"""
    said = {}
    for name in ("bob", "cleo"):
        workspace = running_workspace(hub, name) or running_workspace(hub, name, start=True)
        said[name] = subprocess.run(
            [sys.executable, "-c", publishing], env=workspace, cwd=hub.home / "users" / name, capture_output=True,
            text=True, check=False, timeout=120,
        )  # fmt: skip
    assert "bob may not publish into the team's catalog" in said["bob"].stderr, said["bob"].stderr
    assert "(publication): 1 written" in said["cleo"].stdout, said["cleo"].stderr


def test_a_revoked_token_ends_within_seconds(hub: RunningHub):
    person = signed_in(hub, "cleo")
    made = person.http.post("/hub/api/users/cleo/tokens", headers=person._headers(), json={"note": "short"}).json()
    assert ask(hub, "GET", "/v1/comments", made["token"]).status_code == 200
    person.http.delete(f"/hub/api/users/cleo/tokens/{made['id']}", headers=person._headers()).raise_for_status()
    until(lambda: ask(hub, "GET", "/v1/comments", made["token"]).status_code == 401, within=30)


def test_a_killed_api_comes_back_with_all_it_held(hub: RunningHub, tokens: dict[str, str]):
    before = ask(hub, "GET", "/v1/comments", tokens["bob"]).json()
    assert before["items"]
    killed = pid(hub, "-m hub.api")
    os.kill(killed, signal.SIGKILL)

    def back() -> bool:
        try:
            return ask(hub, "GET", "/health", "x").status_code == 200 and pid(hub, "-m hub.api") != killed
        except (httpx.TransportError, ValueError):  # gone for a moment
            return False

    until(back)
    assert ask(hub, "GET", "/v1/comments", tokens["bob"]).json() == before


def test_sign_ins_are_in_the_audit_log_also_those_while_the_api_was_away(hub: RunningHub, tokens: dict[str, str]):
    os.kill(pid(hub, "-m hub.api"), signal.SIGKILL)
    password, bob = dict(hub.credentials())["bob"], Person(hub.url, "bob")
    bob.sign_in(password)
    for _ in range(2):  # the second time there is nobody to sign out
        bob.http.get("/hub/logout")
    Person(hub.url, "cleo").sign_in("canary-of-a-wrong-password")
    Person(hub.url, "canary-in-the-wrong-field").sign_in("x")

    def entries(action: str) -> list[str]:
        try:
            answer = ask(hub, "GET", f"/v1/audit?action={action}&limit=200", tokens["admin"])
            return [each["who"] for each in answer.json()["items"]] if answer.status_code == 200 else []
        except httpx.TransportError:
            return []

    until(lambda: len(entries("sign-in.refused")) == 2)
    assert entries("sign-in.refused") == ["", "cleo"]
    assert entries("sign-in.accepted")[0] == "bob"
    assert entries("sign-out.done") == ["bob"]
    told = ask(hub, "GET", "/v1/audit?limit=200", tokens["admin"]).text
    assert "canary" not in told and password not in told
    assert ask(hub, "GET", "/v1/audit", tokens["bob"]).status_code == 403
    signed_in(hub, "admin").start_server()
    own = running_workspace(hub, "admin")["JUPYTERHUB_API_TOKEN"]
    assert ask(hub, "GET", "/v1/audit", own).status_code == 403, "what runs in an administrator's workspace reads none"


def test_what_is_done_at_the_hub_itself_is_in_the_audit_log(hub: RunningHub, tokens: dict[str, str]):
    def do(method: str, path: str, status: int, who: str = "admin", **body: Any) -> httpx.Response:
        headers = {"Authorization": f"token {tokens[who]}", "X-Request-ID": "by-this-test"}
        answer = httpx.request(method, f"{hub.url}/hub/api{path}", headers=headers, json=body or None, timeout=60)
        assert answer.status_code == status, answer.text
        return answer

    do("POST", "/users", 201, usernames=["bob", "Dora"])
    do("PATCH", "/users/dora", 200, name="dolores")
    do("PATCH", "/users/dolores", 200, admin=True)
    do("POST", "/groups/spies", 201)
    do("POST", "/groups/spies", 409)
    do("POST", "/groups/spies/users", 200, users=["bob", "dolores"])
    do("DELETE", "/groups/spies/users", 200, users=["bob"])
    made = do("POST", "/users/dolores/tokens", 201, expires_in=60, note="canary-of-a-note").json()
    do("DELETE", f"/users/dolores/tokens/{made['id']}", 204)
    do("DELETE", "/users/dolores", 403, who="bob")
    do("DELETE", "/users/dolores", 204)
    do("DELETE", "/groups/spies", 204)

    def entries() -> list[dict[str, Any]]:
        found = ask(hub, "GET", "/v1/audit?who=admin&limit=100", tokens["admin"]).json()["items"][::-1]
        return [each for each in found if each["request"] == "by-this-test"]

    until(lambda: entries()[-1:] and entries()[-1]["action"] == "group.removed")
    assert [(each["action"], each["about"], each["detail"]) for each in entries()] == [
        ("person.added", "dora", {"admin": False}),
        ("person.renamed", "dora", {"to": "dolores"}),
        ("person.changed", "dolores", {"admin": True}),
        ("group.made", "spies", {"people": []}),
        ("group.joined", "spies", {"people": ["bob", "dolores"]}),
        ("group.left", "spies", {"people": ["bob"]}),
        ("token.made", "dolores", {"scopes": [], "expires_in": 60}),
        ("token.ended", "dolores", {"token": made["id"]}),
        ("person.removed", "dolores", {}),
        ("group.removed", "spies", {}),
    ]
    assert {each["origin"] for each in entries()} == {"127.0.0.1"}
    told = ask(hub, "GET", "/v1/audit?action=settings.changed", tokens["admin"]).json()["items"][-1]
    assert (told["who"], told["detail"]["publishers"]) == ("service hub", "cleo")


def test_who_enters_another_s_server_is_in_the_audit_log(hub: RunningHub, tokens: dict[str, str]):
    if not running_workspace(hub, "cleo"):
        signed_in(hub, "cleo").start_server()
    statuses = {}
    for name in ("cleo", "admin", "bob"):
        person = signed_in(hub, name)
        person.http.headers["X-Request-ID"] = "by-this-visitor"
        answer = person.http.get("/user/cleo/lab")
        if name == "admin":  # is asked first whether they mean it
            asked = dict(re.findall(r'name="(_xsrf|scopes)" value="([^"]+)"', answer.text))
            scopes = re.findall(r'name="scopes" value="([^"]+)"', answer.text)
            answer = person.http.post(answer.url, data={"_xsrf": asked["_xsrf"], "scopes": scopes})
        if name == "bob":  # who does not ask for the page first is given a code, and not let in with it
            answer = person.http.post(answer.url, data={"_xsrf": person._headers()["X-XSRFToken"]})
            assert any("code=" in step.headers["location"] for step in answer.history)
            answer = person.http.get("/user/cleo/lab")
        statuses[name] = (answer.status_code, answer.url.path)
    assert statuses["cleo"] == statuses["admin"] == (200, "/user/cleo/lab")
    assert statuses["bob"][0] == 403

    def entries() -> list[dict[str, Any]]:
        return ask(hub, "GET", "/v1/audit?action=server.entered&limit=100", tokens["admin"]).json()["items"]

    until(entries)
    (entered,) = entries()
    assert (entered["who"], entered["about"], entered["detail"]) == ("admin", "cleo", {"server": ""})
    assert (entered["request"], entered["origin"]) == ("by-this-visitor", "127.0.0.1")


@pytest.mark.siege
def test_a_server_that_ends_after_the_hub_was_killed_over_its_start_is_gone_at_once(
    hub: RunningHub, tokens: dict[str, str], figure: Callable[[str], None]
):
    """It is held before it listens: the next hub finds it starting. JupyterHub alone waits three minutes for it."""
    http = httpx.Client(base_url=hub.url, headers={"Authorization": f"token {tokens['bob']}"}, timeout=60)

    def late() -> list[psutil.Process]:
        return [one for one in family.members(hub.home) if variables(one).get("JUPYTERHUB_SERVER_NAME") == "late"]

    def told() -> dict[str, Any]:
        try:
            return dict(http.get("/hub/api/users/bob").raise_for_status().json()["servers"])
        except httpx.HTTPError:
            return {"late": {}}

    def start() -> None:
        with contextlib.suppress(httpx.TransportError):  # it breaks off with the hub
            http.post("/hub/api/users/bob/servers/late")

    with ThreadPoolExecutor(1) as asking:
        asking.submit(start)
        until(late)
        (held,) = late()
        held.suspend()
        hubs = create_engine(f"sqlite:///{hub.home}/hub/jupyterhub.sqlite")
        with hubs.connect() as connection:
            kept = text("SELECT state FROM spawners WHERE name = 'late' AND state LIKE :pid")
            until(lambda: connection.execute(kept, {"pid": f"%{held.pid}%"}).first())
        hubs.dispose()
        os.kill(pid(hub, "-m jupyterhub --config"), signal.SIGKILL)
    until(lambda: told().get("late", {}).get("pending") == "check", within=120)
    held.kill()
    began = time.monotonic()
    until(lambda: "late" not in told(), within=90)
    figure(f"let go of {time.monotonic() - began:.1f} s after it had ended")


def test_without_the_hub_the_api_says_so_and_goes_on_when_it_is_back(hub: RunningHub, tokens: dict[str, str]):
    os.kill(pid(hub, "-m jupyterhub --config"), signal.SIGKILL)
    try:
        statuses = {ask(hub, "GET", "/v1/comments", f"unknown-{number}").status_code for number in range(3)}
        assert statuses <= {401, 503}, "an unknown token is refused, or nobody can say"
    finally:
        until(lambda: ask(hub, "GET", "/v1/comments", tokens["bob"]).status_code == 200)
