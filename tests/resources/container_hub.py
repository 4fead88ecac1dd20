"""A hub on this machine whose people get containers, and people who have one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docker_engine import WORKSPACE, Docker
from hub_client import Person
from running_hub import RunningHub
from waiting import until
from workspaces import Volume, Workspace

__all__ = ["FORK_BOMB", "PREFIX", "REACHED", "Tenant", "container_hub"]

PREFIX = "alphapulse-test"
#: Says of each address whether it can be reached from where it runs; of all at once, for silence takes its time.
REACHED = """
import concurrent.futures, socket, sys

def reached(told):
    host, port = told.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
        return "reached"
    except OSError:
        return "not"

with concurrent.futures.ThreadPoolExecutor(16) as pool:
    print(*pool.map(reached, sys.argv[1:]), sep="\\n")
"""
#: Forks until it is refused, and says how often it was not.
FORK_BOMB = """
import os, signal, time
made = []
try:
    while len(made) < 5000:
        child = os.fork()
        if child == 0:
            signal.pause()
        made.append(child)
except OSError as refused:
    print(len(made), refused.strerror)
for child in made:
    os.kill(child, signal.SIGKILL)
"""


class Tenant(Person):
    """Somebody signed in to the hub, whose server is a container."""

    def __init__(self, hub: RunningHub, docker: Docker, name: str) -> None:
        super().__init__(hub.url, name)
        self.docker, self.container = docker, f"{PREFIX}-workspace-{name}"
        passwords = dict(hub.credentials())
        self.sign_in(passwords.get(name, passwords["ann"]))  # all but the administrator share one

    def inside(self, *command: str, check: bool = True) -> str:
        """What a command says in the container."""
        return self.docker("exec", self.container, *command, check=check)

    def address(self) -> str:
        return str(self.docker.inspect(self.container)["NetworkSettings"]["Networks"][self.container]["IPAddress"])

    def reaches(self, *addresses: str) -> list[str]:
        return self.inside("python", "-c", REACHED, *addresses).split()

    def start_again(self) -> None:
        self.http.post(f"/hub/api/users/{self.name}/server").raise_for_status()
        until(lambda: self.servers().get("", {}).get("ready"), 240)

    def stop(self) -> None:
        """Stop the server, and wait until its container and the network are gone."""
        self.stop_server()
        self.is_gone()

    def is_gone(self) -> None:
        for kind in (("ps", "--all"), ("network", "ls")):
            until(lambda kind=kind: not self.docker(*kind, "--quiet", "--filter", f"name={self.container}"))


class ContainerHub(RunningHub):
    """A hub whose people get containers."""

    def __init__(self, docker: Docker, home: Path, **more: str) -> None:
        super().__init__(home, **more)
        self._docker = docker

    def workspace(self, name: str) -> Workspace:
        return Volume(self._docker, f"{PREFIX}-workspace-{name}")


@contextmanager
def container_hub(docker: Docker, folder: Path, catalog: Path, users: str, **more: str) -> Iterator[RunningHub]:
    """Start it; no container and no volume of its people is left afterwards."""
    chosen = {
        "ALPHAPULSE_SPAWNER": "docker",
        "ALPHAPULSE_ADDRESS": "0.0.0.0",
        "ALPHAPULSE_CATALOG": str(catalog),
        "ALPHAPULSE_USERS": users,
        "ALPHAPULSE_WORKSPACE_IMAGES": WORKSPACE,
        "ALPHAPULSE_DOCKER_PREFIX": PREFIX,
        **more,
    }
    if "DOCKER_HOST" in docker.environment:
        chosen["DOCKER_HOST"] = docker.environment["DOCKER_HOST"]
    running = ContainerHub(docker, folder / "home", **chosen).start()
    try:
        yield running
    finally:
        running.interrupt()
        left = docker("ps", "--all", "--quiet", "--filter", f"label=alphapulse.hub={PREFIX}")
        for volume in docker("volume", "ls", "--quiet", "--filter", f"label=alphapulse.hub={PREFIX}").split():
            docker("volume", "rm", volume)
    assert left == "", "the hub left containers behind"
