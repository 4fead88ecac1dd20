"""The database goes away in the middle of firings and comes back: no slot is lost, none fires twice, each one ends."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from postgres import PostgreSQL
from waiting import until
from worker_world import World

from alphapulse_lib import clock
from hub.api.schedules.schema import New

pytestmark = [pytest.mark.survival, pytest.mark.timeout(300)]


class Jobs:
    """The servers' answers: a job that is given to one runs for a while, from the first time on that it is given."""

    def __init__(self, lasts: float) -> None:
        self.lasts, self.begun, self.given = lasts, dict[str, float](), Counter[str]()

    def __call__(self, request: httpx.Request) -> httpx.Response | None:
        if request.url.host != "proxy":
            return None
        if request.method == "POST":
            firing = httpx.Response(200, content=request.content).json()["id"]
            self.given[firing] += 1
            self.begun.setdefault(firing, time.monotonic())
        else:
            firing = request.url.path.rpartition("/")[2]
        over = time.monotonic() - self.begun[firing] > self.lasts
        state: dict[str, Any] = {
            "state": "done" if over else "running",
            "error": "",
            "cells": 1,
            "cells_done": int(over),
        }
        return httpx.Response(200, json=state)


@pytest.fixture
def postgres() -> Iterator[PostgreSQL]:
    running = PostgreSQL().start()
    yield running
    running.remove()


def test_postgresql_goes_away_for_seconds_again_and_again(
    postgres: PostgreSQL, tmp_path: Path, figure: Callable[[str], None]
):
    world = World(postgres.settings(tmp_path, "away"))
    world.instead = jobs = Jobs(lasts=1.5)
    stopping = threading.Event()
    with clock.at(datetime.now(UTC) - timedelta(minutes=4)):
        made = [
            world.store.add(New(notebook=f"{n}.ipynb", cron="* * * * *", catch_up="all", overlap="queue"), "ada").id
            for n in range(2)
        ]
    loop = threading.Thread(target=world.worker.work, args=(stopping,))
    loop.start()
    try:
        until(lambda: jobs.begun)
        for _ in range(3):
            postgres.stop()
            time.sleep(4)
            postgres.start()
            time.sleep(1.5)
        for each in made:
            until(lambda each=each: len(ended(world, each)) >= 4)
            world.store.pause(each)
        for each in made:
            until(lambda each=each: len(ended(world, each)) == len(world.store.firings(50, None, schedule=each)))
    finally:
        stopping.set()
        loop.join(timeout=60)
    firings = [each for schedule in made for _, each in world.store.firings(50, None, schedule=schedule)]
    assert {each.state for each in firings} == {"finished"}, [(each.state, each.detail) for each in firings]
    for schedule in made:
        slots = sorted(each.slot.timestamp() for each in firings if each.schedule == schedule and each.slot)
        assert slots == [slots[0] + 60 * n for n in range(len(slots))]
    assert set(jobs.begun) == {each.id for each in firings}
    told = Counter(each.about["firing"] for _, each in world.notifications())
    figure(f"away for 4 s, three times: {len(firings)} slots due, each fired once and ended")
    assert told == {each.id: 1 for each in firings}
    until(lambda: set(world.removed) == {each.id for each in firings})
    world.end()


def ended(world: World, schedule: str) -> list[str]:
    return [each.id for _, each in world.store.firings(50, None, schedule=schedule) if each.ended_at]
