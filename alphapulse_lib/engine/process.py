"""The process of a run, from its start to its end; light, so that it starts before anything heavy is imported.

Half of a short run was the imports of its process. So the first run has a process started that imports what every run
needs, and each run's is forked from that one (`alphapulse_lib.engine.cradle`), which knows nothing of any run.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alphapulse_lib.engine.descendants import MARK, end_descendants, end_marked, new_mark
from alphapulse_lib.engine.leftovers import held, remove_leftovers
from alphapulse_lib.engine.room import told_where_full

__all__ = ["Forked", "Worker", "end_with_its_own", "search_path", "worker"]

_PREFIX = "alphapulse-run-"

#: Seconds for which a cradle waits for a run; what it holds meanwhile is its libraries'.
IDLE = 300.0
#: Seconds for which one forks: what is installed meanwhile, a later run's process is to have.
_YOUNG = 240.0

_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from alphapulse_lib.engine.cradle import main; main(int(sys.argv[2]), *map(float, sys.argv[3:]))"
)

#: What the system lets a process take, for all kinds of it that are known here.
_LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]

type _Surroundings = tuple[dict[str, str], list[str], list[tuple[int, int]], int, set[int]]


class Forked:
    """A process that was forked elsewhere, with the part of `subprocess.Popen` that is asked of it here.

    Parameters
    ----------
    stdin, stdout, told : int
        The near ends of its standard input and output, and where is told what becomes of it.

    Attributes
    ----------
    went_with_cradle : bool
        Whether what it was forked from was killed, and it with that.
    """

    def __init__(self, stdin: int, stdout: int, told: int) -> None:
        self.stdin, self.stdout = os.fdopen(stdin, "wb", buffering=0), os.fdopen(stdout, "rb", buffering=0)
        self._told, self._heard = told, b""
        self._pid: int | None = None
        self.returncode: int | None = None
        self.went_with_cradle = False

    @property
    def pid(self) -> int:
        """Its id, which is waited for where it is not there yet.

        Raises
        ------
        ProcessLookupError
            There never was such a process.
        OSError
            The system has room for no other.
        """
        if not self.is_there() or self._pid is None:
            raise ProcessLookupError("the process of the run could not be started")
        return self._pid

    def is_there(self) -> bool:
        """Whether there is such a process, or was: it is waited for.

        Raises
        ------
        OSError
            The system has room for no other process.
        """
        while self._pid is None and self.returncode is None:
            self._hear(None)
        return self._pid is not None

    def poll(self) -> int | None:
        """Its exit code, a signal's number below zero; ``None`` while it runs."""
        while self.returncode is None and self._hear(0.0):
            pass
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended.

        Raises
        ------
        subprocess.TimeoutExpired
            It has not, after so many seconds.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            left = None if until is None else max(0.0, until - time.monotonic())
            if not self._hear(left) and self.returncode is None:
                raise subprocess.TimeoutExpired("the process of a run", timeout or 0.0)
        return self.returncode

    def _hear(self, patience: float | None) -> bool:
        """Take in what is told of it; whether there was anything within so many seconds."""
        ears = select.poll()
        ears.register(self._told, select.POLLIN)
        if not ears.poll(None if patience is None else 1000 * patience):
            return False
        data = os.read(self._told, 4096)
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            told, value = line.split()
            what, number = told.decode(), int(value)
            if what == "pid":
                self._pid = number
            elif what == "ended":
                self._end(number)
            else:
                self._end(-signal.SIGKILL)
                raise OSError(number, os.strerror(number))
        if not data and self.returncode is None:  # nobody is left who could tell of it
            self.went_with_cradle = True
            self._end(-signal.SIGKILL)
        return True

    def _end(self, code: int) -> None:
        self.returncode = code
        os.close(self._told)


@dataclass(frozen=True, eq=False)
class Worker:
    """The process of a run, which waits for its request in ``folder``."""

    folder: Path
    process: Forked
    told: int
    since: float

    @property
    def age(self) -> float:
        """Seconds since its imports began."""
        return time.monotonic() - self.since


class _Cradle:
    """The near end of `alphapulse_lib.engine.cradle`, started in these surroundings."""

    def __init__(self) -> None:
        self.surroundings, self.since = _surroundings(), time.monotonic()
        self._door, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._mark = new_mark()
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-c",
                    _START,
                    search_path(),
                    *map(str, (os.getpid(), IDLE, self.since)),
                ],
                stdin=theirs.fileno(),  # another may be one of the three below, which its owner may have closed
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, "PYTHONHASHSEED": "0", MARK: self._mark},
            )

    @property
    def may_serve(self) -> bool:
        """Whether it lives, and what it forks is what would be started now."""
        is_young = time.monotonic() - self.since < _YOUNG
        return is_young and self._process.poll() is None and self.surroundings == _surroundings()

    def fork(self, folder: str, mark: str) -> Worker:
        """A process for the run of a folder."""
        with contextlib.ExitStack() as mine, contextlib.ExitStack() as theirs:
            pipes = [_pipe(mine, theirs, is_heard=each) for each in (False, True, True, True)]
            here = os.open(".", os.O_PATH | os.O_DIRECTORY)
            theirs.callback(os.close, here)
            socket.send_fds(self._door, [b"1"], [*(far for _, far in pipes), here])
            mine.pop_all()
        (stdin, _), (output, _), (told, _), (heard, _) = pipes
        forked = Forked(stdin, output, heard)
        environment = {**os.environ, "PYTHONHASHSEED": "0", MARK: mark}
        with contextlib.suppress(BrokenPipeError):  # whoever attends it notices that it died
            forked.stdin.write(json.dumps([folder, environment]).encode() + b"\n")
        return Worker(Path(folder), forked, told, self.since)

    def end(self) -> None:
        """End it, and all that was forked from it."""
        self._door.close()
        end_with_its_own(self._process)
        end_marked(self._mark)


class _Cradles:
    """The cradle of this process, and those before it whose runs are not over; for any of its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: _Cradle | None = None
        self._runs: dict[_Cradle, int] = {}

    def fork(self, folder: str, mark: str) -> tuple[_Cradle, Worker]:
        """A process for the run of a folder, and what it was forked from: that is to be told when the run is over."""
        with self._lock:
            if self._now is not None and not self._now.may_serve:
                self._replace()
            try:
                return self._forked(folder, mark)
            except ConnectionError:  # it was killed just now, by the system or by hand
                self._replace()
                return self._forked(folder, mark)

    def over(self, cradle: _Cradle) -> None:
        """A run of a cradle is over: one that no other run will be forked from ends with its last."""
        with self._lock:
            self._runs[cradle] -= 1
            if cradle is not self._now:
                self._end_unused(cradle)

    def end(self) -> None:
        """End all of them, and their runs."""
        with self._lock:
            self._now = None
            for each in [*self._runs]:
                each.end()
            self._runs.clear()

    def _forked(self, folder: str, mark: str) -> tuple[_Cradle, Worker]:
        if self._now is None:
            self._now = _Cradle()
            self._runs[self._now] = 0
        forked = self._now.fork(folder, mark)
        self._runs[self._now] += 1
        return self._now, forked

    def _replace(self) -> None:
        before, self._now = self._now, None
        if before is not None:
            self._end_unused(before)

    def _end_unused(self, cradle: _Cradle) -> None:
        if self._runs.get(cradle) == 0:
            del self._runs[cradle]
            cradle.end()


_cradles = _Cradles()
atexit.register(lambda: _cradles.end())


def _forget() -> None:
    """What is forked from this process asks for a cradle of its own."""
    global _cradles
    _cradles = _Cradles()


os.register_at_fork(after_in_child=_forget)


@contextlib.contextmanager
def worker() -> Iterator[Worker]:
    """The process of a run. What it needs is imported while its request is still being made, or was before.

    Whatever happens inside the context, nothing of it is left afterwards; what a killed owner left is removed by the
    next. What it was forked from waits for the next run.
    """
    with (
        told_where_full(),
        tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as place,
        held(Path(place)),
    ):
        mark = new_mark()
        cradle, running = _cradles.fork(place, mark)
        try:
            remove_leftovers(Path(place).parent, f"{_PREFIX}*")
            yield running
        finally:
            end_with_its_own(running.process)
            end_marked(mark)
            os.close(running.told)
            _cradles.over(cradle)


def _pipe(mine: contextlib.ExitStack, theirs: contextlib.ExitStack, *, is_heard: bool) -> tuple[int, int]:
    """A pipe's near end, and its far one, to be closed with these; what is heard here is written there."""
    read, write = os.pipe()
    near, far = (read, write) if is_heard else (write, read)
    mine.callback(os.close, near)
    theirs.callback(os.close, far)
    return near, far


def _surroundings() -> _Surroundings:
    """What a process inherits of this one as it starts; the settings of AlphaPulse and the folder are told to each run.

    Of niceness and cores each thread has its own: those of the first one are asked for.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ALPHAPULSE_")}
    limits, here = [resource.getrlimit(each) for each in _LIMITS], os.getpid()
    return environment, [*sys.path], limits, os.getpriority(os.PRIO_PROCESS, here), os.sched_getaffinity(here)


def search_path() -> str:
    """Where modules are looked for, as JSON for another process; Python itself passes over a `Path` that is among it.

    Examples
    --------
    >>> all(isinstance(each, str) for each in json.loads(search_path()))
    True
    """
    return json.dumps([each for each in sys.path if isinstance(each, str)])


def end_with_its_own(process: subprocess.Popen[bytes] | Forked) -> None:
    """End a process that leads a group, all of that, and what descends from it: a strategy may have started others."""
    with contextlib.suppress(OSError):  # none of it is left, or the system had no room for it, which is heard only now
        if process.poll() is None:
            end_descendants(process.pid)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
