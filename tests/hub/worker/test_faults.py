"""One schedule's fault is shown on it and told to its owner; every other schedule fires, and the worker goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from running_hub import environment, free_port
from sqlalchemy import Engine, text, true
from waiting import until

from alphapulse_lib import clock
from alphapulse_lib.settings import Settings
from hub import keys, network
from hub.api.database import opened
from hub.api.notifications.store import NotificationStore
from hub.api.schedules.schema import Changed, New
from hub.api.schedules.store import ScheduleStore
from hub.worker import timetable
from tests.resources.sight import ALL_SEEING

START = datetime(2026, 11, 20, 6, 30, 20, tzinfo=UTC)

#: What a hand may do to a row, and what is said of it.
DAMAGE = [
    ("cron = 'every now and then'", "cron:"),
    ("cron = '0 0 30 2 *'", "never fires"),
    ("cron = x'00ff'", "cron:"),
    ("timezone = 'Mars/Base'", "'Mars/Base' is no time zone"),
    ("parameters = '{\"a\": '", "parameters:"),
    ("parameters = '[1]'", "parameters:"),
    ("parameters = x'ff'", "parameters:"),
    ("catch_up = 'perhaps'", "catch_up:"),
    ("overlap = 'both'", "overlap:"),
    ("output = '{nobody}.ipynb'", "{nobody} is not filled in"),
    ("notebook = '../x.ipynb'", "leads out of the workspace"),
    ("timeout = 'long'", "timeout:"),
    ("decided_until = 'yesterday'", "pause it and resume it"),
]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = opened(Settings(home=tmp_path))
    yield made
    made.dispose()


def schedule(engine: Engine, now: datetime = START, **more: Any) -> str:
    new = New.model_validate({"notebook": "a.ipynb", "cron": "0 * * * *"} | more)
    with clock.at(now):
        return ScheduleStore(engine, ALL_SEEING).add(new, "ada").id


def damage(engine: Engine, schedule_id: str, change: str) -> None:
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(text(f"UPDATE schedules SET {change.replace(':', '\\:')} WHERE id = '{schedule_id}'"))


def decide(engine: Engine, at: datetime) -> None:
    with clock.at(at):
        timetable.decide(engine, clock.now_ns())


def slots(engine: Engine, schedule_id: str) -> list[str]:
    found = ScheduleStore(engine, ALL_SEEING).firings(50, None, schedule=schedule_id)
    return [f"{each.slot:%H:%M}" for _, each in found if each.slot][::-1]


def told(engine: Engine) -> list[str]:
    held = NotificationStore(engine).page(true(), "ada", False, 10, None)
    return [f"{each.kind} {each.about['schedule']}" for _, each in held]


@pytest.mark.parametrize(("change", "says"), DAMAGE)
def test_a_fault_is_shown_told_once_and_keeps_no_other_back(engine: Engine, change: str, says: str):
    store = ScheduleStore(engine, ALL_SEEING)
    before, faulty, after = schedule(engine), schedule(engine), schedule(engine)
    damage(engine, faulty, change)
    for hours in (1, 1.001, 1.5, 2):
        decide(engine, START + timedelta(hours=hours))
    assert (slots(engine, before), slots(engine, after)) == (["07:00", "08:00"], ["07:00", "08:00"])
    assert slots(engine, faulty) == []
    assert says in store.get(faulty).fault
    assert [(each.id, bool(each.fault), bool(each.next)) for _, each in store.page("ada", 10, None)] == [
        *((after, False, True), (faulty, True, False), (before, False, True))
    ]
    assert told(engine) == [f"schedule-failed {faulty}"]


@pytest.mark.parametrize(("change", "says"), DAMAGE)
def test_a_schedule_with_a_fault_is_paused_and_deleted_as_any_other(engine: Engine, change: str, says: str):
    store, faulty = ScheduleStore(engine, ALL_SEEING), schedule(engine)
    damage(engine, faulty, change)
    decide(engine, START + timedelta(hours=1))
    assert store.pause(faulty).paused
    store.delete(faulty)
    assert store.page(None, 10, None) == []


def test_what_came_while_the_fault_lasted_is_made_up_for_once_it_is_mended(engine: Engine):
    store, faulty = ScheduleStore(engine, ALL_SEEING), schedule(engine, catch_up="all")
    damage(engine, faulty, "overlap = 'both'")
    decide(engine, START + timedelta(hours=2))
    with clock.at(START + timedelta(hours=2, minutes=5)):
        assert store.change(faulty, Changed(overlap="queue")).fault == ""
    decide(engine, START + timedelta(hours=2, minutes=5))
    assert slots(engine, faulty) == ["07:00", "08:00"]


def test_a_fault_that_goes_by_itself_is_seen_within_a_minute(engine: Engine):
    store, faulty = ScheduleStore(engine, ALL_SEEING), schedule(engine, catch_up="all")
    damage(engine, faulty, "timezone = 'Mars/Base'")
    decide(engine, START + timedelta(hours=1))
    damage(engine, faulty, "timezone = 'UTC'")  # as when the time-zone database is brought up to date
    decide(engine, START + timedelta(hours=1, seconds=61))
    assert (slots(engine, faulty), store.get(faulty).fault) == (["07:00"], "")


def test_a_new_cron_mends_one_that_cannot_be_read(engine: Engine):
    store, faulty = ScheduleStore(engine, ALL_SEEING), schedule(engine)
    damage(engine, faulty, "cron = 'x'")
    decide(engine, START + timedelta(hours=1))
    with clock.at(START + timedelta(hours=1, minutes=10)):
        assert store.change(faulty, Changed(cron="45 * * * *")).fault == ""
    decide(engine, START + timedelta(hours=1, minutes=20))
    assert slots(engine, faulty) == ["07:45"]


def test_a_next_slot_that_is_no_moment_is_calculated_again(engine: Engine):
    faulty, alone = schedule(engine), timetable.next_slot(engine)
    damage(engine, faulty, "next_at = 'soon'")
    assert timetable.next_slot(engine) is None
    decide(engine, START)
    assert timetable.next_slot(engine) == alone
    damage(engine, faulty, "next_at = 'soon'")
    assert ScheduleStore(engine, ALL_SEEING).pause(faulty).paused


def test_the_worker_goes_on(tmp_path: Path):
    """The program itself, with every damage at once: it neither ends nor burns its processor."""
    home = tmp_path / "home"
    engine = opened(Settings(home=home))
    places = network.choose(Settings(home=home, port=free_port()))
    (home / "run").mkdir()
    places.write(home / "run" / "network.json")
    keys.keys(home)
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    for change, _ in DAMAGE:
        damage(engine, schedule(engine, long_ago), change)
    process = subprocess.Popen(
        [sys.executable, "-m", "hub.worker"], env=environment(home, places.port), stderr=subprocess.PIPE
    )
    try:
        until(lambda: len(told(engine)) == 10)
        sound = schedule(engine, long_ago)
        until(lambda: slots(engine, sound))
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=60)[1].decode()
    assert said.count("is set aside") == len(DAMAGE)
    engine.dispose()


@pytest.mark.parametrize("meanwhile", ["mended", "paused", "deleted"])
def test_a_fault_that_was_dealt_with_as_it_was_met_is_not_kept(engine: Engine, meanwhile: str):
    store, faulty = ScheduleStore(engine, ALL_SEEING), schedule(engine)
    damage(engine, faulty, "overlap = 'both'")
    at = START + timedelta(hours=1)
    with clock.at(at):
        with pytest.raises(timetable._FaultError) as met:
            timetable._decide(engine, faulty, clock.now_ns())
        if meanwhile == "mended":
            store.change(faulty, Changed(overlap="queue"))
        else:
            (store.pause if meanwhile == "paused" else store.delete)(faulty)
        timetable._set_aside(engine, faulty, met.value, clock.now_ns())
    assert told(engine) == []
    if meanwhile == "mended":
        assert store.get(faulty).fault == ""
        decide(engine, at)
        assert slots(engine, faulty) == ["07:00"]
