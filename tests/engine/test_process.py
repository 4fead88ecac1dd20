"""The process of the next run: who gets it, and that nothing of it stays."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from processes import command, lives

from alphapulse_lib.engine import process
from alphapulse_lib.engine.process import worker
from alphapulse_lib.results import cluster

PATIENCE = 60.0


@pytest.fixture(autouse=True)
def ahead(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a process that has run nothing yet."""
    process._ahead.end()  # what the runs of other tests left waiting
    fresh = process._Ahead()
    monkeypatch.setattr(process, "_ahead", fresh)
    yield
    fresh.end()


def ran() -> int:
    """The process of a run that is asked for here."""
    with worker() as running:
        return running.process.pid


def waiting() -> list[int]:
    """The processes that wait for a run."""
    return [each.pid for each in psutil.Process().children() if lives(each) and "engine.worker" in command(each)]


def until_gone(pid: int) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.02)
                continue
        return
    raise AssertionError(f"process {pid} is still there")


def test_the_first_run_leaves_none_the_second_leaves_the_thirds() -> None:
    first = ran()
    assert waiting() == []
    second = ran()
    (ahead,) = waiting()
    assert ahead not in (first, second)
    assert ran() == ahead
    (another,) = waiting()
    assert another != ahead, "each serves one run"


def test_a_run_in_other_surroundings_gets_a_new_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran(), ran()
    for change, told in (
        (monkeypatch.setenv, ("SOMETHING", "else")),
        (monkeypatch.setattr, (sys, "path", [str(tmp_path), *sys.path])),
        (monkeypatch.chdir, (tmp_path,)),
    ):
        (old,) = waiting()
        change(*told)
        assert ran() != old
        assert waiting() == [], "the old one is gone, and no run came before in these surroundings"
        ran()


def test_one_that_was_killed_is_given_to_nobody() -> None:
    ran(), ran()
    (killed,) = waiting()
    psutil.Process(killed).kill()
    until_gone(killed)
    with worker() as running:
        assert running.process.pid != killed
        assert running.process.poll() is None


def test_one_that_nobody_needs_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "IDLE", 0.1)
    ran(), ran()
    assert process._ahead._waiting is not None
    ahead = process._ahead._waiting.process.pid  # which may be gone already
    until_gone(ahead)
    assert ran() != ahead


def test_none_is_given_away_that_is_about_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ran(), ran()
    (ahead,) = waiting()
    monkeypatch.setattr(process, "_MARGIN", process.IDLE)
    assert ran() != ahead
    until_gone(ahead)


def test_a_thread_gets_a_new_one_for_it_would_die_with_the_thread_that_started_it() -> None:
    ran(), ran()
    (ahead,) = waiting()
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(ran()))
    thread.start()
    thread.join()
    assert found[0] != ahead
    assert waiting() == [ahead]


def test_a_fork_leaves_alone_what_waits_for_its_parent() -> None:
    ran(), ran()
    (ahead,) = waiting()
    child = os.fork()
    if child == 0:
        process._ahead.end()
        os._exit(0 if process._ahead.take() is None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert waiting() == [ahead]
    assert ran() == ahead


SCRIPT = """
import sys, time
from alphapulse_lib.engine.process import worker
from alphapulse_lib.results import cluster
for _ in range(2):
    with worker():
        pass
from alphapulse_lib.engine import process
print(process._ahead._waiting.process.pid, flush=True)
if sys.argv[1] == "sleeps":
    time.sleep(600)
"""


@pytest.mark.parametrize("how", ["ends", "sleeps"])
def test_it_ends_with_the_process_that_it_waits_for(how: str) -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT, how], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        ahead = int(owner.stdout.readline())
        if how == "sleeps":
            owner.kill()
        owner.wait(PATIENCE)
    until_gone(ahead)


def test_what_is_to_end_with_its_owner_need_load_no_engine_for_that() -> None:
    """What starts a sweep's workers is such a one: it waits beside them, and they wait for it."""
    told = "import sys; from alphapulse_lib.engine.descendants import die_with; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", told], capture_output=True, check=True, text=True).stdout.split()
    assert not {"nautilus_trader", "numpy", "pyarrow"}.intersection(loaded)
    assert "engine.worker" not in cluster._START
