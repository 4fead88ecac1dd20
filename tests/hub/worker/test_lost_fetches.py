"""Every fetch comes to an end, and whoever asked is told: whatever kills the worker, or is lost or broken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from dbos import DBOS
from small_vendor import SmallVendor, VendorServer
from sqlalchemy import select, update
from waiting import until
from worker_world import World

from alphapulse_lib.providers import registry
from alphapulse_lib.settings import Settings
from hub.api.ingests.schema import FETCHES, INGESTS, Ingest, New
from hub.api.ingests.store import IngestStore
from hub.worker import durable
from hub.worker.fetches import Fetches


class BrokenVendor(SmallVendor):
    """Has a fault in its code."""

    name = "broken"

    def instruments(self, at: date | None = None) -> pa.Table:
        raise ZeroDivisionError


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    server = VendorServer()
    monkeypatch.setenv("SMALL_VENDOR_URL", server.url)
    for name, made in (("small", SmallVendor), ("broken", BrokenVendor)):
        place = f"{made.__module__}:{made.__qualname__}"
        monkeypatch.setitem(registry._BUILT_IN[registry.VENDORS], name, place)
    world = World(Settings(home=tmp_path, datasets=tmp_path))
    yield world
    world.end()
    server.stop()


def asked(world: World, **more: Any) -> Ingest:
    wanted = {"provider": "small", "symbols": ["AAPL"], "start": "2012-01-03", "end": "2012-01-31"} | more
    return IngestStore(world.engine, ["gone"]).add(New.model_validate(wanted), "ada")


def ended(world: World, one: Ingest) -> Ingest:
    store = IngestStore(world.engine, ())

    def is_over() -> bool:
        world.worker.look()
        return store.get(one.id).state not in ("waiting", "running")

    until(is_over)
    return store.get(one.id)


def change(world: World, **values: Any) -> None:
    with world.engine.execution_options(writes=True).begin() as connection:
        connection.execute(update(FETCHES).values(**values))


def test_what_kills_each_worker_is_given_up(world: World) -> None:
    one = asked(world)
    change(world, tries=3)
    told = ended(world, one)
    assert told.error is not None
    assert (told.state, told.error.message) == ("failed", "The worker died 3 times over one part of it.")
    assert world.told() == ["ingest-failed"]
    assert ended(world, asked(world)).state == "finished", "asked again it is another fetch"


def test_a_fault_of_ours_ends_a_fetch_and_keeps_no_other_back(world: World) -> None:
    broken, sound = asked(world, provider="broken"), asked(world)
    told = ended(world, broken)
    assert told.error is not None
    assert told.error.message == "The worker met a fault of its own; it is in the worker's log."
    assert ended(world, sound).rows == 20, "January 2012 had twenty sessions"


def test_a_vendor_that_there_is_none_of_and_a_declaration_that_is_gone(world: World) -> None:
    told = ended(world, asked(world, provider="alpca"))
    assert told.error is not None
    assert (told.error.kind, told.error.message) == ("InputError", "No provider is called 'alpca'.")
    assert "alpaca" in told.error.hint
    gone = IngestStore(world.engine, ["gone"]).add(New(dataset="gone"), "ada")
    told = ended(world, gone)
    assert told.error is not None
    assert told.error.message == "No dataset is declared as 'gone' any more."
    files = IngestStore(world.engine, ["sample"]).add(New(dataset="sample"), "ada")
    told = ended(world, files)
    assert told.error is not None
    assert told.error.message == "sample is a dataset of files: no vendor is asked for it."


def test_one_whose_workflow_is_over_is_ended(world: World) -> None:
    one = asked(world)
    assert ended(world, one).state == "finished"
    until(lambda: DBOS.list_workflows(status="PENDING") == [])  # its workflow ends after it told so
    change(world, state="running", ended_at=None)
    world.worker._line.sweep()
    told = IngestStore(world.engine, ()).get(one.id)
    assert told.error is not None
    assert (told.state, told.error.message) == ("failed", "The worker lost it.")
    waiting = asked(world, symbols=["IBM"])
    world.worker._line.sweep()
    assert IngestStore(world.engine, ()).get(waiting.id).state == "waiting", "not queued yet is not lost"
    assert DBOS.list_workflows(status="PENDING") == []
    assert ended(world, waiting).state == "finished"


def test_one_that_gives_way_while_it_is_looked_for_is_not_lost(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    one = asked(world)
    assert ended(world, one).state == "finished"
    until(lambda: DBOS.list_workflows(status="PENDING") == [])  # its workflow ends after it told so
    change(world, state="running", ended_at=None)
    fetches, under_way = world.worker._line._fetches, durable.under_way
    (begun,) = fetches.begun()

    def after_it_gave_way(ids: list[str]) -> dict[str, bool]:
        fetches.give_way(begun.id)
        return under_way(ids)

    monkeypatch.setattr(durable, "under_way", after_it_gave_way)
    world.worker._line.sweep()
    assert IngestStore(world.engine, ()).get(one.id).state == "waiting"


def test_one_that_is_cancelled_as_it_gives_way_is_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    store, give_way = IngestStore(world.engine, ()), Fetches.give_way
    first, second = asked(world, symbols=["AAPL", "IBM"]), asked(world, symbols=["MSFT"])

    def late(fetches: Fetches, fetch_id: str) -> bool:
        if fetch_id == fetch_of(world, first):
            store.cancel(first.id)
        return give_way(fetches, fetch_id)

    monkeypatch.setattr(Fetches, "give_way", late)
    assert ended(world, second).state == "finished"
    assert ended(world, first).state == "cancelled"
    until(lambda: not DBOS.list_workflows(status=["PENDING", "ENQUEUED"]))
    assert Fetches(world.engine).get(fetch_of(world, first)).state == "cancelled"


def fetch_of(world: World, one: Ingest) -> str:
    with world.engine.begin() as connection:
        return str(connection.execute(select(INGESTS.c.fetch).where(INGESTS.c.id == one.id)).scalar_one())
