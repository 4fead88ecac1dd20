"""Schedules behind a real hub: they fire while their owner is away, once each, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import canaries
import httpx
import nbformat
import psutil
import pytest
from hub_client import Person
from processes import command, variables
from running_hub import PROJECT, RunningHub
from waiting import until

from hub import family

pytestmark = pytest.mark.timeout(600)


class Away:
    """Somebody who is never signed in: one token, a folder, no server."""

    def __init__(self, hub: RunningHub, name: str) -> None:
        person = Person(hub.url, name)
        person.http.follow_redirects = False  # a browser would go on to the person's server, and start it
        person.sign_in(dict(hub.credentials())[name])
        made = person.http.post(f"/hub/api/users/{name}/tokens", headers=person._headers(), json={"note": "a test"})
        self.name, self.folder = name, hub.home / "users" / name
        self.http = httpx.Client(
            base_url=hub.url, timeout=60, trust_env=False, headers={"Authorization": f"Bearer {made.json()['token']}"}
        )
        assert self.servers() == {}

    def servers(self) -> dict[str, Any]:
        return self.http.get(f"/hub/api/users/{self.name}").json()["servers"]

    def api(self, method: str, path: str, **more: Any) -> Any:
        answer = self.http.request(method, f"/services/api/v1{path}", **more)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def answers(self) -> bool:
        try:
            return self.http.get("/services/api/v1/schedules").status_code == 200
        except httpx.HTTPError:
            return False

    def hub_answers(self) -> bool:
        try:
            return self.http.get(f"/hub/api/users/{self.name}").status_code == 200
        except httpx.HTTPError:
            return False

    def write(self, name: str, *cells: str) -> str:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        (self.folder / "mine").mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, self.folder / "mine" / f"{name}.ipynb")
        return f"mine/{name}.ipynb"

    def run(self, notebook: str, **more: Any) -> str:
        return self.api("POST", "/backtests", json={"notebook": notebook, **more})["id"]

    def ended(self, firing: str, within: float = 150) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def over() -> bool:
            found.update(self.api("GET", f"/backtests/{firing}"))
            return found["ended_at"] is not None

        until(over, within)
        return found

    def told(self, firing: str) -> list[str]:
        items = self.api("GET", "/notifications?limit=200")["items"]
        return [each["kind"] for each in items if each["about"].get("firing") == firing]

    def lines(self, name: str) -> list[str]:
        path = self.folder / "mine" / name
        return path.read_text().splitlines() if path.exists() else []

    def let_go(self, name: str) -> None:
        (self.folder / "mine" / f"{name}.go").touch()


def held(name: str) -> str:
    """A cell that lasts until its notebook is let go."""
    return f"import os, time\nwhile not os.path.exists('{name}.go'): time.sleep(0.1)"


def workers(hub: RunningHub) -> list[int]:
    return [each.pid for each in family.members(hub.home) if command(each).endswith(" -m hub.worker")]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, sample_catalog: Path) -> Iterator[RunningHub]:
    home = tmp_path_factory.mktemp("schedules") / "home"
    running = RunningHub(home, ALPHAPULSE_CATALOG=str(sample_catalog), ALPHAPULSE_USERS="bob").start()
    yield running
    running.handed |= canaries.of_servers(running.home)
    running.interrupt()


@pytest.fixture(scope="module")
def bob(hub: RunningHub) -> Away:
    return Away(hub, "bob")


@pytest.fixture(scope="module")
def minutely(bob: Away) -> dict[str, Any]:
    """A schedule that fires each minute while all these tests run and kill its workers."""
    write = "open('minutes.txt', 'a').write(slot_of_firing + '\\n')"
    name = bob.write("minutely", "import os; slot_of_firing = os.environ['ALPHAPULSE_FIRING']", write)
    return bob.api("POST", "/schedules", json={"notebook": name, "cron": "* * * * *", "overlap": "queue"})


def test_the_template_runs_while_its_owner_is_away(bob: Away, minutely: dict[str, Any]):
    firing = bob.run("backtests/sma.ipynb", parameters={"symbol": "MSFT", "fast": 7})
    state = bob.ended(firing)
    assert (state["state"], state["detail"]) == ("finished", "")
    assert state["cells_done"] == state["cells"] > 3
    done = nbformat.read(bob.folder / state["output"], as_version=4)
    assert any("MSFT" in cell.source and "injected-parameters" in cell.metadata.tags for cell in done.cells)
    (run,) = state["runs"]
    record = bob.api("GET", f"/runs/{run}")["record"]
    assert (record["user"], record["spec"]["parameters"]["fast"]) == ("bob", 7)
    assert bob.told(firing) == ["firing-finished"]
    until(lambda: not any(firing in name for name in bob.servers()))


def test_a_notebook_that_raises_is_saved_and_its_owner_told(bob: Away):
    firing = bob.run(bob.write("raises", "print('before')", "import alphapulse_lib as ap; ap.bars('NOSUCH', '1d')"))
    state = bob.ended(firing)
    assert state["state"] == "failed"
    assert "UnknownSymbol" in state["detail"] and "NOSUCH" in state["detail"]
    done = nbformat.read(bob.folder / state["output"], as_version=4)
    outputs = [output for cell in done.cells for output in cell.get("outputs", [])]
    assert outputs[0].text == "before\n"
    assert outputs[1].ename == "UnknownSymbol"
    assert bob.told(firing) == ["firing-failed"]


def test_a_notebook_that_hangs_is_ended_and_a_missing_one_said_so(bob: Away):
    hanging = bob.run(bob.write("hangs", "while True: pass"), timeout=8)
    missing = bob.run("mine/missing.ipynb")
    state = bob.ended(hanging)
    assert (state["state"], state["detail"]) == ("timed-out", "It still ran after 8 s and was ended.")
    assert (bob.folder / state["output"]).exists()
    state = bob.ended(missing)
    assert state["state"] == "failed"
    assert "There is no notebook 'mine/missing.ipynb'" in state["detail"]


def test_a_server_that_cannot_start_is_a_failed_firing(hub: RunningHub, bob: Away):
    admin = Away(hub, "admin")
    admin.folder.write_text("a file in the way of the folder")
    state = admin.ended(admin.run("mine/any.ipynb"))
    assert state["state"] == "failed"
    assert state["detail"].startswith("Its server did not start, tried 3 times")


def test_a_notebook_s_token_does_less_than_its_owner_s_and_a_firing_is_cancelled_while_it_runs(
    hub: RunningHub, bob: Away
):
    firing = bob.run(bob.write("long", "import time; time.sleep(1000)"))
    until(lambda: bob.api("GET", f"/backtests/{firing}")["state"] == "running")
    (server,) = processes(firing, "jupyterhub.singleuser")
    hub.handed["the token of a job's server"] = token = server.environ()["JUPYTERHUB_API_TOKEN"]

    def asked(method: str, path: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.request(method, f"{hub.url}{path}", headers=headers, json={}, timeout=60).status_code

    assert asked("GET", "/services/api/v1/comments") == 200, "what a notebook is there for"
    me = "/hub/api/users/bob"
    assert bob.http.get(f"{me}/tokens").status_code == 200
    owners = [(method, f"{me}/{path}") for method in ("POST", "DELETE") for path in ("server", "servers/another")]
    answers = {each: asked(*each) for each in [*owners, ("GET", f"{me}/tokens"), ("POST", f"{me}/tokens")]}
    assert {status for status in answers.values() if status not in (403, 404)} == set(), answers
    bob.api("POST", f"/backtests/{firing}/cancel")
    assert bob.ended(firing, within=60)["state"] == "cancelled"


def test_a_worker_killed_in_the_middle_doubles_and_loses_nothing(hub: RunningHub, bob: Away):
    begun, ended = (f"open('killed.txt', 'a').write('{each}\\n')" for each in ("begun", "ended"))
    firing = bob.run(bob.write("killed", begun, held("killed"), ended))
    until(lambda: bob.lines("killed.txt") == ["begun"])
    (worker,) = workers(hub)
    os.kill(worker, signal.SIGKILL)
    until(lambda: workers(hub) not in ([], [worker]))
    assert bob.api("GET", f"/backtests/{firing}")["state"] == "running"
    bob.let_go("killed")
    assert bob.ended(firing)["state"] == "finished"
    assert bob.lines("killed.txt") == ["begun", "ended"]
    assert bob.told(firing) == ["firing-finished"]
    until(lambda: not any(firing in name for name in bob.servers()))


def test_a_server_that_nobody_took_away_is_stopped(hub: RunningHub, bob: Away):
    left, stopped = "job-00000000000000aa", "job-00000000000000bb"
    for name in (left, stopped):
        bob.http.post(f"/hub/api/users/bob/servers/{name}", json={}).raise_for_status()
    until(lambda: all(bob.servers().get(name, {}).get("ready") for name in (left, stopped)))
    bob.http.delete(f"/hub/api/users/bob/servers/{stopped}").raise_for_status()
    (worker,) = workers(hub)
    os.kill(worker, signal.SIGKILL)  # the next one looks at once
    every = "/hub/api/users/bob?include_stopped_servers=true"
    until(lambda: not {left, stopped} & set(bob.http.get(every).json()["servers"]))


def processes(firing: str, *words: str) -> list[psutil.Process]:
    """The processes of a firing, those of its server among them, whose command names all of the words."""
    found = []
    for each in psutil.process_iter():
        given = variables(each)
        named = firing in (given.get("ALPHAPULSE_FIRING"), given.get("JUPYTERHUB_SERVER_NAME", "")[4:])
        if named and all(word in command(each) for word in words):
            found.append(each)
    return found


@pytest.mark.parametrize(("victim", "state"), [("alphapulse_jobs", "failed"), ("jupyterhub.singleuser", "lost")])
def test_a_firing_ends_though_papermill_or_its_server_is_killed(bob: Away, victim: str, state: str):
    name = victim.partition(".")[0]
    firing = bob.run(bob.write(name, f"open('{name}.txt', 'a').write('x\\n')", "import time; time.sleep(1000)"))
    until(lambda: bob.lines(f"{name}.txt") and bob.api("GET", f"/backtests/{firing}")["state"] == "running")
    for each in processes(firing, victim):
        each.kill()
    ended = bob.ended(firing)
    assert ended["state"] == state
    assert "ended" in ended["detail"]
    assert bob.lines(f"{name}.txt") == ["x"]
    assert bob.told(firing) == ["firing-failed"]
    until(lambda: processes(firing) == [] and not any(firing in each for each in bob.servers()))


def test_a_firing_outlives_a_hub_that_dies_while_it_starts_the_server(hub: RunningHub, bob: Away):
    firing = bob.run(bob.write("starting", "open('starting.txt', 'a').write('x\\n')"))
    until(lambda: processes(firing))
    for each in family.members(hub.home):
        if "jupyterhub --config" in command(each):
            each.kill()
            each.wait()
    until(bob.hub_answers)  # the API knows the token for some seconds without it
    # Where the machine is so busy that the server has given the hub up meanwhile, JupyterHub awaits it for 180 seconds.
    ended = bob.ended(firing, within=300)
    assert (ended["state"], ended["detail"]) == ("finished", "")
    assert bob.lines("starting.txt") == ["x"]
    assert bob.told(firing) == ["firing-finished"]


def test_a_firing_outlives_the_hub_the_proxy_and_the_api(hub: RunningHub, bob: Away):
    firing = bob.run(bob.write("outlived", "open('outlived.txt', 'a').write('x\\n')", held("outlived")))
    until(lambda: bob.lines("outlived.txt"))
    words = ("jupyterhub --config", "configurable-http-proxy", "hub.api")
    for each in family.members(hub.home):
        if any(named in command(each) for named in words):
            each.kill()
    until(lambda: bob.answers())
    bob.let_go("outlived")
    assert bob.ended(firing)["state"] == "finished"
    assert bob.lines("outlived.txt") == ["x"]
    assert bob.told(firing) == ["firing-finished"]


@pytest.mark.survival
def test_two_workers_share_the_work_and_one_takes_over_what_the_other_began(
    hub: RunningHub, bob: Away, figure: Callable[[str], None]
):
    (first,) = workers(hub)
    marked = hub.environment | {family.MARK: str(hub.home), "PYTHONPATH": str(PROJECT)}
    second = subprocess.Popen([sys.executable, "-m", "hub.worker"], env=marked, stderr=subprocess.DEVNULL)
    try:
        until(lambda: len(workers(hub)) == 2)
        time.sleep(3)
        name = bob.write("shared", "import os, time; open('shared.txt', 'a').write('x\\n'); time.sleep(6)")
        firings = [bob.run(name) for _ in range(4)]
        until(lambda: bob.lines("shared.txt"))
        os.kill(second.pid, signal.SIGKILL)
        second.wait()
        assert {bob.ended(firing)["state"] for firing in firings} == {"finished"}
        figure(
            f"one of two killed in the middle: {len(firings)} firings, run {len(bob.lines('shared.txt'))} times in all"
        )
        assert bob.lines("shared.txt") == ["x"] * 4
        assert [bob.told(firing) for firing in firings] == [["firing-finished"]] * 4
        assert workers(hub) == [first]
    finally:
        second.kill()
        second.wait()


def test_every_minute_had_its_firing_and_none_had_two(bob: Away, minutely: dict[str, Any]):
    path = f"/schedules/{minutely['id']}"
    # A quick machine is here before the second minute.
    until(lambda: len(bob.api("GET", f"{path}/firings?limit=200")["items"]) >= 2, 150)
    bob.api("POST", f"{path}/pause")
    # One after the other: on a busy machine each takes a while, and those of the last minutes still wait.
    until(lambda: all(each["ended_at"] for each in bob.api("GET", f"{path}/firings?limit=200")["items"]), 400)
    firings = bob.api("GET", f"{path}/firings?limit=200")["items"][::-1]
    slots = [datetime.fromisoformat(each["slot"]).astimezone(UTC).timestamp() for each in firings]
    assert len(slots) >= 2
    assert slots == [slots[0] + 60 * n for n in range(len(slots))]
    assert slots[0] - datetime.fromisoformat(minutely["created_at"]).timestamp() <= 60
    assert [each["state"] for each in firings] == ["finished"] * len(firings)
    assert bob.lines("minutes.txt") == [each["id"] for each in firings]
