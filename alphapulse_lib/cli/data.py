"""Commands about data: in, out, and whether it is sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

import alphapulse_lib as ap
from alphapulse_lib.cli import ingests
from alphapulse_lib.cli.options import AsOf, At, End, Json, RecordedAsOf, Start, Symbols
from alphapulse_lib.cli.say import NEEDS_A_LOOK, pairs, say, say_json, say_records, say_rows, say_table
from alphapulse_lib.errors import InputError, QueryError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "check",
    "coverage",
    "flags",
    "ingest",
    "instruments",
    "news",
    "publish",
    "quarantine",
    "release",
    "revert",
    "sentiment",
    "sql",
    "universe",
]


def ingest(
    provider: Annotated[
        str, typer.Argument(help="A provider (files), or a dataset declared in catalog/*.yaml (sample).")
    ] = "",
    source: Annotated[
        list[str] | None, typer.Argument(help="What to import: a file, a folder or a pattern; of a vendor its tickers.")
    ] = None,
    start: Start = None,
    end: End = None,
    dry_run: Annotated[bool, typer.Option(help="Reckon calls, rows and bytes; ask and write nothing.")] = False,
    feed: Annotated[str | None, typer.Option(help="Of a vendor: its feed, such as iex or sip.")] = None,
    kind: Annotated[
        Literal["bars", "trades", "quotes", "actions", "articles", "instruments", "universe"],
        typer.Option(help="What the rows are."),
    ] = "bars",
    symbol: Annotated[str | None, typer.Option(help="The symbol, where the file has no column of symbols.")] = None,
    venue: Annotated[str | None, typer.Option(help="A MIC, such as XNAS; SIM=XNAS,... by symbol or old venue.")] = None,
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
    status: Annotated[
        bool, typer.Option("--status", help="In a hub: who waits for what of vendors, and how far.")
    ] = False,
    cancel: Annotated[str | None, typer.Option(metavar="ID", help="In a hub: wait for that request no longer.")] = None,
    as_json: Json = False,
) -> None:
    """Bring data into the catalog."""
    if status or cancel:
        ingests.cancel(cancel, as_json) if cancel else ingests.show(as_json)
        return
    if not provider:
        raise InputError("What is to be imported?", "A provider, or a dataset: alphapulse ingest sample.")
    done: Any
    if not source:
        done = ap.ingest(provider, dry_run=dry_run)
    else:
        done = ap.ingest(
            provider,
            source[0] if len(source) == 1 else source,
            period,
            start,
            end,
            dry_run=dry_run,
            feed=feed,
            kind=kind,
            symbol=symbol,
            venue=pairs(venue.split(",")) if venue and "=" in venue else venue,
            name=name,
            timezone=timezone,
            stamps=stamps,
            adjusted=adjusted,
            columns=pairs(column) or None,
            day_first=day_first,
            recover=recover,
            source=source_name,
        )
    if as_json:
        say_json(done.to_dict())
    else:
        say(str(done))
    raise typer.Exit(NEEDS_A_LOOK if not dry_run and len(done.quarantined) else 0)


def revert(
    import_id: Annotated[str, typer.Argument(help="The id that the import's report names.")], as_json: Json = False
) -> None:
    """Take an import back."""
    taken = ap.revert(import_id)
    if as_json:
        say_json(asdict(taken))
    else:
        say(str(taken))


def publish(
    symbols: Symbols,
    period: Annotated[str, typer.Option(help="1m, 15m, 1h, 1d ...")] = "1d",
    as_json: Json = False,
) -> None:
    """Bring series of your own catalog into the team's."""
    done = ap.publish(symbols, period)
    if as_json:
        say_json(done.to_dict())
    else:
        say(str(done))
    raise typer.Exit(NEEDS_A_LOOK if len(done.quarantined) else 0)


def quarantine(
    import_id: Annotated[str | None, typer.Argument(help="An import's id. Default: all imports.")] = None,
    as_json: Json = False,
) -> None:
    """The rows that imports set aside, with their reasons; `release` writes them after all."""
    of_one = ("import_id",) if import_id else ()
    least = ("released_by", "released_at", "held_back", "row", *of_one, "period", "file", "symbol")
    say_table(ap.quarantine(import_id), as_json, least)


def release(
    import_id: Annotated[str, typer.Argument(help="The import's id.")],
    rows: Annotated[
        list[int] | None, typer.Argument(help="Numbers of rows, as quarantine lists them. Default: all that can be.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write rows that an import set aside after all."""
    done = ap.release(import_id, rows or None)
    if as_json:
        say_json(asdict(done))
    else:
        say(str(done))


def flags(
    symbols: Annotated[list[str] | None, typer.Argument(help="Symbols or ids. Default: all.")] = None,
    period: Annotated[str | None, typer.Option(help="1m, 1d ... Default: every one.")] = None,
    start: Start = None,
    end: End = None,
    as_json: Json = False,
) -> None:
    """What is odd about bars that were kept: off the tick, or an extreme range."""
    say_table(ap.flags(symbols or None, period, start, end), as_json)


def instruments(at: At = None, as_of: AsOf = None, recorded_as_of: RecordedAsOf = None, as_json: Json = False) -> None:
    """What the catalog holds; with --at, what was listed that day under the ticker of that day."""
    found = ap.instruments(at=at, as_of=as_of, recorded_as_of=recorded_as_of)
    faultless = not as_json and not found["fault"].any()
    say_table(found.drop(columns="fault") if faultless else found, as_json, ("quotes", "trades", "name"))


def universe(
    name: Annotated[str, typer.Argument(help="As it was imported, such as sp500.")],
    at: At = None,
    as_of: AsOf = None,
    recorded_as_of: RecordedAsOf = None,
    as_json: Json = False,
) -> None:
    """Who belonged to a universe on a day, those that later left among them."""
    say_table(ap.universe(name, at=at, as_of=as_of, recorded_as_of=recorded_as_of), as_json)


def coverage(
    symbol: str, period: str = typer.Argument("1d"), start: Start = None, end: End = None, as_json: Json = False
) -> None:
    """The intervals held of a series (1d, 1m ..., trades, quotes), and its gaps against the exchange calendar."""
    held = ap.coverage(symbol, period, start, end)
    if as_json:
        say_json(held.to_dict())
    else:
        say(str(held))


def check(
    repair: Annotated[
        bool, typer.Option("--repair", help="Do what can be done without losing anything; nothing is deleted.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read the whole catalog and report what is wrong with it."""
    problems = ap.check(repair=repair)
    if as_json or len(problems):
        say_table(problems, as_json)
    else:
        say("The catalog is sound.")
    left = problems[problems.repaired == ""] if repair else problems
    raise typer.Exit(NEEDS_A_LOOK if len(left) else 0)


def news(
    symbol: Annotated[str | None, typer.Argument(help="Whose news; all without one.")] = None,
    start: Start = None,
    end: End = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Articles about an instrument."""
    least = ("revision", "article_id", "version", "scorer", "available_at", "body", "url", "source", "symbols")
    _say_scores(ap.news(symbol, start, end, as_of=as_of), as_json, (*least, "score", "headline"))


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
    _say_scores(ap.sentiment(symbol, start, end, every=every, scorer=scorer, as_of=as_of), as_json)


def sql(
    query: Annotated[str, typer.Argument(help="Read-only SQL of DuckDB.")], as_of: AsOf = None, as_json: Json = False
) -> None:
    """Ask the catalog in SQL: bars_<period>, articles, actions, instruments, listings, universe ..."""
    import duckdb

    from alphapulse_lib.session.sql import refusal

    relation = ap.sql(query, as_of=as_of)
    if "UHUGEINT" in map(str, relation.types):
        raise QueryError("A UHUGEINT cannot be shown.", "Cast it: ::HUGEINT or ::VARCHAR.")
    try:
        table = relation.to_arrow_table()  # pandas would make doubles of large whole numbers
    except duckdb.Error as refused:  # what DuckDB meets only while it computes, such as 'x'::INT
        raise refusal(refused) from None
    columns = [column.to_pylist() for column in table.columns]
    if as_json:
        say_records(table.column_names, zip(*columns, strict=True))
    else:
        say_rows(table.column_names, columns)


def _say_scores(found: pd.DataFrame, as_json: bool, least: Sequence[str] = ()) -> None:
    """Write a table with scores: four digits tell them apart, JSON has them all."""
    say_table(found if as_json else found.round({"score": 4}), as_json, least)
