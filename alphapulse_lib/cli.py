"""The `alphapulse` command: what `ap.*` does, from a terminal. Every answer is also had as ``--json``.

Exit codes: 0 done; 1 could not be done; 2 the call itself is wrong; 3 done, but something needs a look
(rows set aside by an import, problems found by a check); 130 interrupted.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

import alphapulse_lib as ap
from alphapulse_lib.errors import AlphaPulseError, InputError, QueryError, RunInterrupted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["app", "main"]

COULD_NOT, NEEDS_A_LOOK, INTERRUPTED = 1, 3, 130

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__, rich_markup_mode=None
)

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Symbols = Annotated[list[str], typer.Argument(help="Symbols (AAPL) or ids (AAPL.XNAS).")]
Start = Annotated[str | None, typer.Option(help="First day or moment, such as 2010-01-04.")]
End = Annotated[str | None, typer.Option(help="Last day or moment; a day is included whole.")]
AsOf = Annotated[str | None, typer.Option(help="What could be known at that moment. Default: now.")]


def main() -> None:
    """Run the command; an error is one message on standard error and an honest exit code, a warning is one line."""
    warnings.showwarning = _warn
    try:
        app()
    except AlphaPulseError as error:
        _say(f"{type(error).__name__}: {error}", to_error=True)
        sys.exit(INTERRUPTED if isinstance(error, RunInterrupted) else COULD_NOT)
    except KeyboardInterrupt:
        _say("Interrupted.", to_error=True)
        sys.exit(INTERRUPTED)


# --- the hub -------------------------------------------------------------------------------------------------------


@app.command()
def up() -> None:
    """Start the hub; Ctrl-C stops it."""
    _hub("up")


@app.command()
def down() -> None:
    """Stop the hub."""
    _hub("down")


@app.command()
def reset() -> None:
    """Remove everything the hub and the catalog keep, after asking."""
    _hub("reset")


# --- data in -------------------------------------------------------------------------------------------------------


@app.command()
def ingest(
    provider: Annotated[
        str, typer.Argument(help="A provider (files), or a dataset declared in catalog/*.yaml (sample).")
    ],
    source: Annotated[str | None, typer.Argument(help="What to import: a file, a folder or a pattern.")] = None,
    kind: Annotated[Literal["bars", "actions", "articles"], typer.Option(help="What the file holds.")] = "bars",
    symbol: Annotated[str | None, typer.Option(help="The symbol, where the file has no column of symbols.")] = None,
    venue: Annotated[str | None, typer.Option(help="The venue's MIC, such as XNAS.")] = None,
    name: Annotated[str | None, typer.Option(help="The instrument's name, where the symbol is new.")] = None,
    period: Annotated[str, typer.Option(help="1m, 15m, 1h, 1d ...")] = "1d",
    timezone: Annotated[str | None, typer.Option(help="The zone of stamps that name none.")] = None,
    stamps: Annotated[
        Literal["session", "open", "close"] | None,
        typer.Option(help="What stamps mark. Default: daily bars their session."),
    ] = None,
    adjusted: Annotated[bool, typer.Option(help="The prices are adjusted, not as traded.")] = False,
    column: Annotated[list[str] | None, typer.Option("--column", help="NAME=COLUMN, such as close=Last.")] = None,
    day_first: Annotated[
        bool | None,
        typer.Option("--day-first/--month-first", help="How 03/04/2013 is read, where the file does not tell."),
    ] = None,
    recover: Annotated[bool, typer.Option(help="Recover splits and dividends from an adjusted close.")] = True,
    source_name: Annotated[str, typer.Option("--source", help="What the rows' source is called.")] = "",
    as_json: Json = False,
) -> None:
    """Bring data into the catalog."""
    if source is None:
        report = ap.ingest(provider)
    else:
        report = ap.ingest(
            provider,
            source,
            kind=kind,
            symbol=symbol,
            venue=venue,
            name=name,
            period=period,
            timezone=timezone,
            stamps=stamps,
            adjusted=adjusted,
            columns=_pairs(column),
            day_first=day_first,
            recover=recover,
            source=source_name,
        )
    aside = len(report.quarantined)
    if as_json:
        _json(report.to_dict())
    else:
        _say(str(report))
    raise typer.Exit(NEEDS_A_LOOK if aside else 0)


@app.command()
def revert(
    import_id: Annotated[str, typer.Argument(help="The id that the import's report names.")], as_json: Json = False
) -> None:
    """Take an import back."""
    taken = ap.revert(import_id)
    if as_json:
        _json(asdict(taken))
    else:
        _say(str(taken))


# --- data out ------------------------------------------------------------------------------------------------------


@app.command()
def instruments(as_json: Json = False) -> None:
    """What the catalog holds."""
    _table(ap.instruments(), as_json)


@app.command()
def coverage(
    symbol: str, period: str = typer.Argument("1d"), start: Start = None, end: End = None, as_json: Json = False
) -> None:
    """The intervals held of a series, and its gaps against the exchange calendar."""
    held = ap.coverage(symbol, period, start, end)
    if as_json:
        _json(held.to_dict())
    else:
        _say(str(held))


@app.command()
def check(as_json: Json = False) -> None:
    """Read the whole catalog and report what is wrong with it."""
    problems = ap.check()
    if as_json or len(problems):
        _table(problems, as_json)
    else:
        _say("The catalog is sound.")
    raise typer.Exit(NEEDS_A_LOOK if len(problems) else 0)


@app.command()
def bars(
    symbols: Symbols,
    period: Annotated[str, typer.Option(help="1m, 15m, 1h, 1d ...")] = "1d",
    start: Start = None,
    end: End = None,
    adjust: Annotated[Literal["none", "splits", "total"], typer.Option(help="What is taken out of prices.")] = "splits",
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Bars of one or more instruments."""
    _table(ap.bars(symbols, period, start, end, adjust=adjust, as_of=as_of), as_json)


@app.command()
def news(
    symbol: Annotated[str | None, typer.Argument(help="Whose news; all without one.")] = None,
    start: Start = None,
    end: End = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Articles about an instrument."""
    _table(ap.news(symbol, start, end, as_of=as_of), as_json)


@app.command()
def sentiment(
    symbol: str,
    start: Start = None,
    end: End = None,
    every: Annotated[str, typer.Option(help="The period of a row.")] = "1d",
    scorer: Annotated[str | None, typer.Option(help="The scorer. Default: the setting.")] = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """The sentiment of the articles about an instrument."""
    _table(ap.sentiment(symbol, start, end, every=every, scorer=scorer, as_of=as_of), as_json)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="Read-only SQL of DuckDB.")], as_of: AsOf = None, as_json: Json = False
) -> None:
    """Ask the catalog in SQL: bars_<period>, articles, mentions, scores, actions, instruments."""
    import duckdb

    relation = ap.sql(query, as_of=as_of)
    if "UHUGEINT" in map(str, relation.types):
        raise QueryError("A UHUGEINT cannot be shown.", "Cast it: ::HUGEINT or ::VARCHAR.")
    try:
        if not as_json:
            _table(relation.df(), as_json)
            return
        table = relation.to_arrow_table()  # pandas would make doubles of large whole numbers
    except duckdb.Error as refused:  # what DuckDB meets only while it computes, such as 'x'::INT
        raise QueryError(str(refused)) from None
    _records(table.column_names, zip(*(column.to_pylist() for column in table.columns), strict=True))


# --- backtests -----------------------------------------------------------------------------------------------------


@app.command()
def backtest(
    strategy: Annotated[str, typer.Argument(help="SmaCross, module:Class or file.py:Class.")],
    symbols: Symbols,
    period: Annotated[str, typer.Option(help="1m, 15m, 1h, 1d ...")] = "1d",
    start: Start = None,
    end: End = None,
    param: Annotated[list[str] | None, typer.Option("--param", "-p", help="NAME=VALUE, several times.")] = None,
    cash: Annotated[float, typer.Option(help="The account's money at the start.")] = 100_000.0,
    fill: Annotated[Literal["next_open", "close"], typer.Option(help="When orders fill.")] = "next_open",
    per_share: Annotated[float, typer.Option(help="Commission for each share.")] = 0.0,
    percent: Annotated[float, typer.Option(help="Commission in per cent of the value.")] = 0.0,
    minimum: Annotated[float, typer.Option(help="The least commission of an order.")] = 0.0,
    slippage_bps: Annotated[float, typer.Option(help="Slippage in basis points.")] = 0.0,
    adjust: Annotated[
        Literal["splits", "none"], typer.Option(help="Follow splits, or take prices as stored.")
    ] = "splits",
    gaps: Annotated[Literal["refuse", "allow"], typer.Option(help="What to do about missing sessions.")] = "refuse",
    with_news: Annotated[
        bool | None, typer.Option("--news/--no-news", help="Deliver news and scores. Default: where the strategy asks.")
    ] = None,
    scorer: Annotated[str | None, typer.Option(help="The scorer. Default: the setting.")] = None,
    as_of: AsOf = None,
    seed: Annotated[int, typer.Option(help="For the run's random generators.")] = 0,
    tearsheet: Annotated[Path | None, typer.Option(help="Write the tearsheet to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Run a NautilusTrader strategy on the catalog's bars."""
    _require_place(tearsheet)
    with contextlib.redirect_stdout(sys.stderr):  # what a strategy prints is no part of the result
        run = ap.backtest(
            _strategy(strategy),
            symbols,
            period,
            start,
            end,
            params={name: _value(text) for name, text in _pairs(param).items()},
            cash=cash,
            fill=fill,
            costs=ap.Costs(per_share=per_share, percent=percent, minimum=minimum, slippage_bps=slippage_bps),
            adjust=adjust,
            gaps=gaps,
            news=with_news,
            scorer=scorer,
            as_of=as_of,
            seed=seed,
            progress=sys.stderr.isatty(),
        )
    _show_run(run, tearsheet, as_json)


@app.command()
def runs(
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.")] = 20, as_json: Json = False
) -> None:
    """The ledger's runs, newest first."""
    _table(ap.runs(limit=limit), as_json)


@app.command()
def run(
    run_id: Annotated[str, typer.Argument(help="A run's id, or the beginning of one.")],
    tearsheet: Annotated[Path | None, typer.Option(help="Write the tearsheet to this file.")] = None,
    as_json: Json = False,
) -> None:
    """One run of the ledger."""
    _require_place(tearsheet)
    _show_run(ap.run(run_id), tearsheet, as_json)


# --- one level down ------------------------------------------------------------------------------------------------


def _hub(verb: str) -> None:
    # The hub takes this process's place: the library never imports it, and Ctrl-C reaches it alone.
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "hub", verb])


def _require_place(tearsheet: Path | None) -> None:
    """Refuse a tearsheet that cannot be written, before anything is computed for it."""
    if tearsheet is None:
        return
    path = tearsheet.expanduser()
    try:
        folder = path if path.is_dir() else path.parent
    except OSError as refused:
        raise InputError(f"{tearsheet} cannot be written: {refused.strerror}.", "Name another path.") from None
    if not folder.is_dir():
        raise InputError(f"{tearsheet} cannot be written: there is no folder {folder}.", "Make it, or name another.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{tearsheet} cannot be written: you may not write to {folder}.", "Name another folder.")


def _show_run(run: Any, tearsheet: Path | None, as_json: bool) -> None:
    """The record first: it is told even where the tearsheet cannot be written."""
    if as_json:
        from alphapulse_lib.results.canonical import to_json

        _say(to_json(run.record))
    else:
        from alphapulse_lib.views import cards

        _say(cards.text(run))
    if tearsheet:
        page = run.tearsheet(tearsheet)
        if not as_json:
            _say(f"Tearsheet: {os.fspath(page)}")


def _strategy(name: str) -> type:
    from alphapulse_lib.session.strategies import strategy_class

    return strategy_class(name)


def _pairs(texts: list[str] | None) -> dict[str, str]:
    pairs = {}
    for text in texts or ():
        name, found, value = text.partition("=")
        if not found:
            raise InputError(f"{text!r} is not NAME=VALUE.")
        pairs[name.strip()] = value.strip()
    return pairs


def _value(text: str) -> Any:
    """A parameter as JSON reads it (numbers, true, lists), else the text itself."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _table(frame: pd.DataFrame, as_json: bool) -> None:
    if as_json:
        _records(list(map(str, frame.columns)), frame.itertuples(index=False, name=None))
    elif frame.empty:
        _say(f"Nothing. It would show {', '.join(map(str, frame.columns))}.")
    else:
        _say(frame.to_string(index=False, max_rows=None if not sys.stdout.isatty() else 60))


def _records(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    from alphapulse_lib.views.records import records

    _say(records(names, rows))


def _json(value: Any) -> None:
    _say(json.dumps(value, default=str, indent=1))


def _warn(message: Warning | str, *_: Any, **__: Any) -> None:
    _say(f"warning: {' '.join(str(message).split())}", to_error=True)


def _say(text: str, *, to_error: bool = False) -> None:
    typer.echo(text, err=to_error)
