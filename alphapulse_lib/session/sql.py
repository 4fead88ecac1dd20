"""`ap.sql`: the catalog as DuckDB's views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.model.window import Moment
from alphapulse_lib.session.question import known_at
from alphapulse_lib.session.symbols import check_text

if TYPE_CHECKING:
    import duckdb

    from alphapulse_lib.errors import AlphaPulseError

__all__ = ["refusal", "sql"]


def sql(query: str, *, as_of: Moment = None, recorded_as_of: Moment = None) -> duckdb.DuckDBPyRelation:
    """Ask the catalog in DuckDB's SQL; its files are read in place and never written.

    The views are ``bars_<period>`` (``bars_1d``, ``bars_1m``, ...: as traded, in floats; ``exact.bars_1d`` and so on:
    in the files' own decimals, which are summed to the last digit), ``trades``, ``quotes``, ``articles``, ``news``,
    ``mentions``, ``scores``, ``actions``, ``instruments``, ``listings`` (which ticker meant an instrument when) and
    ``universe`` (who belonged to an index when); ``FROM bars_1d LIMIT 1`` shows a view's columns. ``articles`` has each
    article in its newest words. For what could be read at a bar join ``news``: one row a revision and an instrument it
    is about, with the ``available_at`` of that revision (``ts`` is when the article says it was published).

    Parameters
    ----------
    query : str
        One reading statement.
    as_of, recorded_as_of : str, date or datetime, optional
        Every view shows only what could be known then, and what was held then. A bare date is its end in UTC.

    Returns
    -------
    duckdb.DuckDBPyRelation
        Not yet computed; ``.df()``, ``.pl()`` or ``.to_arrow_table()`` do it.

    Raises
    ------
    QueryError
        DuckDB refuses the query; the message is its own. What only a row shows, such as ``'x'::INT``, is found when
        the answer is computed: ``.df()`` and the others then raise ``duckdb.Error``.
    InputError
        The query is not text.
    CatalogEmpty
        Nothing was ever written to the catalog.
    CatalogDamaged
        A file that the query comes to is not what it should be; the message names it. In an object store, and of a torn
        page in mid-file, that is found when the answer is computed, with ``duckdb.Error`` too: `ap.check` finds which.

    Examples
    --------
    News beside bars: for each bar the latest article about its instrument that was out by then, in its words of then.

    >>> ap.sql('''
    ...     SELECT b.symbol, b.close, n.headline
    ...     FROM bars_1d b
    ...     ASOF JOIN news n ON b.instrument_id = n.instrument_id AND b.ts >= n.available_at
    ...     WHERE b.symbol = 'MSFT' ORDER BY b.ts LIMIT 1
    ... ''').fetchall()
    [('MSFT', 88.56, 'Judge rules that Microsoft violated antitrust law')]
    """
    from alphapulse_lib.query.sql import relation

    check_text(query, "A query", "'FROM bars_1d LIMIT 1'")
    return relation(Roots.of_settings(), query, known_at(as_of), known_at(recorded_as_of))


def refusal(refused: duckdb.Error) -> AlphaPulseError:
    """What DuckDB met while it computed an answer, as the error of ours that it is: `query.sql.refusal`."""
    from alphapulse_lib.query import sql

    return sql.refusal(Roots.of_settings(), refused)
