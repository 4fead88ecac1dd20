"""Commands about backtests and the ledger of runs."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

import alphapulse_lib as ap
from alphapulse_lib.cli.costs import Costs, costs_of
from alphapulse_lib.cli.options import Also, AsOf, Benchmark, End, Json, Params, Start, Symbols
from alphapulse_lib.cli.say import COULD_NOT, NEEDS_A_LOOK, as_value, pairs, say, say_json, say_table, width
from alphapulse_lib.errors import InputError

__all__ = ["backtest", "run", "runs", "tearsheet"]

_NO_RUNS = "Nothing. It would show the runs of the ledger: `alphapulse backtest`, or ap.backtest, makes one."


def backtest(
    strategy: Annotated[str, typer.Argument(help="SmaCross, module:Class or file.py:Class.")],
    symbols: Symbols,
    period: Annotated[str, typer.Option(help="1m, 15m, 1h, 1d ...")] = "1d",
    start: Start = None,
    end: End = None,
    param: Params = None,
    also: Also = None,
    cash: Annotated[float, typer.Option(help="The account's money at the start.")] = 100_000.0,
    fill: Annotated[
        Literal["next_open", "close", "next_close", "vwap", "ticks"], typer.Option(help="When orders fill.")
    ] = "next_open",
    per_share: Annotated[float, typer.Option(help="Commission for each share.")] = 0.0,
    percent: Annotated[float, typer.Option(help="Commission in per cent of the value.")] = 0.0,
    minimum: Annotated[float, typer.Option(help="The least commission of an order.")] = 0.0,
    slippage_bps: Annotated[float, typer.Option(help="Slippage in basis points.")] = 0.0,
    costs: Costs = None,
    adjust: Annotated[
        Literal["splits", "none"], typer.Option(help="Follow splits, or take prices as stored.")
    ] = "splits",
    dividends: Annotated[
        bool | None, typer.Option("--dividends/--no-dividends", help="Pay them. Default: where splits are followed.")
    ] = None,
    gaps: Annotated[Literal["refuse", "allow"], typer.Option(help="What to do about missing sessions.")] = "refuse",
    with_news: Annotated[
        bool | None, typer.Option("--news/--no-news", help="Deliver news and scores. Default: where the strategy asks.")
    ] = None,
    scorer: Annotated[str | None, typer.Option(help="The scorer. Default: the setting.")] = None,
    as_of: AsOf = None,
    benchmark: Benchmark = None,
    seed: Annotated[int, typer.Option(help="For the run's random generators.")] = 0,
    run_seconds: Annotated[float | None, typer.Option(help="How long it may take. Default: the setting.")] = None,
    run_memory: Annotated[float | None, typer.Option(help="Megabytes it may hold. Default: the setting.")] = None,
    tearsheet: Annotated[Path | None, typer.Option(help="Write the tearsheet to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Run a NautilusTrader strategy on the catalog's bars."""
    _require_place(tearsheet)
    from alphapulse_lib.session.hub import RunWarning

    # What a strategy prints is no part of the result.
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        if not as_json:  # they stand in the card
            warnings.simplefilter("ignore", RunWarning)
        run = ap.backtest(
            _strategy(strategy),
            symbols,
            period,
            start,
            end,
            also=also or (),
            params={name: as_value(text) for name, text in pairs(param).items()},
            cash=cash,
            fill=fill,
            costs=costs_of(costs, per_share=per_share, percent=percent, minimum=minimum, slippage_bps=slippage_bps),
            adjust=adjust,
            dividends=dividends,
            gaps=gaps,
            news=with_news,
            scorer=scorer,
            as_of=as_of,
            benchmark=benchmark,
            seed=seed,
            run_seconds=run_seconds,
            run_memory=run_memory,
            progress=sys.stderr.isatty(),
        )
    _show_run(run, tearsheet, as_json)


def runs(
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 20,
    merge: Annotated[
        bool, typer.Option("--merge", help="Hand the runs that wait in to the team's ledger, and say how that went.")
    ] = False,
    mine: Annotated[
        bool, typer.Option("--mine", help="With --merge: also those recorded under another name, as your own.")
    ] = False,
    family: Annotated[str | None, typer.Option(help="Only runs of this idea, as the column names it.")] = None,
    as_json: Json = False,
) -> None:
    """The ledger's runs, newest first; inside a hub your teams' too, and those shared with you."""
    if mine and not merge:
        raise InputError("--mine goes with --merge.", "alphapulse runs --merge --mine")
    if merge:
        _merge(mine, as_json)
        return
    found = ap.runs(limit=limit, family=family)
    if as_json:
        say_table(found, as_json)
        return
    if found.empty:
        say(f"Nothing of the family {family!r}: `alphapulse runs` lists all runs." if family else _NO_RUNS)
        return
    from alphapulse_lib.views import tables

    say(tables.runs(found, width()))


def run(
    run_id: Annotated[str, typer.Argument(help="A run's id, or the beginning of one.")],
    tearsheet: Annotated[Path | None, typer.Option(help="Write the tearsheet to this file.")] = None,
    log: Annotated[bool, typer.Option("--log", help="Its log too, below: what it said, and what it was told.")] = False,
    as_json: Json = False,
) -> None:
    """One run of the ledger."""
    if log and as_json:
        raise InputError("--log goes with no --json: a log is no JSON.", f"alphapulse run {run_id} --log")
    _require_place(tearsheet)
    found = ap.run(run_id)
    _show_run(found, tearsheet, as_json)
    if log:
        say(found.log or "Its log is empty.")


def tearsheet(
    run_id: Annotated[str, typer.Argument(help="A run's id, or the beginning of one.")],
    path: Annotated[
        Path | None, typer.Argument(help="A file, or a folder that exists. Default: the run's own folder.")
    ] = None,
) -> None:
    """Write the tearsheet of a run, one HTML file that needs no network, and tell where it is."""
    _require_place(path)
    say(os.fspath(ap.run(run_id).tearsheet(path)))


def _merge(mine: bool, as_json: bool) -> None:
    from alphapulse_lib.session.team import team_ledger

    done = team_ledger().hand_in(again=True, mine=mine)
    if as_json:
        say_json(asdict(done))
    else:
        say(f"{len(done.runs)} handed in, {len(done.waiting)} wait, {len(done.refused)} refused.")
        for run_id, why in done.refused.items():
            say(f"  {run_id}: {why}")
        if done.away:
            say(done.away, to_error=True)
    raise typer.Exit(COULD_NOT if done.away else NEEDS_A_LOOK if done.refused else 0)


def _show_run(run: Any, tearsheet: Path | None, as_json: bool) -> None:
    """The record first: it is told even where the tearsheet cannot be written."""
    if as_json:
        from alphapulse_lib.model.canonical import to_json

        say(to_json(run.record))
    else:
        from alphapulse_lib.views import cards

        say(cards.text(run))
    if tearsheet:
        page = run.tearsheet(tearsheet)
        if not as_json:
            say(f"Tearsheet: {os.fspath(page)}")


def _require_place(tearsheet: Path | None) -> None:
    """Refuse a tearsheet that cannot be written, before anything is computed for it."""
    if tearsheet is None:
        return
    from alphapulse_lib.results.artefacts import no_file

    path = tearsheet.expanduser()
    try:
        folder = path if path.is_dir() else Path(os.path.realpath(path)).parent
    except OSError as refused:
        raise InputError(f"{tearsheet} cannot be written: {refused.strerror}.", "Name another path.") from None
    if not folder.is_dir():
        raise InputError(f"{tearsheet} cannot be written: there is no folder {folder}.", "Make it, or name another.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{tearsheet} cannot be written: you may not write to {folder}.", "Name another folder.")
    if folder != path and (what := no_file(path)):
        raise InputError(
            f"{tearsheet} cannot be written: {what} stands there.", "Name another path: only a file is replaced."
        )


def _strategy(name: str) -> type:
    from alphapulse_lib.session.strategies import strategy_class

    return strategy_class(name)
