"""Commands about many trials: sweeps, and walking forward."""

from __future__ import annotations

import contextlib
import sys
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

import alphapulse_lib as ap
from alphapulse_lib.cli.costs import Costs, costs_of
from alphapulse_lib.cli.options import Also, AsOf, Benchmark, End, Json, Params, Start, Symbols
from alphapulse_lib.cli.say import NEEDS_A_LOOK, as_value, pairs, say, say_json, width
from alphapulse_lib.errors import InputError, SweepError

if TYPE_CHECKING:
    from alphapulse_lib.session.sweeps import SessionSweep

__all__ = ["sweep", "walk_forward"]

Strategy = Annotated[str, typer.Argument(help="SmaCross, module:Class or file.py:Class.")]
Grid = Annotated[list[str], typer.Option("--grid", "-g", help="NAME=[VALUES] in JSON, several times: 'fast=[5, 10]'.")]
Period = Annotated[str, typer.Option(help="1m, 15m, 1h, 1d ...")]
Sampler = Annotated[Literal["grid", "random", "tpe"], typer.Option(help="Every combination, or draws.")]
Trials = Annotated[int | None, typer.Option(help="How many. Default: the whole grid.")]
Objective = Annotated[str, typer.Option(help="The statistic to look for; -volatility: less is better.")]
Patience = Annotated[int | None, typer.Option(help="Stop after so many trials without a better one.")]
Seconds = Annotated[float | None, typer.Option(help="The most that a trial may take.")]
Retry = Annotated[bool, typer.Option("--retry", help="Run those again that failed.")]
Workers = Annotated[int | None, typer.Option(help="Processes. Default: one a core.")]
Cash = Annotated[float, typer.Option(help="The account's money at the start.")]
Fill = Annotated[Literal["next_open", "close", "next_close", "vwap", "ticks"], typer.Option(help="When orders fill.")]
Memory = Annotated[float | None, typer.Option(help="Megabytes that a trial may hold. Default: the setting.")]
Adjust = Annotated[Literal["splits", "none"], typer.Option(help="Follow splits, or take prices as stored.")]
Dividends = Annotated[
    bool | None, typer.Option("--dividends/--no-dividends", help="Pay them. Default: where splits are followed.")
]
Gaps = Annotated[Literal["refuse", "allow"], typer.Option(help="What to do about missing sessions.")]
News = Annotated[
    bool | None, typer.Option("--news/--no-news", help="Deliver news and scores. Default: where the strategy asks.")
]
Scorer = Annotated[str | None, typer.Option(help="The scorer. Default: the setting.")]
Seed = Annotated[int, typer.Option(help="Of the draws, and for each run's random generators.")]


def sweep(
    strategy: Strategy,
    symbols: Symbols,
    grid: Grid,
    period: Period = "1d",
    start: Start = None,
    end: End = None,
    also: Also = None,
    param: Params = None,
    sampler: Sampler = "grid",
    trials: Trials = None,
    objective: Objective = "sharpe",
    patience: Patience = None,
    trial_seconds: Seconds = None,
    trial_memory: Memory = None,
    retry: Retry = False,
    workers: Workers = None,
    cash: Cash = 100_000.0,
    fill: Fill = "next_open",
    costs: Costs = None,
    adjust: Adjust = "splits",
    dividends: Dividends = None,
    gaps: Gaps = "refuse",
    with_news: News = None,
    scorer: Scorer = None,
    as_of: AsOf = None,
    benchmark: Benchmark = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Run a strategy with many parameters, each trial recorded; the same command goes on where it was stopped."""
    given = {name: value for name, value in locals().items() if name in _SHARED}
    with contextlib.redirect_stdout(sys.stderr):
        found = ap.sweep(strategy, symbols, period, start, end, **_shared(grid, param, costs, with_news, given))
    if as_json:
        say_json(_told(found))
    else:
        say(found.text(width()))
        if (pbo := _pbo(found)) is not None:
            say(f"The probability of overfitting is {pbo:.2f}.")
    failed = sum(each.record.status != "finished" for each in found.trials)
    raise typer.Exit(NEEDS_A_LOOK if failed else 0)


def walk_forward(
    strategy: Strategy,
    symbols: Symbols,
    grid: Grid,
    period: Period = "1d",
    start: Start = None,
    end: End = None,
    also: Also = None,
    param: Params = None,
    scheme: Annotated[
        Literal["rolling", "anchored", "kfold"], typer.Option(help="What is before a test, all before it, or all else.")
    ] = "rolling",
    train: Annotated[int, typer.Option(help="Sessions that parameters are chosen on.")] = 504,
    test: Annotated[int, typer.Option(help="Sessions that they are tried on.")] = 126,
    folds: Annotated[int, typer.Option(help="Parts of a k-fold.")] = 5,
    purge: Annotated[int, typer.Option(help="Sessions left out between train and test.")] = 0,
    embargo: Annotated[int, typer.Option(help="Further ones after a test, of a k-fold.")] = 0,
    warmup: Annotated[int, typer.Option(help="Sessions before a test that its run begins with.")] = 0,
    sampler: Sampler = "grid",
    trials: Trials = None,
    objective: Objective = "sharpe",
    patience: Patience = None,
    trial_seconds: Seconds = None,
    trial_memory: Memory = None,
    retry: Retry = False,
    workers: Workers = None,
    cash: Cash = 100_000.0,
    fill: Fill = "next_open",
    costs: Costs = None,
    adjust: Adjust = "splits",
    dividends: Dividends = None,
    gaps: Gaps = "refuse",
    with_news: News = None,
    scorer: Scorer = None,
    as_of: AsOf = None,
    benchmark: Benchmark = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Choose parameters on one window, try them on the next, again and again; the results out of sample."""
    given = {name: value for name, value in locals().items() if name in (*_SHARED, *_WINDOWS)}
    with contextlib.redirect_stdout(sys.stderr):
        found = ap.walk_forward(strategy, symbols, period, start, end, **_shared(grid, param, costs, with_news, given))
    if as_json:
        told = {"statistics": found.stats, "deflated": found.deflated, "efficiency": found.efficiency}
        told |= {"folds": _rows(found.table)}
        say_json(_finite(told | {"stability": _rows(found.stability)}))
    else:
        say(found.text(width()))
    whole = all(each.trial is not None and each.trial.record.status == "finished" for each in found.folds)
    raise typer.Exit(0 if whole else NEEDS_A_LOOK)


#: What both commands pass on under its own name.
_SHARED = (
    *("sampler", "trials", "objective", "patience", "trial_seconds", "trial_memory", "retry", "workers"),
    *("also", "cash", "fill", "adjust", "dividends", "gaps", "scorer", "as_of", "benchmark", "seed"),
)
_WINDOWS = ("scheme", "train", "test", "folds", "purge", "embargo", "warmup")


def _shared(
    grid: list[str], param: list[str] | None, costs: list[str] | None, news: bool | None, given: dict[str, Any]
) -> dict[str, Any]:
    values = {name: as_value(text) for name, text in pairs(grid).items()}
    for name, value in values.items():
        if not isinstance(value, list):
            raise InputError(f"--grid {name}={value!r} is no JSON list.", f"Such as --grid '{name}=[5, 10, 20]'.")
    return given | {
        "also": given["also"] or (),
        "grid": values,
        "params": {name: as_value(text) for name, text in pairs(param).items()},
        "costs": costs_of(costs),
        "news": news,
        "progress": sys.stderr.isatty(),
    }


def _told(found: SessionSweep) -> dict[str, Any]:
    try:
        steady, best = found.robustness, found.best
    except SweepError as none:  # no trial is the best: what each came to is told all the same
        return {"objective": found.objective, "best": None, "why": none.message, "trials": _finite(_rows(found.table))}
    told: dict[str, Any] = _finite(
        {
            "objective": found.objective,
            "best": best.id,
            "parameters": best.spec.parameters,
            "statistics": best.stats,
            "deflated": found.deflated,
            "pbo": _pbo(found),
            "robustness": {"measure": steady.measure, "verdict": steady.verdict},
            "trials": _rows(found.table),
        }
    )
    return told


def _pbo(found: SessionSweep) -> float | None:
    """The probability of overfitting; none of a single trial, of fewer sessions than it is cut into, or of no trade."""
    try:
        return found.pbo if isfinite(found.pbo) else None
    except InputError:
        return None


def _rows(frame: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = frame.reset_index().to_dict(orient="records")
    return rows


def _finite(value: Any) -> Any:
    """The value in what JSON can hold."""
    if isinstance(value, dict):
        return {str(name): _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not isfinite(value) else value
