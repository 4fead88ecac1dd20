"""A whole hub with many at work in it, and one whose parts are killed in turn and come back by themselves."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import nbformat
import psutil
import pytest
from hub_client import Person
from load import Dashboard, Kernel, Load, Reader, Writer, every
from postgres import PostgreSQL
from processes import command
from running_hub import RunningHub
from signed_in import SignedIn
from sqlalchemy import create_engine, text
from waiting import until

from hub import family

WRITERS = 4
#: How often the siege kills each part.
ROUNDS = int(os.environ.get("SIEGE_ROUNDS", "20"))
LOOK = 0.25  # seconds between two looks whether a part is back: looking must not be what keeps the machine busy
TARGET = "notebook:siege/kills.ipynb"
#: Who works in it, beside bob whose password theirs is.
PEOPLE = [f"person{number:03}" for number in range(200)]
#: How each part's command is told from the others'.
COMMANDS = {
    "proxy": "configurable-http-proxy",
    "hub": "jupyterhub --config",
    "api": "-m hub.api",
    "worker": "-m hub.worker",
    "dashboards": "-m hub.dashboards",
}


#: What ends whose connection.
CUTS = {("proxy", "kernel"), ("proxy", "dashboard"), ("dashboards", "dashboard")}


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgreSQL]:
    running = PostgreSQL().start()
    yield running
    running.remove()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, sample_catalog: Path, postgres: PostgreSQL) -> Iterator[RunningHub]:
    chosen = {
        "ALPHAPULSE_CATALOG": str(sample_catalog),
        "ALPHAPULSE_USERS": ",".join(["bob", *PEOPLE]),
        "ALPHAPULSE_API_DATABASE": postgres.database("api"),
        "ALPHAPULSE_WORKER_DATABASE": postgres.database("dbos"),
    }
    running = RunningHub(tmp_path_factory.mktemp("kills") / "home", **chosen).start()
    yield running
    running.interrupt()


class Siege:
    """The hub, those at work in it, and how each part is killed and seen to be back."""

    def __init__(self, hub: RunningHub, postgres: PostgreSQL) -> None:
        self.hub, self.postgres, self.load = hub, postgres, Load()
        self.somebody = SignedIn(hub, "bob")
        self.token = self.somebody.api_token()
        self.person = Person(hub.url, "bob")
        self.person.sign_in(dict(hub.credentials())["bob"])
        self.person.start_server()
        self.kernel, self.dashboard = Kernel(self.load, self.person), Dashboard(self.load, self.somebody)
        self.writers = [Writer(self.load, hub.url, self.token, TARGET) for _ in range(WRITERS)]
        self.events: list[tuple[float, str]] = []
        #: Of each kill the seconds until the part was back, and the processors' seconds that its new process took.
        self.recoveries: dict[str, list[tuple[float, float]]] = {part: [] for part in (*COMMANDS, "database")}
        self._database = create_engine(hub.environment["ALPHAPULSE_API_DATABASE"], pool_pre_ping=True)

    def get(self, path: str) -> httpx.Response:
        return self.person.http.get(path)

    def pids(self, part: str) -> set[int]:
        return pids(self.hub, COMMANDS[part])

    def _busy(self, part: str) -> float:
        if part == "database":
            return 0.0
        (new,) = self.pids(part)
        used = psutil.Process(new).cpu_times()
        return used.user + used.system

    def kill(self, part: str) -> None:
        """Kill a part, and measure until it does again what it is for; everything else is whole before and after."""
        back = self._probes()
        until(lambda: all(each() for each in back.values()), 120, lambda: "the hub was not whole before the kill", LOOK)
        worker, pages = self._workers(), self.dashboard.opened
        self.load.event = part
        self.events.append((time.time(), part))
        if part == "database":
            began = time.monotonic()
            self.postgres.kill()
            self.postgres.start()
        else:
            killed = self.pids(part)
            assert len(killed) == 1, (part, killed)
            began = time.monotonic()
            os.kill(*killed, signal.SIGKILL)
            until(lambda: self.pids(part) not in (set(), killed), pause=LOOK)
        if part == "worker":
            back["worker"] = lambda: bool(self._workers() - worker)
        until(back[part], 120, lambda: f"{part} did not come back", LOOK)
        self.recoveries[part].append((time.monotonic() - began, self._busy(part)))
        until(lambda: all(each() for each in back.values()), 120, lambda: f"not all was whole again after {part}", LOOK)
        if (part, "dashboard") in CUTS:  # a page that waits for an answer notices ten seconds late that it was cut
            until(lambda: self.dashboard.opened > pages, 120, lambda: f"no page opened again after {part}", LOOK)

    def _probes(self) -> dict[str, Callable[[], bool]]:
        asked = {
            "proxy": "/user/bob/api/kernels",
            "hub": "/hub/api/users/bob",
            "api": f"/services/api/v1/comments?target={TARGET}&limit=1",
            "database": "/services/api/v1/schedules?limit=1",
        }
        found = {part: (lambda path=path: self._answers(path)) for part, path in asked.items()}
        return found | {"worker": lambda: bool(self._workers()), "dashboards": self._shows}

    def _answers(self, path: str) -> bool:
        try:
            return self.get(path).status_code == 200
        except httpx.TransportError:
            return False

    def _shows(self) -> bool:
        try:
            return self.somebody.page().status_code == 200
        except httpx.TransportError:
            return False

    def _workers(self) -> set[str]:
        """Those who looked at the timetable in the last seconds."""
        recent = int((time.time() - 12) * 1e9)
        with self._database.begin() as connection:
            return set(connection.execute(text("SELECT id FROM workers WHERE seen_at > :t"), {"t": recent}).scalars())

    def schedule(self) -> tuple[str, float]:
        """A notebook that writes its own firing's name, each minute; its schedule, and since when there is that."""
        code = "import os; open('fired.txt', 'a').write(os.environ['ALPHAPULSE_FIRING'] + '\\n')"
        folder = self.hub.home / "users" / "bob" / "siege"
        folder.mkdir(parents=True, exist_ok=True)
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)]), folder / "fires.ipynb")
        new = {"notebook": "siege/fires.ipynb", "cron": "* * * * *", "overlap": "queue", "catch_up": "all"}
        made = self.person.http.post("/services/api/v1/schedules", json=new)
        assert made.status_code == 201, made.text
        return str(made.json()["id"]), moment(made.json()["created_at"])

    def during(self, moment: float) -> str:
        """Since which event's beginning a moment is."""
        return next((part for at, part in reversed(self.events) if at <= moment), "nothing")


@pytest.mark.parametrize(
    "rounds",
    [
        pytest.param(1, marks=pytest.mark.timeout(900)),
        pytest.param(ROUNDS, marks=[pytest.mark.siege, pytest.mark.timeout(4 * 3600)], id="siege"),
    ],
)
def test_each_part_is_killed_in_turn_under_load(
    hub: RunningHub, postgres: PostgreSQL, rounds: int, capsys: pytest.CaptureFixture[str]
):
    siege = Siege(hub, postgres)
    schedule, begun = siege.schedule()
    at_work = [*siege.writers, siege.kernel, siege.dashboard]
    for each in at_work:
        each.start()
    for number in range(1, rounds + 1):
        for part in random.sample(list(siege.recoveries), len(siege.recoveries)):
            before = len(siege.load.told)
            until(lambda before=before: len(siege.load.told) >= before + 20)
            siege.kill(part)
        with capsys.disabled():
            sys.stdout.write("\n".join(["", f"round {number} of {rounds}", *table(siege, None, []), ""]))
    before, counted = len(siege.load.told), siege.kernel.counted
    until(lambda: len(siege.load.told) >= before + 20 and siege.kernel.counted > counted + 3)
    for each in at_work:
        each.stop()
    firings = over(siege, schedule)
    found = Counter(each["body"] for each in every(siege.get, f"/services/api/v1/comments?target={TARGET}"))
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *table(siege, found, firings), ""]))
    ids = {each["id"] for each in every(siege.get, f"/services/api/v1/comments?target={TARGET}")}
    assert {comment for comment, _ in siege.load.told.values()} <= ids
    assert not [body for body in siege.load.told if found[body] != 1]
    assert max(found.values()) == 1
    slots = [moment(each["slot"]) for each in firings]
    assert slots == [slots[0] + 60 * n for n in range(len(slots))]
    assert slots[0] - begun <= 60
    assert {each["state"] for each in firings} == {"finished"}, [(each["state"], each["detail"]) for each in firings]
    fired = (hub.home / "users" / "bob" / "siege" / "fired.txt").read_text().split()
    assert Counter(fired) == Counter(each["id"] for each in firings)
    # A kernel's and a page's connection end with the proxy, and a page's with the dashboards; with nothing else.
    assert not [each for each in siege.load.cut if each[:2] not in CUTS], siege.load.cut
    assert not [each for each in siege.kernel.refused if each[0] != "proxy"], siege.kernel.refused


@pytest.mark.parametrize(
    ("people", "seconds"),
    [
        pytest.param(8, 15, marks=pytest.mark.timeout(900)),
        pytest.param(200, 300, marks=[pytest.mark.siege, pytest.mark.timeout(2 * 3600)]),
    ],
)
def test_many_people_at_once(hub: RunningHub, people: int, seconds: int, capsys: pytest.CaptureFixture[str]):
    """They sign in eight at a time; each leaves a dashboard open, reads comments and writes some. None meets a 5xx."""
    load, target = Load(), f"notebook:siege/{people}-people.ipynb"
    password = dict(hub.credentials())["bob"]
    with ThreadPoolExecutor(8) as door:
        signed = list(door.map(lambda name: SignedIn(hub, name, password), PEOPLE[:people]))
    (process,) = [psutil.Process(each) for each in pids(hub, COMMANDS["hub"])]
    before = process.memory_info().rss
    pages = [Dashboard(load, each) for each in signed]
    readers = [Reader(load, hub.url, each.api_token(), target) for each in signed]
    for each in (*pages, *readers):
        each.start()
    until(lambda: all(each.opened for each in pages), 600, pause=0.5)
    time.sleep(seconds)
    for each in (*readers, *pages):
        each.stop()
    grown = (process.memory_info().rss - before) / 1e6
    taken = sorted(load.taken)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{people} people for {seconds} s: {len(taken)} requests {dict(load.answers)}, half within "
            f"{taken[len(taken) // 2]:.2f} s, 99 % within {taken[len(taken) * 99 // 100]:.2f} s; the hub's memory "
            f"{grown:+.1f} MB; connections cut {dict(load.cut)}\n"
        )
    assert set(load.answers) == {200, 201}
    assert not load.cut
    mine = {"Authorization": f"Bearer {signed[0].api_token()}"}
    http = httpx.Client(base_url=hub.url, headers=mine, timeout=60, trust_env=False)
    held = Counter(each["body"] for each in every(http.get, f"/services/api/v1/comments?target={target}"))
    assert held == Counter(load.told.keys())


def pids(hub: RunningHub, words: str) -> set[int]:
    """The hub's processes whose command holds these words."""
    return {each.pid for each in family.members(hub.home) if words in command(each)}


def over(siege: Siege, schedule: str) -> list[dict[str, Any]]:
    """All firings of the schedule once it is paused and they have ended, the oldest first."""
    path = f"/services/api/v1/schedules/{schedule}"
    until(lambda: len(every(siege.get, f"{path}/firings")) >= 2, 150)
    siege.person.http.post(f"{path}/pause").raise_for_status()
    found: list[dict[str, Any]] = []

    def ended() -> bool:
        found[:] = every(siege.get, f"{path}/firings")
        return all(each["ended_at"] for each in found)

    until(ended, 600, lambda: [(each["slot"], each["state"], each["detail"]) for each in found if not each["ended_at"]])
    return sorted(found, key=lambda each: each["slot"])


def moment(told: str) -> float:
    return datetime.fromisoformat(told).timestamp()


def table(siege: Siege, found: Counter[str] | None, firings: list[dict[str, Any]]) -> list[str]:
    """What each part's kills did; before it was looked for, nothing of what was lost."""
    titles = ("part", "kills", "longest", "processor", "sent", "told", "lost", "doubled", "due", "fired")
    lines = ["".join(f"{each:>11}" for each in titles)]
    for part in ("nothing", *siege.recoveries):
        told = [body for body, (_, event) in siege.load.told.copy().items() if event == part]
        due = [each for each in firings if siege.during(moment(each["slot"])) == part]
        taken = siege.recoveries.get(part, [])
        row = [
            part,
            len(taken),
            *(f"{max((each[side] for each in taken), default=0):.1f} s" for side in (0, 1)),
            siege.load.sent[part],
            len(told),
            "" if found is None else sum(found[body] == 0 for body in told),
            "" if found is None else sum(found[body] > 1 for body in told),
            len(due),
            sum(each["state"] == "finished" for each in due),
        ]
        lines.append("".join(f"{each!s:>11}" for each in row))
    lines.append(f"connections cut: {dict(siege.load.cut.copy())}")
    lines.append(f"answers of the person's server that failed: {dict(siege.kernel.refused.copy())}")
    silent = ", ".join(f"{who} {seconds:.1f} s" for who, seconds in siege.load.silence.copy().items())
    lines.append(f"the kernel counted to {siege.kernel.counted}; longest answers: {silent}")
    return lines
