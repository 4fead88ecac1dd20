"""`ap.bars` and `ap.prices`: bars out of the catalog, one under the other or side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Moment
from alphapulse_lib.session.choices import one_of
from alphapulse_lib.session.frames import Frame, check_frame, framed
from alphapulse_lib.session.question import Question

if TYPE_CHECKING:
    import pyarrow as pa

    from alphapulse_lib.query.bars import Adjustment

__all__ = ["bars", "prices"]

FIGURES = ("open", "high", "low", "close", "volume")


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
        ``"1m"``, ``"1h"``, ``"1d"``, ``"5d"``, ``"1w"``, ``"1mo"``: one that is held (`instruments` says which), or
        made of the coarsest held one, session by session: no bar spans an open or a close, and nothing is filled.
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
    asked = Question.of(symbols, start, end, as_of, recorded_as_of)
    return framed(_read(asked, Period.parse(period), adjust, FIGURES), frame)


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
    from alphapulse_lib.query.bars import names

    check_frame(frame)
    one_of("field", field, FIGURES)
    asked = Question.of(symbols, start, end, as_of, recorded_as_of)
    wide = _wide(_read(asked, Period.parse(period), adjust, [field]), field, names(asked.instruments))
    if frame == "pandas":
        return wide.to_pandas().set_index("ts").rename_axis(columns="symbol")
    return framed(wide, frame)


def _read(asked: Question, period: Period, adjust: Adjustment, columns: Sequence[str]) -> pa.Table:
    from alphapulse_lib.query.bars import bars as read

    return read(
        asked.roots, asked.instruments, period, asked.window, adjust, asked.as_of, asked.recorded_as_of, columns
    )


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
