"""One trial of a sweep, as a Dask worker carries it out: run, measured, and packed so that it can travel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, cast

import numpy as np
import pyarrow as pa
from distributed import Worker, WorkerPlugin, get_worker

from alphapulse_lib import clock
from alphapulse_lib.engine.limits import Limits
from alphapulse_lib.engine.request import RawResult, Request, empty_tables
from alphapulse_lib.engine.trials import Trials
from alphapulse_lib.errors import AlphaPulseError
from alphapulse_lib.model.run import RunRecord, RunSpec
from alphapulse_lib.model.tried import at_default
from alphapulse_lib.model.warm_up import WarmUp
from alphapulse_lib.results.artefacts import as_bytes
from alphapulse_lib.results.performance import session_returns
from alphapulse_lib.results.record import measure, record_of
from alphapulse_lib.results.slow import tell_begun
from alphapulse_lib.results.took import told

__all__ = ["CODE", "READ", "Bench", "Outcome", "data_of", "lost_trial", "run_trials", "warm_ups_of"]

#: The files that are the same for all trials of a window, and written once: what they read, where they finished, and
#: what they are made of.
READ = ("marks.parquet", "benchmark.parquet")
CODE = ("source.py", "code.json")


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a trial came to.

    Attributes
    ----------
    record : RunRecord
        Without the statistics that depend on other trials.
    files : dict of str to bytes
        Its files, but for those that are shared.
    returns : array of float64
        As `alphapulse_lib.results.performance.session_returns` gives them; empty where it did not finish.
    refused : AlphaPulseError, optional
        Why preflight let nothing run.
    seconds : float
        What it took on its worker.
    """

    record: RunRecord
    files: dict[str, bytes]
    returns: Any
    refused: AlphaPulseError | None = None
    seconds: float = 0.0


class Bench(WorkerPlugin):
    """What each Dask worker holds for one sweep: the process with the data, in which the trials are born.

    Parameters
    ----------
    base : Request
        Of which each trial's spec is a variation.
    user : str
        Who sweeps.
    scores : pyarrow.Table, optional
        Those of the spec's scorer, for a sweep with news.
    limits : Limits, optional
        The most that a trial may take; those of the settings unless told.
    code : str
        What the strategy is made of besides its class's own source, as JSON: a file of each trial.
    environment : mapping, optional
        What else the records say of where they come from.
    defaults : mapping, optional
        What the strategy's parameters are where they are not given.
    """

    def __init__(
        self,
        name: str,
        base: Request,
        user: str,
        *,
        scores: pa.Table | None = None,
        limits: Limits | None = None,
        code: str = "",
        environment: Mapping[str, str] | None = None,
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        self.name, self.base, self.user, self.code = name, base, user, code
        self.environment, self._defaults = dict(environment or {}), dict(defaults or {})
        self._scores, self._limits = scores, limits
        self.trials: Any = None

    @property
    def is_limited(self) -> bool:
        """Whether a trial is ended that takes too long."""
        return (self._limits or Limits.of()).seconds is not None

    def setup(self, worker: Worker) -> None:  # noqa: ARG002  Dask calls it by name
        """Called by Dask where a worker begins."""
        self.trials = Trials(self.base, self._scores, self._limits)

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002
        """Called by Dask where it ends."""
        if self.trials:
            self.trials.close()

    def spec(self, parameters: dict[str, Any], window: tuple[int, int]) -> RunSpec:
        """The spec of a trial."""
        spelled = at_default(parameters, self._defaults)
        return replace(self.base.spec, parameters=parameters, start=window[0], end=window[1], at_default=spelled)


def data_of(name: str, window: tuple[int, int]) -> RawResult | AlphaPulseError:
    """Read a window's data on this worker: what it is, or why it cannot be used."""
    bench = _bench(name)
    try:
        read: RawResult = bench.trials.read(bench.spec({}, window))
        return read
    except AlphaPulseError as refused:
        return refused


def warm_ups_of(name: str, window: tuple[int, int], trials: Sequence[Mapping[str, Any]]) -> list[list[WarmUp]]:
    """What a strategy takes with each of some parameters before it decides."""
    bench = _bench(name)
    found: list[list[WarmUp]] = bench.trials.warm_ups(bench.spec({}, window), trials)
    return found


def run_trials(name: str, asked: Sequence[tuple[str, dict[str, Any]]], window: tuple[int, int]) -> list[Outcome]:
    """Run and measure trials on this worker, one after the other.

    Parameters
    ----------
    name : str
        Of the `Bench`.
    asked : sequence of (str, dict)
        Of each its run id and its parameters.
    window : (int, int)
        Its first and last moment, nanoseconds since 1970, UTC.
    """
    bench = _bench(name)
    outcomes = []
    for run_id, parameters in asked:
        tell_begun(name, run_id)
        outcomes.append(_run(bench, run_id, parameters, window))
    return outcomes


def _run(bench: Bench, run_id: str, parameters: dict[str, Any], window: tuple[int, int]) -> Outcome:
    start = perf_counter()
    spec = bench.spec(parameters, window)
    refused = None
    try:
        raw = bench.trials.run(spec)
    except AlphaPulseError as error:
        refused, raw = error, failed(f"{type(error).__name__}: {error.message}")
    outcome = _outcome(bench, spec, raw, run_id, refused)
    seconds, rows = perf_counter() - start, sum(each.rows for each in raw.series)
    record = replace(outcome.record, environment=outcome.record.environment | told("sweep", rows, seconds))
    return replace(outcome, record=record, seconds=seconds)


def lost_trial(bench: Bench, run_id: str, parameters: dict[str, Any], window: tuple[int, int], why: str) -> Outcome:
    """The failed trial of which no worker could tell anything."""
    raw = failed(f"WorkerDied: {why}")
    return _outcome(bench, bench.spec(parameters, window), raw, run_id, None)


def failed(error: str) -> RawResult:
    """What is left of a run that came to nothing."""
    return RawResult("failed", error=error, **empty_tables())


def _outcome(bench: Bench, spec: RunSpec, raw: RawResult, run_id: str, refused: AlphaPulseError | None) -> Outcome:
    measured = measure(spec, raw)
    equity = measured.files.get("equity.parquet")
    if bench.code:
        measured.files["code.json"] = bench.code
    # It begins when its data are read: a rerun reads what the catalog held then.
    record = record_of(
        spec, raw, measured, run_id, user=bench.user, started_at=bench.base.moment, ended_at=clock.now_ns()
    )
    record = replace(record, environment=record.environment | bench.environment)
    files = {name: as_bytes(content) for name, content in measured.files.items() if name not in READ + CODE}
    returns = np.empty(0) if equity is None else session_returns(spec, equity)
    return Outcome(record, files, returns, refused)


def _bench(name: str) -> Bench:
    return cast(Bench, get_worker().plugins[name])
