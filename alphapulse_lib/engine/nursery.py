"""A process that reads a run's data once and forks a process for each trial on it.

What a strategy does to its process (memory that it leaks, an ``os._exit``, a global that it changes) is gone with the
trial; what was read is shared by all of them without a copy. The process itself never makes an engine and starts no
thread of its own, so that what is forked is whole.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import sys
import time
from collections import OrderedDict
from dataclasses import astuple, replace
from pathlib import Path
from typing import NoReturn

from alphapulse_lib.engine.answer import answer, unpickled
from alphapulse_lib.engine.data import Data, load, opens
from alphapulse_lib.engine.descendants import adopt, die_with, end_adopted
from alphapulse_lib.engine.harvest import marks
from alphapulse_lib.engine.last_words import ask, end, listen
from alphapulse_lib.engine.last_words import told as last_words
from alphapulse_lib.engine.limits import Limits
from alphapulse_lib.engine.nautilus import made_once
from alphapulse_lib.engine.request import (
    PRINTED,
    TRIALS,
    WARM_UPS,
    Request,
    read_scores,
    read_spec,
    write_outcome,
)
from alphapulse_lib.engine.source import workspace_module
from alphapulse_lib.engine.warm_ups import warm_ups
from alphapulse_lib.engine.worker import leave, measured, mute, or_refusal

__all__ = ["main"]

#: Data sets that are kept: a walk-forward's train and test windows come in turns.
_KEPT = 2
#: Seconds between two looks at whether a trial has passed a limit.
_LOOK = 0.2


def main(home: Path) -> None:
    """Answer one command a line of standard input, until it ends.

    Parameters
    ----------
    home : Path
        Holds the request of which every one is a variation, and the scores that a trial may need.

    Notes
    -----
    A command is a JSON list: ``["load" | "run" | "warm", folder, seconds, megabytes]``. The folder holds a spec and
    takes what comes of it; a trial that takes longer than that many seconds, ``null`` for no limit, or holds more
    memory for itself alone, is killed. The answer is a line with the exit code of the trial's process.
    """
    commands, answers = os.dup(0), os.dup(1)
    _point(0, os.devnull, os.O_RDONLY)
    _point(1, os.devnull, os.O_WRONLY)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    adopt()
    nursery = _Nursery(home, commands, answers)
    for line in os.fdopen(commands, "rb", buffering=0, closefd=False):
        what, folder, seconds, memory = json.loads(line)
        limits = Limits(seconds, memory)
        if what == "load":
            code = nursery.load(Path(folder))
        else:
            code = (nursery.run if what == "run" else nursery.warm)(Path(folder), limits)
        os.write(answers, b"%d\n" % code)
    os._exit(0)


class _Nursery:
    def __init__(self, home: Path, commands: int, answers: int) -> None:
        self._home, self._commands, self._answers = home, commands, answers
        self._base = Request.read(home)
        self._known: OrderedDict[tuple[int, int], Data] = OrderedDict()
        self._ready = False

    def load(self, folder: Path) -> int:
        """Read the data of a spec, and say what was read."""
        request = self._request(folder)

        def outcome() -> dict[str, object]:
            data = self._data(request)
            names = dict(zip(request.spec.instruments, request.symbols, strict=True))
            tables = {"marks": marks(tuple(data.feeds), names), "benchmark": data.benchmark}
            return _told(data, "finished") | {"tables": tables}

        write_outcome(folder, or_refusal(outcome))
        return 0

    def run(self, folder: Path, limits: Limits) -> int:
        """Run a spec in a process of its own."""
        request = self._request(folder)
        refused = or_refusal(lambda: {"data": self._data(request)})
        if "data" not in refused:
            write_outcome(folder, refused)
            return 0
        if not self._ready:
            self._ready = True
            self._import_libraries(request.strategy, limits)
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            self._trial(request, refused["data"], folder, parent)
        code, passed = self._await(child, limits, folder)
        if passed:
            error = f"LimitReached: the trial {passed}, and was stopped"
            raised = {"error": error, "traceback": last_words(folder, request.sources)}
            write_outcome(folder, _told(refused["data"], "failed") | raised)
        return code

    def warm(self, folder: Path, limits: Limits) -> int:
        """Say what the parameters that lie in the folder take before anything is decided, in a process of its own."""
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            try:
                os.setsid()
                die_with(parent)
                for descriptor in (1, 2):
                    _point(descriptor, os.devnull, os.O_WRONLY)
                request = self._request(folder)
                trials = json.loads((folder / TRIALS).read_text())
                found = warm_ups(request, unpickled(request.strategy), trials)
                (folder / WARM_UPS).write_text(json.dumps([[[*astuple(each)] for each in one] for one in found]))
            finally:
                os._exit(0)
        return self._await(child, limits)[0]

    def _trial(self, request: Request, data: Data, folder: Path, parent: int) -> NoReturn:
        try:
            os.setsid()  # what a strategy starts can be ended with it
            die_with(parent)
            os.close(self._commands)
            os.close(self._answers)
            _point(1, folder / PRINTED, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(1, 2)
            sys.stdout = os.fdopen(os.dup(1), "w", buffering=1, errors="backslashreplace")
            mute(folder)
            listen(folder)
            told = os.open(os.devnull, os.O_WRONLY)
            leave(folder, lambda: measured(lambda: answer(request, data, folder, told)))
        except BaseException:  # noqa: BLE001  nothing may go on below, in the nursery's own loop
            sys.excepthook(*sys.exc_info())
        finally:
            end(1)

    def _import_libraries(self, strategy: bytes, limits: Limits) -> None:
        """Import here, once for all trials, the installed modules that a strategy needs, as a first process tells them.

        None where they start threads, which no fork takes along. Its owner's own modules are each trial's business.
        """
        parent, told = os.getpid(), self._home / "libraries.json"
        scout = os.fork()
        if scout == 0:
            try:
                os.setsid()
                die_with(parent)
                for descriptor in (1, 2):
                    _point(descriptor, os.devnull, os.O_WRONLY)
                before, threads = set(sys.modules), _threads()
                unpickled(strategy)
                found = [name for name in sys.modules if name not in before and not workspace_module(name)]
                told.write_text(json.dumps(found if _threads() == threads else []))
            finally:
                os._exit(0)
        self._await(scout, limits)
        for name in json.loads(told.read_text()) if told.exists() else []:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        gc.freeze()

    def _await(self, child: int, limits: Limits, folder: Path | None = None) -> tuple[int, str]:
        """A trial's exit code, and which limit it passed; it is killed with whoever asked for it, too.

        Where it has a folder of its own, it leaves there where it was.
        """
        since, passed = time.monotonic(), ""
        heard: dict[int, int] = {}
        ended = os.pidfd_open(child)
        try:
            ears = select.poll()
            ears.register(ended, select.POLLIN)
            ears.register(self._commands, select.POLLHUP)
            while not heard and not passed:
                heard = dict(ears.poll(1000 * limits.pause(since, _LOOK)))
                passed = "" if heard else limits.exceeded(child, since)
        finally:
            os.close(ended)
        if passed and folder:
            ask(child, folder)
        # The whole group: a strategy may have started processes of its own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        end_adopted()
        if self._commands in heard:
            os._exit(0)
        return os.waitstatus_to_exitcode(status), passed

    def _request(self, folder: Path) -> Request:
        return replace(self._base, spec=read_spec(folder))

    def _data(self, request: Request) -> Data:
        # All else is the same in every request that this process is sent.
        key = (request.spec.start, request.spec.end)
        if key not in self._known:
            data = load(request, read_scores(self._home))
            prices = {name: each.prices for name, each in data.weighted.items()}
            feeds, also = made_once(request.spec, data.feeds, lambda feed: opens(request, feed), prices, data.also)
            data = replace(data, feeds=[*feeds], also=[*also], series=data.described())
            for feed in (*feeds, *also):  # computed here, so that no trial needs to
                _ = feed.tick, feed.has_splits
                if feed.rows.are_held:
                    feed.stretch(0)
            self._known[key] = data
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
            gc.collect()
            gc.freeze()  # a collection in a trial would copy every page that it looks at
        self._known.move_to_end(key)
        return self._known[key]


def _threads() -> int:
    return len([*Path("/proc/self/task").iterdir()])


def _told(data: Data, status: str) -> dict[str, object]:
    """An outcome without tables."""
    read = {"series": data.series, "facts": data.facts, "known": data.known()}
    return {"status": status, **read, "log": "", "warnings": data.warnings}


def _point(descriptor: int, path: Path | str, flags: int) -> None:
    opened = os.open(path, flags)
    os.dup2(opened, descriptor)
    os.close(opened)
