"""`ap.sweep`: many parameters of one strategy on the same data, on every core or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import isfinite, nan
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from alphapulse_lib.engine.limits import Limits
from alphapulse_lib.errors import InputError, SweepError
from alphapulse_lib.model.run import Costs, Fill, RunRecord, RunSpec
from alphapulse_lib.model.window import Moment
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.robustness import Robustness, robustness
from alphapulse_lib.results.statistics import excess
from alphapulse_lib.results.swept import Swept, Trial
from alphapulse_lib.session.choices import one_of
from alphapulse_lib.session.forecasts import Forecast
from alphapulse_lib.session.hub import warn
from alphapulse_lib.session.running import Plan, tell_if_apart, told_how_to_fetch
from alphapulse_lib.session.runs import SessionRun
from alphapulse_lib.session.search import Search, check_counts, lost_all
from alphapulse_lib.session.strategies import strategy_class
from alphapulse_lib.session.sweep_meter import SweepMeter
from alphapulse_lib.session.symbols import Symbols
from alphapulse_lib.session.terms import Terms
from alphapulse_lib.session.workshop import open_workshop
from alphapulse_lib.views import numbers, sweep_board, tables
from alphapulse_lib.views.alike import folded

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

    from alphapulse_lib.results.samplers import Space

__all__ = ["SessionSweep", "all_failed", "plan_of", "sweep", "title_of"]

#: Trials that the text shows.
_SHOWN = 10


def sweep(
    strategy: type | str,
    symbols: Symbols,
    period: str = "1d",
    start: Moment = None,
    end: Moment = None,
    *,
    grid: Mapping[str, Any],
    sampler: Literal["grid", "random", "tpe"] = "grid",
    trials: int | None = None,
    objective: str = "sharpe",
    patience: int | None = None,
    trial_seconds: float | None = None,
    trial_memory: float | None = None,
    retry: bool = False,
    workers: int | None = None,
    also: str | Sequence[str] = (),
    params: Mapping[str, Any] | None = None,
    cash: float = 100_000.0,
    fill: Fill = "next_open",
    costs: Costs | Mapping[str, Any] | str | None = None,
    adjust: Literal["splits", "none"] = "splits",
    dividends: bool | None = None,
    news: bool | None = None,
    scorer: str | None = None,
    as_of: Moment = None,
    benchmark: str | None = None,
    gaps: Literal["refuse", "allow"] = "refuse",
    progress: bool = True,
    seed: int = 0,
) -> SessionSweep:
    """Run a strategy with many parameters, and record each trial.

    The data are read once in each worker process; every trial runs in a process of its own that is forked from there,
    so what a strategy does to its process ends with the trial. Each is a run like `ap.backtest`'s, equal to it bit
    for bit, and counts against over-fitting. The same call again runs nothing that is recorded on the same rows
    already: a sweep that was cut short goes on where it was, one asked for more ``trials`` runs the further ones.

    Parameters
    ----------
    strategy, symbols, period, start, end, also, params, cash, fill, costs, adjust, dividends, news, scorer, as_of,
    benchmark, gaps
        As in `ap.backtest`; ``params`` are those that the sweep does not vary.
    grid : mapping
        Parameter to its values: a list, a ``range``, an array, or a distribution of optuna's such as
        ``optuna.distributions.FloatDistribution(0.5, 3.0)``.
    sampler : {"grid", "random", "tpe"}
        Every combination, random ones, or where optuna's tree-structured Parzen estimator expects better ones. The two
        latter draw no combination twice.
    trials : int, optional
        How many; of a grid the first ones, all unless told. Where there are fewer combinations, each is tried.
    objective : str
        The statistic to look for, such as ``"sharpe"``; with a minus before it (``"-volatility"``) less is better.
        A loss is below zero: ``"max_drawdown"`` looks for the least deep one.
    patience : int, optional
        Stop after so many trials, in the order of their proposal, without a better one.
    trial_seconds : float, optional
        The most that a trial may take; it is stopped then, and recorded as failed.
    trial_memory : float, optional
        Megabytes that a trial may hold beside the data that all of them share; likewise.
    retry : bool
        Run those again that failed, as new runs.
    workers : int, optional
        Processes on this machine; one a core unless told. ``ALPHAPULSE_DASK`` names a cluster instead.
    progress : bool
        Show how far the sweep is.
    seed : int
        Of the sampler, and of every run.

    Returns
    -------
    SessionSweep
        ``.best``, ``.table``, ``.returns`` (T x N), ``.pbo``, ``.robustness``, ``.heatmap()``.

    Raises
    ------
    InputError
        An argument cannot be used.
    PreflightError
        There are no bars, or not such as a run may be believed on; or the first trial proposed was refused.
    SweepError
        Every trial failed; nobody answers where ``ALPHAPULSE_DASK`` says.
    RunInterrupted
        Ctrl-C or the notebook's stop button. What ended until then is in the ledger.

    Examples
    --------
    >>> swept = ap.sweep("SmaCross", "GOOG", grid={"fast": [5, 10], "slow": range(20, 60, 10)})  # doctest: +SKIP
    >>> swept.best.stats["sharpe"], swept.pbo  # doctest: +SKIP
    """
    terms = Terms.among(locals())
    search = Search.of(grid, sampler, trials, seed, objective, patience)
    check_counts(workers=workers)
    limits = Limits.of(trial_seconds, trial_memory, what="trial")
    chosen = strategy_class(strategy) if isinstance(strategy, str) else strategy
    plan = plan_of(chosen, terms, search.space)
    proposals = search.proposals()
    meter = SweepMeter(title_of(plan), objective, proposals.total, shown=progress)
    coming = Forecast(plan, [(proposals.total, 1.0)], workers)
    meter.tell(coming)
    with (
        open_workshop(plan, chosen, workers=workers, limits=limits) as workshop,
        meter,
        told_how_to_fetch(plan),
    ):
        whole = (plan.spec.start, plan.spec.end)
        workshop.require_warm(workshop.sessions(), [whole], search.proposals().ask())
        swept = workshop.sweep(
            whole,
            proposals,
            search.better,
            patience=patience,
            retry=retry,
            seen=meter.seen,
            slow=meter.slow,
            waits=meter.waits,
        )
    coming.ended()
    for warning in folded(swept.warnings, "run.warnings of each trial lists them"):
        warn(warning)
    tell_if_apart([each.record for each in swept.trials], workshop.family)
    return SessionSweep(plan, search, swept, workshop.ledger, coming)


class SessionSweep:
    """A sweep with all its trials.

    Attributes
    ----------
    spec : RunSpec
        What the trials have in common.
    objective : str
        What was looked for.
    trials : tuple of Trial
        In the order of their proposal.
    forecast : Forecast
        What it was estimated to take, and what it took.
    """

    def __init__(self, plan: Plan, search: Search, swept: Swept, ledger: Ledger, forecast: Forecast) -> None:
        self.spec: RunSpec = plan.spec
        self.objective, self.trials, self.forecast = search.objective, swept.trials, forecast
        self._title, self._swept, self._ledger = title_of(plan), swept, ledger
        self._currency = numbers.currency(swept.trials[0].record)
        self._drawn = search.kind != "grid"
        if not any(each.record.status == "finished" for each in self.trials):
            raise all_failed(len(self.trials), self.trials[0].record)

    def __repr__(self) -> str:
        return f"<Sweep {self._title}: {numbers.counted(len(self.trials), 'trial')}>"

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a trial, the best first: its number, its parameters, the objective, ``return``, ``drawdown``,
        ``trades``, ``status``, ``error`` and the run's ``id``.
        """
        import pandas as pd

        rows = [self._row(each) for each in self.trials]
        frame = pd.DataFrame(rows).set_index("trial")
        return frame.sort_values(self.objective, ascending=False, na_position="last", kind="stable")

    @cached_property
    def returns(self) -> pd.DataFrame:
        """The returns of each session, T x N: a column for each trial that finished, by its number; ``ts`` in UTC."""
        import pandas as pd

        columns = {each.number: each.returns for each in self.trials if each.record.status == "finished"}
        return pd.DataFrame(columns, index=pd.DatetimeIndex(self._swept.ts, tz="UTC", name="ts"))

    @cached_property
    def best(self) -> SessionRun:
        """The run of the highest objective.

        Raises
        ------
        SweepError
            No trial has one: none of them traded, for example.
        """
        return SessionRun(self._best.record, self._ledger)

    @property
    def deflated(self) -> dict[str, float]:
        """`SessionRun.deflated` of the best run: how likely its Sharpe ratio is no luck, among all trials by now."""
        return self.best.deflated

    @cached_property
    def pbo(self) -> float:
        """The probability of backtest overfitting, by combinatorially symmetric cross-validation of `returns`,
        over what the cash alone would have earned.

        How often the trial that was best in one half of the time is below the median in the other half; ``nan`` where
        no trial ever made or lost anything but that, so that none was chosen.
        """
        from alphapulse_lib.results.overfit import probability_of_backtest_overfitting

        over = excess(self.returns, self._swept.risk_free)
        return probability_of_backtest_overfitting(over).pbo if over.any() else nan

    @cached_property
    def robustness(self) -> Robustness:
        """Whether the best trial stands on a plateau or on a spike: ``measure``, ``verdict``, ``neighbours``."""
        return robustness(self.trials, self._best, drawn=self._drawn)

    def heatmap(self, x: str | None = None, y: str | None = None, *, dark: bool = False) -> Figure:
        """The objective over two parameters; the median over the others.

        Parameters
        ----------
        x, y : str, optional
            The parameters across and up; the second and the first unless told.
        dark : bool
            For a dark background.

        Raises
        ------
        InputError
            The sweep varies no such parameter, or just one.
        SweepError
            No trial has the objective: there is nothing to draw.
        """
        from alphapulse_lib.views.figures import heatmap

        names = list(self.trials[0].parameters)
        if len(names) < 2:
            raise InputError(f"The sweep varies {names[0]} alone.", "A heat map needs two; sweep.table has all.")
        y = y or next(each for each in names if each != x)
        x = x or next(each for each in names if each != y)
        for each in (x, y):
            one_of("the parameter", each, names)
        if self._swept.best is None:
            raise self._none
        return heatmap(*sweep_board.heat(self.trials, x, y), x, y, self.objective, self._currency, dark=dark)

    @property
    def _best(self) -> Trial:
        found = self._swept.best
        if found is None:
            raise self._none
        return found

    @property
    def _none(self) -> SweepError:
        return SweepError(_without(self.trials, self.objective), "sweep.table lists what each came to.")

    def _row(self, trial: Trial) -> dict[str, Any]:
        record, stats = trial.record, trial.record.statistics
        return {
            "trial": trial.number,
            **trial.parameters,
            self.objective: trial.value,
            "return": stats.get("total_return"),
            "drawdown": stats.get("max_drawdown"),
            "trades": stats.get("trades"),
            "status": record.status,
            "error": record.error,
            "id": record.id,
        }

    def _notes(self) -> list[str]:
        failed = [_failures(self.trials)] if any(each.record.status != "finished" for each in self.trials) else []
        if self._swept.best is None:
            return [_without(self.trials, self.objective), *failed, self.forecast.note]
        found = self.robustness
        return [
            numbers.deflated(self.deflated),
            _steadiness(found, self._best, self.objective),
            *failed,
            self.forecast.note,
        ]

    def _repr_html_(self) -> str:
        return sweep_board.html(self._title, self.objective, self.trials, len(self.trials), self._notes())

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self) if cycle else self.text())

    def text(self, width: int = tables.WIDTH) -> str:
        """The sweep in short, for a terminal whose lines have ``width`` characters."""
        best = sweep_board.line(self.objective, self._swept.best)
        table = tables.sweep(self.table.head(_SHOWN), self.objective, width, currency=self._currency)
        told = [repr(self), best, *self._notes(), table]
        if len(self.trials) > _SHOWN:
            told.append(f"The best {_SHOWN} of {len(self.trials):,} trials; all are in sweep.table, or told by --json.")
        return "\n".join(filter(None, told))


def all_failed(count: int, first: RunRecord) -> SweepError:
    """Why there is no result where not one trial finished."""
    return SweepError(
        f"{'All' if count > 1 else 'The'} {numbers.counted(count, 'trial') if count > 1 else 'trial'} failed"
        f"{', the first' if count > 1 else ''}: {first.error.rstrip('.')}.",
        f"`alphapulse run {first.id[:8]} --log`, or ap.run({first.id!r}) and its .log, shows what became of it.",
    )


def _without(trials: Sequence[Trial], objective: str) -> str:
    """Why no trial is the best."""
    failed = sum(each.record.status != "finished" for each in trials)
    idle = sum(each.record.statistics.get("fills") == 0 for each in trials)
    lost = sum(lost_all(each.record.statistics) for each in trials)
    told = [(failed, "failed"), (idle, "never traded"), (lost, "lost their account")]
    told.append((len(trials) - failed - idle - lost, "traded, and have none"))
    why = "none traded" if idle == len(trials) else ", ".join(f"{count:,} {what}" for count, what in told if count)
    return f"No trial has a {objective}: {why}."


def _failures(trials: Sequence[Trial]) -> str:
    """How many trials did not finish, and why the first of them."""
    failed = [each for each in trials if each.record.status != "finished"]
    told = " ".join(f"{name}={numbers.parameter(value)}" for name, value in failed[0].parameters.items())
    first = "the first" if len(failed) > 1 else "that"
    why = " ".join((failed[0].record.error or failed[0].record.status).split()).rstrip(".")
    return f"{numbers.counted(len(failed), 'trial')} failed, {first} of {told}: {why}."


def _steadiness(found: Robustness, best: Trial, objective: str) -> str:
    if found.verdict != "unknown":
        write = numbers.statistic(objective, numbers.currency(best.record))
        of_them = median(each.value for each in found.neighbours if isfinite(each.value))
        told = f"the median {objective} beside it is {write(of_them)}, its own {write(best.value)}"
        return f"The best stands on a {found.verdict}: {told}."
    why = (
        "it is zero"
        if best.value == 0
        else "none beside it has an objective"
        if found.neighbours
        else "it has no neighbours"
    )
    return f"Whether the best stands on a plateau or on a spike cannot be said: {why}."


def plan_of(strategy: type, terms: Terms, space: Space) -> Plan:
    """What the trials have in common, each argument looked at; each value of the space becomes what a spec holds."""
    from alphapulse_lib.engine.configure import plain_parameters

    plan = terms.plan(strategy)
    for name, values in space.items():
        if name in plan.spec.parameters:
            raise InputError(f"{name} is in grid and in params.", "Leave it out of one of them.")
        if isinstance(values, list):
            space[name] = [plain_parameters(strategy, {name: value})[name] for value in values]
        else:  # a distribution of optuna's
            plain_parameters(strategy, {name: values.low})
    return plan


def title_of(plan: Plan) -> str:
    """Which strategy on what, called as it was asked for."""
    return f"{plan.spec.strategy.name.rpartition(':')[2]} on {numbers.symbols(plan.names)} {plan.spec.period}"
