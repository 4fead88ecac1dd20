"""How long a run may take, and how much memory it may hold: looked at from outside, while it runs.

Its address space is no measure: Arrow maps files and its allocator reserves what it never touches. So the process is
looked at some times a second, and what it holds for itself alone (its unique set size) counts.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from math import inf
from numbers import Real
from pathlib import Path

from alphapulse_lib.errors import InputError
from alphapulse_lib.settings import settings

__all__ = ["Limits"]

#: Bytes of a megabyte, as settings and arguments have it.
_MEGABYTE = 1_000_000
#: Of the machine's memory, what a run may hold unless told: above it the kernel chooses whom it kills.
_SHARE = 0.9
#: Where a container's own limit is told.
_CONTAINER = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a run may take.

    Attributes
    ----------
    seconds : float, optional
        From the moment it is asked for; no limit unless told.
    memory : float
        Megabytes that its process may hold for itself alone.
    """

    seconds: float | None
    memory: float

    @classmethod
    def of(cls, seconds: float | None = None, memory: float | None = None, *, what: str = "run") -> Limits:
        """Those that are told, else those of the settings, else nine tenths of the machine's memory and no time.

        Parameters
        ----------
        what : {"run", "trial"}
            How the arguments are called: ``run_seconds``, ``run_memory``.

        Raises
        ------
        InputError
            One of them is no amount above zero.
        """
        for name, value, such in ((f"{what}_seconds", seconds, 60), (f"{what}_memory", memory, 4_000)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, Real) or not 0 < value < inf):
                unit = "a time" if such == 60 else "an amount of megabytes"
                raise InputError(f"{name}={value!r} is not {unit} above zero.", f"Such as {name}={such}.")
        chosen = settings()
        seconds = chosen.run_seconds if seconds is None else float(seconds)
        return cls(seconds, float(memory or chosen.run_memory or _machine()))

    def pause(self, since: float, most: float) -> float:
        """Seconds until a process is to be looked at again: ``most``, or less where its time is up before."""
        if self.seconds is None:
            return most
        return min(most, max(0.001, since + self.seconds - time.monotonic()))

    def exceeded(self, process: int, since: float) -> str:
        """Which of them a process has passed, in words; empty while it has not.

        Parameters
        ----------
        process : int
            Its id.
        since : float
            When it began, as `time.monotonic` told it.
        """
        if self.seconds is not None and time.monotonic() - since > self.seconds:
            return f"took longer than the {self.seconds:g} s that it may"
        held = _held(process, self.memory)
        return f"held {held:,.0f} MB of memory, more than the {self.memory:,.0f} MB that it may" if held else ""


def _held(process: int, most: float) -> float:
    """What a process holds for itself alone, in megabytes, where that is more than it may; else 0."""
    import psutil

    with suppress(psutil.Error):
        looked_at = psutil.Process(process)
        # What it holds with others together is quickly told, and never less.
        if looked_at.memory_info().rss > most * _MEGABYTE:
            alone = float(looked_at.memory_full_info().uss) / _MEGABYTE
            return alone if alone > most else 0.0
    return 0.0


@cache
def _machine() -> float:
    import psutil

    found = float(psutil.virtual_memory().total)
    for path in _CONTAINER:
        with suppress(OSError, ValueError):  # "max" is no number: the container has no limit
            found = min(found, float(path.read_text()))
    return _SHARE * found / _MEGABYTE
