"""What is written of a fetch, and whom its end is told: on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from postgres import PostgreSQL
from sqlalchemy import Engine, true

from alphapulse_lib import clock
from alphapulse_lib.settings import Settings
from hub.api.database import opened
from hub.api.ingests.schema import New
from hub.api.ingests.store import IngestStore
from hub.api.notifications.store import NotificationStore
from hub.api.schedules.schema import New as NewSchedule
from hub.api.schedules.store import ScheduleStore
from hub.worker.fetches import Fetches
from hub.worker.record import Firings
from tests.resources.sight import ALL_SEEING

AAPL = New(provider="alpaca", symbols=["AAPL"], start="2020-01-02")
FAULT = {"kind": "KeysMissing", "message": "No key is set.\0", "hint": "Set one."}


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgreSQL]:
    running = PostgreSQL().start()
    yield running
    running.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    chosen = Settings(home=tmp_path)
    if request.param == "postgresql":
        chosen = request.getfixturevalue("postgres").settings(tmp_path, f"f{uuid4().hex[:12]}")
    engine = opened(chosen)
    yield engine
    engine.dispose()


def told(engine: Engine, who: str) -> list[tuple[str, str]]:
    return [(each.kind, each.text) for _, each in NotificationStore(engine).page(true(), who, False, 50, None)]


def test_from_the_line_to_the_end_and_each_who_asked_is_told_once(engine: Engine) -> None:
    store, fetches = IngestStore(engine, ()), Fetches(engine)
    asked = [store.add(AAPL, name) for name in ("ada", "bob", "cleo")]
    store.cancel(asked[2].id)
    [waiting] = fetches.waiting()
    assert fetches.begin(waiting.id)
    assert (fetches.tried(waiting.id), fetches.tried(waiting.id)) == (1, 2)
    fetches.plan(waiting.id, "import-1", calls=9, parts=3, seconds_left=12.5)
    assert fetches.progress(waiting.id, calls_done=3, parts_done=1, rows=1000, seconds_left=8.0)
    now = store.get(asked[1].id)
    assert (now.state, now.position, now.shared, now.imports) == ("running", 0, 2, ["import-1"])
    assert (now.calls, now.calls_done, now.parts, now.parts_done, now.rows, now.seconds_left) == (9, 3, 3, 1, 1000, 8.0)
    assert fetches.tried(waiting.id) == 1, "a part was done meanwhile"
    for _ in range(2):
        fetches.end(waiting.id, "failed", FAULT)
    for who in ("ada", "bob"):
        assert told(engine, who) == [("ingest-failed", "alpaca data could not be fetched: No key is set.\ufffd")]
    assert told(engine, "cleo") == []
    assert store.get(asked[0].id).error is not None
    assert store.add(AAPL, "ada").state == "waiting", "what is over is asked for anew"


def test_who_waited_long_is_told_that_it_is_there(engine: Engine) -> None:
    store, fetches, now = IngestStore(engine, ()), Fetches(engine), datetime(2026, 11, 26, 12, tzinfo=UTC)
    with clock.at(now):
        store.add(AAPL, "ada")
    with clock.at(now + timedelta(seconds=90)):
        store.add(AAPL, "bob")
        [waiting] = fetches.waiting()
        fetches.begin(waiting.id)
        fetches.end(waiting.id, "finished")
    assert told(engine, "ada") == [("ingest-finished", "alpaca data is in the team's catalog: 0 rows are new")]
    assert told(engine, "bob") == []


def test_when_nobody_waits_any_more_the_fetch_is_told_so(engine: Engine) -> None:
    store, fetches = IngestStore(engine, ()), Fetches(engine)
    one = store.add(AAPL, "ada")
    [waiting] = fetches.waiting()
    assert fetches.begin(waiting.id)
    store.cancel(one.id)
    assert not fetches.progress(waiting.id, parts_done=1)
    other = store.add(AAPL, "bob")
    assert (store.get(other.id).state, store.get(other.id).position) == ("waiting", 1)
    fetches.end(waiting.id, "cancelled")
    assert (store.get(one.id).state, store.get(other.id).position, told(engine, "ada")) == ("cancelled", 0, [])
    [left] = fetches.waiting()
    store.cancel(other.id)
    assert not fetches.begin(left.id), "cancelled while it waited"


@pytest.mark.parametrize(("state", "error"), [("finished", None), ("failed", FAULT)])
def test_a_firing_of_a_dataset_ends_as_its_request_does(
    engine: Engine, state: str, error: dict[str, str] | None
) -> None:
    schedules, firings, fetches = ScheduleStore(engine, ALL_SEEING), Firings(engine), Fetches(engine)
    made = schedules.add(NewSchedule(dataset="us-daily", cron="0 7 * * *"), "ada")
    fired = schedules.fire(made.id)
    assert firings.waiting() == []
    assert firings.waiting(datasets=True) == [fired.id]
    for _ in range(2):
        firings.ask(fired.id)
    assert (firings.waiting(datasets=True), firings.begun()) == ([], [])
    [asked] = [each for _, each in IngestStore(engine, ()).page({}, 50, None)]
    assert (asked.firing, asked.dataset, asked.owner) == (fired.id, "us-daily", "ada")
    later = schedules.fire(made.id)
    assert firings.waiting(datasets=True) == [], "the one before is not over"
    [waiting] = fetches.waiting()
    fetches.is_of(waiting.id, "alpaca")
    fetches.begin(waiting.id)
    fetches.end(waiting.id, state, error)
    ended = schedules.firing(fired.id)
    assert (ended.state, ended.detail) == (state, "0 rows are new" if error is None else "No key is set.\ufffd")
    assert firings.waiting(datasets=True) == [later.id]
    firings.ask(later.id)
    assert schedules.cancel(later.id).state == "cancelled"
    assert fetches.waiting() == []
