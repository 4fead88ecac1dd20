"""Servers that a hub finds as it starts: the one that ends before it answers is told from the one that answers."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest
from jupyterhub.objects import Server
from running_hub import free_port

from hub.process_spawner import ProcessSpawner

#: Begins to listen once it is told to.
LATE = "import socket, sys; sys.stdin.readline(); door = socket.create_server(('127.0.0.1', {port})); sys.stdin.read()"


@pytest.fixture
def server() -> Iterator[tuple[ProcessSpawner, subprocess.Popen[str]]]:
    """A server that runs and does not listen yet, found by the spawner of another hub."""
    port = free_port()
    command = [sys.executable, "-c", LATE.format(port=port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as running:
        spawner = ProcessSpawner()
        spawner.pid, spawner.server = running.pid, Server(ip="127.0.0.1", port=port)
        spawner._check_pending = True
        yield spawner, running
        running.kill()


async def polled(spawner: ProcessSpawner, running: subprocess.Popen[str], ends: bool) -> int | None:
    asked = asyncio.ensure_future(spawner.poll())
    await asyncio.sleep(0.3)
    assert not asked.done(), "it does neither yet"
    if ends:
        running.kill()
        running.wait()
    else:
        assert running.stdin is not None
        running.stdin.write("\n")
        running.stdin.flush()
    return await asyncio.wait_for(asked, 30)


@pytest.mark.parametrize("ends", [True, False])
def test_a_hub_that_starts_is_told_whether_what_it_finds_ends_or_listens(
    server: tuple[ProcessSpawner, subprocess.Popen[str]], ends: bool
):
    assert asyncio.run(polled(*server, ends)) == (0 if ends else None)


def test_a_hub_that_runs_is_told_at_once_that_it_runs(server: tuple[ProcessSpawner, subprocess.Popen[str]]):
    spawner, _ = server
    spawner._check_pending = False
    assert asyncio.run(asyncio.wait_for(spawner.poll(), 30)) is None
