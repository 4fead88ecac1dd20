"""`alphapulse status` and `alphapulse token`, at a real hub."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_hub import PROJECT, RunningHub, environment

from alphapulse_lib.hub_client import Client
from hub.programs import PROGRAMS

ALPHAPULSE = Path(sys.executable).with_name("alphapulse")


def alphapulse(chosen: dict[str, str], *words: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [ALPHAPULSE, *words], cwd=PROJECT, env=chosen, input=answer, capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in done.stderr
    return done


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


def until(hub: RunningHub, wanted: int, within: float = 60) -> dict:
    deadline = time.monotonic() + within
    while True:
        code, said = status(hub)
        if code == wanted:
            return said
        assert time.monotonic() < deadline, said
        time.sleep(0.3)


def test_all_parts_are_up_and_each_is_a_process(hub: RunningHub):
    said = until(hub, 0)
    assert (said["up"], said["url"]) == (True, hub.url)
    assert [each["name"] for each in said["parts"]] == list(PROGRAMS)
    assert len({each["process"] for each in said["parts"]}) == len(PROGRAMS)
    assert all(Path(each["log"]).exists() for each in said["parts"])


@pytest.mark.parametrize("name", ["api", "worker", "dashboards"])
def test_a_part_that_hangs_or_dies_is_down_until_it_is_back(hub: RunningHub, name: str):
    (part,) = [each for each in until(hub, 0)["parts"] if each["name"] == name]
    if name == "api":  # it hangs, first: its process runs, and does not answer
        os.kill(part["process"], signal.SIGSTOP)
        (hanging,) = [each for each in until(hub, 1)["parts"] if each["name"] == name]
        assert (hanging["up"], hanging["process"], "does not answer" in hanging["detail"]) == (
            False,
            part["process"],
            True,
        )
    os.kill(part["process"], signal.SIGKILL)
    until(hub, 1, within=20)
    (back,) = [each for each in until(hub, 0)["parts"] if each["name"] == name]
    assert back["process"] != part["process"]


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
