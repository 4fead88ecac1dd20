"""`ap.bars` and `ap.prices`: bars out of the catalog, one under the other or side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from alphapulse_lib.errors import InputError
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.threshold import Threshold
from alphapulse_lib.model.window import Moment
from alphapulse_lib.session.choices import one_of
from alphapulse_lib.session.fetching import Lacking, Told
from alphapulse_lib.session.frames import Frame, Stream, answered, check_frame, check_timezone, framed, zoned
from alphapulse_lib.session.question import HOURS, Hours, Question
from alphapulse_lib.session.symbols import Symbols

if TYPE_CHECKING:
    from alphapulse_lib.query.bars import Adjustment
    from alphapulse_lib.query.reading import Order, Reading

__all__ = ["bars", "prices"]

type Source = Literal["bars", "trades", "quotes"]

FIGURES = ("open", "high", "low", "close", "volume")


def bars(
    symbols: Symbols,
    period: str = "1d",
    start: Moment = None,
    end: Moment = None,
    *,
    source: Source | None = None,
    session: Hours = "all",
    adjust: Adjustment = "splits",
    timezone: str = "UTC",
    as_of: Moment = None,
    recorded_as_of: Moment = None,
    order: Order = "time",
    frame: Stream = "pandas",
) -> Any:
    """Bars of one or more instruments, one under the other.

    Parameters
    ----------
    symbols : str, sequence of str, or DataFrame
        Tickers (``"AAPL"``) or ids (``"AAPL.XNAS"``); or the members that `universe` returns.
    period : str
        ``"1m"``, ``"1h"``, ``"1d"``, ``"5d"``, ``"1w"``, ``"1mo"``: one that is held (`instruments` says which), or
        made of the coarsest held one. ``"100-TICK"``, ``"1000-VOLUME"``, ``"1000000-VALUE"`` are made of trades.
    start, end : str, date or datetime, optional
        Bounds of ``ts``, both included; a bare date is that whole day at the exchange (UTC where there are several).
        Of what never closes, a bar that closes at midnight is of the day that ends then.
    source : {"bars", "trades", "quotes"}, optional
        What bars are made of: held bars, trades, or the mid prices of quotes.
    session : {"all", "regular"}
        Also what traded outside the sessions' hours, or not. Bars of days and longer never hold that.
    adjust : {"splits", "none", "total"}
        Divided by the splits since; as traded; dividends reinvested too.
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
        ``symbol``, ``ts`` (its close), ``open``, ``high``, ``low``, ``close``, ``volume``; in that order.

    Raises
    ------
    InputError, NoCoverage, CatalogEmpty
        An argument cannot be used; one of the instruments has no such bar there; nothing was ever written.

    Examples
    --------
    >>> ap.bars("AAPL", "1d", "2005-02-25", "2005-02-28")["close"].tolist()  # two for one on the 28th
    [44.495, 44.86]
    >>> ap.bars("AAPL", "1d", "2005-02-25", "2005-02-28", as_of="2005-02-27")["close"].tolist()
    [88.99]
    """
    check_frame(frame, stream=True)
    check_timezone(timezone)
    lacking = Lacking.of_bars(period, source)
    asked = Question.of(symbols, start, end, as_of, recorded_as_of, lacking, by_close=True).ordered(order)
    return answered(_reading(asked, period, source, session, adjust, FIGURES), asked.window, frame, timezone, order)


def prices(
    symbols: Symbols,
    period: str = "1d",
    start: Moment = None,
    end: Moment = None,
    *,
    field: str = "close",
    fill: Literal["forward"] | None = None,
    limit: int | None = None,
    source: Source | None = None,
    session: Hours = "all",
    adjust: Adjustment = "splits",
    timezone: str = "UTC",
    as_of: Moment = None,
    recorded_as_of: Moment = None,
    frame: Frame = "pandas",
) -> Any:
    """One figure of several instruments, side by side. Arguments and errors as in `bars`.

    Parameters
    ----------
    field : {"close", "open", "high", "low", "volume"}
        Which figure.
    fill : {"forward"}, optional
        What stands where an instrument has no bar: not a number, unless the last price before is carried forward.
        Never to before its first bar of the window, nor over a day on which it was delisted.
    limit : int, optional
        To how many rows in a row a price is carried, at most.

    Returns
    -------
    pandas.DataFrame, polars.DataFrame or pyarrow.Table
        One row a ``ts`` (pandas: the index), one column an instrument in the order asked.

    Examples
    --------
    >>> ap.prices(["AAPL", "MSFT"], "1d", "2012-12-31", "2013-01-02").round(2).to_numpy().tolist()
    [[532.17, 26.71], [549.03, 27.62]]
    """
    from alphapulse_lib.query.carrying import carried, delisted
    from alphapulse_lib.query.reading import wide

    check_frame(frame)
    check_timezone(timezone)
    one_of("field", field, FIGURES)
    _check_fill(fill, limit, field)
    lacking = Lacking.of_bars(period, source)
    asked = Question.of(symbols, start, end, as_of, recorded_as_of, lacking, by_close=True)
    table = zoned(wide(_reading(asked, period, source, session, adjust, [field]), asked.window, field), timezone)
    if fill:
        moments = (asked.as_of, asked.recorded_as_of)
        table = carried(table, delisted(asked.roots, asked.instruments, *moments), limit)
    if frame == "pandas":
        return table.to_pandas().set_index("ts").rename_axis(columns="symbol")
    return framed(table, frame)


def _check_fill(fill: Any, limit: Any, field: str) -> None:
    """Refuse what cannot be carried, or not so far."""
    if fill is not None:
        one_of("fill", fill, ("forward",))
    if fill and field == "volume":
        raise InputError("A volume is not carried forward: where nothing traded, none was.", "Fill it with 0 yourself.")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise InputError(f"limit={str(limit)[:60]!r} is no number of rows.", "Such as limit=5.")
    if limit is not None and fill is None:
        raise InputError(f"limit={limit} limits nothing.", "Ask for fill='forward' too.")


def _reading(
    asked: Question, period: str, source: Source | None, session: Hours, adjust: Adjustment, columns: Sequence[str]
) -> Reading:
    """How the bars asked for are read: held ones, or made of ticks."""
    from alphapulse_lib.query.bars import BarReading, TickBarReading

    one_of("session", session, HOURS)
    threshold = Threshold.parse(period)
    source = source or ("trades" if threshold else "bars")
    one_of("source", source, ("bars", "trades", "quotes"))
    lacking = Lacking.of_bars(period, source)
    further = (adjust, asked.as_of, asked.recorded_as_of, columns)
    regular = session == "regular"
    if source != "bars":
        length = threshold or Period.parse(period)
        made = TickBarReading(asked.roots, asked.instruments, source, length, *further, regular=regular)
        return Told(made, asked, lacking)
    if threshold:
        raise InputError(f"Bars of {threshold} are not made of bars.", "Ask for source='trades', or 'quotes'.")
    return Told(BarReading(asked.roots, asked.instruments, period, *further, regular=regular), asked, lacking)
