"""How long a person's container takes, beside ``docker run`` of its image and the start of a server in it.

``python -m tests.benchmarks.bench_containers``. In turns: the hub is asked for a person's server, until it says that it
is ready; and Docker is asked to run the same image with the same server and the same limits, until that answers. Aim:
at most 1.3 times as long.
"""

from __future__ import annotations

import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "resources"))
from docker_engine import BASE, TAG, WORKSPACE, Docker, engine
from hub_client import Person
from running_hub import RunningHub

TURNS = 7
PREFIX = "alphapulse-bench"
PROCESSES, MEMORY = 400, 2000
#: What the hub's spawner gives a container, but for its network: here the server is asked from outside.
LIMITS = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--cpus=2",
          f"--pids-limit={PROCESSES}", f"--memory={MEMORY}m", f"--memory-swap={MEMORY}m")  # fmt: skip


def main() -> None:
    """Measure and print the ratio."""
    with engine() as docker, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if not docker("images", "--quiet", BASE):
            docker.script("docker/base.sh", BASE)
        docker.script("docker/build.sh", BASE_IMAGE=BASE, TAG=TAG)
        with hub(docker, Path(folder)) as ann:
            spawned(ann), ran(docker)  # what is read from the disk once
            turns = [(spawned(ann), ran(docker)) for _ in range(TURNS)]
    ours, bare = (statistics.median(turn[which] for turn in turns) for which in (0, 1))
    ratio = statistics.median(turn[0] / turn[1] for turn in turns)
    sys.stdout.write(
        f"a person's container: {ours:.1f} s until it is ready, docker run of the image and the server's start "
        f"{bare:.1f} s, ratio {ratio:.2f} (aim: at most 1.3)\n"
    )


@contextmanager
def hub(docker: Docker, folder: Path) -> Iterator[Person]:
    """Somebody signed in to a hub on this machine whose people get containers."""
    chosen = {
        "ALPHAPULSE_SPAWNER": "docker",
        "ALPHAPULSE_ADDRESS": "0.0.0.0",
        "ALPHAPULSE_CATALOG": str(folder / "catalog"),
        "ALPHAPULSE_USERS": "ann",
        "ALPHAPULSE_WORKSPACE_IMAGES": WORKSPACE,
        "ALPHAPULSE_WORKSPACE_MEMORY": str(MEMORY),
        "ALPHAPULSE_WORKSPACE_PROCESSES": str(PROCESSES),
        "ALPHAPULSE_DOCKER_PREFIX": PREFIX,
    }
    if "DOCKER_HOST" in docker.environment:
        chosen["DOCKER_HOST"] = docker.environment["DOCKER_HOST"]
    running = RunningHub(folder / "home", **chosen).start()
    try:
        ann = Person(running.url, "ann")
        ann.sign_in(dict(running.credentials())["ann"])
        ann.start_server()
        ann.stop_server()
        yield ann
    finally:
        running.interrupt()
        docker("volume", "rm", "--force", f"{PREFIX}-workspace-ann")


def spawned(ann: Person) -> float:
    """Seconds until a server that the hub is asked for is ready."""
    start = perf_counter()
    ann.http.post(f"/hub/api/users/{ann.name}/server").raise_for_status()
    while not ann.servers().get("", {}).get("ready"):
        time.sleep(0.05)
    took = perf_counter() - start
    ann.stop_server()
    return took


def ran(docker: Docker) -> float:
    """Seconds until a JupyterLab answers that Docker is told to run."""
    name = f"{PREFIX}-{secrets.token_hex(4)}"
    volume = ("--volume", f"{name}:/home/researcher")
    server = ("jupyter", "lab", "--no-browser", "--ip=0.0.0.0", "--port=8888", "--IdentityProvider.token=bench")
    start = perf_counter()
    docker("run", "--detach", "--name", name, *LIMITS, *volume, "--publish", "127.0.0.1::8888", WORKSPACE, *server)
    address = docker("port", name, "8888").strip()
    while not answers(f"http://{address}/api"):
        time.sleep(0.05)
    took = perf_counter() - start
    docker("rm", "--force", "--volumes", name)
    docker("volume", "rm", "--force", name)
    return took


def answers(address: str) -> bool:
    """Whether somebody answers there."""
    try:
        return httpx.get(address, timeout=5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    main()
