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
from pathlib import Path
from time import perf_counter

import httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "resources"))
from container_hub import PREFIX, Tenant, container_hub
from docker_engine import BASE, TAG, WORKSPACE, Docker, engine

TURNS = 7
PROCESSES, MEMORY = 400, 2000
GIVEN = {"ALPHAPULSE_WORKSPACE_MEMORY": str(MEMORY), "ALPHAPULSE_WORKSPACE_PROCESSES": str(PROCESSES)}
#: What the hub's spawner gives a container, but for its network: here the server is asked from outside.
LIMITS = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--cpus=2",
          f"--pids-limit={PROCESSES}", f"--memory={MEMORY}m", f"--memory-swap={MEMORY}m")  # fmt: skip


def main() -> None:
    """Measure and print the ratio."""
    with engine() as docker, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if not docker("images", "--quiet", BASE):
            docker.script("docker/base.sh", BASE)
        docker.script("docker/build.sh", BASE_IMAGE=BASE, TAG=TAG)
        with container_hub(docker, Path(folder), Path(folder) / "catalog", "ann", **GIVEN) as hub:
            ann = Tenant(hub, docker, "ann")
            ann.start_server()
            ann.stop()
            spawned(ann), ran(docker)  # what is read from the disk once
            turns = [(spawned(ann), ran(docker)) for _ in range(TURNS)]
    ours, bare = (statistics.median(turn[which] for turn in turns) for which in (0, 1))
    ratio = statistics.median(turn[0] / turn[1] for turn in turns)
    sys.stdout.write(
        f"a person's container: {ours:.1f} s until it is ready, docker run of the image and the server's start "
        f"{bare:.1f} s, ratio {ratio:.2f} (aim: at most 1.3)\n"
    )


def spawned(ann: Tenant) -> float:
    """Seconds until a server that the hub is asked for is ready."""
    start = perf_counter()
    ann.http.post(f"/hub/api/users/{ann.name}/server").raise_for_status()
    while not ann.servers().get("", {}).get("ready"):
        time.sleep(0.05)
    took = perf_counter() - start
    ann.stop()
    return took


def ran(docker: Docker) -> float:
    """Seconds until a JupyterLab answers that Docker is told to run."""
    name = f"{PREFIX}-bare-{secrets.token_hex(4)}"
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
