"""The proxy itself, started anew: it knows its ways at once, whatever became of the file that it keeps them in."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from running_hub import free_port
from waiting import until

from alphapulse_lib.settings import Settings
from hub import network
from hub.network import Network

TOKEN = "a-token-of-the-proxy-alone"
ANN = {"target": "http://127.0.0.1:9", "user": "ann", "server_name": ""}


@contextmanager
def proxy(home: Path) -> Iterator[httpx.Client]:
    """The door by which the hub tells the proxy its ways; at the end the proxy is killed."""
    places = Network("127.0.0.1", free_port(), free_port(), free_port(), 1, 1)
    variables = os.environ | network.proxy_environment(Settings(home=home), TOKEN, places)
    process = subprocess.Popen([*network.proxy_command(places), "--log-level", "error"], env=variables)
    door = httpx.Client(base_url=places.proxy_api, headers={"Authorization": f"token {TOKEN}"}, trust_env=False)

    def answers() -> bool:
        assert process.poll() is None, "it ended"
        try:
            return door.get("/api/routes").status_code == 200
        except httpx.TransportError:
            return False

    try:
        until(answers)
        yield door
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path


def test_one_that_was_killed_knows_its_ways_and_those_alone_that_were_not_taken_back(home: Path):
    with proxy(home) as door:
        for name in ("ann", "bob"):
            door.post(f"/api/routes/user/{name}", json=ANN | {"user": name}).raise_for_status()
        door.delete("/api/routes/user/bob").raise_for_status()
    kept = network.routes(home)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert TOKEN not in kept.read_text()
    with proxy(home) as door:
        (held,) = door.get("/api/routes").json().items()
    assert held[0] == "/user/ann"
    assert ANN.items() <= held[1].items()


@pytest.mark.parametrize("content", ["", "null", '{"/user/ann": {"tar', json.dumps({"/user/ann": None})])
def test_a_file_that_is_not_whole_keeps_none_from_starting(home: Path, content: str):
    network.routes(home).write_text(content)
    with proxy(home) as door:
        assert door.get("/api/routes").json() == {}
        door.post("/api/routes/user/ann", json=ANN).raise_for_status()
    assert list(json.loads(network.routes(home).read_text())) == ["/user/ann"]
