"""`alphapulse status` and `alphapulse token`, at a real hub."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from filelock import FileLock
from misbehaving_api import SlowApi, misbehaving
from running_hub import PROJECT, RunningHub, environment
from waiting import until as wait_until

from alphapulse_lib.hub_client import Client
from hub import status as status_of_parts
from hub.network import Network
from hub.programs import PROGRAMS

ALPHAPULSE = Path(sys.executable).with_name("alphapulse")


def alphapulse(chosen: dict[str, str], *words: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [ALPHAPULSE, *words], cwd=PROJECT, env=chosen, input=answer, capture_output=True, text=True, timeout=240
    )
    assert "Traceback" not in done.stderr
    return done


def test_it_may_be_read_by_who_reads_one_line(tmp_path: Path):
    chosen = environment(tmp_path / "home", 1)
    done = subprocess.run(
        f"{ALPHAPULSE} status | true", shell=True, cwd=PROJECT, env=chosen, capture_output=True, text=True, timeout=240
    )
    assert done.stderr == ""


def test_before_the_first_start_is_through_nothing_is_known_of_the_parts(tmp_path: Path):
    (tmp_path / "run").mkdir()
    with FileLock(tmp_path / "run" / "up.lock"):
        begun = alphapulse(environment(tmp_path, 1), "status")
        assert (begun.returncode, begun.stdout.count("has only just begun")) == (1, len(PROGRAMS))
        Network("127.0.0.1", 1, 1, 1, 1, 1).write(tmp_path / "run" / "network.json")
        filling = alphapulse(environment(tmp_path, 1), "status")
        assert (filling.returncode, filling.stdout.count("DOWN")) == (1, len(PROGRAMS))
        assert not (tmp_path / "keys.json").exists(), "who asks makes no secrets"


def test_a_hub_that_was_never_up_is_down_and_stays_untouched(tmp_path: Path):
    done = alphapulse(environment(tmp_path / "home", 1), "status")
    assert done.returncode == 1
    assert "AlphaPulse is not up" in done.stdout
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:]] == [[name, "DOWN"] for name in PROGRAMS]
    assert not (tmp_path / "home").exists()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, sample_catalog: Path) -> Iterator[RunningHub]:
    folder = tmp_path_factory.mktemp("status")
    running = RunningHub(folder / "home", ALPHAPULSE_CATALOG=str(sample_catalog)).start()
    yield running
    if running.process.poll() is None:
        running.interrupt()


def status(hub: RunningHub) -> tuple[int, dict]:
    done = alphapulse(hub.environment, "status", "--json")
    return done.returncode, json.loads(done.stdout)


def until(hub: RunningHub, wanted: int, true: Callable[[dict], bool] = lambda _: True, within: float = 120) -> dict:
    deadline = time.monotonic() + within
    while True:
        code, said = status(hub)
        if code == wanted and true(said):
            return said
        assert time.monotonic() < deadline, said
        time.sleep(0.3)


def test_all_parts_are_up_and_each_is_a_process(hub: RunningHub):
    said = until(hub, 0)
    assert (said["up"], said["url"]) == (True, hub.url)
    assert [each["name"] for each in said["parts"]] == list(PROGRAMS)
    assert len({each["process"] for each in said["parts"]}) == len(PROGRAMS)
    assert all(Path(each["log"]).exists() for each in said["parts"])


def part(said: dict, name: str) -> dict:
    (found,) = [each for each in said["parts"] if each["name"] == name]
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_part_that_is_stopped_or_dies_is_down_alone_until_it_is_back(hub: RunningHub, name: str):
    before = part(until(hub, 0), name)["process"]
    os.kill(before, signal.SIGSTOP)
    try:
        # Another may be slow for a moment, where the machine is busy; who is blamed for this one would stay so.
        said = until(hub, 1, lambda said: [each["name"] for each in said["parts"] if not each["up"]] == [name])
        stopped = part(said, name)
        assert (stopped["process"], f"kill -CONT {before}" in stopped["detail"]) == (before, True)
    finally:
        os.kill(before, signal.SIGKILL)
    until(hub, 0, lambda said: part(said, name)["process"] != before)


def test_a_part_that_hangs_is_down():
    with misbehaving(SlowApi()) as hanging:
        assert "does not answer within" in status_of_parts._answers(hanging.url, patience=0.3)


def test_a_part_that_just_ended_says_nothing_of_the_others(tmp_path: Path):
    """Until the supervisor has looked after it, it is a process without a command."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "supervisor.pid").write_text(str(os.getpid()))
    commands = {name: ["sleep", str(300 + number)] for number, name in enumerate(PROGRAMS)}
    told = "".join(f"[program:{name}]\ncommand = {' '.join(words)}\n" for name, words in commands.items())
    (tmp_path / "run" / "supervisor.conf").write_text(told)
    running = {name: subprocess.Popen(words) for name, words in commands.items()}
    try:
        ended = running.pop("worker")
        ended.kill()
        wait_until(lambda: psutil.Process(ended.pid).status() == psutil.STATUS_ZOMBIE)
        found = status_of_parts._processes(tmp_path)
        assert {name: each.pid for name, each in found.items()} == {name: each.pid for name, each in running.items()}
    finally:
        for each in (*running.values(), ended):
            each.kill()
            each.wait()


def test_a_token_is_made_with_the_password_and_opens_the_api_alone(hub: RunningHub):
    ((name, password),) = hub.credentials()
    done = alphapulse(hub.environment, "token", "--user", name, "--days", "2", answer=f"{password}\n")
    token = done.stdout.strip()
    assert (done.returncode, len(token)) == (0, 32), done.stderr
    assert password not in done.stderr
    with Client(f"{hub.url}/services/api", token) as client:
        assert client.comments.page().items == ()
        assert client.comments.write("instrument:AAPL.XNAS", "by token").author == name
        with Client(f"{hub.url}/hub/api", token) as beyond:
            answer = beyond._transport.http.get(f"{hub.url}/hub/api/users")
            assert answer.status_code == 403
    wrong = alphapulse(hub.environment, "token", "--user", name, answer="guess\n")
    assert (wrong.returncode, f"{hub.url}/hub/token" in wrong.stderr) == (1, True)


def test_after_the_end_all_is_down(hub: RunningHub):
    hub.interrupt()
    code, said = status(hub)
    assert (code, said["up"], said["url"]) == (1, False, None)
