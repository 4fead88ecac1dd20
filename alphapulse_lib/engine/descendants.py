"""The processes that a strategy starts end with its run, though they lead sessions of their own.

A group's end does not reach such a one. So whatever a run's process starts inherits a mark in its environment, by
which it is found; and the process of a sweep's trials adopts what a trial leaves, which costs a trial one system call.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["MARK", "adopt", "end_adopted", "end_marked"]

#: The variable that marks what belongs to a run; each run's process has another value.
MARK = "ALPHAPULSE_RUN_FAMILY"

_PR_SET_CHILD_SUBREAPER = 36
#: Seconds after which one that is killed and does not end is let be: the system holds it.
_PATIENCE = 5.0


def end_marked(mark: str) -> None:
    """End every process with a mark, and what it may be starting just now."""
    until = time.monotonic() + _PATIENCE
    while (found := [*_marked(mark)]) and time.monotonic() < until:
        for process in found:
            _kill(process)
        time.sleep(0.001)


def adopt() -> None:
    """Become the parent of what this process' children leave behind when they end."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_adopted() -> None:
    """End all children of this process, and theirs, which it adopts."""
    with contextlib.suppress(ChildProcessError):  # there is none, or none any more
        while True:
            ended, _ = os.waitpid(-1, os.WNOHANG)
            if ended == 0:
                _end_children()


def _end_children() -> None:
    import psutil

    for child in psutil.Process().children():
        _kill(child.pid)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child.pid, 0)


def _marked(mark: str) -> Iterator[int]:
    sought = f"{MARK}={mark}".encode()
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # gone meanwhile, or somebody else's
            if sought in (place / "environ").read_bytes().split(b"\0"):
                yield int(place.name)


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process, signal.SIGKILL)
