"""The page of a run, with a kernel that waited and with one that starts: ``python -m tests.benchmarks.bench_voila``.

Both are pages of one workspace's Jupyter server, from asking to the last byte, in turns: a page is asked for when a
kernel waits, and again at once, when none does yet.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import httpx

import alphapulse_lib as ap
from alphapulse_lib.engine.strategies import SmaCross
from alphapulse_lib.settings import Settings
from hub.workspace import environment, fill

sys.path.insert(0, str(Path(__file__).parents[1] / "resources"))
from running_hub import free_port

TURNS = 9
#: Seconds in which a kernel has started and imported, on a machine that does nothing else.
READY = 10


def main() -> None:
    """Measure and print the ratio."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        workspace = home / "users" / "ada"
        fill(workspace)
        given = environment(Settings(home=home, catalog=home / "catalog"), workspace, "")
        os.environ |= given
        ap.ingest("sample")
        ap.backtest(SmaCross, "IBM", "1d", "2012-01-01", "2012-12-31")
        with served(workspace, os.environ | given) as page:
            seconds(page)
            turns = []
            for _ in range(TURNS):
                time.sleep(READY)
                turns.append((seconds(page), seconds(page)))
    warm, cold = (statistics.median(turn[which] for turn in turns) for which in (0, 1))
    ratio = statistics.median(turn[0] / turn[1] for turn in turns)
    sys.stdout.write(
        f"the page of a run: {warm:.2f} s with a kernel that waited, {cold:.2f} s with one that starts, "
        f"ratio {ratio:.2f}\n"
    )


@contextmanager
def served(workspace: Path, variables: dict[str, str]) -> Iterator[str]:
    """The page's address, on a server of the workspace."""
    port = free_port()
    options = [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--allow-root", "--no-browser"]
    command = [sys.executable, "-m", "jupyter_server", *options, "--IdentityProvider.token=", "--ServerApp.password="]
    with (workspace.parent / "log.txt").open("w") as log:
        server = subprocess.Popen(command, cwd=workspace, env=variables, stdout=log, stderr=log)
        try:
            while not answers(f"http://127.0.0.1:{port}/api"):
                if server.poll() is not None:
                    raise SystemExit((workspace.parent / "log.txt").read_text())
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/voila/render/dashboards/run.ipynb"
        finally:
            server.terminate()
            server.wait(30)


def answers(address: str) -> bool:
    """Whether somebody answers there."""
    try:
        return httpx.get(address, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def seconds(page: str) -> float:
    """From asking for a page to its end."""
    start = perf_counter()
    answer = httpx.get(page, timeout=120)
    took = perf_counter() - start
    if "Tearsheet of run" not in answer.text:
        raise SystemExit(f"the page shows no run: {answer.text[-2000:]}")
    return took


if __name__ == "__main__":
    main()
