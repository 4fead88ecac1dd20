"""The API and the worker on SQLite, as processes: their file is locked for a while, or their disk is full.

Whoever posts meanwhile is told that it is there, and it is, once; or that it is not. Nobody has to start anything
anew, and a slot that comes meanwhile has its one firing afterwards.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from waiting import until

from alphapulse_lib import clock
from alphapulse_lib.settings import Settings
from hub.api.database import opened
from hub.api.schedules.schema import New
from hub.api.schedules.store import ScheduleStore
from tests.resources.api_process import ApiProcess
from tests.resources.set_clock import SetClock
from tests.resources.sight import ALL_SEEING
from tests.resources.worker_process import WorkerProcess

pytestmark = pytest.mark.survival

LOCKED_FOR = 10.0  # seconds
TARGET = "notebook:backtests/trouble.ipynb"


class Running:
    """An API and a worker in one home, and four who post comments under keys until each is told."""

    def __init__(self, home: Path) -> None:
        self.chosen = Settings(home=home)
        self.store = ScheduleStore(opened(self.chosen), ALL_SEEING)
        self.clock = SetClock(home.with_name("clock"))
        self.slot = datetime.now(UTC).replace(second=0, microsecond=0)
        self.clock.set(f"{self.slot:%Y-%m-%d %H:%M:%S}")
        self.api, self.worker = ApiProcess(self.chosen), WorkerProcess(self.chosen, command=self.clock.command)
        self.told: dict[str, str] = {}
        self.answers, self.longest, self.said = Counter[int](), 0.0, set[str]()
        self._over = threading.Event()
        self._writing = [threading.Thread(target=self._write, args=(name,)) for name in range(4)]

    def start(self) -> None:
        self.api.start()
        self.worker.start()
        for each in self._writing:
            each.start()
        self.more()

    def more(self) -> None:
        """Wait until all of them were told again."""
        before = len(self.told)
        until(lambda: len(self.told) >= before + 20)

    def end(self) -> None:
        self._over.set()
        for each in self._writing:
            each.join(60)
            assert not each.is_alive()

    def kill(self) -> None:
        self._over.set()
        self.api.kill()
        self.worker.kill()

    def held(self) -> Counter[str]:
        found, cursor = Counter[str](), ""
        while cursor is not None:
            asked = {"target": TARGET, "limit": "200", "cursor": cursor}
            page = httpx.get(
                f"{self.api.url}/v1/comments", params=asked, headers={"Authorization": "Bearer ada"}, timeout=60
            )
            found.update(each["body"] for each in page.json()["items"])
            cursor = page.json()["next"]
        return found

    def schedule(self) -> str:
        """A schedule of a slot each ten minutes."""
        with clock.at(self.slot):
            return self.store.add(New(notebook="a.ipynb", cron="*/10 * * * *", overlap="queue"), "ada").id

    def next_slot(self) -> datetime:
        """Let the worker's clock come to the next one."""
        self.slot = self.slot.replace(minute=self.slot.minute // 10 * 10) + timedelta(minutes=10)
        self.clock.set(f"{self.slot + timedelta(seconds=2):%Y-%m-%d %H:%M:%S}")
        return self.slot

    def fired(self, schedule: str) -> list[datetime | None]:
        return [each.slot for _, each in reversed(self.store.firings(50, None, schedule=schedule))]

    def goes_on(self, schedule: str, slots: list[datetime]) -> None:
        """What was due is fired, and the next slot is, with posts all the while."""
        self.more()
        until(lambda: self.fired(schedule) == slots)
        slots.append(self.next_slot())
        until(lambda: self.fired(schedule) == slots)
        self.end()

    def _write(self, name: int) -> None:
        with httpx.Client(base_url=self.api.url, timeout=60, headers={"Authorization": "Bearer ada"}) as http:
            for number in range(100_000):
                if self._over.is_set():
                    return
                self._post(http, f"{name}-{number}")
                time.sleep(0.05)

    def _post(self, http: httpx.Client, body: str) -> None:
        while True:
            began = time.monotonic()
            new = {"target": TARGET, "body": body}
            answer = http.post("/v1/comments", json=new, headers={"Idempotency-Key": body})
            self.answers[answer.status_code] += 1
            self.longest = max(self.longest, time.monotonic() - began)
            if answer.status_code == 201:
                self.told[body] = answer.json()["id"]
                return
            self.said.add(answer.json()["detail"])
            if self._over.wait(0.3):
                return


@contextmanager
def running(home: Path) -> Iterator[Running]:
    made = Running(home)
    try:
        made.start()
        yield made
    finally:
        made.kill()


def test_both_databases_are_locked_for_ten_seconds(tmp_path: Path, figure: Callable[[str], None]):
    with running(tmp_path) as here:
        files = [here.chosen.home_root / "api" / "api.sqlite", here.chosen.home_root / "worker" / "dbos.sqlite"]
        schedule = here.schedule()
        slots = [here.next_slot()]
        until(lambda: here.fired(schedule) == slots)
        with closing(sqlite3.connect(files[0])) as api, closing(sqlite3.connect(files[1])) as dbos:
            for each in (api, dbos):
                each.execute("BEGIN IMMEDIATE")
            told = len(here.told)
            slots.append(here.next_slot())
            time.sleep(LOCKED_FOR)
            assert len(here.told) <= told + 4
        here.goes_on(schedule, slots)
        held = here.held()
        figure(
            f"locked for {LOCKED_FOR:.0f} s: {sum(here.answers.values())} posts, {len(here.told)} acknowledged, "
            f"{sum(held[each] == 0 for each in here.told)} lost, {sum(n > 1 for n in held.values())} doubled, the "
            f"longest answered after {here.longest:.1f} s"
        )
        assert set(here.answers) == {201}
        assert held == Counter(here.told.keys())
        assert here.fired(schedule) == slots
        assert here.longest >= LOCKED_FOR - 2, "nobody waited for the lock"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of sixteen megabytes."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"root may not mount a file system here: {mounted.stderr}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_disk_is_full_for_a_while(small_disk: Path, figure: Callable[[str], None]):
    with running(small_disk) as here:
        schedule = here.schedule()
        slots = [here.next_slot()]
        until(lambda: here.fired(schedule) == slots)
        filling = small_disk / "filling"
        with filling.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
            while True:
                file.write(b"x" * 4096)
        slots.append(here.next_slot())
        until(lambda: here.answers[503] >= 10)
        with pytest.raises(OSError, match="No space left"):
            shutil.copyfile(sys.executable, small_disk / "another")
        filling.unlink()
        (small_disk / "another").unlink()
        here.goes_on(schedule, slots)
        held = here.held()
        figure(
            f"a full disk: {sum(here.answers.values())} posts, {len(here.told)} acknowledged, "
            f"{sum(held[each] == 0 for each in here.told)} lost, {sum(n > 1 for n in held.values())} doubled; "
            f"answers {dict(here.answers)}"
        )
        assert set(here.answers) == {201, 503}
        assert here.said == {"The disk that holds the database is full: nothing of this request was kept."}
        assert held == Counter(here.told.keys())
        assert here.fired(schedule) == slots
