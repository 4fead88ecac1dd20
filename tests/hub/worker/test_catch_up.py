"""The worker was down while five slots came: what each policy makes up for once it is back, carried out to the end."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from waiting import until
from worker_world import World

from alphapulse_lib import clock
from alphapulse_lib.settings import Settings
from hub.api.schedules.schema import New

pytestmark = pytest.mark.survival

#: What becomes of the five, the oldest first.
POLICIES = {
    "latest": ["missed", "missed", "missed", "missed", "finished"],
    "all": ["finished"] * 5,
    "none": ["missed"] * 5,
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(Settings(home=tmp_path))
    yield made
    made.end()


def test_five_slots_came_while_no_worker_lived(world: World, figure: Callable[[str], None]):
    now = datetime.now(UTC)
    half_past = (now + timedelta(minutes=30)).minute  # as far from now as can be: none of the five is on time
    with clock.at(now - timedelta(hours=5)):
        made = {
            policy: world.store.add(
                New(notebook=f"{policy}.ipynb", cron=f"{half_past} * * * *", catch_up=policy), "a"
            ).id
            for policy in POLICIES
        }
    given = Counter[str]()

    def count(request: httpx.Request) -> None:
        if request.method == "POST" and request.url.host == "proxy":
            given[json.loads(request.content)["id"]] += 1

    world.instead = count
    stopping = threading.Event()
    looking = threading.Thread(target=world.worker.work, args=(stopping,))
    looking.start()
    try:
        until(lambda: all(len(states(world, each)) == 5 for each in made.values()))
        until(lambda: all(not {"due", "starting", "running"} & set(states(world, each)) for each in made.values()))
    finally:
        stopping.set()
        looking.join(timeout=60)
    ended = {policy: states(world, schedule) for policy, schedule in made.items()}
    figure("fired of five: " + ", ".join(f"{policy} {found.count('finished')}" for policy, found in ended.items()))
    assert ended == POLICIES
    first = (now - timedelta(hours=4, minutes=30)).replace(second=0, microsecond=0)
    hours = [first + timedelta(hours=n) for n in range(5)]
    for schedule in made.values():
        firings = [each for _, each in reversed(world.store.firings(50, None, schedule=schedule))]
        assert [each.slot for each in firings] == hours
        ran = [each for each in firings if each.state == "finished"]
        assert all(before.ended_at <= after.started_at for before, after in pairwise(ran))
        assert [given[each.id] for each in firings] == [int(each.state == "finished") for each in firings]


def states(world: World, schedule: str) -> list[str]:
    return [each.state for _, each in reversed(world.store.firings(50, None, schedule=schedule))]
