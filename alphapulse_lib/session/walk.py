"""Walking forward fold by fold: the parameters that a sweep of the train window chooses, run on the test's."""

from __future__ import annotations

from functools import partial
from math import isfinite, nan
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alphapulse_lib.model.run import RunRecord
from alphapulse_lib.results.performance import periods_per_year
from alphapulse_lib.results.statistics import summary
from alphapulse_lib.results.swept import Trial
from alphapulse_lib.results.walk_forward import Fold, Sessions, Walked, joined, window_of
from alphapulse_lib.session.search import Search
from alphapulse_lib.session.sweep_meter import SweepMeter
from alphapulse_lib.session.workshop import Data, Workshop

if TYPE_CHECKING:
    from alphapulse_lib.results.samplers import Sampler

__all__ = ["Walk"]

type Floats = NDArray[np.floating[Any]]


class Walk:
    """The folds of a walk-forward, one after the other.

    Parameters
    ----------
    retry : bool
        Run those trials again that failed.

    Attributes
    ----------
    records : list of RunRecord
        Of all trials, those of the tests among them, in their order.
    finished, lost : int
        How many trials ended well, and how many did not.
    failed : RunRecord, optional
        The first of the latter.
    """

    def __init__(self, workshop: Workshop, data: Data, search: Search, meter: SweepMeter, *, retry: bool) -> None:
        self._workshop, self._search, self._meter, self._retry = workshop, search, meter, retry
        self._data, self._ends = data, data.ends
        self._spec = workshop.bench.base.spec
        self.records: list[RunRecord] = []
        self.finished = self.lost = 0
        self.failed: RunRecord | None = None

    def require_warm(self, data: Data, cut: list[Fold], warmup: int) -> None:
        """Refuse parameters that a window of any fold is too short for."""
        tests = [(max(each.test[0] - warmup, 0), each.test[1]) for each in cut]
        stretches = [*(each for fold in cut for each in fold.train), *tests]
        windows = [window_of(self._ends, each, self._spec.start) for each in stretches]
        self._workshop.require_warm(data, windows, self._search.proposals().ask())

    def fold(self, fold: Fold, warmup: int) -> Walked:
        """Choose, and try."""
        self._meter.begin(f"fold {fold.number}")
        before = self.finished
        parameters, inside, growth = self._chosen(fold)
        first, stop = fold.test
        nothing = np.zeros(stop - first)
        if not parameters:
            failed = self.finished == before
            return Walked(fold, {}, nan, nan, None, nan, nothing, nothing, failed=failed)
        tried = (max(first - warmup, 0), stop)
        trial = self._try(parameters, tried)
        finished = trial.record.status == "finished"
        returns = trial.returns[first - stop :] if finished else nothing
        free = self._data.earned(self._spec, tried)[first - stop :] if finished else nothing
        # A run that began before its test has statistics of more than that.
        outside = self._of_returns(returns, free) if warmup and finished else trial.value
        warm = first > 0 and warmup > 0
        return Walked(fold, parameters, inside, growth, trial, outside, returns, free, warm=warm)

    def _chosen(self, fold: Fold) -> tuple[dict[str, Any], float, float]:
        """The best parameters of the train window, their objective and their growth a year there."""
        stretches = [self._sweep(self._search.proposals(), each) for each in fold.train]
        if len(stretches) == 1:
            best = max((each for each in stretches[0] if isfinite(each.value)), key=lambda it: it.value, default=None)
            return ({}, nan, nan) if best is None else (best.parameters, best.value, best.record.statistics["cagr"])
        free = np.concatenate([self._data.earned(self._spec, each) for each in fold.train])
        judged = joined(stretches, partial(self._of_returns, free=free))
        found = [each for each in judged if isfinite(each[1])]
        if not found:
            return {}, nan, nan
        parameters, value = max(found, key=lambda each: each[1])
        return parameters, value, self._growth(stretches, parameters)

    def _sweep(self, sampler: Sampler, sessions: Sessions) -> tuple[Trial, ...]:
        window = window_of(self._ends, sessions, self._spec.start)
        search, meter = self._search, self._meter
        trials = self._workshop.sweep(
            window,
            sampler,
            search.better,
            patience=search.patience,
            retry=self._retry,
            seen=meter.seen,
            slow=meter.slow,
            waits=meter.waits,
        ).trials
        records = [each.record for each in trials]
        self.records += records
        failed = [each for each in records if each.status != "finished"]
        self.finished, self.lost = self.finished + len(records) - len(failed), self.lost + len(failed)
        self.failed = self.failed or next(iter(failed), None)
        return trials

    def _try(self, parameters: dict[str, Any], sessions: Sessions) -> Trial:
        from alphapulse_lib.results.samplers import sampler_of

        alone = sampler_of("grid", {name: [value] for name, value in parameters.items()}, None, 0)
        return self._sweep(alone, sessions)[0]

    def _growth(self, stretches: list[tuple[Trial, ...]], parameters: dict[str, Any]) -> float:
        parts = [next(each for each in trials if each.parameters == parameters).returns for trials in stretches]
        return summary(np.concatenate(parts), periods_per_year=periods_per_year(self._spec))["cagr"]

    def _of_returns(self, returns: Floats, free: Floats) -> float:
        return self._search.better(summary(returns, periods_per_year=periods_per_year(self._spec), risk_free=free))
