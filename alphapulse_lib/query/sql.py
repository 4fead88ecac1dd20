"""SQL over the catalog: DuckDB views that read its Parquet in place.

::

    bars_<period>   symbol, instrument_id, ts, open, high, low, close, volume, available_at, recorded_at, import_id
    trades          symbol, instrument_id, ts, ts_ns, price, size, aggressor_side, trade_id, conditions, exchange, ...
    quotes          symbol, instrument_id, ts, ts_ns, bid, ask, bid_size, ask_size, sequence, ...
    articles        ts, source, id, published_at, headline, body, url, symbols, available_at, ...: the newest revision
    news            symbol, instrument_id, ts, available_at, headline, body, url, how, source, article_id, ...:
                    one row a revision and an instrument it is about, so that bars can be joined to what was out then
    mentions        symbol, ts, source, article_id, instrument_id, published_at, how, available_at, ...
    scores          ts, source, article_id, published_at, scorer, version, score, available_at, ...
    actions         symbol, instrument_id, ts, kind, ex_date, ratio, amount, new_symbol, source, available_at, ...:
                    kind is split, dividend, spin_off, rename or delisting
    instruments     id, symbol, name, asset_class, currency, price_precision, size_precision
    listings        symbol, venue, id, starts, ends: a row a ticker and the days it meant an instrument
    universe        name, symbol, id, starts, ends, available_at, ...: a row an interval of membership, under the ticker
                    of then, and the instrument that this meant

``symbol`` is the ticker an instrument had last, in ``listings`` and ``universe`` that of then; ``ends`` is the first
day that it was no longer so, null where it still is: ``starts <= day AND (ends IS NULL OR day < ends)``.

Prices are as traded, in doubles (a product of two 38-digit decimals overflows); ``exact.bars_<period>`` has the same
columns in the decimals of the files, which DuckDB sums and compares to the last digit
(cast before multiplying: ``close::DOUBLE * volume::DOUBLE``).

``ts`` is when something happened: of articles and what belongs to them when they were published, of actions the first
moment of their ex-date. What could be known when is told by ``available_at``: join on that, not on an article's ``ts``.
A score's symbols are its article's: ``scores JOIN mentions USING (source, article_id, available_at)``.

A query opens the files of the instruments that it names alone (``symbol = 'AAPL'``, ``symbol IN (...)``, ``LIKE``, or
the same of ``instrument_id``), and of those the row groups of its window of ``ts``. Times are ``TIMESTAMPTZ`` to the
microsecond, shown in UTC (DuckDB's functions take no nanoseconds).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from alphapulse_lib.catalog import layout, sql_files
from alphapulse_lib.catalog.parquet import opened, reading, shown
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import AlphaPulseError, CatalogDamaged, QueryError
from alphapulse_lib.query import flaws, tables

if TYPE_CHECKING:
    import duckdb

__all__ = ["SETTINGS", "answered", "refusal", "relation", "told", "views_told"]

SETTINGS = "SET TimeZone = 'UTC'; SET python_enable_replacements = false; SET enable_progress_bar = false"
#: What stands before the statement that is explained. Whatever else stands there is refused.
_EXPLAIN = re.compile(r"\A\s*EXPLAIN(\s+ANALYZE\b|\s*\((?:\s*[A-Za-z_]+(?:\s+[A-Za-z_]+)?\s*,?)+\))?\s+", re.IGNORECASE)


def relation(
    roots: Roots | PurePath, sql: str, as_of: int | None = None, recorded_as_of: int | None = None
) -> duckdb.DuckDBPyRelation:
    """What a query over the catalog answers, not yet computed.

    Parameters
    ----------
    sql : str
        One ``SELECT`` (or ``FROM``, ``WITH``, ``DESCRIBE``, ``EXPLAIN``) in DuckDB's SQL.
    as_of, recorded_as_of : int, optional
        Every view shows what was known, and what was recorded, by then: nanoseconds since 1970, UTC; now unless told.

    Returns
    -------
    duckdb.DuckDBPyRelation
        ``.df()``, ``.pl()``, ``.to_arrow_table()``, ``.fetchall()`` compute it.

    Raises
    ------
    CatalogEmpty
        Nothing was ever written to the catalog.
    CatalogDamaged
        A file that the query comes to cannot be read or lacks a column, or files of bars overlap. Of a bar file, or of
        ticks, its footer is looked at before, and the rest when the answer is computed: ``duckdb.Error`` then says what
        is wrong with it, and `alphapulse check` with which. So it is with all of a file in an object store.
    QueryError
        DuckDB refuses the query, in its own words; or it is not one reading statement.
    """
    import duckdb

    roots = Roots.of(roots)
    roots.require()
    connection = duckdb.connect()
    connection.execute(SETTINGS)
    sql_files.register(connection, [root for _, root in roots.all])
    damaged: list[CatalogDamaged] = []
    try:
        _, damaged = tables.make(connection, roots, as_of, recorded_as_of, sql)
        answer = answered(connection, sql, damaged)
    except duckdb.Error as refused:
        raise refusal(roots, refused, views_told(connection), damaged) from None
    return answer


def refusal(
    roots: Roots, refused: duckdb.Error, hint: str = "", damaged: Sequence[CatalogDamaged] = ()
) -> AlphaPulseError:
    """What DuckDB refused as the error that it is: of a file, if one is damaged, else of the query."""
    import duckdb

    for each in damaged:
        if flaws.text(each) in str(refused):
            return each
    if isinstance(refused, duckdb.IOException | duckdb.InvalidInputException):
        try:
            _require_sound(roots, str(refused))
        except CatalogDamaged as damaged:
            return damaged
    elif type(refused) is duckdb.Error:  # which names no file: a page is not what its header says
        return CatalogDamaged(f"A file cannot be read: {told(refused)}.", "`alphapulse check` finds out which.")
    return QueryError(told(refused), hint)


def answered(
    connection: duckdb.DuckDBPyConnection, sql: str, damaged: Sequence[CatalogDamaged] = ()
) -> duckdb.DuckDBPyRelation:
    """What one reading statement answers, bound, so that what DuckDB refuses is refused here.

    Raises
    ------
    QueryError
        It is not one statement, or one that does more than read.
    CatalogDamaged
        It comes to a damaged file.
    """
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or not _reads(connection, statements[0]):
        raise QueryError("One reading statement is needed: the catalog is never written by SQL.", "Give one SELECT.")
    answer = connection.sql(sql)
    answer.columns  # noqa: B018 binds the query
    if damaged:
        flaws.refuse(connection, sql, damaged)
    return answer


def _reads(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> bool:
    """Whether a statement only reads. ``EXPLAIN ANALYZE`` runs what it explains, so that must read too."""
    import duckdb

    if statement.type != duckdb.StatementType.EXPLAIN:
        return bool(statement.type == duckdb.StatementType.SELECT)
    explained = _EXPLAIN.sub("", statement.query)
    inner = connection.extract_statements(explained)
    return explained != statement.query and len(inner) == 1 and inner[0].type == duckdb.StatementType.SELECT


def _require_sound(roots: Roots, met: str) -> None:
    """Refuse a catalog of which DuckDB cannot read a file, in words that say which and what to do."""
    paths = [path for _, root in roots.all for path in layout.all_parquet(root)]
    for path in paths:
        _, named, why = met.partition(f'"{shown(path)}": ')
        if named:  # of a page that is damaged, where the footer is whole
            with reading(path):
                raise OSError(why)
    for path in paths:
        opened(path, rows=False)


def told(refused: duckdb.Error) -> str:
    """DuckDB's words; of what the catalog's own file system said to it, that alone, without the way it came."""
    _, found, ours = str(refused).rpartition("alphapulse_lib.errors.")
    return ours.partition(": ")[2].strip() if found else str(refused)


def views_told(connection: duckdb.DuckDBPyConnection) -> str:
    """The names of all views, for a hint."""
    query = """
        SELECT if(schema_name = 'main', '', schema_name || '.') || view_name FROM duckdb_views() WHERE NOT internal"""
    held = [name for (name,) in connection.execute(query).fetchall()]
    return f"The catalog's views: {', '.join(sorted(held))}."
