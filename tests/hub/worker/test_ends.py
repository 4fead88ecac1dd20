"""A firing ends, whatever breaks: no record, no fault of ours and no lost workflow leaves one open for ever."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from dbos import SetWorkflowID
from sqlalchemy import insert, update
from waiting import until
from worker_world import World

from alphapulse_lib import clock
from alphapulse_lib.settings import Settings
from hub.api.ledger.schema import RUNS
from hub.api.schedules.schema import FIRINGS, New
from hub.worker import durable, firing
from hub.worker.leftovers import Leftovers
from hub.worker.server import AwayError


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(Settings(home=tmp_path))
    yield made
    made.end()


def keep(world: World, run: str, record: str) -> None:
    values: dict[str, Any] = {}
    for column in RUNS.columns:
        if not column.nullable and column.name != "sequence":
            values[column.name] = "" if column.type.python_type is str else 0
    values |= {"id": run, "user": "ada", "started_at": 2**62, "record": record}
    with world.engine.begin() as connection:
        connection.execute(insert(RUNS).values(**values))


@pytest.mark.parametrize(
    "record",
    ['{"environment": ["x"]}', '{"environment": null}', "[]", "7", '"x"', "not JSON", "[" * 100_000, "9" * 5_000],
)
def test_no_record_of_the_ledger_keeps_a_firing_from_its_end(world: World, record: str):
    asked = world.ask()
    keep(world, "a" * 8, record)
    keep(world, "b" * 8, json.dumps({"environment": {"firing": asked}}))
    ended = world.run(asked)
    assert (ended.state, ended.runs) == ("finished", ["b" * 8])


def test_an_end_that_cannot_be_recorded_is_an_end(world: World, monkeypatch: pytest.MonkeyPatch):
    def breaks(*_: Any) -> None:
        raise AttributeError("poison")

    monkeypatch.setattr(world.firings, "end", breaks)
    ended = world.run()
    assert (ended.state, ended.ended_at is None) == ("lost", False)
    assert "could not record" in ended.detail
    until(lambda: world.told() == ["firing-failed"])  # told for itself, once it has ended
    until(lambda: world.removed == [ended.id])


def test_a_fault_while_a_server_is_stopped_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch):
    remove, faults = firing.JobServer.remove, [AttributeError("odd"), KeyError("odd")]

    def breaks(server: Any) -> bool:
        if faults:
            raise faults.pop()
        return remove(server)

    monkeypatch.setattr(firing.JobServer, "remove", breaks)
    ended = world.run()
    until(lambda: world.removed == [ended.id])


def test_a_firing_that_nothing_carries_out_is_ended_and_its_server_stopped(world: World):
    unknown, over, waiting, fresh = world.ask(), world.ask(), world.ask(), world.ask()
    for each in (over, waiting):
        with SetWorkflowID(each):
            world.runner.sweep(each)  # a workflow of that id that is over
    world.removed.clear()
    with world.engine.begin() as connection:
        connection.execute(update(FIRINGS).where(FIRINGS.c.id.in_((unknown, over))).values(state="running"))
    world.worker.sweep()
    assert [world.store.firing(each).state for each in (unknown, over, waiting, fresh)] == ["lost"] * 3 + ["due"]
    assert "lost it" in world.store.firing(unknown).detail
    until(lambda: sorted(world.removed) == sorted((unknown, over, waiting)))
    assert world.run(fresh).state == "finished"
    world.worker.sweep()
    assert world.store.firing(fresh).state == "finished"


def test_a_slot_is_decided_on_though_dbos_is_in_trouble(world: World, monkeypatch: pytest.MonkeyPatch):
    def breaks(*_: Any) -> None:
        raise RuntimeError("DBOS")

    with clock.at(datetime.now(UTC) - timedelta(minutes=2)):
        schedule = world.store.add(New(notebook="a.ipynb", cron="* * * * *"), "ada")
    monkeypatch.setattr(durable, "under_way", breaks)
    with pytest.raises(RuntimeError, match="DBOS"):
        world.worker.look()
    assert "due" in {each.state for _, each in world.store.firings(10, None, schedule=schedule.id)}


# --- a server that does not start, or is not what it was ------------------------------------------------------------


def starting(answer: httpx.Response, servers: dict[str, Any]) -> Callable[[httpx.Request], httpx.Response | None]:
    """A hub whose user has those servers, and that answers so to a start."""

    def instead(request: httpx.Request) -> httpx.Response | None:
        if request.url.host != "hub" or request.method == "DELETE" or request.url.path.endswith("/tokens"):
            return None
        return answer if request.method == "POST" else httpx.Response(200, json={"servers": servers})

    return instead


def starts(world: World) -> int:
    return sum(each.startswith("POST hub") and "/servers/job-" in each for each in world.asked)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing, "_AWAY", 3.0)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (httpx.Response(500, json={"message": "Error in pre_spawn_start"}), "500 Error in pre_spawn_start"),
        (httpx.Response(400, json={"message": "User ada already has the maximum of 5 servers"}), "the maximum of 5"),
        (httpx.Response(202), "it ended while it started"),
    ],
)
def test_a_server_that_does_not_start_is_a_failed_firing_that_says_why(world: World, answer: httpx.Response, says: str):
    world.instead = starting(answer, {})
    ended = world.run()
    assert ended.state == "failed"
    assert ended.detail.startswith("Its server did not start, tried 3 times (")
    assert says in ended.detail
    assert (starts(world), world.told()) == (3, ["firing-failed"])


def test_a_hub_that_starts_no_more_servers_is_asked_for_a_while(world: World, impatient: None):
    world.instead = starting(httpx.Response(429, json={"message": "Active user limit exceeded."}), {})
    ended = world.run()
    assert ended.state == "failed"
    assert "the hub starts no more servers now: 429 Active user limit exceeded." in ended.detail
    assert starts(world) > 1


def test_a_server_that_dies_of_each_job_is_not_started_for_ever(world: World):
    lives = [False]

    def instead(request: httpx.Request) -> httpx.Response | None:
        if request.url.host == "proxy":
            lives[0] = False
            return httpx.Response(503)
        if request.method == "POST" and "/servers/job-" in request.url.path:
            lives[0] = True
            return httpx.Response(201)
        return httpx.Response(200, json={"servers": {}}) if request.method == "GET" and not lives[0] else None

    world.instead = instead
    ended = world.run()
    assert (ended.state, starts(world)) == ("failed", 3)


@pytest.mark.parametrize("silence", [httpx.Response(503), httpx.ReadTimeout("nothing came")])
def test_a_server_that_ended_unseen_is_started_again_at_once(world: World, silence: httpx.Response | Exception):
    """The hub holds it for running until it looks, each half a minute, or is asked to start it."""
    ended_unseen = [True]

    def instead(request: httpx.Request) -> httpx.Response | None:
        if request.url.host == "proxy":
            state = "running" if request.method == "POST" else "lost"
            job = {"state": state, "error": "", "cells": 1, "cells_done": 0}
            if request.method == "GET" and ended_unseen[0]:
                if isinstance(silence, Exception):
                    raise silence
                return silence
            return httpx.Response(200, json=job)
        if request.method == "POST" and "/servers/job-" in request.url.path:
            ended_unseen[0] = False
            return httpx.Response(201)
        return None

    world.instead = instead
    ended = world.run()
    assert (ended.state, starts(world)) == ("lost", 1)


def test_an_owner_whom_the_hub_does_not_know_any_more(world: World):
    world.instead = lambda request: httpx.Response(404, json={"message": "no user"})
    ended = world.run()
    assert (ended.state, ended.detail) == ("failed", "The hub knows no user 'ada'.")


def test_a_job_that_its_workspace_forgot_is_not_run_again(world: World):
    def instead(request: httpx.Request) -> httpx.Response | None:
        if request.url.host != "proxy":
            return None
        if request.method == "POST":
            return httpx.Response(202, json={"state": "running", "error": "", "cells": 1, "cells_done": 0})
        if world.asked[-2].startswith("POST proxy"):
            return httpx.Response(503)  # the server is restarted, from nothing
        return httpx.Response(404, json={"message": "There is no job.", "refused": "job"})

    world.instead = instead
    ended = world.run()
    assert ended.state == "lost"
    assert "it is not run twice" in ended.detail
    assert sum(each.startswith("POST proxy") for each in world.asked) == 1


def test_how_far_its_backtest_is_is_told_while_a_firing_runs(world: World):
    far = {"bars": 1_000_000, "bars_done": 412_000, "seconds_left": 8.1}
    job = {"state": "running", "error": "", "cells": 6, "cells_done": 5, "progress": far}
    world.instead = lambda request: httpx.Response(200, json=job) if request.url.host == "proxy" else None
    asked = world.ask()
    world.worker.look()
    until(lambda: world.store.firing(asked).progress is not None)
    none = dict.fromkeys(("bars", "bars_done", "trials", "trials_done", "trials_slow"))
    assert world.store.firing(asked).model_dump()["progress"] == none | far
    job |= {"progress": far | {"bars_done": 500_000, "seconds_left": None}}
    until(lambda: world.store.firing(asked).model_dump()["progress"] == none | job["progress"])
    job |= {"progress": {"trials": 40, "trials_done": 12, "trials_slow": 1, "seconds_left": 8.1}}
    until(lambda: world.store.firing(asked).model_dump()["progress"] == none | job["progress"])
    job |= {"progress": None}  # it is over, and the notebook goes on
    until(lambda: world.store.firing(asked).progress is None)
    assert world.store.firing(asked).state == "running"
    job |= {"progress": far}
    until(lambda: world.store.firing(asked).progress is not None)
    job |= {"state": "done", "cells_done": 6}
    until(lambda: world.store.firing(asked).state == "finished")
    assert world.store.firing(asked).progress is None


def test_a_page_not_found_in_a_server_s_place_is_no_word_of_the_job(world: World):
    answers = iter([httpx.Response(404, json={"message": "no such page"}), httpx.Response(404, text="<html>")])
    world.instead = lambda request: next(answers, None) if request.url.host == "proxy" else None
    assert world.run().state == "finished"


def test_a_firing_is_cancelled_while_nothing_answers(world: World):
    asked = world.ask()
    world.instead = lambda _: httpx.Response(502)
    world.worker.look()
    until(lambda: world.store.firing(asked).state == "starting")
    world.store.cancel(asked)
    until(lambda: world.store.firing(asked).state == "cancelled")
    world.instead = lambda _: None
    until(lambda: world.removed == [asked])


# --- servers that are left over ------------------------------------------------------------------------------------


def test_servers_that_outlived_their_firing_are_stopped_and_no_others(world: World):
    over, long_over, open_one, fresh = (world.ask() for _ in range(4))
    unknown = "0123456789abcdef"
    for each, ended in ((over, 1), (long_over, 1), (fresh, 2**62)):
        with world.engine.begin() as connection:
            connection.execute(update(FIRINGS).where(FIRINGS.c.id == each).values(state="finished", ended_at=ended))
    servers = {f"job-{each}": {} for each in (over, open_one, fresh)} | {"": {}, "job-bench-1": {}, "mine": {}}
    users = [{"name": "ada", "servers": servers}, {"name": "bob", "servers": {f"job-{long_over}": {}}}]
    users += [{"name": "cleo", "servers": {f"job-{unknown}": {}, f"xjob-{unknown}": {}}}]

    def instead(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != "/hub/api/users":
            return None
        assert request.url.params["include_stopped_servers"] == "true"
        at = int(request.url.params["offset"])
        following = {"offset": at + 1, "limit": 1} if at < 2 else None
        return httpx.Response(200, json={"items": users[at : at + 1], "_pagination": {"next": following}})

    world.instead = instead
    swept = Leftovers(world.firings, world.http, "http://hub/hub/api").sweep()
    assert swept == sorted((over, long_over, unknown))
    assert sorted(world.removed) == swept
    assert f"DELETE hub /hub/api/users/cleo/servers/job-{unknown}" in world.asked


@pytest.mark.parametrize(
    "answer", [httpx.Response(403), httpx.Response(200, text="<html>"), httpx.Response(200, json=[])]
)
def test_a_hub_that_lists_no_users_ends_no_server(world: World, answer: httpx.Response):
    world.instead = lambda _: answer
    answer.request = httpx.Request("GET", "http://hub/hub/api/users")
    with pytest.raises(AwayError, match="did not list its users"):
        Leftovers(world.firings, world.http, "http://hub/hub/api").sweep()
    assert world.removed == []
