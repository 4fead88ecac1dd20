"""A page of 50 comments and a new one, under 16 clients. ``python -m tests.benchmarks.bench_comments``.

The same on a run with 100 comments and on one with 10,000, in turn, against the real API on a real socket. Aim: with
10,000 at most 1.2 times what it takes with 100.
"""

from __future__ import annotations

import os
import secrets
import statistics
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import httpx
from sqlalchemy import insert

from alphapulse_lib import clock
from alphapulse_lib.hub_client import Client
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.settings import Settings
from hub.api.comments.schema import COMMENTS
from hub.api.database import opened
from tests.resources.api_server import RunningApi

sys.path.insert(0, str(Path(__file__).parents[1] / "resources"))
import small_runs

CLIENTS, EACH, TURNS = 16, 12, 8
FEW, MANY = 100, 10_000


def main() -> None:
    """Measure both and print the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ALPHAPULSE_HOME"] = folder
        chosen = Settings(home=Path(folder), catalog=Path(folder) / "catalog")
        api = RunningApi(chosen).start()
        try:
            ledger = Ledger(Path(folder) / "ledger")
            runs = {count: _run(api.url, ledger, fast=place) for place, count in enumerate((FEW, MANY), 2)}
            for count, run in runs.items():
                _write(chosen, run, count)
            for name, act in (("a page of 50", _page), ("a new comment", _post)):
                act(api.url, runs[FEW])
                times: dict[int, list[float]] = {count: [] for count in runs}
                for _ in range(TURNS):
                    for count, run in runs.items():
                        times[count].append(_under_load(act, api.url, run))
                few, many = (min(times[count]) for count in runs)
                sys.stdout.write(
                    f"{name}, {CLIENTS} clients: {few * 1000:.1f} ms with 100 comments, {many * 1000:.1f} ms with "
                    f"10,000, ratio {many / few:.2f} (aim: at most 1.2)\n"
                )
        finally:
            api.stop()


def _run(url: str, ledger: Ledger, fast: int) -> str:
    """A run in the team's ledger, as what comments are about."""
    run = small_runs.kept(ledger, parameters={"fast": fast, "slow": 20})
    with Client(url, "ada") as client:
        client.runs.append(run)
    return f"run:{run.id}"


def _write(chosen: Settings, target: str, count: int) -> None:
    rows = [
        {
            "id": secrets.token_hex(8),
            "target": target,
            "author": "ada",
            "body": f"The *gap* of bar {number} is **real**, see `bars`.",
            "html": f"<p>The <em>gap</em> of bar {number} is <strong>real</strong>, see <code>bars</code>.</p>",
            "mentions": [],
            "created_at": clock.now_ns() + number,
        }
        for number in range(count)
    ]
    with opened(chosen).begin() as connection:
        connection.execute(insert(COMMENTS), rows)


def _page(url: str, target: str) -> None:
    answer = _CLIENT.get(f"{url}/v1/comments", params={"target": target, "limit": 50}, headers=_SIGNED)
    assert len(answer.json()["items"]) == 50


def _post(url: str, target: str) -> None:
    answer = _CLIENT.post(f"{url}/v1/comments", json={"target": target, "body": "one more"}, headers=_SIGNED)
    assert answer.status_code == 201, answer.text


def _under_load(act: Callable[[str, str], None], url: str, target: str) -> float:
    """Seconds of one request, the median over all clients."""
    taken: list[float] = []

    def client() -> None:
        for _ in range(EACH):
            start = perf_counter()
            act(url, target)
            taken.append(perf_counter() - start)

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return statistics.median(taken)


_SIGNED = {"Authorization": "Bearer ada"}
_CLIENT = httpx.Client(timeout=60, limits=httpx.Limits(max_connections=CLIENTS))

if __name__ == "__main__":
    main()
