"""A firing ends, whatever breaks: no record, no fault of ours and no lost workflow leaves one open for ever."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from dbos import DBOS, SetWorkflowID
from sqlalchemy import Engine, insert, update

from alphapulse_lib.settings import Settings
from hub.api.database import opened
from hub.api.ledger.schema import RUNS
from hub.api.notifications.store import NotificationStore
from hub.api.schedules.schema import FIRINGS, Asked, Firing
from hub.api.schedules.store import ScheduleStore
from hub.worker import durable, firing
from hub.worker.__main__ import Worker
from hub.worker.firing import FiringRunner
from hub.worker.presence import Presence
from hub.worker.record import Firings


class World:
    """A worker with a database, a DBOS and a hub of its own; the hub's servers all run and their jobs are done."""

    def __init__(self, home: Path) -> None:
        chosen = Settings(home=home)
        self.engine: Engine = opened(chosen)
        self.store, self.firings, self.presence = (
            ScheduleStore(self.engine),
            Firings(self.engine),
            Presence(self.engine),
        )
        self.removed: list[str] = []
        self.user: Any = None
        http = httpx.Client(transport=httpx.MockTransport(self._answer))
        self.runner = FiringRunner(self.firings, http, "http://hub/hub/api", "http://proxy")
        self.worker = Worker(self.engine, self.firings, self.presence, self.runner)
        durable.launch(chosen, self.presence.id)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.url.host == "proxy":
            return httpx.Response(200, json={"state": "done", "error": "", "cells": 1, "cells_done": 1})
        if request.method == "DELETE":
            self.removed.append(path.rpartition("/job-")[2])
            return httpx.Response(204)
        if path.endswith("/tokens"):
            return httpx.Response(201, json={"token": "narrow"})
        every = {f"job-{each.id}": {"ready": True, "url": "/x/"} for _, each in self.store.firings(50, None)}
        return httpx.Response(200, json={"servers": every})

    def ask(self) -> str:
        return self.store.run(Asked(notebook="a.ipynb"), "ada").id

    def run(self, firing_id: str | None = None) -> Firing:
        firing_id = firing_id or self.ask()
        self.worker.look()
        self.until(lambda: self.store.firing(firing_id).state not in ("due", "starting", "running"))
        return self.store.firing(firing_id)

    def until(self, true: Callable[[], object]) -> None:
        deadline = time.monotonic() + 20
        while not true():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def told(self) -> list[str]:
        return [each.kind for _, each in NotificationStore(self.engine).page("ada", False, 10, None)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    DBOS.destroy(destroy_registry=False)
    firing_registry().instance_info_map.clear()
    made.engine.dispose()


def firing_registry() -> Any:
    from dbos._dbos import _get_or_create_dbos_registry

    return _get_or_create_dbos_registry()


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
    assert world.told() == ["firing-failed"]
    world.until(lambda: world.removed == [ended.id])


def test_a_fault_while_a_server_is_stopped_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch):
    remove, faults = firing.JobServer.remove, [AttributeError("odd"), KeyError("odd")]

    def breaks(server: Any) -> bool:
        if faults:
            raise faults.pop()
        return remove(server)

    monkeypatch.setattr(firing.JobServer, "remove", breaks)
    ended = world.run()
    world.until(lambda: world.removed == [ended.id])


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
    world.until(lambda: sorted(world.removed) == sorted((unknown, over, waiting)))
    assert world.run(fresh).state == "finished"
    world.worker.sweep()
    assert world.store.firing(fresh).state == "finished"
