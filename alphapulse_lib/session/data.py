"""`ap.instruments`, `ap.coverage`, `ap.bars`, `ap.prices`, `ap.sql`, `ap.check`: what the catalog holds, out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import CatalogDamaged
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Moment, Window, day_of, moment_ns
from alphapulse_lib.query.bars import Adjustment
from alphapulse_lib.session.choices import one_of
from alphapulse_lib.session.coverage import SessionCoverage
from alphapulse_lib.session.frames import Frame, check_frame, framed
from alphapulse_lib.session.symbols import check_text, resolved

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa

__all__ = ["bars", "check", "coverage", "instruments", "prices", "sql"]


_FIELDS = ("open", "high", "low", "close", "volume")


def instruments(*, at: Moment = None) -> pd.DataFrame:
    """What the catalog holds, one row an instrument.

    Parameters
    ----------
    at : str, date or datetime, optional
        Only what was listed that day, under the ticker of that day; otherwise all, under the symbols of their ids.

    Returns
    -------
    pandas.DataFrame
        ``symbol``, ``id``, ``name``, ``periods`` (such as ``"1m, 1d"``), ``first`` and ``last`` (the ``ts`` of the
        earliest and the latest bar, UTC), ``bars`` (of all periods), ``fault`` (which of its files cannot be read, and
        nothing is said of its bars then; empty otherwise); sorted by id.

    Raises
    ------
    CatalogEmpty
        Nothing was ever written to the catalog.

    Examples
    --------
    >>> ap.instruments().set_index("symbol").loc[["AAPL", "SPY"], ["periods", "bars"]].to_numpy().tolist()
    [['1d', 3270], ['1m', 1564]]
    """
    import pandas as pd

    from alphapulse_lib.catalog.coverage import held
    from alphapulse_lib.query.bars import names

    roots = Roots.of_settings()
    roots.require()
    index = Index(roots)
    known, called = index.instruments(), names(index.instruments())
    if at is not None:
        listed = index.listed(day_of(at))
        known = [each for each in known if each.id in listed]
        called = [listed[each.id] for each in known]
    series, faults = [], []
    for each in known:
        # One damaged file must not hide all other names.
        try:
            found, fault = held(roots, each.id), ""
        except CatalogDamaged as damaged:
            found, fault = [], damaged.message
        series.append(found)
        faults.append(fault)
    frame = pd.DataFrame(
        {
            "symbol": pd.Series(called, dtype="str"),
            "id": [each.id for each in known],
            "name": [each.name for each in known],
            "periods": [", ".join(str(one.period) for one in found) for found in series],
            "first": [min((one.first for one in found), default=None) for found in series],
            "last": [max((one.last for one in found), default=None) for found in series],
            "bars": pd.Series([sum(one.rows for one in found) for found in series], dtype="int64"),
            "fault": pd.Series(faults, dtype="str"),
        }
    )
    return frame.assign(**{name: pd.to_datetime(frame[name].astype("Int64"), utc=True) for name in ("first", "last")})


def coverage(symbol: str, period: str = "1d", start: Moment = None, end: Moment = None) -> SessionCoverage:
    """What is held of a series, and what is missing against its exchange's calendar.

    Parameters
    ----------
    symbol : str
        A ticker or an id.
    period : str
        Such as ``"1d"``.
    start, end : str, date or datetime, optional
        Look only there; sessions missing at the two ends are gaps too. Unless told, from the first bar to the last.

    Returns
    -------
    SessionCoverage
        ``.intervals`` and ``.gaps`` are frames; shows itself as a card.

    Raises
    ------
    UnknownSymbol, AmbiguousSymbol, UnknownPeriod, ReversedWindow, InputError
        An argument cannot be used.
    NoCoverage
        No such bar is held; the message says what is.

    Examples
    --------
    >>> ap.coverage("AAPL", "1d").complete
    True
    >>> ap.coverage("WMT", "1d").missing_sessions
    7
    """
    from alphapulse_lib.catalog.coverage import coverage as measured
    from alphapulse_lib.catalog.coverage import no_coverage

    roots, length = Roots.of_settings(), Period.parse(period)
    check_text(symbol, "A symbol", "'AAPL' or 'AAPL.XNAS'")
    instrument = Index(roots).resolve(symbol)
    window = Window.of(start, end, instrument.venue.timezone)
    found = measured(roots, instrument, length, window)
    if not found.rows:
        raise no_coverage(roots, instrument, length, window)
    return SessionCoverage.of(found)


def bars(
    symbols: str | Sequence[str],
    period: str = "1d",
    start: Moment = None,
    end: Moment = None,
    *,
    adjust: Adjustment = "splits",
    as_of: Moment = None,
    recorded_as_of: Moment = None,
    frame: Frame = "pandas",
) -> Any:
    """Bars of one or more instruments, one under the other.

    Parameters
    ----------
    symbols : str or sequence of str
        Tickers (``"AAPL"``) or ids (``"AAPL.XNAS"``).
    period : str
        ``"1m"``, ``"15m"``, ``"1h"``, ``"1d"``, ``"1w"``, ...: one that is held (`instruments` says which), or one made
        of the coarsest held one that it can be made of, session by session: no bar spans an open or a close, a daily
        or weekly one is stamped with its last session's close, and nothing is filled.
    start, end : str, date or datetime, optional
        Bounds of ``ts``, both included. A bare date is that whole day in the exchange's zone (UTC where the
        instruments do not share one).
    adjust : {"splits", "none", "total"}
        Divided by the splits since; as traded; dividends reinvested too.
    as_of : str, date or datetime, optional
        Only what could be known then, of bars, splits and dividends. A bare date is its end. Now unless told.
    recorded_as_of : str, date or datetime, optional
        Only what this catalog held then. Now unless told.
    frame : {"pandas", "polars", "arrow"}
        The kind of table.

    Returns
    -------
    pandas.DataFrame, polars.DataFrame or pyarrow.Table
        ``symbol``, ``ts`` (the bar's close, UTC), ``open``, ``high``, ``low``, ``close``, ``volume`` (floats), sorted
        by ``ts``, then ``symbol``.

    Raises
    ------
    UnknownSymbol, AmbiguousSymbol, UnknownPeriod, ReversedWindow, InputError
        An argument cannot be used.
    NoCoverage
        One of the instruments has no such bar there; the message says what is held.
    CatalogEmpty
        Nothing was ever written to the catalog.

    Examples
    --------
    >>> ap.bars("AAPL", "1d", "2005-02-25", "2005-02-28")["close"].tolist()  # two for one on the 28th
    [44.495, 44.86]
    >>> ap.bars("AAPL", "1d", "2005-02-25", "2005-02-28", as_of="2005-02-27")["close"].tolist()
    [88.99]
    >>> hours = ap.bars("SPY", "1h", "2020-12-15", "2020-12-15 16:00")["ts"].dt.tz_convert("America/New_York")
    >>> hours.dt.strftime("%H:%M").tolist()  # made of minutes
    ['10:30', '11:30', '12:30', '13:30', '14:30', '15:30', '16:00']
    """
    check_frame(frame)
    asked = _Asked.of(symbols, period, start, end, as_of, recorded_as_of)
    return framed(asked.bars(adjust, _FIELDS), frame)


def prices(
    symbols: str | Sequence[str],
    period: str = "1d",
    start: Moment = None,
    end: Moment = None,
    *,
    field: str = "close",
    adjust: Adjustment = "splits",
    as_of: Moment = None,
    recorded_as_of: Moment = None,
    frame: Frame = "pandas",
) -> Any:
    """One figure of several instruments, side by side. Arguments and errors as in `bars`.

    Parameters
    ----------
    field : {"close", "open", "high", "low", "volume"}
        Which figure.

    Returns
    -------
    pandas.DataFrame, polars.DataFrame or pyarrow.Table
        One row a ``ts`` (pandas: the index), one column an instrument in the order asked; not a number where it has
        no bar.

    Examples
    --------
    >>> ap.prices(["AAPL", "MSFT"], "1d", "2012-12-31", "2013-01-02").round(2).to_numpy().tolist()
    [[532.17, 26.71], [549.03, 27.62]]
    """
    check_frame(frame)
    one_of("field", field, _FIELDS)
    asked = _Asked.of(symbols, period, start, end, as_of, recorded_as_of)
    wide = _wide(asked.bars(adjust, [field]), field, asked.names)
    if frame == "pandas":
        return wide.to_pandas().set_index("ts").rename_axis(columns="symbol")
    return framed(wide, frame)


def sql(query: str, *, as_of: Moment = None, recorded_as_of: Moment = None) -> duckdb.DuckDBPyRelation:
    """Ask the catalog in DuckDB's SQL; its files are read in place and never written.

    The views are ``bars_<period>`` (``bars_1d``, ``bars_1m``, ...: as traded, in floats; ``exact.bars_1d`` and so on:
    in the files' own decimals, which are summed and grouped several times faster), ``articles``, ``news``,
    ``mentions``, ``scores``, ``actions`` and ``instruments``; ``FROM bars_1d LIMIT 1`` shows a view's columns.
    ``articles`` has each article in its newest words. For what could be read at a bar join ``news``: one row a
    revision and an instrument it is about, with the ``available_at`` of that revision.

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
    return relation(Roots.of_settings(), query, _moment(as_of), _moment(recorded_as_of))


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
    roots.require()
    found = integrity.check(roots, repair=repair)
    columns = ["file", "problem", "advice", *(["repaired"] if repair else [])]
    return pd.DataFrame([[str(getattr(each, name)) for name in columns] for each in found], columns=columns)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for, as the stages below take it."""

    roots: Roots
    instruments: list[Instrument]
    period: Period
    window: Window
    as_of: int | None
    recorded_as_of: int | None

    @classmethod
    def of(
        cls,
        symbols: str | Sequence[str],
        period: str,
        start: Moment,
        end: Moment,
        as_of: Moment,
        recorded_as_of: Moment,
    ) -> _Asked:
        length = Period.parse(period)
        roots = Roots.of_settings()
        chosen = resolved(Index(roots), symbols, *(None if each is None else day_of(each) for each in (start, end)))
        zones = {each.venue.timezone for each in chosen}
        zone = zones.pop() if len(zones) == 1 else "UTC"
        window = Window.of(start, end, zone)
        return cls(roots, chosen, length, window, _moment(as_of, zone), _moment(recorded_as_of, zone))

    @property
    def names(self) -> list[str]:
        from alphapulse_lib.query.bars import names

        return names(self.instruments)

    def bars(self, adjust: Adjustment, columns: Sequence[str]) -> pa.Table:
        from alphapulse_lib.query.bars import bars as read

        return read(
            self.roots, self.instruments, self.period, self.window, adjust, self.as_of, self.recorded_as_of, columns
        )


def _moment(value: Moment, zone: str = "UTC") -> int | None:
    return None if value is None else moment_ns(value, zone, end=True)


def _wide(table: pa.Table, field: str, symbols: Sequence[str]) -> pa.Table:
    """``ts`` and a column a symbol."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = pc.index_in(table["symbol"], pa.array(symbols)).to_numpy()
    moments, places = np.unique(table["ts"].cast(pa.int64()).to_numpy(), return_inverse=True)
    values = np.full((len(symbols), len(moments)), np.nan)
    values[rows, places] = table[field].to_numpy()
    ts = pa.array(moments).cast(table.schema.field("ts").type)
    return pa.table({"ts": ts, **dict(zip(symbols, map(pa.array, values), strict=True))})
