"""A real Docker daemon for tests: the machine's own where it runs, else one in a folder of its own; and our images."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2]

BASE, TAG = "alphapulse-test/base:trixie", "test"
WORKSPACE, HUB = f"alphapulse/workspace:{TAG}", f"alphapulse/hub:{TAG}"

#: What a researcher's container is allowed, as its spawner gives it: nothing.
NOTHING = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--pids-limit=512",
           "--memory=2g", "--network=none")  # fmt: skip


class Docker:
    """Talks to a daemon as a person does, by the command line."""

    def __init__(self, host: str | None = None) -> None:
        self.environment = os.environ | ({"DOCKER_HOST": host} if host else {})

    def __call__(self, *arguments: str, check: bool = True) -> str:
        """What ``docker ARGUMENTS`` printed."""
        done = subprocess.run(
            ["docker", *arguments], env=self.environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0 or not check, f"docker {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def run(self, image: str, *command: str, options: tuple[str, ...] = NOTHING) -> str:
        """What a container said that ended well; it is gone afterwards."""
        return self("run", "--rm", *options, image, *command)

    def inspect(self, name: str) -> dict[str, Any]:
        """All that Docker knows of an image or a container."""
        return dict(json.loads(self("inspect", name))[0])

    def script(self, *command: str, folder: Path = PROJECT, **variables: str) -> str:
        """Run one of the project's scripts against this daemon."""
        done = subprocess.run(
            command, cwd=folder, env=self.environment | variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stderr

    def answers(self) -> bool:
        """Whether there is a daemon."""
        return not subprocess.run(["docker", "version"], env=self.environment, capture_output=True).returncode


@contextmanager
def engine() -> Iterator[Docker]:
    """The daemon of this machine, or one that lives as long as this."""
    if shutil.which("docker") is None:
        pytest.skip("there is no Docker here; Debian's package is called docker.io")
    docker = Docker()
    if docker.answers():
        yield docker
        return
    with begun() as docker:
        yield docker


@contextmanager
def begun(data: Path | None = None, *options: str, apart: bool = False) -> Iterator[Docker]:
    """A daemon of its own, with its data in that folder; ``apart`` it sees no network of the machine."""
    if shutil.which("dockerd") is None or os.geteuid() != 0:
        pytest.skip("no Docker daemon answers here, and one can be started by root alone: start it first")
    folder = Path(tempfile.mkdtemp(prefix="alphapulse-docker-"))
    socket = f"unix://{folder / 'docker.sock'}"
    places = [f"--data-root={data or folder / 'data'}", f"--exec-root={folder / 'run'}"]
    places += [f"--pidfile={folder / 'docker.pid'}", *options]
    with (folder / "log").open("ab") as log:
        command = [*(("unshare", "--net") if apart else ()), "dockerd", f"--host={socket}", *places]
        daemon = subprocess.Popen(command, stdout=log, stderr=log)
    docker = Docker(socket)
    try:
        deadline = time.monotonic() + 120
        while not docker.answers():
            assert daemon.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.2)
        yield docker
    finally:
        daemon.terminate()
        daemon.wait(timeout=120)
        shutil.rmtree(folder, ignore_errors=True)
