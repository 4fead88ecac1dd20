"""A run's process ends with its owner, and what a strategy starts with its run, also what leads a session of its own.

A group's end does not reach such a one. So whatever a run's process starts inherits a mark in its environment, by
which it is found; and a run's process, as that of a sweep's trials, adopts what those leave that it started, and ends
all of it before it leaves, which costs one system call where there is none. Whoever ends it from outside first ends
what descends from it, so one without the mark is found, too.

The mark tells whose run it is. Where that process was killed, so that it could end nothing, the end of this user's next
run on the machine ends what it left. What has neither the mark nor a living parent in the family can be told from
nobody's: it stays where a strategy ended its own process by ``os._exit``, or the system killed that.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
import uuid
from collections.abc import Collection, Iterator
from pathlib import Path

__all__ = ["MARK", "adopt", "die_with", "end_adopted", "end_descendants", "end_marked", "end_orphans", "new_mark"]

#: The variable that marks what belongs to a run; each run's process has another value.
MARK = "ALPHAPULSE_RUN_FAMILY"

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
#: Seconds after which one that is killed and does not end is let be: the system holds it.
_PATIENCE = 5.0


def new_mark() -> str:
    """A mark that no other run has, and that tells whose it is: this process'."""
    return f"{uuid.uuid4().hex} {_namespace()} {os.getpid()} {_since(os.getpid())}"


def end_marked(mark: str) -> None:
    """End every process with a mark, and what it may be starting just now; and those whose owners were killed."""
    until = time.monotonic() + _PATIENCE
    while (found := [*_marked(mark)]) and time.monotonic() < until:
        for process in found:
            _kill(process)
        time.sleep(0.001)


def die_with(parent: int) -> None:
    """Be killed when the process that started this one dies; leave interrupts to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def adopt() -> None:
    """Become the parent of what this process' children leave behind when they end."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_adopted() -> None:
    """End all children of this process, and theirs, which it adopts."""
    until = time.monotonic() + _PATIENCE
    with contextlib.suppress(ChildProcessError):  # there is none, or none any more
        while time.monotonic() < until:
            ended, _ = os.waitpid(-1, os.WNOHANG)
            if ended == 0:
                for each in _descendants(os.getpid()):
                    _kill(each)
                time.sleep(0.001)


def end_orphans(but: Collection[int]) -> None:
    """End this process' children and theirs, but for some: what they leave that end, it has adopted."""
    if not but:
        end_adopted()
        return
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        found = [child for child, parent in _parents() if parent == os.getpid() and child not in but]
        if not found:
            return
        for each in found:
            for one in (*_descendants(each), each):
                _kill(one)
        time.sleep(0.001)


def end_descendants(process: int) -> None:
    """Stop a process that is about to be ended, and end all that descends from it, while that can be told."""
    _kill(process, signal.SIGSTOP)
    until = time.monotonic() + _PATIENCE
    while (found := _descendants(process)) and time.monotonic() < until:
        for each in found:
            _kill(each)
        time.sleep(0.001)


def _descendants(process: int) -> list[int]:
    """The living processes that descend from one."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    found = [*children.get(process, ())]
    for each in found:  # which grows by theirs
        found += children.get(each, ())
    return found


def _parents() -> Iterator[tuple[int, int]]:
    """Each living process with its parent."""
    if sys.platform != "linux":
        import psutil

        for each in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if each.status() != psutil.STATUS_ZOMBIE:
                    yield each.pid, each.ppid()
        return
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # gone meanwhile
            state, parent, *_ = (place / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if state not in "XZ":
                yield int(place.name), int(parent)


def _marked(mark: str) -> Iterator[int]:
    beginning = f"{MARK}=".encode()
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # gone meanwhile, or somebody else's
            environment = (place / "environ").read_bytes()
            if beginning not in environment:
                continue
            found = [each[len(beginning) :].decode() for each in environment.split(b"\0") if each.startswith(beginning)]
            if mark in found or (place.stat().st_uid == os.geteuid() and any(map(_is_orphaned, found))):
                yield int(place.name)


def _is_orphaned(mark: str) -> bool:
    """Whether a mark's owner has ended; one in another container, whose processes have other numbers, is let be."""
    _, *told = mark.split(" ")
    if len(told) != 3 or told[0] != _namespace() or not told[1].isdigit():
        return False
    return _since(int(told[1])) != told[2]


def _namespace() -> str:
    """What tells the processes' numbers here from those in another container; nothing where Linux does not tell."""
    with contextlib.suppress(OSError):
        return str(Path("/proc/self/ns/pid").readlink())
    return ""


def _since(process: int) -> str:
    """When a process started, in the system's own ticks; nothing where it ended. Numbers are given to others later."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    return ""


def _kill(process: int, how: signal.Signals = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process, how)
