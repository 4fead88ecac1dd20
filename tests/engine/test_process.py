"""What the processes of runs are forked from: whom it serves, what a run's process has, and that nothing stays."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
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
from alphapulse_lib.engine.process import Forked, end_with_its_own, worker
from alphapulse_lib.results import cluster

PATIENCE = 60.0


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a process that has run nothing yet."""
    process._cradles.end()  # what the runs of other tests left
    new = process._Cradles()
    monkeypatch.setattr(process, "_cradles", new)
    yield
    new.end()


def ran() -> int:
    """What the process of a run that is asked for here was forked from."""
    with worker() as running:
        return psutil.Process(running.process.pid).ppid()


def cradles() -> list[int]:
    """The processes that runs are forked from."""
    return [each.pid for each in psutil.Process().children() if lives(each) and "engine.cradle" in command(each)]


def until_gone(pid: int) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.02)
                continue
        return
    raise AssertionError(f"process {pid} is still there")


def test_all_runs_are_forked_from_one_process_which_is_nobodys_else() -> None:
    with worker() as first, worker() as second:
        ids = [first.process.pid, second.process.pid]
        (cradle,) = cradles()
        assert [psutil.Process(each).ppid() for each in ids] == [cradle, cradle]
        assert {os.getsid(each) for each in ids} == {*ids}, "each leads its own, which an interrupt does not reach"
    assert not any(psutil.pid_exists(each) for each in ids)
    assert cradles() == [cradle]
    assert ran() == cradle


def test_a_run_in_other_surroundings_is_forked_from_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for change, told in (
        (monkeypatch.setenv, ("SOMETHING", "else")),
        (monkeypatch.setattr, (sys, "path", [str(tmp_path), *sys.path])),
    ):
        old = ran()
        change(*told)
        new = ran()
        assert new != old
        assert cradles() == [new], "the old one is gone"


def test_what_the_system_lets_its_owner_take_is_what_a_run_may_take() -> None:
    """One with fewer descriptors than its owner has runs for would have ended, and all of these with it."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    ran()
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[0] - 1, before[1]))
    try:
        with worker() as running:
            assert psutil.Process(running.process.pid).rlimit(resource.RLIMIT_NOFILE) == (before[0] - 1, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_settings_and_the_current_folder_are_those_of_each_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They are told to its process, whatever they were as the cradle began."""
    cradle = ran()
    monkeypatch.setenv("ALPHAPULSE_USER", "ann")
    monkeypatch.chdir(tmp_path)
    with worker() as running:
        assert psutil.Process(running.process.pid).ppid() == cradle
        assert psutil.Process(running.process.pid).cwd() == str(tmp_path)


def test_one_whose_run_goes_on_ends_with_that(monkeypatch: pytest.MonkeyPatch) -> None:
    with worker() as running:
        old = psutil.Process(running.process.pid).ppid()
        monkeypatch.setenv("SOMETHING", "else")
        new = ran()
        assert running.process.poll() is None
        assert {*cradles()} == {old, new}
    assert cradles() == [new]


def test_one_that_was_killed_is_asked_nothing() -> None:
    killed = ran()
    assert process._cradles._now is not None
    process._cradles._now._process.kill()
    process._cradles._now._process.wait(PATIENCE)
    with worker() as running:
        assert psutil.Process(running.process.pid).ppid() != killed
        assert running.process.poll() is None


def test_one_that_is_killed_as_it_is_asked_leaves_no_descriptor_open(monkeypatch: pytest.MonkeyPatch) -> None:
    ran()
    before = psutil.Process().num_fds()
    assert process._cradles._now is not None
    process._cradles._now._process.kill()
    process._cradles._now._process.wait(PATIENCE)
    monkeypatch.setattr(process._Cradle, "may_serve", True)  # it lived when that was looked at
    assert ran() in cradles()
    assert psutil.Process().num_fds() == before


def test_a_run_whose_cradle_is_killed_has_died() -> None:
    with worker() as running:
        mine = running.process.pid
        psutil.Process(mine).parent().kill()
        assert running.process.wait(PATIENCE) == -signal.SIGKILL
    until_gone(mine)


def test_one_that_nobody_needs_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "IDLE", 0.1)
    old = ran()
    assert process._cradles._now is not None
    assert process._cradles._now._process.wait(PATIENCE) == 0
    assert ran() != old


def test_none_forks_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was installed meanwhile is what a run has."""
    old = ran()
    monkeypatch.setattr(process, "_YOUNG", 0.0)
    assert ran() != old
    until_gone(old)


def test_a_thread_is_served_too_and_its_end_ends_nothing() -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(ran())) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [ran()] * 4


def test_a_process_ends_with_its_code_or_its_signal() -> None:
    with worker() as running:
        os.kill(running.process.pid, signal.SIGTERM)
        assert running.process.wait(PATIENCE) == -signal.SIGTERM
        assert running.process.poll() == -signal.SIGTERM
    with worker() as running:
        with pytest.raises(subprocess.TimeoutExpired):
            running.process.wait(0.01)
        running.process.stdin.close()  # no request comes: it ends by itself
        assert running.process.wait(PATIENCE) == 0


def test_a_fork_of_its_owner_asks_for_one_of_its_own() -> None:
    mine = ran()
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            code = 0 if ran() != mine else 2
            process._cradles.end()
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert cradles() == [mine]
    assert ran() == mine


def test_settings_may_be_longer_than_a_pipe_takes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPHAPULSE_LONG", "x" * 100_000)
    with worker() as running:
        assert running.process.is_there()


@pytest.mark.parametrize("is_asked_for", [True, False])
def test_where_the_system_has_room_for_no_other_process_that_is_said(is_asked_for: bool) -> None:
    (_, stdin), (stdout, _), (told, tell) = os.pipe(), os.pipe(), os.pipe()
    os.write(tell, f"refused {errno.EAGAIN}\n".encode())
    refused = Forked(stdin, stdout, told)
    if is_asked_for:
        with pytest.raises(BlockingIOError):
            refused.is_there()
    end_with_its_own(refused)
    assert not refused.is_there()
    os.close(tell)


SCRIPT = """
import sys, time
from alphapulse_lib.engine.process import Forked, end_with_its_own, worker
with worker() as running:
    print(running.process.pid, flush=True)
    if sys.argv[1] == "runs":
        time.sleep(600)
if sys.argv[1] == "sleeps":
    time.sleep(600)
"""


def test_its_owner_may_have_closed_what_it_was_started_with(tmp_path: Path) -> None:
    """As one does that goes on in the background: what it opens next has one of those three numbers."""
    closed = "import os; [os.close(each) for each in (0, 1, 2)]"
    runs = "from alphapulse_lib.engine.process import worker; exec('with worker() as running: running.process.pid')"
    assert subprocess.run([sys.executable, "-c", f"{closed}; {runs}"], timeout=PATIENCE, check=False).returncode == 0


@pytest.mark.parametrize("how", ["ends", "sleeps", "runs"])
def test_it_ends_with_the_process_that_it_is_for(how: str) -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT, how], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        running = int(owner.stdout.readline())
        theirs = [each.pid for each in psutil.Process(owner.pid).children(recursive=True)]
        if how != "ends":
            owner.kill()
        owner.wait(PATIENCE)
    for each in (running, *theirs):
        until_gone(each)


def test_what_is_to_end_with_its_owner_need_load_no_engine_for_that() -> None:
    """What starts a sweep's workers is such a one: it waits beside them, and they wait for it."""
    told = "import sys; from alphapulse_lib.engine.descendants import die_with; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", told], capture_output=True, check=True, text=True).stdout.split()
    assert not {"nautilus_trader", "numpy", "pyarrow"}.intersection(loaded)
    assert "engine.worker" not in cluster._START
