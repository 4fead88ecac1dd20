"""The processes of one job: all that its notebook started ends with it, whatever it did to hide.

A kernel and what it starts may leave their session, their process group and their parent, and drop their environment.
Linux hands an orphan to the nearest of its ancestors that asked for orphans: a job's guard asks, and so whatever
descends from the job descends from its guard for as long as it lives. Where there is no Linux, a mark in the
environment that each child inherits finds those that kept it.

::

    job's server -> guard -> runner (papermill) -> kernel -> whatever the notebook starts
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Collection
from contextlib import suppress
from types import FrameType

import psutil

__all__ = ["MARK", "adopt", "end_descendants", "end_marked", "end_with_parent", "guarded"]

#: The variable that marks a job's processes; it holds the job's id, which is a firing's.
MARK = "ALPHAPULSE_FIRING"

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_PATIENCE = 10.0  # seconds for the system to take killed processes away


def guarded(act: Callable[[], None]) -> None:
    """Do it in a child of this process, and leave with it; before that, end all that descends from it.

    Being told to end, by SIGTERM or by the death of its own parent, this process ends them all the same.

    Parameters
    ----------
    act : callable
        What the child does. An exception is printed, and is the child's failure.
    """
    adopt()
    signal.signal(signal.SIGTERM, _leave)
    this = os.getpid()
    child = os.fork()
    if child == 0:
        _act(act, this)
    _, status = os.waitpid(child, 0)
    end_descendants()
    if os.WIFSIGNALED(status):  # as the child did, so that whoever waits is told the same
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(this, os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))


def adopt() -> None:
    """Ask Linux to hand this process the orphans among its descendants."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent() -> None:
    """Ask Linux to send this process SIGTERM when its parent dies, even of SIGKILL. Call it in the child."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def end_descendants(but: Collection[int] = ()) -> None:
    """Kill all that descends from this process, until none is left.

    Parameters
    ----------
    but : collection of int
        The process numbers of children that are spared, with their own descendants.
    """
    deadline = time.monotonic() + _PATIENCE
    while (found := _descendants(but)) and time.monotonic() < deadline:
        for each in found:  # again until none is left: one of them may have been starting another
            with suppress(psutil.Error):
                each.kill()
        time.sleep(0.005)
        for each in found:
            with suppress(ChildProcessError):  # not ours to bury, or buried
                os.waitpid(each.pid, os.WNOHANG)


def end_marked(job_id: str) -> None:
    """Kill every process that bears a job's mark, but this one."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        found = [each for each in psutil.process_iter() if each.pid != os.getpid() and _bears(each, job_id)]
        if not found:
            return
        for each in found:
            with suppress(psutil.Error):
                each.kill()
        psutil.wait_procs(found, timeout=_PATIENCE)


def _act(act: Callable[[], None], parent: int) -> None:
    code = 1
    try:
        adopt()
        end_with_parent()
        if os.getppid() == parent:  # it may have died before the line above
            act()
            code = 0
    except BaseException:  # noqa: BLE001  the child ends here, and must not go on as its parent does
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _leave(_number: int, _frame: FrameType | None) -> None:
    end_descendants()
    os._exit(128 + signal.SIGTERM)


def _descendants(but: Collection[int]) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            found += [] if child.pid in but else [child, *child.children(recursive=True)]
    return [each for each in found if _lives(each)]


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _bears(process: psutil.Process, job_id: str) -> bool:
    try:
        return _lives(process) and process.environ().get(MARK) == job_id
    except psutil.Error:  # gone meanwhile, or somebody else's
        return False


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)
