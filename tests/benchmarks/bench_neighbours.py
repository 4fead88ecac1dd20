"""What somebody's neighbours wait while a container does its worst: ``python -m tests.benchmarks.bench_neighbours``.

Bob asks the team's API and his own server, over and over, while nothing else happens and while Ann's container forks
all it can, fills its memory, keeps every processor busy or writes to its disk. Aim: at
most twice as long by the median.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1] / "resources"))
from container_hub import FORK_BOMB, Tenant, container_hub
from docker_engine import BASE, TAG, engine

SECONDS = 12
#: What Ann runs, for as long as it is let.
HOGS = {
    "forks all it can": f"while True:\n    exec({FORK_BOMB!r})",
    "fills its memory": "import os\nwhile True:\n"
    "    if os.fork() == 0:\n        x = [bytearray(50_000_000) for _ in range(100)]\n    os.wait()",
    "keeps every processor busy": "import os\nfor _ in range(32):\n    if os.fork() == 0:\n        while True: pass\n"
    "import signal\nsignal.pause()",
    "writes to its disk": "import os\nwhile True:\n    with open('/home/researcher/hog', 'wb') as file:\n"
    "        for _ in range(64):\n            file.write(os.urandom(1 << 20) * 8)\n            file.flush()\n"
    "            os.fsync(file.fileno())",
}


def main() -> None:
    """Measure and print the ratios."""
    with engine() as docker, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if not docker("images", "--quiet", BASE):
            docker.script("docker/base.sh", BASE)
        docker.script("docker/build.sh", BASE_IMAGE=BASE, TAG=TAG)
        with container_hub(docker, Path(folder), Path(folder) / "catalog", "ann,bob") as hub:
            ann, bob = Tenant(hub, docker, "ann"), Tenant(hub, docker, "bob")
            ann.start_server()
            bob.start_server()
            waited(bob)
            for name, code in HOGS.items():
                alone = waited(bob)
                with running(ann, code):
                    beside = waited(bob)
                told(name, alone, beside)


@contextmanager
def running(ann: Tenant, code: str) -> Iterator[None]:
    """Run Python in Ann's container; all that it started is gone afterwards."""
    command = ["docker", "exec", ann.container, "python", "-c", code]
    hog = subprocess.Popen(command, env=ann.docker.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(2)
    try:
        if hog.poll() is not None:
            raise SystemExit(f"what was to trouble others ended at once with {hog.returncode}")
        yield
    finally:
        ann.docker("restart", "--time", "0", ann.container)
        hog.wait(60)
        time.sleep(5)


def waited(bob: Tenant) -> dict[str, float]:
    """Milliseconds that the median of Bob's questions took, for each whom he asks."""
    took: dict[str, list[float]] = {"/services/api/v1/comments?target=notebook:a.ipynb": [], "/user/bob/api/status": []}
    until = perf_counter() + SECONDS
    while perf_counter() < until:
        for path, found in took.items():
            start = perf_counter()
            bob.http.get(path).raise_for_status()
            found.append(1000 * (perf_counter() - start))
            time.sleep(0.02)
    return {path: statistics.median(found) for path, found in took.items()}


def told(hog: str, alone: dict[str, float], beside: dict[str, float]) -> None:
    """A line for each whom Bob asks."""
    for path, name in zip(alone, ("the API", "his own server"), strict=True):
        sys.stdout.write(
            f"Ann's container {hog}: {name} answers Bob in {beside[path]:.1f} ms, alone in {alone[path]:.1f} ms, "
            f"ratio {beside[path] / alone[path]:.2f} (aim: at most 2)\n"
        )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
