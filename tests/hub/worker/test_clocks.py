"""Two real workers whose clock is set: an hour on, an hour back, and over both changes of the year.

No slot is lost or doubled, and no worker is taken for dead for what its clock says. There is no hub: firings wait for
one, and what is looked at is which were made.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from set_clock import SetClock
from sqlalchemy import Engine
from waiting import until
from worker_process import WorkerProcess

from alphapulse_lib import clock
from alphapulse_lib.settings import Settings
from hub.api.database import opened
from hub.api.schedules.schema import New
from hub.api.schedules.store import ScheduleStore
from hub.worker import presence
from tests.resources.sight import ALL_SEEING

pytestmark = pytest.mark.survival


class Two:
    """Two workers on one database, at the time that the clock tells."""

    def __init__(self, home: Path, begin: str) -> None:
        chosen = Settings(home=home)
        self.engine: Engine = opened(chosen)
        self.store, self.clock = ScheduleStore(self.engine, ALL_SEEING), SetClock(home / "clock")
        self.clock.set(begin)
        self.begin = datetime.fromisoformat(f"{begin}+00:00")
        self.workers = [WorkerProcess(chosen, f"worker-{number}", self.clock.command) for number in (1, 2)]

    def schedule(self, cron: str, timezone: str = "UTC") -> str:
        with clock.at(self.begin):
            new = New(notebook="a.ipynb", cron=cron, timezone=timezone, overlap="queue", catch_up="all")
            return self.store.add(new, "ada").id

    def slots(self, schedule: str) -> list[str]:
        found = [each.slot for _, each in self.store.firings(50, None, schedule=schedule) if each.slot]
        return [f"{each.astimezone(UTC):%d %H:%M}" for each in reversed(found)]

    def passed(self, moment: str) -> None:
        """Wait until the clock is past a moment and both workers have looked at it."""
        until(lambda: min(self._seen()) > datetime.fromisoformat(f"{moment}+00:00").timestamp() * 1e9)

    def _seen(self) -> list[int]:
        with self.engine.begin() as connection:
            rows = connection.execute(presence.WORKERS.select()).all()
        assert len(rows) == 2, "a living worker was taken for dead"
        return [row.seen_at for row in rows]


def test_the_clock_is_set_an_hour_on_and_an_hour_back(tmp_path: Path, figure: Callable[[str], None]):
    two = Two(tmp_path, "2026-11-20 06:29:40")
    hourly, minutely = two.schedule("30 * * * *"), two.schedule("*/20 * * * *")
    for each in two.workers:
        each.start()
    try:
        two.clock.set("2026-11-20 06:29:57")
        until(lambda: two.slots(hourly) == ["20 06:30"])
        two.clock.set("2026-11-20 07:30:05")  # on: what lies between is made up for
        until(lambda: two.slots(hourly) == ["20 06:30", "20 07:30"])
        two.clock.set("2026-11-20 06:29:55")  # back: what was decided is not decided again
        two.passed("2026-11-20 06:29:56")
        two.clock.set("2026-11-20 07:39:58")
        until(lambda: two.slots(minutely)[-1] == "20 07:40")
        assert two.slots(hourly) == ["20 06:30", "20 07:30"]
        assert two.slots(minutely) == ["20 06:40", "20 07:00", "20 07:20", "20 07:40"]
    finally:
        for each in two.workers:
            each.kill()
    said = "".join(each.said for each in two.workers)
    figure(f"{len(two.slots(hourly)) + len(two.slots(minutely))} slots due, each made once")
    assert "is dead" not in said
    assert '"ERROR"' not in said


def test_both_changes_of_the_year_pass_while_two_workers_look(tmp_path: Path, figure: Callable[[str], None]):
    """New York, 2026: at 07:00 UTC of 8 March 02:00 became 03:00, at 06:00 UTC of 1 November 02:00 became 01:00."""
    spring = Two(tmp_path, "2026-03-08 06:29:50")
    left_out = spring.schedule("30 2 * * *", "America/New_York")  # comes when the clock has jumped
    daily = spring.schedule("0 3 * * *", "America/New_York")
    hourly = spring.schedule("0 * * * *", "America/New_York")
    twice = spring.schedule("30 1 * * *", "America/New_York")
    for each in spring.workers:
        each.start()
    try:
        spring.clock.set("2026-03-08 06:59:57")
        march = {left_out: ["08 07:00"], daily: ["08 07:00"], hourly: ["08 07:00"], twice: ["08 06:30"]}
        until(lambda: {each: spring.slots(each) for each in march} == march)
        for schedule in (left_out, daily, hourly, twice):
            with clock.at(datetime(2026, 3, 8, 7, 0, 30, tzinfo=UTC)):
                spring.store.pause(schedule)
            with clock.at(datetime(2026, 11, 1, 5, 29, 40, tzinfo=UTC)):
                spring.store.resume(schedule)
        spring.clock.set("2026-11-01 05:29:57")
        until(lambda: spring.slots(twice)[1:] == ["01 05:30"])
        spring.clock.set("2026-11-01 05:59:57")
        until(lambda: spring.slots(hourly)[1:] == ["01 06:00"])
        spring.clock.set("2026-11-01 06:29:57")  # half past one again on the wall
        spring.passed("2026-11-01 06:30:01")
        spring.clock.set("2026-11-01 07:59:57")
        november = {left_out: ["07:30"], daily: ["08:00"], hourly: ["06:00", "07:00", "08:00"], twice: ["05:30"]}
        due = {each: march[each] + [f"01 {slot}" for slot in slots] for each, slots in november.items()}
        until(lambda: {each: spring.slots(each) for each in due} == due)
        figure(f"{sum(map(len, due.values()))} slots due over both changes, each made once")
    finally:
        for each in spring.workers:
            each.kill()
    assert "is dead" not in "".join(each.said for each in spring.workers)


def test_a_process_began_when_it_began_whatever_the_clock_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The kernel tells when a process began by when the machine did, and that by the clock as it is set now."""
    own = psutil.Process()
    began, before = own.create_time(), presence._born(own.pid)
    (tmp_path / str(own.pid)).symlink_to(f"/proc/{own.pid}")
    told = Path("/proc/stat").read_text().splitlines()
    later = int(timedelta(hours=1).total_seconds())
    moved = [f"btime {int(line.split()[1]) + later}" if line.startswith("btime") else line for line in told]
    (tmp_path / "stat").write_text("\n".join(moved))
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    assert psutil.Process(own.pid).create_time() - began >= later - 2
    assert presence._born(own.pid) == before
