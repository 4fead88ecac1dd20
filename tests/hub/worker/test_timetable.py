"""From schedules to firings: no slot lost, none doubled, each policy as it is written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from postgres import PostgreSQL
from sqlalchemy import Engine, select, true, update
from sqlalchemy.exc import IntegrityError

from alphapulse_lib import clock
from alphapulse_lib.settings import Settings
from hub.api.database import opened
from hub.api.notifications.store import NotificationStore
from hub.api.schedules.schema import FIRINGS, SCHEDULES, Changed, New
from hub.api.schedules.store import ScheduleStore
from hub.worker import timetable
from hub.worker.record import Firings
from tests.resources.sight import ALL_SEEING

START = datetime(2026, 11, 20, 6, 30, 20, tzinfo=UTC)


class Table:
    """A timetable at a time that stands still until it is moved."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.store, self.firings = engine, ScheduleStore(engine, ALL_SEEING), Firings(engine)
        self.now = START

    def schedule(self, **more: Any) -> str:
        with clock.at(self.now):
            new = {"notebook": "a.ipynb", "cron": "0 * * * *"} | more
            return self.store.add(New.model_validate(new), "ada").id

    def after(self, **passed: float) -> None:
        self.now += timedelta(**passed)
        with clock.at(self.now):
            timetable.decide(self.engine, clock.now_ns())

    def made(self, schedule: str) -> list[tuple[str, str]]:
        query = select(FIRINGS).where(FIRINGS.c.schedule == schedule).order_by(FIRINGS.c.sequence)
        with self.engine.begin() as connection:
            rows = connection.execute(query).all()
        return [(datetime.fromtimestamp(row.slot / 1e9, UTC).strftime("%H:%M"), row.state) for row in rows]

    def timetable(self, schedule: str) -> tuple[int, int | None]:
        query = select(SCHEDULES.c.decided_until, SCHEDULES.c.next_at).where(SCHEDULES.c.id == schedule)
        with self.engine.begin() as connection:
            return tuple(connection.execute(query).one())

    def end(self, firing: str, state: str = "done") -> None:
        with clock.at(self.now):
            self.firings.begin(firing)
            self.firings.end(firing, {"state": state, "error": "", "cells": 1, "cells_done": 1})


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgreSQL]:
    running = PostgreSQL().start()
    yield running
    running.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def chosen(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """The settings of a database of this test's own."""
    if request.param == "sqlite":
        return Settings(home=tmp_path)
    return request.getfixturevalue("postgres").settings(tmp_path, f"t{uuid4().hex[:12]}")


@pytest.fixture
def table(chosen: Settings) -> Iterator[Table]:
    engine = opened(chosen)
    yield Table(engine)
    engine.dispose()


def test_a_slot_fires_when_it_comes_and_not_again(table: Table):
    schedule = table.schedule()
    table.after(minutes=29)
    assert table.made(schedule) == []
    table.after(minutes=1)
    table.after(seconds=1)
    table.after(seconds=1)
    assert table.made(schedule) == [("07:00", "due")]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("none", [("07:00", "missed"), ("08:00", "missed"), ("09:00", "missed")]),
        ("latest", [("07:00", "missed"), ("08:00", "missed"), ("09:00", "due")]),
        ("all", [("07:00", "due"), ("08:00", "due"), ("09:00", "due")]),
    ],
)
def test_three_slots_that_passed_while_no_worker_lived(table: Table, policy: str, expected: list[tuple[str, str]]):
    schedule = table.schedule(catch_up=policy)
    table.after(hours=3)
    assert table.made(schedule) == expected
    table.after(seconds=5)
    assert table.made(schedule) == expected
    table.after(minutes=29, seconds=45)
    assert table.made(schedule)[3:] == [("10:00", "due" if policy == "none" else "skipped")]


def test_a_worker_that_was_away_for_seconds_has_missed_nothing(table: Table):
    schedule = table.schedule(catch_up="none")
    table.now += timedelta(minutes=29, seconds=40)
    table.after(seconds=59)
    assert table.made(schedule) == [("07:00", "due")]


def test_what_is_made_up_for_runs_one_after_the_other(table: Table):
    table.schedule(catch_up="all")
    table.after(hours=3)
    ran = []
    for _ in range(3):
        (waiting,) = table.firings.waiting()
        ran.append(waiting)
        table.end(waiting)
    assert len(set(ran)) == 3
    assert table.firings.waiting() == []


def test_a_slot_that_comes_while_the_one_before_runs_is_left_out_or_waits(table: Table):
    leaves, waits = table.schedule(overlap="skip"), table.schedule(overlap="queue")
    table.after(minutes=30)
    first = table.firings.waiting()
    assert len(first) == 2
    assert [table.firings.begin(each) for each in first] == [True, True]
    table.after(hours=1)
    assert table.made(leaves) == [("07:00", "starting"), ("08:00", "skipped")]
    assert table.made(waits) == [("07:00", "starting"), ("08:00", "due")]
    assert table.firings.waiting() == []
    for each in first:
        table.end(each)
    assert len(table.firings.waiting()) == 1
    table.after(hours=1)
    assert table.made(leaves)[2:] == [("09:00", "due")]


def test_thousands_of_slots_are_made_up_for_in_portions_without_a_gap(table: Table):
    schedule = table.schedule(cron="* * * * *", catch_up="all")
    table.after(hours=20)
    assert len(table.made(schedule)) == 500
    table.after(seconds=0)
    table.after(seconds=0)
    made = [slot for slot, _ in table.made(schedule)]
    assert len(made) == 1200
    first = datetime(2026, 11, 20, 6, 31)
    assert made == [(first + timedelta(minutes=n)).strftime("%H:%M") for n in range(1200)]


def test_of_thousands_of_missed_slots_the_newest_are_remembered(table: Table):
    schedule = table.schedule(cron="* * * * *", catch_up="latest")
    table.after(days=3, seconds=30)
    made = table.made(schedule)
    assert len(made) == 100
    assert made[-1] == ("06:30", "due")
    assert {state for _, state in made[:-1]} == {"missed"}


def test_a_pause_leaves_no_slots_behind(table: Table):
    schedule = table.schedule(catch_up="all")
    with clock.at(table.now):
        table.store.pause(schedule)
    table.after(hours=3)
    assert table.made(schedule) == []
    with clock.at(table.now):
        table.store.resume(schedule)
    table.after(minutes=30)
    assert table.made(schedule) == [("10:00", "due")]


def test_a_new_timetable_begins_when_it_is_made(table: Table):
    schedule = table.schedule(catch_up="all")
    table.now += timedelta(hours=3)
    with clock.at(table.now):
        table.store.change(schedule, Changed(cron="15 * * * *"))
    table.after(hours=1)
    assert table.made(schedule) == [("07:00", "due"), ("08:00", "due"), ("09:00", "due"), ("10:15", "due")]


POLICIES = [
    ("none", [("07:00", "missed"), ("08:00", "missed"), ("09:00", "due")]),
    ("latest", [("07:00", "missed"), ("08:00", "missed"), ("09:00", "due")]),
    ("all", [("07:00", "due"), ("08:00", "due"), ("09:00", "due")]),
]


@pytest.mark.parametrize(("policy", "expected"), POLICIES)
@pytest.mark.parametrize("act", ["pause", "cron", "timezone", "policy"])
def test_what_was_due_is_decided_before_a_change(table: Table, act: str, policy: str, expected: list[tuple[str, str]]):
    schedule = table.schedule(catch_up=policy)
    table.now += timedelta(hours=2, minutes=30)  # ten seconds from 09:00:20, within the grace of its slot
    with clock.at(table.now):
        if act == "pause":
            table.store.pause(schedule)
            table.store.resume(schedule)
        else:
            changes = {"cron": "30 * * * *", "timezone": "Asia/Kolkata", "policy": "none"}
            table.store.change(schedule, Changed(**{"catch_up" if act == "policy" else act: changes[act]}))
    assert table.made(schedule) == expected
    table.after(seconds=5)
    assert table.made(schedule) == expected


def test_a_change_in_the_second_before_a_slot(table: Table):
    same, later, gone, paused = (table.schedule() for _ in range(4))
    table.now = datetime(2026, 11, 20, 6, 59, 59, tzinfo=UTC)
    with clock.at(table.now):
        table.store.change(same, Changed(cron="0,30 * * * *"))
        table.store.change(later, Changed(cron="1 * * * *"))
        table.store.delete(gone)
        table.store.pause(paused)
        table.store.resume(paused)
    table.after(seconds=1)
    assert [table.made(each) for each in (same, later, gone, paused)] == [
        *([("07:00", "due")], [], [], [("07:00", "due")])
    ]
    table.after(minutes=1)
    assert table.made(later) == [("07:01", "due")]


def test_a_firing_keeps_what_was_asked_when_its_schedule_is_changed_in_the_middle(table: Table):
    schedule = table.schedule(parameters={"fast": 1})
    table.after(minutes=30)
    (firing,) = table.firings.waiting()
    table.firings.begin(firing)
    with clock.at(table.now):
        table.store.change(schedule, Changed(parameters={"fast": 2}, notebook="b.ipynb"))
        table.store.pause(schedule)
        asked = table.store.fire(schedule)
        table.store.delete(schedule)
    held = table.store.firing(firing)
    assert (held.state, held.notebook, held.parameters) == ("starting", "a.ipynb", {"fast": 1})
    assert table.store.firing(asked.id).state == "cancelled"
    table.end(firing)
    assert table.store.firing(firing).state == "finished"


def test_what_was_due_when_its_schedule_is_deleted_is_remembered(table: Table):
    schedule = table.schedule()
    table.now += timedelta(hours=2, minutes=30)
    with clock.at(table.now):
        table.store.delete(schedule)
    assert table.made(schedule) == [("07:00", "missed"), ("08:00", "missed"), ("09:00", "cancelled")]


def test_thousands_of_slots_are_decided_before_a_pause(table: Table):
    schedule = table.schedule(cron="* * * * *", catch_up="all")
    table.now += timedelta(hours=20)
    with clock.at(table.now):
        table.store.pause(schedule)
    assert len(table.made(schedule)) == 1200


def test_a_change_that_changes_no_time_leaves_the_timetable(table: Table):
    schedule = table.schedule(catch_up="all")
    before = table.timetable(schedule)
    table.now += timedelta(minutes=20)
    with clock.at(table.now):
        table.store.change(schedule, Changed(cron="0  * * * *", timezone="UTC", timeout=5))
    assert table.timetable(schedule) == before


def test_a_deleted_schedule_fires_no_more(table: Table):
    schedule = table.schedule()
    table.after(minutes=30)
    with clock.at(table.now):
        table.store.delete(schedule)
    table.after(hours=3)
    assert table.made(schedule) == [("07:00", "cancelled")]


def test_a_clock_that_was_set_back_doubles_nothing(table: Table):
    schedule = table.schedule()
    table.after(minutes=30)
    table.now -= timedelta(minutes=20)
    with clock.at(table.now):
        table.store.change(schedule, Changed(timezone="Europe/London"))
    table.after(hours=1)
    assert [slot for slot, _ in table.made(schedule)] == ["07:00"]
    table.after(hours=1)
    assert [slot for slot, _ in table.made(schedule)] == ["07:00", "08:00"]


def test_many_workers_at_once_make_each_firing_once(table: Table, chosen: Settings):
    schedules = [table.schedule(catch_up="all", cron="*/10 * * * *") for _ in range(5)]
    now = int((START + timedelta(hours=3)).timestamp()) * 10**9
    engines = [opened(chosen) for _ in range(6)]
    together, failed = threading.Barrier(6), []

    def work(engine: Engine) -> None:
        together.wait()
        try:
            timetable.decide(engine, now)
        except Exception as wrong:  # noqa: BLE001  whatever it is, the test shows it
            failed.append(wrong)

    threads = [threading.Thread(target=work, args=(each,)) for each in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [len(table.made(each)) for each in schedules] == [18] * 5


def test_a_worker_that_was_held_up_decides_nothing_by_the_time_it_had_looked_at(table: Table):
    """A pause and its end pass meanwhile: what they left out is not made up for."""
    schedule = table.schedule(catch_up="all")
    looked = int((START + timedelta(minutes=30)).timestamp()) * 10**9
    due = timetable._due(table.engine, looked)
    assert due == [schedule]
    table.after(minutes=31)  # another worker is quicker
    with clock.at(table.now):
        table.store.pause(schedule)
    table.now += timedelta(hours=5)
    with clock.at(table.now):
        table.store.resume(schedule)
    resumed = table.timetable(schedule)
    assert timetable._decide(table.engine, schedule, looked) == 0
    assert table.timetable(schedule) == resumed
    table.after(hours=1)
    assert table.made(schedule) == [("07:00", "due"), ("13:00", "due")]


def test_the_next_slot_is_when_to_look_again(table: Table):
    assert timetable.next_slot(table.engine) is None
    table.schedule()
    sooner = table.schedule(cron="45 * * * *")
    assert timetable.next_slot(table.engine) == int(datetime(2026, 11, 20, 6, 45, tzinfo=UTC).timestamp()) * 10**9
    with clock.at(table.now):
        table.store.pause(sooner)
    assert timetable.next_slot(table.engine) == int(datetime(2026, 11, 20, 7, 0, tzinfo=UTC).timestamp()) * 10**9


def test_an_end_is_recorded_and_told_once(table: Table):
    table.schedule()
    table.after(minutes=30)
    (firing,) = table.firings.waiting()
    assert table.firings.begin(firing) is True
    assert table.firings.begin(firing) is True  # a worker that takes over
    table.end(firing)
    table.end(firing, "failed")
    assert table.store.firing(firing).state == "finished"
    told = NotificationStore(table.engine).page(true(), "ada", False, 10, None)
    assert [each.kind for _, each in told] == ["firing-finished"]


def test_an_error_that_no_database_holds_is_held_without_it(table: Table):
    table.schedule()
    table.after(minutes=30)
    (firing,) = table.firings.waiting()
    table.firings.begin(firing)
    told = "ValueError: \0 \ud800 " + "x" * 10_000
    table.firings.end(firing, {"state": "failed", "error": told, "cells": 1, "cells_done": 0})
    ended = table.store.firing(firing)
    assert ended.state == "failed"
    assert ended.detail.startswith("ValueError: \ufffd ? xxx")
    assert len(ended.detail) == 4000


def test_what_is_cancelled_before_it_began_does_not_begin(table: Table):
    table.schedule()
    table.after(minutes=30)
    (firing,) = table.firings.waiting()
    table.store.cancel(firing)
    assert table.firings.begin(firing) is False
    assert table.firings.waiting() == []


def test_what_is_cancelled_while_it_runs_says_so_to_the_worker_and_is_not_told(table: Table):
    table.schedule()
    table.after(minutes=30)
    (firing,) = table.firings.waiting()
    table.firings.begin(firing)
    assert table.store.cancel(firing).state == "starting"
    assert table.firings.get(firing).cancel_asked_at is not None
    table.end(firing, "cancelled")
    assert table.store.firing(firing).state == "cancelled"
    assert NotificationStore(table.engine).page(true(), "ada", False, 10, None) == []


def test_the_database_itself_refuses_a_second_firing_of_a_slot(table: Table):
    table.schedule(catch_up="all")
    table.after(hours=2)
    with pytest.raises(IntegrityError), table.engine.begin() as connection:
        connection.execute(update(FIRINGS).values(slot=1))
