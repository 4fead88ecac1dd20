"""`ap.trades` and `ap.quotes`: every print, and the best bid and ask, out of the catalog."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from alphapulse_lib.model.window import Moment
from alphapulse_lib.session.frames import Frame, check_frame, framed
from alphapulse_lib.session.question import Question

if TYPE_CHECKING:
    from alphapulse_lib.catalog.ticks import Tick

__all__ = ["quotes", "trades"]


def trades(
    symbols: str | Sequence[str],
    start: Moment = None,
    end: Moment = None,
    *,
    as_of: Moment = None,
    recorded_as_of: Moment = None,
    frame: Frame = "pandas",
) -> Any:
    """Trades of one or more instruments, as they were printed: unadjusted.

    Parameters
    ----------
    symbols : str or sequence of str
        Tickers (``"AAPL"``) or ids (``"AAPL.XNAS"``).
    start, end : str, date or datetime, optional
        Bounds of ``ts``, both included. A bare date is that whole day in the exchange's zone (UTC where the
        instruments do not share one).
    as_of, recorded_as_of : str, date or datetime, optional
        Only what could be known, and what this catalog held, then. A bare date is its end. Now unless told.
    frame : {"pandas", "polars", "arrow"}
        The kind of table.

    Returns
    -------
    pandas.DataFrame, polars.DataFrame or pyarrow.Table
        ``symbol``, ``ts`` (UTC, to the nanosecond), ``price``, ``size`` (floats), ``aggressor_side`` (``BUY``,
        ``SELL``, ``NO_AGGRESSOR`` where nobody said), ``trade_id``, ``conditions``, ``exchange``; sorted by ``ts``,
        then ``symbol``, then as they arrived.

    Raises
    ------
    UnknownSymbol, AmbiguousSymbol, ReversedWindow, InputError
        An argument cannot be used.
    NoCoverage
        One of the instruments has no trade there; the message says what is held.
    CatalogEmpty
        Nothing was ever written to the catalog.

    Examples
    --------
    The bundled sample holds bars alone:

    >>> ap.trades("SPY")
    Traceback (most recent call last):
    alphapulse_lib.errors.NoCoverage: No trades of SPY.ARCX are held.
    ...
    """
    return _read("trades", symbols, start, end, as_of, recorded_as_of, frame)


def quotes(
    symbols: str | Sequence[str],
    start: Moment = None,
    end: Moment = None,
    *,
    as_of: Moment = None,
    recorded_as_of: Moment = None,
    frame: Frame = "pandas",
) -> Any:
    """Best bid and ask of one or more instruments, at each change.

    Parameters
    ----------
    symbols, start, end, as_of, recorded_as_of, frame
        As in `trades`.

    Returns
    -------
    pandas.DataFrame, polars.DataFrame or pyarrow.Table
        ``symbol``, ``ts`` (UTC), ``bid``, ``ask``, ``bid_size``, ``ask_size`` (floats), ``sequence`` (a quote's place
        among those of its moment); sorted by ``ts``, then ``symbol``, then ``sequence``. Errors as in `trades`.

    Examples
    --------
    >>> ap.quotes("SPY")
    Traceback (most recent call last):
    alphapulse_lib.errors.NoCoverage: No quotes of SPY.ARCX are held.
    ...
    """
    return _read("quotes", symbols, start, end, as_of, recorded_as_of, frame)


def _read(
    kind: Tick,
    symbols: str | Sequence[str],
    start: Moment,
    end: Moment,
    as_of: Moment,
    recorded_as_of: Moment,
    frame: Frame,
) -> Any:
    from alphapulse_lib.query.ticks import read

    check_frame(frame)
    asked = Question.of(symbols, start, end, as_of, recorded_as_of)
    table = read(asked.roots, kind, asked.instruments, asked.window, asked.as_of, asked.recorded_as_of)
    return framed(table, frame)
