"""How long a run will take and how much memory it will hold, by the bars it will read and by what earlier runs took.

Memory is that of a process that has read nothing, and so much a bar; time likewise, of the same strategy where the
ledger has runs of it. Earlier runs of this ledger, on this machine, say how much: the line through them with the median
of their slopes (Theil 1950, Sen 1968), which no single odd run bends. Without any, what was measured where this was
written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from alphapulse_lib.model.run import RunRecord, RunSpec
from alphapulse_lib.results.ledger import Ledger

__all__ = ["Estimate", "estimate"]

#: Under what names a record's environment keeps an estimate; ``took_seconds`` and ``took_megabytes`` are what came.
_ESTIMATED = ("estimated_seconds", "estimated_megabytes")

#: Seconds and megabytes of a run that reads next to nothing, and of each bar: Python strategies, bars of minutes.
_SECONDS, _A_BAR = 0.25, 9e-6
_MEGABYTES, _MEMORY_A_BAR = 230.0, 3e-4
#: Runs that are looked at, and how many bars apart two of them tell a slope: below, all else that a process does shows.
_RUNS, _APART = 40, 100_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will take.

    Attributes
    ----------
    bars : int
        How many it will read.
    seconds : float
        In its process, reading included.
    megabytes : float
        The most that its process will hold.
    """

    bars: int
    seconds: float
    megabytes: float

    @property
    def text(self) -> str:
        """In a line."""
        return f"{self.bars:,} bars: about {self.seconds:,.2g} s and {self.megabytes:,.0f} MB"

    def environment(self) -> dict[str, str]:
        """How a record keeps it."""
        return dict(zip(_ESTIMATED, (f"{self.seconds:.4g}", f"{self.megabytes:.4g}"), strict=True))


def estimate(spec: RunSpec, bars: int, ledger: Ledger) -> Estimate:
    """What a run will take.

    Parameters
    ----------
    bars : int
        How many it will read.
    ledger : Ledger
        One's own: what others ran was run on other machines.
    """
    took = [each for each in map(_took, Ledger(ledger.root).runs(_RUNS, status="finished")) if each is not None]
    same = [each for each in took if each[0] == spec.strategy.name]
    seconds = _along([(each[1], each[2]) for each in same or took], bars, _SECONDS, _A_BAR)
    return Estimate(bars, seconds, _along([(each[1], each[3]) for each in took], bars, _MEGABYTES, _MEMORY_A_BAR))


def _took(record: RunRecord) -> tuple[str, int, float, float] | None:
    """Strategy, bars, seconds and megabytes of an earlier run, where it says what it took."""
    told = record.environment
    if record.spec.fill == "ticks":  # whose rows are ticks
        return None
    try:
        taken = float(told["took_seconds"]), float(told["took_megabytes"])
    except (KeyError, ValueError):
        return None
    return (record.spec.strategy.name, sum(each.rows for each in record.series), *taken)


def _along(seen: Sequence[tuple[int, float]], bars: int, base: float, rate: float) -> float:
    """The value at so many bars of the line through what was seen."""
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a in seen for b in seen if b[0] - a[0] >= _APART]
    slope = max(median(slopes), 0.0) if slopes else rate
    start = median(max(value - slope * count, 0.0) for count, value in seen) if seen else base
    return start + slope * bars
