"""Runs a spec in a process of its own, shows how far it is, and stops it when its owner does.

The process itself is `alphapulse_lib.engine.process`'s: it starts before anything that is imported here.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from alphapulse_lib import errors
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.engine.corruption import Corruption
from alphapulse_lib.engine.last_words import ask
from alphapulse_lib.engine.last_words import told as last_words
from alphapulse_lib.engine.limits import Limits
from alphapulse_lib.engine.packing import Packed, packed
from alphapulse_lib.engine.preflight import Calendar
from alphapulse_lib.engine.printed import Printed, ends_of, unlogged
from alphapulse_lib.engine.process import Forked, Worker, end_with_its_own
from alphapulse_lib.engine.request import (
    NATIVE,
    RawResult,
    Request,
    empty_tables,
    read_outcome,
    write_scores,
)
from alphapulse_lib.engine.room import NO_ROOM
from alphapulse_lib.errors import AlphaPulseError, PreflightError, StrategyUnusable
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.run import RunSpec, Series

__all__ = ["death", "request_of", "result_of", "run"]

type Progress = Callable[[int], None]

#: Seconds between two looks at whether a run has passed a limit.
_LOOK = 0.2
#: How a process died whose end nobody told.
_WITH_CRADLE = "was killed with the one that it was forked from, as all are that run beside it in this session"


def run(
    waiting: Worker,
    spec: RunSpec,
    strategy: type | Packed,
    instruments: tuple[Instrument, ...],
    roots: Roots,
    *,
    symbols: tuple[str, ...] = (),
    gaps: str = "refuse",
    moment: int = 0,
    future: Corruption | None = None,
    scores: pa.Table | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
    echo: Callable[[str], Any] | None = None,
) -> RawResult:
    """Run a spec in a process of its own.

    Parameters
    ----------
    waiting : Worker
        From `worker`; one runs one request.
    spec : RunSpec
        What to run.
    strategy : type or Packed
        The class that ``spec.strategy`` describes.
    instruments : tuple of Instrument
        Those of ``spec.instruments``, in that order.
    roots : Roots
        The catalogs to read.
    symbols : tuple of str
        What each instrument is called in the results; its symbol unless told.
    gaps : {"refuse", "allow"}
        What to do about missing sessions.
    moment : int
        What is "now" to all that is read, nanoseconds since 1970, UTC: rows that were recorded or available later are
        not seen, whatever is written meanwhile. 0 for the clock's.
    future : Corruption, optional
        For a probe of look-ahead, which future it is shown.
    scores : pyarrow.Table, optional
        Those of ``spec.scorer``, for a run with news.
    limits : Limits, optional
        How long it may take, and how much memory it may hold; those of the settings unless told.
    progress : callable, optional
        Called with the engine's time, nanoseconds since 1970, some times a second.
    echo : callable, optional
        Called with what the strategy prints, until that is a megabyte.

    Returns
    -------
    RawResult
        Of status ``"failed"`` when the strategy raised, the process died or passed a limit, ``"interrupted"`` when its
        owner stopped it (KeyboardInterrupt); nothing is raised then, so that the run can be recorded first.

    Raises
    ------
    AlphaPulseError
        What preflight refused. Nothing ran.
    """
    request = request_of(spec, strategy, instruments, roots, symbols, gaps, moment, future)
    request.write(waiting.folder)
    write_scores(waiting.folder, scores)
    printed = Printed(echo)
    interrupted, passed = False, ""
    try:
        _send(waiting.process)
        passed = _attend(waiting, limits or Limits.of(), progress, printed.hear)
    except KeyboardInterrupt:
        interrupted = True
        end_with_its_own(waiting.process)
    ended = waiting.process
    died = _WITH_CRADLE if ended.went_with_cradle else ""
    return result_of(waiting.folder, ended.returncode, interrupted, printed.text(), passed, request.sources, died)


def request_of(
    spec: RunSpec,
    strategy: type | Packed,
    instruments: tuple[Instrument, ...],
    roots: Roots,
    symbols: tuple[str, ...] = (),
    gaps: str = "refuse",
    moment: int = 0,
    future: Corruption | None = None,
) -> Request:
    """All that another process needs to run a spec.

    Parameters
    ----------
    spec, strategy, instruments, roots, symbols, gaps, moment, future
        As in `run`.
    """
    code = strategy if isinstance(strategy, Packed) else packed(strategy)
    return Request(
        spec,
        code.blueprint,
        instruments,
        roots,
        gaps,
        symbols or tuple(each.symbol for each in instruments),
        _calendars(instruments, [Period.parse(each) for each in (spec.period, *spec.also)]),
        code.sources,
        moment,
        future,
    )


def result_of(
    folder: Path,
    code: int | None,
    interrupted: bool,
    printed: str,
    passed: str = "",
    sources: Mapping[str, Sequence[str]] = MappingProxyType({}),
    died: str = "",
) -> RawResult:
    """What a process left in its folder.

    Parameters
    ----------
    code : int, optional
        With which it ended; a negative one is a signal's number.
    interrupted : bool
        Whether its owner stopped it.
    printed : str
        What the strategy printed, or the ends of that.
    passed : str
        Which limit it passed, for which it was killed.
    sources : mapping
        The request's: the lines of files that exist nowhere else, for a traceback.
    died : str
        In words how it died, where more is known of that than its code.

    Raises
    ------
    AlphaPulseError
        What preflight refused.
    OSError
        It found no room on the disk.
    """
    outcome = None if interrupted or passed else read_outcome(folder)
    if outcome is None and code == NO_ROOM:
        raise OSError(errno.ENOSPC, "what the run came to could not be written")
    if outcome is None:
        printed = ends_of(folder / NATIVE) + printed
        status: Any = "interrupted" if interrupted else "failed"
        error = "" if interrupted else f"WorkerDied: the run's process {died or death(code)}"
        error = f"LimitReached: the run {passed}, and was stopped" if passed else error
        where = "" if interrupted else last_words(folder, sources)
        return RawResult(status, log=printed, error=error, traceback=_legible(where), **empty_tables())
    if outcome["status"] == "refused":
        kind: type[AlphaPulseError] = getattr(errors, outcome["kind"], StrategyUnusable)
        refused = kind(outcome["message"], outcome["hint"])
        if isinstance(refused, PreflightError):
            refused.about = outcome["about"]
        raise refused
    printed = unlogged(folder / NATIVE, outcome["log"]) + printed
    untold = {"defaults": json.dumps(outcome["defaults"])} if "defaults" in outcome else {}
    return RawResult(
        outcome["status"],
        **{**empty_tables(), **outcome["tables"]},
        series=tuple(Series.from_dict(each) for each in outcome["series"]),
        facts=tuple(Series.from_dict(each) for each in outcome["facts"]),
        log="\n".join(part for part in (outcome["log"], printed) if part),
        error=_legible(outcome.get("error", "")),
        traceback=_legible(outcome.get("traceback", "")),
        warnings=tuple(outcome["warnings"]),
        known=outcome.get("known", ""),
        environment=untold | {f"took_{name}": f"{value:.4g}" for name, value in outcome.get("took", {}).items()},
    )


def _legible(text: str) -> str:
    """The text of an exception as every file, terminal and database takes it: without NUL and halves of characters."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def _send(process: Forked) -> None:
    """Tell the worker that its request is there. One that is dead already is noticed by who attends it."""
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(b"go\n")


def _attend(waiting: Worker, limits: Limits, progress: Progress | None, heard: Callable[[bytes], None]) -> str:
    """Listen until the worker has closed both of its pipes, is gone, or has passed a limit: which one."""
    process, told, since = waiting.process, waiting.told, time.monotonic()
    look = since  # at once: a short run is over before a second look
    if not process.is_there():
        return ""
    output = process.stdout.fileno()
    with selectors.DefaultSelector() as ears:
        ears.register(told, selectors.EVENT_READ)
        ears.register(output, selectors.EVENT_READ)
        while ears.get_map():
            if time.monotonic() >= look:
                if passed := limits.exceeded(process.pid, since):
                    _stop(waiting)
                    return passed
                look = time.monotonic() + limits.pause(since, _LOOK)
            for key, _ in ears.select(timeout=max(0.0, look - time.monotonic())):
                data = os.read(key.fd, 65_536)
                if not data:
                    ears.unregister(key.fd)
                elif key.fd == output:
                    heard(data)
                elif progress and (moment := data.split()[-1]).isdigit():  # else a strategy wrote to any descriptor
                    progress(int(moment))
            # A process that a strategy left behind may hold the pipes open.
            if process.poll() is not None and not ears.select(timeout=0):
                return ""
    # It is leaving: nothing is heard of it any more.
    while process.poll() is None:
        if passed := limits.exceeded(process.pid, since):
            _stop(waiting)
            return passed
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(limits.pause(since, _LOOK))
    return ""


def _stop(waiting: Worker) -> None:
    """End a run's process, which leaves where it was."""
    ask(waiting.process.pid, waiting.folder)
    end_with_its_own(waiting.process)


def _calendars(instruments: tuple[Instrument, ...], periods: Sequence[Period]) -> dict[str, Calendar]:
    """Calendars take a second to compute and this process keeps them; bars of sessions always need theirs."""
    if not any(each.is_session for each in periods):
        return {}
    from alphapulse_lib.catalog.sessions import sessions

    found = {}
    for code in dict.fromkeys(each.venue.code for each in instruments):
        known = sessions(code)
        found[code] = Calendar(known.opens, known.closes)
    return found


def death(code: int | None) -> str:
    """In words how a process died that ended with a code; a negative one is a signal's number."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"was killed ({name}){': it may have run out of memory' if name == 'SIGKILL' else ''}"
    return f"ended with code {code} before it answered"
