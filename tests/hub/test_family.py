"""The processes of a hub: found wherever they went, ended for certain, nobody else's touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from processes import lives

from hub import family

SLEEPS = "import time; time.sleep(60)"
#: Starts a child in a session of its own and leaves it behind, as Jupyter does with kernels when it is killed.
LEAVES_ONE = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPS!r}], start_new_session=True)"
#: Ignores SIGTERM, and says when it does.
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {SLEEPS}"


def python(code: str, home: Path, **more) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], env=family.mark(home), **more)


def test_an_orphan_in_its_own_session_is_found_and_ended(tmp_path: Path):
    assert python(LEAVES_ONE, tmp_path).wait() == 0
    (orphan,) = family.members(tmp_path)
    assert family.end(tmp_path) == 1
    assert not lives(orphan)


def test_one_that_ignores_the_polite_signal_is_killed(tmp_path: Path):
    child = python(STUBBORN, tmp_path, stdout=subprocess.PIPE)
    child.stdout.readline()
    assert family.end(tmp_path, patience=0.2) == 1
    assert not psutil.pid_exists(child.pid)


def test_the_hub_of_another_home_is_left_alone(tmp_path: Path):
    other = python(SLEEPS, tmp_path / "other")
    try:
        assert family.end(tmp_path) == 0
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_who_ends_a_family_is_spared_with_the_terminal_it_runs_in(tmp_path: Path):
    code = f"from pathlib import Path; from hub import family; print(family.end(Path({str(tmp_path)!r})))"
    shell = f'{sys.executable} -c "{code}"'
    done = subprocess.run(
        ["sh", "-c", f"{shell}; echo alive"], env=family.mark(tmp_path), capture_output=True, text=True
    )
    assert done.stdout.split() == ["0", "alive"]


@pytest.mark.skipif(sys.platform != "linux", reason="the signal of a parent's death is Linux's")
def test_a_child_ends_with_a_parent_that_was_killed(tmp_path: Path):
    code = (
        "import subprocess, sys, time; from hub import family; "
        f"subprocess.Popen([sys.executable, '-c', {SLEEPS!r}], preexec_fn=family.end_with_parent); "
        "print('started', flush=True); time.sleep(60)"
    )
    parent = python(code, tmp_path, stdout=subprocess.PIPE)
    parent.stdout.readline()
    (child,) = psutil.Process(parent.pid).children()
    parent.kill()
    parent.wait()
    assert psutil.wait_procs([child], timeout=60)[1] == []
