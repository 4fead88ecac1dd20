"""`ap.trades` and `ap.quotes`: every print, and the best bid and ask, out of the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alphapulse_lib.model.window import Moment
from alphapulse_lib.session.choices import one_of
from alphapulse_lib.session.fetching import Lacking, Told
from alphapulse_lib.session.frames import Stream, answered, check_frame, check_timezone
from alphapulse_lib.session.question import HOURS, Hours, Question
from alphapulse_lib.session.symbols import Symbols

if TYPE_CHECKING:
    from alphapulse_lib.catalog.ticks import Tick
    from alphapulse_lib.query.reading import Order

__all__ = ["quotes", "trades"]


def trades(
    symbols: Symbols,
    start: Moment = None,
    end: Moment = None,
    *,
    session: Hours = "all",
    timezone: str = "UTC",
    as_of: Moment = None,
    recorded_as_of: Moment = None,
    order: Order = "time",
    frame: Stream = "pandas",
) -> Any:
    """Trades of one or more instruments, as they were printed: unadjusted.

    Parameters
    ----------
    symbols : str, sequence of str, or DataFrame
        Tickers (``"AAPL"``) or ids (``"AAPL.XNAS"``); or the members that `universe` returns.
    start, end : str, date or datetime, optional
        Bounds of ``ts``, both included. A bare date is that whole day in the exchange's zone (UTC where the
        instruments do not share one).
    session : {"all", "regular"}
        Also what traded outside the sessions' hours, or not.
    timezone : str
        The zone that ``ts`` is told in, such as ``"America/New_York"``.
    as_of, recorded_as_of : str, date or datetime, optional
        Only what could be known, and what this catalog held, then. A bare date is its end. Now unless told.
    order : {"time", "symbol"}
        By ``ts``, then ``symbol``; or one instrument after the other, which is sooner read.
    frame : {"pandas", "polars", "arrow", "batches"}
        The kind of table; ``"batches"`` is a stream of them.

    Returns
    -------
    pandas.DataFrame, polars.DataFrame, pyarrow.Table or pyarrow.RecordBatchReader
        ``symbol``, ``ts`` (to the nanosecond), ``price``, ``size`` (floats), ``aggressor_side`` (``BUY``,
        ``SELL``, ``NO_AGGRESSOR`` where nobody said), ``trade_id``, ``conditions``, ``exchange``; in that order, those
        of one moment as they arrived.

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
    asked = Question.of(symbols, start, end, as_of, recorded_as_of, Lacking("trades"))
    return _answered("trades", asked, session, timezone, order, frame)


def quotes(
    symbols: Symbols,
    start: Moment = None,
    end: Moment = None,
    *,
    session: Hours = "all",
    timezone: str = "UTC",
    as_of: Moment = None,
    recorded_as_of: Moment = None,
    order: Order = "time",
    frame: Stream = "pandas",
) -> Any:
    """Best bid and ask of one or more instruments, at each change.

    Parameters
    ----------
    symbols, start, end, session, timezone, as_of, recorded_as_of, order, frame
        As in `trades`.

    Returns
    -------
    pandas.DataFrame, polars.DataFrame, pyarrow.Table or pyarrow.RecordBatchReader
        ``symbol``, ``ts``, ``bid``, ``ask``, ``bid_size``, ``ask_size`` (floats), ``sequence`` (a quote's place
        among those of its moment); in that order, those of one moment by ``sequence``. Errors as in `trades`.

    Examples
    --------
    >>> ap.quotes("SPY")
    Traceback (most recent call last):
    alphapulse_lib.errors.NoCoverage: No quotes of SPY.ARCX are held.
    ...
    """
    asked = Question.of(symbols, start, end, as_of, recorded_as_of, Lacking("quotes"))
    return _answered("quotes", asked, session, timezone, order, frame)


def _answered(kind: Tick, asked: Question, session: Hours, timezone: str, order: Order, frame: Stream) -> Any:
    from alphapulse_lib.query.ticks import TickReading

    check_frame(frame, stream=True)
    check_timezone(timezone)
    one_of("session", session, HOURS)
    asked, moments = asked.ordered(order), (asked.as_of, asked.recorded_as_of)
    reading = TickReading(asked.roots, kind, asked.instruments, *moments, regular=session == "regular")
    return answered(Told(reading, asked, Lacking(kind)), asked.window, frame, timezone, order)
