"""`ap.universe`: who belonged to an index on a day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from alphapulse_lib import clock
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import AmbiguousSymbol, InputError, UnknownSymbol, did_you_mean
from alphapulse_lib.model.window import Moment, day_of
from alphapulse_lib.session.question import known_at
from alphapulse_lib.session.symbols import check_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["universe"]


def universe(name: str, *, at: Moment = None, as_of: Moment = None, recorded_as_of: Moment = None) -> pd.DataFrame:
    r"""Who belonged to a universe on a day: those that later left or died among them.

    Parameters
    ----------
    name : str
        As it was imported: ``ap.ingest("files", "members.csv", kind="universe", name="sp500")``, whose columns are
        ``ticker`` (as listed then), ``from`` (the first day as a member) and ``to`` (the first day no longer one).
    at : str, date or datetime, optional
        The day; today unless told.
    as_of, recorded_as_of : str, date or datetime, optional
        As the intervals were known, and held, by then. A bare date is its end in UTC. Now unless told.

    Returns
    -------
    pandas.DataFrame
        ``symbol`` (of that day), ``id`` (the instrument it meant that day; empty where the catalog has none),
        ``start``, ``end`` (dates; ``end`` is empty for those that still belong); sorted by symbol.

    Raises
    ------
    InputError
        No such universe is held, or ``at`` is no day.
    CatalogEmpty
        Nothing was ever written to the catalog.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "members.csv")
    ...     _ = path.write_text("ticker,from,to\nAAPL,2000-01-03,\nIBM,2000-01-03,2006-06-01\n")
    ...     report = ap.ingest("files", path, kind="universe", name="two")
    >>> ap.universe("two", at="2006-05-31").symbol.tolist(), ap.universe("two", at="2006-06-01").id.tolist()
    (['AAPL', 'IBM'], ['AAPL.XNAS'])
    """
    import pandas as pd

    from alphapulse_lib.catalog import universes

    roots, day = _holding(name), clock.now().date() if at is None else day_of(at)
    moments = [known_at(each) for each in (as_of, recorded_as_of)]
    frame: pd.DataFrame = universes.members(roots, name, day, *moments).select(["ticker", "start", "end"]).to_pandas()
    frame.insert(1, "id", pd.Series(_ids(Index(roots, *moments), frame["ticker"], day), dtype="str"))
    return frame.rename(columns={"ticker": "symbol"})


def _holding(name: str) -> Roots:
    """The catalogs, of which one holds a universe of that name."""
    from alphapulse_lib.catalog import universes

    check_text(name, "A universe", "'sp500'")
    roots = Roots.of_settings()
    roots.require()
    known = universes.names(roots)
    if name not in known:
        held = f"Held are {', '.join(known)}." if known else "None is held yet."
        how = "Import its members: ap.ingest('files', 'members.csv', kind='universe', name=...)."
        raise InputError(f"No universe {name!r} is held.", did_you_mean(name, known) or f"{held} {how}")
    return roots


def _ids(index: Index, tickers: Iterable[str], day: date) -> list[str]:
    """What each ticker meant on the day; empty where it meant nothing that the catalog holds, or several things."""
    ids = []
    for ticker in tickers:
        try:
            ids.append(index.resolve(ticker, day).id)
        except (UnknownSymbol, AmbiguousSymbol):
            ids.append("")
    return ids
