"""Commands that ask for bars, prices, trades and quotes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

import alphapulse_lib as ap
from alphapulse_lib.cli.files import check_file, write_file
from alphapulse_lib.cli.options import AsOf, End, Json, RecordedAsOf, Start, Symbols
from alphapulse_lib.cli.say import say, say_table

__all__ = ["bars", "prices", "quotes", "trades"]

Period = Annotated[str, typer.Option(help="1m, 1h, 1d, 5d, 1mo ..., or 100-TICK, 1000-VOLUME, 1000000-VALUE.")]
Source = Annotated[
    Literal["bars", "trades", "quotes"] | None, typer.Option(help="What bars are made of. Default: held bars.")
]
Hours = Annotated[Literal["all", "regular"], typer.Option(help="The sessions' hours alone, or all that traded.")]
Adjust = Annotated[Literal["none", "splits", "total"], typer.Option(help="What is taken out of prices.")]
Zone = Annotated[str, typer.Option(help="The zone ts is told in, such as America/New_York.")]
Order = Annotated[Literal["time", "symbol"], typer.Option(help="By time, or one instrument after the other.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write to a .parquet, .csv or .arrow file, however much.", callback=check_file),
]


def bars(
    symbols: Symbols,
    period: Period = "1d",
    start: Start = None,
    end: End = None,
    source: Source = None,
    session: Hours = "all",
    adjust: Adjust = "splits",
    timezone: Zone = "UTC",
    as_of: AsOf = None,
    recorded_as_of: RecordedAsOf = None,
    order: Order = "time",
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Bars of one or more instruments."""
    how = {"source": source, "session": session, "adjust": adjust, "timezone": timezone, "order": order}
    asked = (symbols, period, start, end)
    _answer(output, as_json, ap.bars, asked, {**how, "as_of": as_of, "recorded_as_of": recorded_as_of})


def prices(
    symbols: Symbols,
    period: Period = "1d",
    start: Start = None,
    end: End = None,
    field: Annotated[Literal["open", "high", "low", "close", "volume"], typer.Option(help="Which figure.")] = "close",
    fill: Annotated[Literal["forward"] | None, typer.Option(help="Carry prices over holes. Default: not.")] = None,
    limit: Annotated[int | None, typer.Option(help="To how many rows in a row, at most.")] = None,
    source: Source = None,
    session: Hours = "all",
    adjust: Adjust = "splits",
    timezone: Zone = "UTC",
    as_of: AsOf = None,
    recorded_as_of: RecordedAsOf = None,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """One figure of several instruments, side by side."""
    how: dict[str, Any] = {"source": source, "session": session, "adjust": adjust, "timezone": timezone}
    how |= {"field": field, "fill": fill, "limit": limit, "as_of": as_of, "recorded_as_of": recorded_as_of}
    if output:
        table = ap.prices(symbols, period, start, end, **how, frame="arrow")
        say(f"{write_file(table.to_reader(), output):,} rows in {output}.")
    else:
        say_table(ap.prices(symbols, period, start, end, **how).reset_index(), as_json)


def trades(
    symbols: Symbols,
    start: Start = None,
    end: End = None,
    session: Hours = "all",
    timezone: Zone = "UTC",
    as_of: AsOf = None,
    recorded_as_of: RecordedAsOf = None,
    order: Order = "time",
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Trades of one or more instruments, as they were printed."""
    how = {"session": session, "timezone": timezone, "order": order, "as_of": as_of, "recorded_as_of": recorded_as_of}
    _answer(output, as_json, ap.trades, (symbols, start, end), how)


def quotes(
    symbols: Symbols,
    start: Start = None,
    end: End = None,
    session: Hours = "all",
    timezone: Zone = "UTC",
    as_of: AsOf = None,
    recorded_as_of: RecordedAsOf = None,
    order: Order = "time",
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Best bid and ask of one or more instruments, at each change."""
    how = {"session": session, "timezone": timezone, "order": order, "as_of": as_of, "recorded_as_of": recorded_as_of}
    _answer(output, as_json, ap.quotes, (symbols, start, end), how)


def _answer(output: Path | None, as_json: bool, ask: Any, asked: tuple[Any, ...], how: dict[str, Any]) -> None:
    """Show the answer, or stream it to a file."""
    if output:
        say(f"{write_file(ask(*asked, **how, frame='batches'), output):,} rows in {output}.")
    else:
        say_table(ask(*asked, **how), as_json)
