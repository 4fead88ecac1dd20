"""Many trials of one strategy on one data set: the near end of `alphapulse_lib.engine.nursery`."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from alphapulse_lib.engine.descendants import MARK, end_marked, new_mark
from alphapulse_lib.engine.leftovers import held, remove_leftovers
from alphapulse_lib.engine.limits import Limits
from alphapulse_lib.engine.printed import ends_of
from alphapulse_lib.engine.process import end_with_its_own, search_path
from alphapulse_lib.engine.request import (
    PRINTED,
    TRIALS,
    WARM_UPS,
    RawResult,
    Request,
    empty_tables,
    write_scores,
    write_spec,
)
from alphapulse_lib.engine.runner import result_of
from alphapulse_lib.model.run import RunSpec
from alphapulse_lib.model.warm_up import WarmUp

__all__ = ["Trials"]

_PREFIX = "alphapulse-trials-"

_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from pathlib import Path; "
    "from alphapulse_lib.engine.nursery import main; main(Path(sys.argv[2]))"
)


class Trials:
    """Runs specs that differ in their parameters and windows, one after the other, each in a process of its own.

    Parameters
    ----------
    base : Request
        The strategy, instruments and catalogs, and a spec of which the others are variations.
    scores : pyarrow.Table, optional
        Those of ``spec.scorer``, for runs with news.
    limits : Limits, optional
        A trial that passes one is killed, and has failed; those of the settings unless told.
    """

    def __init__(self, base: Request, scores: pa.Table | None = None, limits: Limits | None = None) -> None:
        self._base, self._scores, self._limits = base, scores, limits or Limits.of()
        self._opened = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._home = Path()
        self._count = 0
        # A worker ends it from another thread than the one that waits for a trial.
        self._starting, self._ended = threading.Lock(), False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def process(self) -> int | None:
        """The id of the process that holds the data, where there is one."""
        return self._process.pid if self._process else None

    def close(self) -> None:
        """End the process, for good; nothing of it is left afterwards, and whoever waits for a trial waits no more."""
        with self._starting:
            self._ended = True
            self._end()

    def _end(self) -> None:
        self._opened.close()
        self._process = None

    def read(self, spec: RunSpec) -> RawResult:
        """Read the data of a spec; what comes back has its ``series``, ``marks`` and ``warnings`` alone.

        Raises
        ------
        PreflightError
            There are no bars, or not such as a run may be believed on.
        """
        return self._ask("load", spec)

    def run(self, spec: RunSpec) -> RawResult:
        """Run a spec.

        Returns
        -------
        RawResult
            Of status ``"failed"`` when the strategy raised, when its process died or passed a limit.

        Raises
        ------
        PreflightError
            The run was refused: nothing ran.
        """
        return self._ask("run", spec)

    def warm_ups(self, spec: RunSpec, trials: Sequence[Mapping[str, Any]]) -> list[list[WarmUp]]:
        """What a spec takes with each of some parameters before it decides; nothing where that cannot be known."""
        found: list[list[WarmUp]] = [[] for _ in trials]

        def given(folder: Path) -> None:
            (folder / TRIALS).write_text(json.dumps([dict(each) for each in trials]))

        def collected(folder: Path, _code: int) -> RawResult:
            told = folder / WARM_UPS
            if told.exists():
                found[:] = [[WarmUp(*each) for each in one] for one in json.loads(told.read_text())]
            return RawResult("finished", **empty_tables())

        self._ask("warm", spec, given, collected)
        return found

    def _ask(
        self,
        what: str,
        spec: RunSpec,
        given: Callable[[Path], None] = lambda _: None,
        collected: Callable[[Path, int], RawResult] | None = None,
    ) -> RawResult:
        code = None
        for _ in range(2):  # a strategy may have killed more than its own process: the second time is the last
            with self._starting:
                if self._ended:  # what waits for a trial that never ends would begin it once more, for nobody
                    return RawResult("failed", error="WorkerDied: its sweep has ended", **empty_tables())
                if self._process is None:
                    self._start()
            self._count += 1
            folder = self._home / str(self._count)
            folder.mkdir()
            write_spec(folder, spec)
            given(folder)
            code = self._answer([what, str(folder), self._limits.seconds, self._limits.memory])
            if code is not None:
                try:
                    return (collected or self._collected)(folder, code)
                finally:
                    # The tables are mapped into memory: what is in use stays until it is let go.
                    for each in folder.iterdir():
                        each.unlink()
                    folder.rmdir()
            with self._starting:
                self._end()
        error = "WorkerDied: the process that held the data was killed, twice: it may have run out of memory"
        return RawResult("failed", error=error, **empty_tables())

    def _collected(self, folder: Path, code: int) -> RawResult:
        printed = ends_of(folder / PRINTED)
        return result_of(folder, code, interrupted=False, printed=printed, sources=self._base.sources)

    def _answer(self, command: list[Any]) -> int | None:
        """The exit code of the trial's process; ``None`` where the nursery itself is gone."""
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(command).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            return None
        line = process.stdout.readline()
        return int(line) if line.endswith(b"\n") else None

    def _start(self) -> None:
        place = self._opened.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True))
        self._home = Path(place)
        self._opened.enter_context(held(self._home))
        remove_leftovers(self._home.parent, f"{_PREFIX}*")
        self._base.write(self._home)
        write_scores(self._home, self._scores)
        mark = new_mark()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, search_path(), place],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "PYTHONHASHSEED": "0", MARK: mark},
        )
        self._opened.callback(end_marked, mark)
        self._opened.callback(end_with_its_own, self._process)
