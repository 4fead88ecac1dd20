"""How long a run or a sweep will take and how much memory it will hold, by the rows it will read and by earlier runs.

Seconds are those of a run that reads next to nothing, and so many a row; of the former, what its process takes until it
can read, less for how long it has been there. Memory likewise, with the slope through
earlier runs that is the median of all (Theil 1950, Sen 1968), which no single odd run bends; besides, what an engine
holds of its data at once, which is less only in runs that have less.

Where others kept the cores busy in the last minutes, all takes as much longer as it took the last runs.

What a row costs depends on what the strategy does with it: it is the seconds over the rows of earlier runs of the same
strategy, period and fill convention. Where there are few such rows, it is drawn towards what rows of other strategies
cost here, and where there are none, towards what was measured where this was written, on a machine as fast as this one
is in beginning a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from alphapulse_lib.model.run import RunSpec
from alphapulse_lib.results.took import Kind, Took, like

__all__ = ["Estimate", "SweepEstimate", "estimate", "seconds", "sweep_estimate"]

#: Under what names a record's environment keeps an estimate, beside what `alphapulse_lib.results.took` says of it.
_ESTIMATED = ("estimated_seconds", "estimated_megabytes", "estimated_waiting")

#: Seconds of what reads next to nothing: a run with its process, and a trial forked off one that has read.
_START: dict[Kind, float] = {"run": 0.7, "sweep": 0.15}
#: Of a run's, until its process can read.
_BEGIN: dict[Kind, float] = {"run": 0.55, "sweep": 0.0}
#: Of them, in the engine; and seconds of a bar, and of a trade or quote, in a Python strategy.
_ENGINE, _A_BAR, _A_TICK = 0.03, 12e-6, 15e-6
#: Seconds of a sweep beside its trials, in which its processes begin and read; and of a walk-forward, as measured where
#: this was written: processes import what the strategy needs, and each window has data of its own.
_BESIDE: dict[Kind, float] = {"processes": 4.0, "windows": 1.0}
_A_WINDOW = 0.07
#: How many earlier ones say it.
_SWEEPS = 5
#: Megabytes of a process that has read next to nothing, and of each row.
_MEGABYTES, _A_ROW = 245.0, 1e-4
#: Megabytes of what an engine is given at once, and from how many rows on it is as many.
_AT_ONCE, _FULL = 145.0, 65_536
#: Rows below which a run tells how long beginning takes, and rows that what is known of others weighs as much as.
_FEW, _WEIGHT = 5_000, 1_000
#: Nanoseconds in which runs tell how busy the cores are, and how many of them are asked.
_LATELY, _LAST = 600 * 10**9, 3
#: How many rows apart two runs tell a slope of memory: below, all else that a process does shows.
_APART = 100_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will take.

    Attributes
    ----------
    rows : int
        How many bars, trades and quotes it will read.
    seconds : float
        Until its result is there.
    megabytes : float
        The most that its process will hold.
    ticks : bool
        Whether they are ticks.
    waiting : float
        How many times longer than on cores of its own that is.
    """

    rows: int
    seconds: float
    megabytes: float
    ticks: bool = False
    waiting: float = 1.0

    @property
    def text(self) -> str:
        """In a line."""
        what = "bars and ticks" if self.ticks else "bars"
        return f"{self.rows:,} {what}: about {seconds(self.seconds)} and {self.megabytes:,.0f} MB"

    def environment(self) -> dict[str, str]:
        """How a record keeps it."""
        told = (self.seconds, self.megabytes, self.waiting)
        return {name: f"{value:.4g}" for name, value in zip(_ESTIMATED, told, strict=True)}


@dataclass(frozen=True, slots=True)
class SweepEstimate:
    """What many trials will take.

    Attributes
    ----------
    trials : int
        How many; those that are recorded already take no time.
    workers : int
        On how many processes.
    seconds : float
        Until the last one is recorded.
    trial : Estimate
        What one takes, on average; ``megabytes`` is what a process holds with the trial that it runs.
    """

    trials: int
    workers: int
    seconds: float
    trial: Estimate

    @property
    def text(self) -> str:
        """In a line."""
        count = f"{self.trials:,} {'trial' if self.trials == 1 else 'trials'} of about {self.trial.rows:,} rows"
        on = f"on {self.workers} {'process' if self.workers == 1 else 'processes'}"
        return f"{count} {on}: about {seconds(self.seconds)}, {self.trial.megabytes:,.0f} MB each process"


def estimate(
    spec: RunSpec, rows: int, earlier: Sequence[Took], kind: Kind = "run", now: int = 0, ahead: float = 0.0
) -> Estimate:
    """What a run, or a trial of a sweep, will take.

    Parameters
    ----------
    rows : int
        How many it will read.
    earlier : sequence of Took
        What `alphapulse_lib.results.took.lately` found, of the same kind.
    now : int
        Nanoseconds since 1970, UTC.
    ahead : float
        Seconds since the imports of the run's process began.
    """
    begin, start, inside = _start(earlier, kind)
    pace = (begin + start) / _START[kind]  # a machine that begins a run half as fast is taken for half as fast
    rate = _rate(spec, earlier, inside, pace)
    ticks = spec.fill == "ticks"
    held = _megabytes([(each.rows, each.megabytes) for each in earlier], rows)
    waiting = _waiting(earlier, now)
    # What it has had, it has had on cores as busy as they are.
    start += max(begin - ahead / waiting, 0.0)
    return Estimate(rows, (start + rate * rows) * waiting, held, ticks, waiting)


def sweep_estimate(
    spec: RunSpec,
    trials: Sequence[tuple[int, int]],
    workers: int,
    earlier: Sequence[Took],
    beside: Sequence[Took] = (),
    windows: int = 0,
    now: int = 0,
) -> SweepEstimate:
    """What a sweep will take.

    Parameters
    ----------
    trials : sequence of (int, int)
        How many trials read how many rows each.
    workers : int
        Processes that run them; no more than there are cores.
    earlier : sequence of Took
        Of trials.
    beside : sequence of Took
        What earlier ones took beside their trials: sweeps, or where there are windows, walk-forwards.
    windows : int
        Of a walk-forward, whose processes are there already, how many windows it has; 0 for a sweep.
    now : int
        As in `estimate`.
    """
    count = max(sum(number for number, _ in trials), 1)
    each = [(number, estimate(spec, rows, earlier, "sweep", now)) for number, rows in trials]
    total = sum(number * one.seconds for number, one in each)
    waiting = _waiting(earlier, now)
    mean = Estimate(
        sum(number * rows for number, rows in trials) // count,
        total / count,
        max((one.megabytes for _, one in each), default=_MEGABYTES),
        spec.fill == "ticks",
        waiting,
    )
    kind: Kind = "windows" if windows else "processes"
    # As many times what it took where this was written, as it lately was.
    slower = [each.seconds / _beside(kind, each.rows) for each in beside[-_SWEEPS:]]
    other = _beside(kind, windows) * (median(slower) if slower else 1.0) * waiting
    return SweepEstimate(count, workers, other + total / workers, mean)


def _beside(kind: Kind, windows: int) -> float:
    return _BESIDE[kind] + _A_WINDOW * windows


def _waiting(earlier: Sequence[Took], now: int) -> float:
    """How many times longer than on cores of its own all takes now."""
    lately = [each.waiting for each in earlier if 0 <= now - each.ended_at < _LATELY]
    return median(lately[-_LAST:]) if lately else 1.0


def _start(earlier: Sequence[Took], kind: Kind) -> tuple[float, float, float]:
    """Seconds until a process can read; then of what reads next to nothing; and of the latter in the engine."""
    few = [each for each in earlier if each.rows <= _FEW]
    inside = min([_ENGINE, *(each.engine for each in earlier)])
    if not few:
        return _BEGIN[kind], _START[kind] - _BEGIN[kind], inside
    return median(each.begin for each in few), median(each.outside for each in few) + inside, inside


def _rate(spec: RunSpec, earlier: Sequence[Took], inside: float, pace: float) -> float:
    """Seconds a row."""
    known = (_A_TICK if spec.fill == "ticks" else _A_BAR) * pace
    own = [each for each in earlier if each.like == like(spec)]
    others: dict[str, list[Took]] = {}
    for each in earlier:
        same_market = each.like.endswith(" ticks") == (spec.fill == "ticks")
        if each not in own and same_market:
            others.setdefault(each.like, []).append(each)
    if others:
        known = median([_drawn(each, inside, known) for each in others.values()])
    return _drawn(own, inside, known)


def _drawn(runs: Sequence[Took], inside: float, known: float) -> float:
    """Seconds a row of some runs; what is known besides counts as so many rows more."""
    rows = sum(each.rows for each in runs)
    spent = sum(max(each.engine - inside, 0.0) for each in runs)
    return (spent + known * _WEIGHT) / (rows + _WEIGHT)


def _megabytes(seen: Sequence[tuple[int, float]], rows: int) -> float:
    """The value at so many rows of the line through what was seen, but for what an engine holds at once."""
    seen = [(count, value - _at_once(count)) for count, value in seen]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a in seen for b in seen if b[0] - a[0] >= _APART]
    slope = max(median(slopes), 0.0) if slopes else _A_ROW
    start = median(max(value - slope * count, 0.0) for count, value in seen) if seen else _MEGABYTES
    return start + slope * rows + _at_once(rows)


def _at_once(rows: int) -> float:
    return _AT_ONCE * min(rows / _FULL, 1.0)


def seconds(value: float) -> str:
    """In words."""
    if value < 120:
        return f"{value:,.2g} s" if value < 10 else f"{value:,.0f} s"
    return f"{value / 60:,.0f} minutes" if value < 7_200 else f"{value / 3_600:,.1f} hours"
