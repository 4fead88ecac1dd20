"""The process of a run, from its start to its end; light, so that it starts before anything heavy is imported.

Half of a short run was the imports of its process. So whoever runs one after the other finds the next run's process
waiting: it was started when the last run ended, has imported everything, and knows nothing of any run. It serves one,
as any other, and ends by itself where none comes for some minutes.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
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

__all__ = ["Worker", "end_with_its_own", "search_path", "worker"]

_PREFIX = "alphapulse-run-"

#: Seconds for which a process waits for a run; what it holds meanwhile is its libraries'.
IDLE = 300.0
#: Seconds before that from which on it is not given one: it must not end on the way.
_MARGIN = 60.0

_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from alphapulse_lib.engine.worker import main; main(*map(int, sys.argv[2:4]), *map(float, sys.argv[4:]))"
)

type _Surroundings = tuple[dict[str, str], list[str], str, int]


@dataclass(frozen=True, eq=False)
class Worker:
    """The process of a run, which waits for its request in ``folder``."""

    folder: Path
    process: subprocess.Popen[bytes]
    told: int
    since: float

    @property
    def age(self) -> float:
        """Seconds since its process was started."""
        return time.monotonic() - self.since


@dataclass(frozen=True, eq=False)
class _Process:
    """A process that waits to be told the folder of a run; what it was started in, and when."""

    process: subprocess.Popen[bytes]
    told: int
    surroundings: _Surroundings
    since: float
    mark: str

    @classmethod
    def start(cls) -> _Process:
        """It leads a session of its own: an interrupt reaches this process alone, which then stops all of that one."""
        surroundings, since = _surroundings(), time.monotonic()
        told, tell = os.pipe()
        mark = new_mark()
        try:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-c",
                    _START,
                    search_path(),
                    *map(str, (os.getpid(), tell, IDLE, since)),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[tell],
                start_new_session=True,
                env={**os.environ, "PYTHONHASHSEED": "0", MARK: mark},
            )
        except BaseException:
            os.close(told)
            raise
        finally:
            os.close(tell)
        return cls(process, told, surroundings, since, mark)

    @property
    def may_serve(self) -> bool:
        """Whether it lives, will go on doing so, and is what one that is started now would be."""
        is_young = time.monotonic() - self.since < IDLE - _MARGIN
        return is_young and self.process.poll() is None and self.surroundings == _surroundings()

    def tell(self, folder: str) -> None:
        """Tell it the folder of its run."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(folder).encode() + b"\n")
        self.process.stdin.flush()

    def end(self) -> None:
        """End it, and what a strategy started from it."""
        end_with_its_own(self.process)
        end_marked(self.mark)
        os.close(self.told)


class _Ahead:
    """The process that waits for the next run, where the last two runs were asked for in the same surroundings.

    The main thread's alone: the system ends a process that `die_with` another when that one's *thread* ends.
    """

    def __init__(self) -> None:
        self._waiting: _Process | None = None
        self._last: _Surroundings | None = None

    def take(self) -> _Process | None:
        """The process that waits, if it may serve a run that is asked for here."""
        if threading.current_thread() is not threading.main_thread():
            return None
        waiting, self._waiting = self._waiting, None
        if waiting is None or waiting.surroundings[-1] != os.getpid():  # after a fork it is another one's
            return None
        if waiting.may_serve:
            return waiting
        waiting.end()
        return None

    def look(self) -> None:
        """A run has ended: start the next one's process, unless this was the first."""
        if threading.current_thread() is not threading.main_thread():
            return
        before, self._last = self._last, _surroundings()
        if self._last == before and self._waiting is None:
            self._waiting = _Process.start()

    def end(self) -> None:
        """End what waits."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None and waiting.surroundings[-1] == os.getpid():
            waiting.end()


_ahead = _Ahead()
atexit.register(_ahead.end)


@contextlib.contextmanager
def worker() -> Iterator[Worker]:
    """The process of a run. It imports what it needs while its request is still being made, or has done so before.

    Whatever happens inside the context, nothing of it is left afterwards; what a killed owner left is removed by the
    next. What waits for the next run afterwards is another process.
    """
    with (
        told_where_full(),
        tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as place,
        held(Path(place)),
    ):
        running = _told(place)
        try:
            remove_leftovers(Path(place).parent, f"{_PREFIX}*")
            yield Worker(Path(place), running.process, running.told, running.since)
        finally:
            running.end()
            _ahead.look()


def _told(place: str) -> _Process:
    """A process that knows its folder: the one that waits, else a new one."""
    waiting = _ahead.take()
    if waiting is not None:
        try:
            waiting.tell(place)
            return waiting
        except BrokenPipeError:  # it was killed just now, by the system or by hand
            waiting.end()
    new = _Process.start()
    with contextlib.suppress(BrokenPipeError):  # whoever attends it notices that it died
        new.tell(place)
    return new


def _surroundings() -> _Surroundings:
    """What a process inherits from this one, now; last the id of this one."""
    try:
        folder = str(Path.cwd())
    except OSError:  # it was removed
        folder = ""
    return dict(os.environ), [*sys.path], folder, os.getpid()


def search_path() -> str:
    """Where modules are looked for, as JSON for another process; Python itself passes over a `Path` that is among it.

    Examples
    --------
    >>> all(isinstance(each, str) for each in json.loads(search_path()))
    True
    """
    return json.dumps([each for each in sys.path if isinstance(each, str)])


def end_with_its_own(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a group, all of that, and what descends from it: a strategy may have started others."""
    if process.poll() is None:
        end_descendants(process.pid)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
