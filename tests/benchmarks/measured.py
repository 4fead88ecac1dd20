"""How the benchmarks measure: two ways of doing the same, in turns, in one run; the ratio of each pair, and the memory.

The figure to quote is the median of the pairs' ratios: what else the machine does hits both halves of a pair. Memory is
the most that one way held above what the process held before it, by the kernel's own count.
"""

from __future__ import annotations

import contextlib
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time, sleep

import psutil
import pyarrow as pa

__all__ = ["Pair", "Spent", "paired", "process", "spent", "told"]

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Spent:
    """What one turn took: seconds, the processors' seconds, and at most so many bytes more than before."""

    seconds: float
    processor: float
    memory: int


@dataclass(frozen=True, slots=True)
class Pair:
    """What two ways took in turns; ``ratio`` is the median of ours / theirs.

    ``clock`` is the same by the clock, where ``ratio`` compares the processors' seconds: what whoever waits waits.
    """

    ratio: float
    ours: Spent
    theirs: Spent
    clock: float | None = None


def paired(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    turns: int = 7,
    *,
    processor: bool = False,
    keep: bool = False,
) -> Pair:
    """Each way in turns, after one turn of each that is not counted.

    Parameters
    ----------
    processor : bool
        Compare the processors' seconds instead of the clock's, where both ways keep every processor busy.
    keep : bool
        Leave Arrow the memory that it had in the turn before: where the other way's library keeps its own, which
        nobody can take from it.
    """
    spent(ours), spent(theirs)
    pairs = [(spent(ours, keep=keep), spent(theirs, keep=keep)) for _ in range(turns)]
    clock = statistics.median(a.seconds / b.seconds for a, b in pairs)
    busy = statistics.median(a.processor / b.processor for a, b in pairs)
    first, second = (_middle([pair[side] for pair in pairs]) for side in (0, 1))
    return Pair(busy, first, second, clock) if processor else Pair(clock, first, second)


def spent(work: Callable[[], object], *, keep: bool = False) -> Spent:
    """One turn, its result let go; Arrow's memory before it too, unless it may be kept."""
    if not keep:
        pa.default_memory_pool().release_unused()
    before = _reset_peak()
    start, busy = perf_counter(), process_time()
    result = work()
    end = Spent(perf_counter() - start, process_time() - busy, max(0, _memory("VmHWM") - before))
    del result
    return end


def process(script: str, catalog: Path, *arguments: str) -> Spent:
    """A script as a process of its own, with all that it starts: from the interpreter's start to its end.

    What it prints is printed, indented. Memory is looked at twenty times a second: the most that all of its processes
    held together, pages that several share divided among them.

    Parameters
    ----------
    catalog : Path
        Is what `ap` asks in there, and the script's first argument; what it leaves goes beside it.
    """
    places = {"ALPHAPULSE_CATALOG": str(catalog), "ALPHAPULSE_HOME": str(catalog.parent / "home")}
    before, start = _ended(), perf_counter()
    # Compiled once, as where it is installed: else each process of ours compiles the library anew.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    running = psutil.Popen(
        [sys.executable, "-c", script, str(catalog), *arguments],
        env=kept | places,
        stdout=subprocess.PIPE,
        text=True,
    )
    most = 0
    while running.poll() is None:
        most = max(most, _together(running))
        sleep(0.05)
    seconds, printed = perf_counter() - start, running.stdout.read().strip()
    sys.stdout.write(f"    {seconds:6.2f} s  {_ended() - before:6.2f} s  {most / _MEGABYTE:6,.0f} MB   {printed}\n")
    sys.stdout.flush()
    if running.returncode:
        raise SystemExit(f"The script ended with {running.returncode}.")
    return Spent(seconds, _ended() - before, most)


def _ended() -> float:
    """The processors' seconds of the processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _together(running: psutil.Process) -> int:
    held = 0
    with contextlib.suppress(psutil.Error):  # one may end while it is looked at
        for each in [running, *running.children(recursive=True)]:
            held += each.memory_full_info().pss
    return held


def told(what: str, sides: str, pair: Pair, aim: str) -> None:
    """One line a comparison."""
    sides_told = " against ".join(
        f"{each.seconds:.3f} s, {each.processor:.3f} s of the processors, {each.memory / _MEGABYTE:,.0f} MB"
        for each in (pair.ours, pair.theirs)
    )
    clock = "" if pair.clock is None else f" by the processors' seconds, {pair.clock:.2f} by the clock"
    sys.stdout.write(f"{what}: {sides} = {pair.ratio:.2f}{clock} (aim: {aim}); {sides_told}\n")
    sys.stdout.flush()


def _middle(turns: list[Spent]) -> Spent:
    return Spent(
        statistics.median(each.seconds for each in turns),
        statistics.median(each.processor for each in turns),
        int(statistics.median(each.memory for each in turns)),
    )


def _reset_peak() -> int:
    """Let the kernel count the peak anew; what the process holds now, in bytes."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _memory("VmRSS")


def _memory(name: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(f"{name}:"))
