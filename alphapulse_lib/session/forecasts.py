"""What many trials will take: told before the first of them begins, and beside it, at the end, what they took."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from time import perf_counter

from alphapulse_lib import clock
from alphapulse_lib.results.estimate import SweepEstimate, seconds, sweep_estimate
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.swept import Trial
from alphapulse_lib.results.took import Kind, waiting
from alphapulse_lib.session.progress import rows_of
from alphapulse_lib.session.running import Plan
from alphapulse_lib.settings import settings

__all__ = ["Forecast"]


class Forecast:
    """What trials will take, and how long it has been since.

    Parameters
    ----------
    trials : sequence of (int, float)
        How many trials read which share of the plan's window.
    workers : int, optional
        Processes of this machine; one a core unless told.
    windows : int
        Of a walk-forward, whose processes are there and have read, how many it has; 0 for a sweep.

    Attributes
    ----------
    estimate : SweepEstimate
        What was told.
    took : float
        Seconds; ``nan`` until it has `ended`.
    """

    def __init__(
        self, plan: Plan, trials: Sequence[tuple[int, float]], workers: int | None, *, windows: int = 0
    ) -> None:
        from alphapulse_lib.results.cluster import cores

        chosen, at_once = settings(), workers or cores()
        rows = rows_of(plan.spec, plan.roots)
        shares = [(number, round(rows * share)) for number, share in trials]
        count = at_once if chosen.dask else min(at_once, cores())
        self._ledger = Ledger(chosen.ledger_root)
        self._kind: Kind = "windows" if windows else "processes"
        earlier, beside = self._ledger.took(plan.spec, "sweep"), self._ledger.took(plan.spec, self._kind)
        self.estimate: SweepEstimate = sweep_estimate(
            plan.spec, shares, count, earlier, beside, windows, clock.now_ns()
        )
        self.took = float("nan")
        self._since, self._begun, self._windows = perf_counter(), clock.now_ns(), windows
        self._run: list[dict[str, str]] = []

    def seen(self, trial: Trial) -> bool:
        """A trial is recorded: it counts where it was run for this. Whether it was."""
        told = trial.record.environment
        is_run = trial.record.ended_at >= self._begun
        if is_run and "took_engine" in told:
            self._run.append(told)
        return is_run

    def ended(self) -> None:
        """It is over: what it took beside its trials is kept for the next one."""
        self.took = perf_counter() - self._since
        if not self._run:
            return
        trials = sum(float(each["took_seconds"]) for each in self._run) / self.estimate.workers
        beside, longer = max(self.took - trials, 0.0), median(map(waiting, self._run))
        self._ledger.keep_beside(self._kind, self._windows, beside, longer, clock.now_ns())

    @property
    def note(self) -> str:
        """What was told and what came, in a line."""
        return f"Took {seconds(self.took)}; about {seconds(self.estimate.seconds)} were estimated."
