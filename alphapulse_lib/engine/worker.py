"""The process a run lives in: load, refuse or answer, leave the outcome in the folder it was given.

Forked by `alphapulse_lib.engine.cradle`; dies with it.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa

from alphapulse_lib.engine.answer import answer
from alphapulse_lib.engine.corruption import Lens
from alphapulse_lib.engine.data import calendar_of, load
from alphapulse_lib.engine.descendants import end_adopted
from alphapulse_lib.engine.last_words import end, listen
from alphapulse_lib.engine.request import NATIVE, Request, read_scores, write_outcome
from alphapulse_lib.engine.room import NO_ROOM, is_full
from alphapulse_lib.errors import AlphaPulseError, PreflightError

__all__ = ["attend", "leave", "measured", "mute", "or_refusal"]


def attend(told: int, begin: float) -> NoReturn:
    """Wait for a request, answer it, and end the process.

    Its folder holds the request, and takes the outcome.

    Parameters
    ----------
    told : int
        A file descriptor for progress: one time in nanoseconds a line.
    begin : float
        Seconds that its imports took.
    """
    folder = _await_folder()
    _await_request()
    mute(folder)
    listen(folder)
    request = Request.read(folder)
    leave(
        folder, lambda: measured(lambda: answer(request, load(request, _scores(request, folder)), folder, told), begin)
    )


def measured(outcome: Callable[[], dict[str, Any]], begin: float = 0.0) -> dict[str, Any]:
    """An outcome with what it took: seconds, those that it waited for a core, and the most megabytes that it held.

    Parameters
    ----------
    begin : float
        Seconds that was imported before it could be asked; 0 where that is not told.
    """
    since, waited = time.perf_counter(), _waited()
    found = outcome()
    took = {"engine": time.perf_counter() - since, "waited": _waited() - waited}
    began = {"begin": begin} if begin else {}
    return found | {"took": took | began | {"megabytes": _most_held() / 1_000_000}}


def _waited() -> float:
    """Seconds that this process' main thread could have worked in, had others left it a core.

    Elsewhere than on Linux, where nobody counts them, those in which it did not work, also where it slept.
    """
    counted = Path("/proc/self/schedstat")
    if counted.exists():
        return int(counted.read_text().split()[1]) / 1e9
    return time.perf_counter() - time.process_time()


def _most_held() -> int:
    """The most bytes that this process ever held."""
    status = Path("/proc/self/status")
    if status.exists():  # of what it says elsewhere, Linux counts in what its parent held when it was started
        told = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(told.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def leave(folder: Path, outcome: Callable[[], dict[str, Any]]) -> NoReturn:
    """Write how it went, or why it was refused, and end the process with all that was started from it."""
    code = 0
    try:
        write_outcome(folder, or_refusal(outcome))
    except OSError as refused:
        if not is_full(refused):
            raise
        code = NO_ROOM
    finally:
        end_adopted()
    sys.stdout.flush()
    sys.stderr.flush()
    # Two million objects need not be taken apart one by one.
    end(code)


def or_refusal(outcome: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """An outcome; where preflight refused, that."""
    try:
        return outcome()
    except AlphaPulseError as refused:
        return {
            "status": "refused",
            "kind": type(refused).__name__,
            "message": refused.message,
            "hint": refused.hint,
            "about": refused.about if isinstance(refused, PreflightError) else {},
        }


def _scores(request: Request, folder: Path) -> pa.Table | None:
    """The scores that were handed over. A probe looks at these, and at the catalog, through its lens from here on."""
    scores = read_scores(folder)
    if request.future is None:
        return scores
    lens = Lens(request.future, request.roots, folder, lambda code: calendar_of(request, code).opens)
    lens.install()
    return lens.scores(scores)


def _await_folder() -> Path:
    """Wait until this process is told the folder of its run and its environment, as a line of JSON."""
    line = sys.stdin.readline()
    if not line:
        end(0)
    folder, environment = json.loads(line)
    os.environ.clear()
    os.environ.update(environment)
    return Path(folder)


def _await_request() -> None:
    """Wait until the request is written; where none is coming any more, end."""
    if not sys.stdin.readline():
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())  # a strategy that asks for input gets none
    os.close(nothing)


def mute(folder: Path) -> None:
    """Keep what native code says, such as NautilusTrader of an exception it swallows, for the log; Python is heard."""
    heard = os.dup(2)
    sys.stderr = os.fdopen(heard, "w", buffering=1, errors="backslashreplace")
    native = os.open(folder / NATIVE, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(native, 2)
    os.close(native)
