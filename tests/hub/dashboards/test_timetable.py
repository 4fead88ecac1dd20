"""Schedules as pages tell them: which come first, and which are late."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alphapulse_lib.model.schedule import Firing, Progress, Schedule
from hub.dashboards import timetable
from hub.dashboards.templating import render
from hub.dashboards.visitor import Visitor


def ahead(minutes: float) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)


def fired(state: str, minutes: float = -60) -> Firing:
    at = ahead(minutes)
    started = None if state == "due" else at
    return Firing("f", "s", "slot", at, "ann", "n.ipynb", {}, "o.ipynb", 60, state, "", (), None, None, at, started, at)


def schedule(name: str, minutes: float, last: Firing | None = None, **changes: Any) -> Schedule:
    at = ahead(minutes)
    given: dict[str, Any] = {
        "id": name, "owner": "ann", "notebook": f"{name}.ipynb", "parameters": {}, "cron": "0 7 * * *",
        "timezone": "UTC", "catch_up": "latest", "overlap": "skip", "timeout": 60, "output": "", "paused": False,
        "next": (ahead(abs(minutes)),), "last": last, "created_at": at, "changed_at": at, "due": at,
    }  # fmt: skip
    return Schedule(**(given | changes))


class Schedules:
    def __init__(self, *held: Schedule) -> None:
        self.client = self
        self.schedules = self
        self.list = None
        self._held = held

    async def all(self, _: Any, **__: Any) -> list[Schedule]:
        return list(self._held)


def order(*held: Schedule) -> list[str]:
    return [each.id for each in asyncio.run(timetable.plans(Schedules(*held), 200))]  # type: ignore[arg-type]


ANN = Visitor("ann", False, "", "", frozenset({"custom:schedules:write"}))


def test_what_has_a_fault_comes_before_what_fires_next():
    sound = [schedule(f"sound-{minutes}", minutes, fired("finished")) for minutes in (30, 10, 20)]
    faults = [schedule(state, 600, fired(state)) for state in ("failed", "timed-out", "lost", "missed")]
    found = order(*sound, *faults, schedule("late", -5), schedule("damaged", 600, fault="Its cron is none."))
    assert set(found[:6]) == {"failed", "timed-out", "lost", "missed", "late", "damaged"}
    assert found[6:] == ["sound-10", "sound-20", "sound-30"]


def test_a_slot_that_nobody_took_up_is_late_and_says_by_how_much():
    late = timetable.plan(schedule("late", -5))
    assert 5 * 60e9 <= late.late < 6 * 60e9
    assert "5 min late" in render("home_schedules", items=[late], late=1, more=0)
    shown = render("plans", plans=[late], strips={"late": []}, me=ANN, chosen="", late=1)
    assert "5 min late" in shown
    assert "1 schedule late" in shown
    for due in (schedule("soon", 5), schedule("just-now", -0.5), schedule("paused", -5, paused=True)):
        assert timetable.plan(due).late == 0, due.id


def test_a_firing_that_waits_for_a_worker_is_late_too():
    assert timetable.plan(schedule("waits", 5, fired("due", -10))).late > 0
    assert timetable.plan(schedule("fresh", 5, fired("due", 0))).late == 0
    assert timetable.plan(schedule("runs", 5, fired("running", -10))).late == 0


@pytest.mark.parametrize(
    ("progress", "told"),
    [
        (None, "5 of 6 cells"),
        (Progress(1_000_000, 412_000, 8.1), "5 of 6 cells, 412,000 of 1,000,000 bars, about 8 s left"),
        (Progress(1_000_000, 412_000, 130.0), "5 of 6 cells, 412,000 of 1,000,000 bars, about 2 min left"),
        (Progress(trials=1_200, trials_done=40, seconds_left=8.1), "5 of 6 cells, 40 of 1,200 trials, about 8 s left"),
        (Progress(trials=1, trials_done=0), "5 of 6 cells, 0 of 1 trial"),
        (
            Progress(trials=9, trials_done=8, trials_slow=1),
            "5 of 6 cells, 8 of 9 trials; 1 of those under way far slower than the others, and may never end",
        ),
        (Progress(1_000_000, 0, None), "5 of 6 cells, 0 of 1,000,000 bars"),
    ],
)
def test_how_far_a_firing_is_is_told_in_cells_and_in_bars_or_trials(progress: Progress | None, told: str):
    runs = replace(fired("running", -1), cells=6, cells_done=5, progress=progress, ended_at=None)
    kept = timetable.plan(schedule("runs", 5, runs))
    assert f'<span class="quiet">{told}</span>' in render(
        "firings", plan=kept, firings=[kept.last], may=True, parameters=""
    )
    assert f"{told}, asked " in render("run_again", firing=kept.last, id="ab")
    over = timetable.firing(replace(runs, state="finished"))
    assert "cells" not in render("run_again", firing=over, id="ab")


def test_a_dataset_s_schedule_and_its_firings_are_shown_as_others_are():
    kept = timetable.plan(schedule("days", 5, fired("finished"), notebook="", dataset="us-daily"))
    shown = render("plans", plans=[kept], strips={"days": [kept.last]}, me=ANN, chosen="", late=0)
    assert 'data-focus="open-days">us-daily</a>' in shown
    assert "finished" in shown
    assert 'data-act="pause"' in shown
    assert 'data-act="change"' not in shown, "the form is a notebook's"
    assert ">us-daily</a>" in render("home_schedules", items=[kept], late=0, more=0)
    told = render("firings", plan=kept, firings=[kept.last], may=True, parameters="")
    assert "<b>us-daily</b>" in told
    assert "ended after" not in told
