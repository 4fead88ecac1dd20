"""`ap.walk_forward`: choose parameters on the past by a sweep, try them on what came next, again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import isfinite, nan
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from alphapulse_lib.engine.limits import Limits
from alphapulse_lib.errors import InputError
from alphapulse_lib.model.run import Costs, Fill, RunSpec
from alphapulse_lib.model.window import Moment
from alphapulse_lib.results.breakdown import drawdown
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.performance import periods_per_year
from alphapulse_lib.results.statistics import summary
from alphapulse_lib.results.walk_forward import (
    SCHEMES,
    Fold,
    Walked,
    folds_of,
    stability,
)
from alphapulse_lib.session.choices import one_of
from alphapulse_lib.session.forecasts import Forecast
from alphapulse_lib.session.hub import warn
from alphapulse_lib.session.running import Plan, tell_if_apart, told_how_to_fetch
from alphapulse_lib.session.runs import SessionRun
from alphapulse_lib.session.search import OF_RETURNS, Search, check_counts, check_kfold
from alphapulse_lib.session.strategies import strategy_class
from alphapulse_lib.session.sweep_meter import SweepMeter
from alphapulse_lib.session.sweeps import all_failed, plan_of, title_of
from alphapulse_lib.session.symbols import Symbols
from alphapulse_lib.session.terms import Terms
from alphapulse_lib.session.walk import Walk
from alphapulse_lib.session.workshop import open_workshop
from alphapulse_lib.views import fold_board, numbers, tables
from alphapulse_lib.views.alike import folded

if TYPE_CHECKING:
    import pandas as pd


__all__ = ["SessionWalkForward", "walk_forward"]

type Floats = NDArray[np.floating[Any]]

_SESSIONS = "It counts sessions: 252 are about a year of shares."


def walk_forward(
    strategy: type | str,
    symbols: Symbols,
    period: str = "1d",
    start: Moment = None,
    end: Moment = None,
    *,
    grid: Mapping[str, Any],
    scheme: Literal["rolling", "anchored", "kfold"] = "rolling",
    train: int = 504,
    test: int = 126,
    folds: int = 5,
    purge: int = 0,
    embargo: int = 0,
    warmup: int = 0,
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
) -> SessionWalkForward:
    """Choose parameters on one window by a sweep, run them on another, and lay the results of the latter end to end.

    Every window is counted in sessions of the exchange, of bars of weeks or months in these. The newest sessions are
    all tried; what does not fill a window is left out at the beginning, but trained on where windows are anchored. Each
    run of a test starts with the whole cash and nothing held, and what it holds at its end is marked to the last close.
    All runs, of train and of test windows, are trials and count against over-fitting; the same call again runs nothing
    that is recorded already.

    Parameters
    ----------
    strategy, symbols, period, start, end, also, params, cash, fill, costs, adjust, dividends, news, scorer, as_of,
    benchmark, gaps, seed
        As in `ap.backtest`.
    grid, sampler, trials, objective, patience, trial_seconds, trial_memory, retry, workers, progress
        As in `ap.sweep`, for each train window.
    scheme : {"rolling", "anchored", "kfold"}
        Train on the ``train`` sessions before each test; on all before it, ``train`` or more; or, of ``folds`` parts,
        on all others, also later ones, which no trader could have done.
    train, test : int
        Sessions of a window: two years and half a year unless told.
    folds : int
        Parts of a k-fold.
    purge : int
        Sessions left out between train and test, on each side of it: as many as a position is held.
    embargo : int
        Of a k-fold, further sessions that are left out after a test.
    warmup : int
        Sessions before a test that its run begins with, so that its averages are filled; nothing of them counts. The
        objective must then be one of returns.

    Returns
    -------
    SessionWalkForward
        ``.table`` (a row a fold), ``.returns`` and ``.equity`` out of sample, ``.stats`` of them, ``.deflated``,
        ``.efficiency``, ``.stability``, ``.runs``.

    Raises
    ------
    InputError
        An argument cannot be used, or there are too few sessions.
    PreflightError, SweepError, RunInterrupted
        As in `ap.sweep`.

    Examples
    --------
    >>> walked = ap.walk_forward("SmaCross", "GOOG", grid={"fast": [5, 10], "slow": [20, 40]})  # doctest: +SKIP
    >>> walked.stats["sharpe"], walked.efficiency  # doctest: +SKIP
    """
    terms = Terms.among(locals())
    search = Search.of(grid, sampler, trials, seed, objective, patience)
    one_of("scheme", scheme, SCHEMES)
    check_counts(folds=folds, workers=workers)
    check_counts(_SESSIONS, train=train, test=test)
    check_counts(_SESSIONS, least=0, purge=purge, embargo=embargo, warmup=warmup)
    if warmup:
        one_of("objective of a test with a warm-up", search.objective.removeprefix("-"), OF_RETURNS)
    if scheme == "kfold":
        check_kfold(search)
    elif embargo:
        raise InputError(
            f"embargo={embargo} is a k-fold's: with scheme={scheme!r} nothing after a test is trained on before it.",
            "Leave it out, or say scheme='kfold'. purge leaves out sessions before a test.",
        )
    limits = Limits.of(trial_seconds, trial_memory, what="trial")
    chosen = strategy_class(strategy) if isinstance(strategy, str) else strategy
    plan = plan_of(chosen, terms, search.space)
    proposals = search.proposals()
    meter = SweepMeter(f"{title_of(plan)}, walking forward", objective, proposals.total, shown=progress)
    with (
        told_how_to_fetch(plan),
        open_workshop(plan, chosen, workers=workers, limits=limits) as workshop,
    ):
        data = workshop.sessions()
        cut = folds_of(scheme, len(data.ends), train=train, test=test, folds=folds, purge=purge, embargo=embargo)
        with meter:
            meter.total = proposals.total * sum(len(each.train) for each in cut) + len(cut)
            shares = _shares(cut, warmup, proposals.total, len(data.ends))
            coming = Forecast(plan, shares, workers, windows=len(shares))
            meter.tell(coming)
            walk = Walk(workshop, data, search, meter, retry=retry)
            walk.require_warm(data, cut, warmup)
            walked = [walk.fold(each, warmup) for each in cut]
    coming.ended()
    if walk.failed and not walk.finished:
        raise all_failed(meter.count, walk.failed)
    for warning in folded(data.warnings, "run.warnings of each trial lists them"):
        warn(warning)
    tell_if_apart(walk.records, workshop.family)
    return SessionWalkForward(plan, objective, walked, data.ends, workshop.ledger, coming, _troubles(walked, walk))


def _troubles(walked: list[Walked], walk: Walk) -> list[str]:
    """What of the folds and their trials did not end well."""
    cash = [each for each in walked if each.trial is None or each.trial.record.status != "finished"]
    found = []
    if cash:
        numbered = ", ".join(str(each.fold.number) for each in cash)
        count = "counts" if len(cash) == 1 else "count"
        found.append(
            f"{numbers.counted(len(cash), 'fold')} of {len(walked)} ({numbered}) {count} "
            "as cash, with returns of 0: no trial of the train window has the objective, or the test failed."
        )
    if walk.failed:
        why = " ".join((walk.failed.error or walk.failed.status).split()).rstrip(".")
        of = f"{walk.lost:,} of {numbers.counted(walk.lost + walk.finished, 'trial')} failed"
        found.append(f"{of}, the first, {walk.failed.id[:8]}: {why}. retry=True (--retry) runs such again.")
    return found


def _shares(cut: list[Fold], warmup: int, trials: int, sessions: int) -> list[tuple[int, float]]:
    """How many trials run on which share of all sessions."""
    train = [(trials, (stop - first) / sessions) for fold in cut for first, stop in fold.train]
    tests = ((min(fold.test[0], warmup) + fold.test[1] - fold.test[0]) / sessions for fold in cut)
    return train + [(1, each) for each in tests]


class SessionWalkForward:
    """What walking forward gave, out of sample."""

    def __init__(
        self,
        plan: Plan,
        objective: str,
        walked: list[Walked],
        ends: NDArray[np.int64],
        ledger: Ledger,
        forecast: Forecast,
        troubles: Sequence[str] = (),
    ) -> None:
        self.spec: RunSpec = plan.spec
        self.objective, self.folds, self.forecast = objective, tuple(walked), forecast
        self._title, self._ends, self._ledger = title_of(plan), ends, ledger
        self._currency = plan.instruments[0].currency
        self._zone, self._troubles = numbers.place(plan.spec).timezone, tuple(troubles)

    def __repr__(self) -> str:
        return f"<WalkForward {self._title}: {numbers.counted(len(self.folds), 'fold')}>"

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a fold: the days of its test, the parameters, the objective inside and outside, ``return``,
        ``drawdown``, ``trades`` (round trips that ended in it) and ``status`` of the test, and its run's ``id``.
        """
        import pandas as pd

        return pd.DataFrame([self._row(each) for each in self.folds]).set_index("fold")

    @cached_property
    def returns(self) -> pd.Series[float]:
        """The returns of each session out of sample, indexed by ``ts`` (UTC)."""
        import pandas as pd

        places = np.concatenate([np.arange(*each.fold.test) for each in self.folds])
        values = np.concatenate([each.returns for each in self.folds])
        index = pd.DatetimeIndex(self._ends[places], tz="UTC", name="ts")
        return pd.Series(values, index=index, name="returns")

    @cached_property
    def equity(self) -> pd.Series[float]:
        """The cash with those returns laid end to end, indexed by ``ts`` (UTC)."""
        return (self.spec.cash * (1 + self.returns.fillna(0.0)).cumprod()).rename("equity")

    @cached_property
    def stats(self) -> dict[str, float]:
        """`alphapulse_lib.results.statistics.summary` of `returns`, and ``end_equity``."""
        free = np.concatenate([each.free for each in self.folds])
        found = summary(self.returns, periods_per_year=periods_per_year(self.spec), risk_free=free)
        return found | {"end_equity": float(self.equity.iloc[-1])}

    @property
    def deflated(self) -> dict[str, float]:
        """``trials``, ``expected_maximum_sharpe`` and ``deflated_sharpe`` of `returns`, among all trials by now."""
        return self._ledger.family(self.spec).deflate(self.stats, self.spec)

    @property
    def efficiency(self) -> float:
        """Pardo's walk-forward efficiency: growth a year outside over the mean growth a year inside.

        ``nan`` where that is not above zero: then nothing was found that could have kept.
        """
        inside = float(np.mean([each.inside_growth for each in self.folds if isfinite(each.inside_growth)] or [nan]))
        return self.stats["cagr"] / inside if inside > 0 else nan

    @cached_property
    def stability(self) -> pd.DataFrame:
        """Of each parameter how many ``values`` were chosen, the ``usual`` one and its ``share`` of the folds, their
        ``mean`` and ``deviation``.
        """
        import pandas as pd

        chosen = [each.parameters for each in self.folds if each.parameters]
        columns = ("parameter", "values", "usual", "share", "mean", "deviation")
        return pd.DataFrame(stability(chosen), columns=list(columns)).set_index("parameter")

    @cached_property
    def runs(self) -> list[SessionRun]:
        """The runs of the test windows, in their order."""
        return [SessionRun(each.trial.record, self._ledger) for each in self.folds if each.trial is not None]

    def _row(self, each: Walked) -> dict[str, Any]:
        record = each.trial.record if each.trial else None
        stats = record.statistics if record else {}
        # A session that ends at midnight is of the day that ends then.
        days = (numbers.day(int(self._ends[at]) - 1, self._zone) for at in (each.fold.test[0], each.fold.test[1] - 1))
        return {
            "fold": each.fold.number,
            **dict(zip(("from", "to"), map(np.datetime64, days), strict=True)),
            **(each.parameters or dict.fromkeys(self.folds[0].parameters)),
            "inside": each.inside,
            "outside": each.outside,
            "return": float(np.prod(1 + np.nan_to_num(each.returns)) - 1),
            "drawdown": stats.get("max_drawdown"),
            "trades": stats.get("trades"),
            **(self._of_test(each) if each.warm and stats else {}),
            "status": record.status if record else "failed" if each.failed else "not traded",
            "id": record.id if record else "",
        }

    def _of_test(self, each: Walked) -> dict[str, Any]:
        """Of a run that began before its test what belongs to the test."""
        assert each.trial is not None
        path = np.cumprod(np.append(1.0, 1 + np.nan_to_num(each.returns)))
        ended = SessionRun(each.trial.record, self._ledger).table("trades")["exit_ts"].cast("int64").to_numpy()
        before = self._ends[each.fold.test[0] - 1]
        return {"drawdown": float(drawdown(path).min()), "trades": int((ended > before).sum())}

    def text(self, width: int = tables.WIDTH) -> str:
        """It in short, for a terminal whose lines have ``width`` characters."""
        stats, returns = self.stats, numbers.counted(len(self.returns), numbers.span(self.spec.period))
        told = (
            f"out of sample: {numbers.percent(stats['total_return'])} over {returns}, "
            f"{numbers.percent(stats['cagr'])} a year, Sharpe {numbers.ratio(stats['sharpe'])}, "
            f"drawdown {numbers.percent(stats['max_drawdown'])}, efficiency {numbers.ratio(self.efficiency)}"
        )
        folds = tables.walk_forward(self.table, self.objective, width, currency=self._currency)
        lines = [
            told,
            numbers.deflated(self.deflated),
            *self._troubles,
            self.forecast.note,
            folds,
            tables.stability(self.stability),
        ]
        return "\n".join([repr(self), *lines])

    def _repr_html_(self) -> str:
        found = (self.stats, self.deflated, self.efficiency)
        return fold_board.html(
            self._title,
            self.objective,
            self._currency,
            numbers.span(self.spec.period),
            *found,
            self.equity,
            self.table,
            self.stability,
            *self._troubles,
            self.forecast.note,
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self) if cycle else self.text())
