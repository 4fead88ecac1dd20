"""`ap.instruments`, `ap.coverage`, `ap.check`: what the catalog holds, what it lacks, and whether it is sound."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import CatalogDamaged, CatalogFormat
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Moment, Window, day_of
from alphapulse_lib.session.coverage import SessionCoverage
from alphapulse_lib.session.fetching import Lacking, is_held_around, with_command
from alphapulse_lib.session.question import known_at
from alphapulse_lib.session.symbols import check_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check", "coverage", "instruments"]


def instruments(*, at: Moment = None, as_of: Moment = None, recorded_as_of: Moment = None) -> pd.DataFrame:
    """What the catalog holds, one row an instrument.

    Parameters
    ----------
    at : str, date or datetime, optional
        Only what was listed that day, under the ticker of that day; otherwise all, under the tickers they had last.
    as_of, recorded_as_of : str, date or datetime, optional
        Tickers as they could be known, and as this catalog held them, by then: a rename counts from when it was out.
        A bare date is its end in UTC. Now unless told.

    Returns
    -------
    pandas.DataFrame
        ``symbol``, ``id``, ``name``, ``periods`` (such as ``"1m, 1d"``), ``first`` and ``last`` (the ``ts`` of the
        earliest and the latest bar, UTC), ``bars`` (of all periods), ``trades`` and ``quotes`` (how many), ``fault``
        (which of its files cannot be read, and nothing is said of its bars then; empty otherwise); sorted by id.

    Raises
    ------
    CatalogEmpty
        Nothing was ever written to the catalog.

    Examples
    --------
    >>> ap.instruments().set_index("symbol").loc[["AAPL", "SPY"], ["periods", "bars"]].to_numpy().tolist()
    [['1d', 3270], ['1m', 1564]]
    """
    from alphapulse_lib.query.bars import names

    roots = Roots.of_settings()
    roots.require()
    index = Index(roots, known_at(as_of), known_at(recorded_as_of))
    known, called = index.instruments(), names(index.instruments())
    if at is not None:
        listed = index.listed(day_of(at))
        known = [each for each in known if each.id in listed]
        called = [listed[each.id] for each in known]
    return _counted(roots, known, called)


def coverage(symbol: str, period: str = "1d", start: Moment = None, end: Moment = None) -> SessionCoverage:
    """What is held of a series, and what is missing against its exchange's calendar.

    Parameters
    ----------
    symbol : str
        A ticker or an id.
    period : str
        Such as ``"1d"``; or ``"trades"`` or ``"quotes"``: which sessions ticks are held of, half sessions too.
    start, end : str, date or datetime, optional
        Look only there; sessions missing at the two ends are gaps too. Unless told, from the first bar to the last.

    Returns
    -------
    SessionCoverage
        ``.intervals`` and ``.gaps`` are frames; shows itself as a card. Of a window within a gap, before and after
        which the series is held, only ``.gaps``: its missing sessions.

    Raises
    ------
    UnknownSymbol, AmbiguousSymbol, UnknownPeriod, ReversedWindow, InputError
        An argument cannot be used.
    NoCoverage
        No such bar is held, or none by the window's start or none from its end on; the message says what is.

    Examples
    --------
    >>> ap.coverage("AAPL", "1d").complete
    True
    >>> ap.coverage("WMT", "1d").missing_sessions
    7
    """
    from alphapulse_lib.catalog import ticks
    from alphapulse_lib.catalog.coverage import coverage as measured
    from alphapulse_lib.catalog.coverage import no_coverage
    from alphapulse_lib.catalog.tick_coverage import tick_coverage
    from alphapulse_lib.query.ticks import no_ticks

    kind = next((each for each in ticks.KINDS if each == period), None)
    roots, length = Roots.of_settings(), Period(1, "d") if kind else Period.parse(period)
    check_text(symbol, "A symbol", "'AAPL' or 'AAPL.XNAS'")
    instrument = Index(roots).resolve(symbol)
    venue = instrument.venue
    window = Window.of(start, end, venue.timezone, by_close=kind is None and venue.over_midnight)
    lacking = Lacking(kind) if kind else Lacking(period=str(length))
    found = tick_coverage(roots, instrument, kind, window) if kind else measured(roots, instrument, length, window)
    if found.rows or (found.gaps.num_rows and is_held_around(roots, instrument, lacking, window)):
        return SessionCoverage.of(found)
    missing = no_ticks(roots, kind, instrument) if kind else no_coverage(roots, instrument, length, window)
    raise with_command(missing, roots, instrument, lacking, window)


def check(*, repair: bool = False) -> pd.DataFrame:
    """Read the whole catalog and report what is wrong with it.

    Parameters
    ----------
    repair : bool
        Do what can be done without losing anything: what cannot stay where it is moves to the catalog's ``damaged/``,
        nothing is deleted. What is left needs a person; its ``advice`` says what.

    Returns
    -------
    pandas.DataFrame
        ``file``, ``problem``, ``advice``, one row a problem; no rows when the catalog is sound. With ``repair`` also
        ``repaired``: what was done, empty where nothing could be.

    Raises
    ------
    CatalogEmpty
        Nothing was ever written to the catalog.
    CatalogReadOnly, CatalogBusy
        It is to be repaired, and you may not write to it, or another writer did not end in time.

    Examples
    --------
    >>> len(ap.check())
    0
    """
    import pandas as pd

    from alphapulse_lib.catalog import integrity

    roots = Roots.of_settings()
    with suppress(CatalogFormat):  # which is a finding here
        roots.require()
    found = integrity.check(roots, repair=repair)
    columns = ["file", "problem", "advice", *(["repaired"] if repair else [])]
    return pd.DataFrame([[str(getattr(each, name)) for name in columns] for each in found], columns=columns)


def _counted(roots: Roots, known: Sequence[Instrument], called: Sequence[str]) -> pd.DataFrame:
    """How much is held of each instrument; one damaged file must not hide all other names."""
    import pandas as pd

    from alphapulse_lib.catalog import ticks
    from alphapulse_lib.catalog.coverage import Holdings

    holdings = Holdings(roots)
    series, faults, counts = [], [], []
    for each in known:
        try:
            found, fault = holdings.held(each.id), ""
            ticked = [ticks.held(roots, kind, each.id)[0] for kind in ticks.KINDS]
        except CatalogDamaged as damaged:
            found, fault, ticked = [], damaged.message, [0, 0]
        series.append(found)
        faults.append(fault)
        counts.append(ticked)
    frame = pd.DataFrame(
        {
            "symbol": pd.Series(called, dtype="str"),
            "id": [each.id for each in known],
            "name": [each.name for each in known],
            "periods": [", ".join(str(one.period) for one in found) for found in series],
            "first": [min((one.first for one in found), default=None) for found in series],
            "last": [max((one.last for one in found), default=None) for found in series],
            "bars": pd.Series([sum(one.rows for one in found) for found in series], dtype="int64"),
            "trades": pd.Series([each[0] for each in counts], dtype="int64"),
            "quotes": pd.Series([each[1] for each in counts], dtype="int64"),
            "fault": pd.Series(faults, dtype="str"),
        }
    )
    return frame.assign(**{name: pd.to_datetime(frame[name].astype("Int64"), utc=True) for name in ("first", "last")})
