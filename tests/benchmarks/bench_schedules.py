"""What a scheduled run costs beyond its notebook. ``python -m tests.benchmarks.bench_schedules``.

In one hub, in turn: the same notebook by papermill alone, a server of its owner's started alone, and the notebook run
through the API, which starts a server, runs the notebook in it and records what came of it. Aim: the last takes at most
as long as the first two together and 1.5 s more.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, sleep

import httpx
import nbformat

from tests.resources.hub_client import Person
from tests.resources.running_hub import RunningHub

TURNS = 5


def main() -> None:
    """Measure the three and print what is left."""
    with tempfile.TemporaryDirectory() as folder:
        hub = RunningHub(Path(folder) / "home", ALPHAPULSE_USERS="bob").start()
        try:
            turns = [_turn(hub, number) for number in range(TURNS + 1)][1:]  # the first one warms up
        finally:
            hub.interrupt()
    alone, server, whole = (statistics.median(each) for each in zip(*turns, strict=True))
    beyond = statistics.median(total - notebook - start for notebook, start, total in turns)
    sys.stdout.write(
        f"a notebook alone {alone:.1f} s, a server's start {server:.1f} s, both by a firing {whole:.1f} s: "
        f"{beyond:.1f} s of its own (aim: at most 1.5)\n"
    )


def _turn(hub: RunningHub, number: int) -> tuple[float, float, float]:
    http = httpx.Client(base_url=hub.url, timeout=60, headers={"Authorization": f"Bearer {_token(hub)}"})
    notebook = hub.home / "users" / "bob" / "bench.ipynb"
    notebook.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")]), notebook)
    command = [sys.executable, "-m", "papermill", str(notebook), os.devnull, "--kernel", "python3", "--no-progress-bar"]
    alone = _timed(lambda: subprocess.run(command, check=True, capture_output=True))
    server = _timed(lambda: _server(http, f"bench-{number}"))
    return alone, server, _timed(lambda: _firing(http))


def _token(hub: RunningHub) -> str:
    bob = Person(hub.url, "bob")
    bob.http.follow_redirects = False  # a browser would go on to the person's server, and start it
    bob.sign_in(dict(hub.credentials())["bob"])
    made = bob.http.post("/hub/api/users/bob/tokens", headers=bob._headers(), json={"note": "a benchmark"})
    return str(made.json()["token"])


def _server(http: httpx.Client, name: str) -> None:
    """Start a server like a firing's, until it is ready."""
    http.post(f"/hub/api/users/bob/servers/job-{name}", json={}).raise_for_status()
    while not http.get("/hub/api/users/bob").json()["servers"].get(f"job-{name}", {}).get("ready"):
        sleep(0.05)
    http.request("DELETE", f"/hub/api/users/bob/servers/job-{name}", json={"remove": True})


def _firing(http: httpx.Client) -> None:
    asked = http.post("/services/api/v1/backtests", json={"notebook": "bench.ipynb"})
    asked.raise_for_status()
    while not (state := http.get(f"/services/api/v1/backtests/{asked.json()['id']}").json())["ended_at"]:
        sleep(0.05)
    if state["state"] != "finished":
        raise SystemExit(f"the notebook did not finish: {state['state']} {state['detail']}")


def _timed(act: Callable[[], object]) -> float:
    start = perf_counter()
    act()
    return perf_counter() - start


if __name__ == "__main__":
    main()
