"""Bars of a period that is not held, made of finer ones, session by session.

An intraday bar never spans a session's open or close: bars are counted from the open, and the last one of a session
ends with it, on half a day too. Bars before the open are counted back from it, those after the close on from it. A
daily bar is made of its session's hours alone and stamped with their close, one of several days, of weeks or of months
of their sessions and stamped with the close of the last of them (`Sessions.last_of`). Nothing is filled: a stretch
without a bar makes none. A bar that has not closed by the moment asked about is left out.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alphapulse_lib.catalog import reader
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.schemas import TIME
from alphapulse_lib.catalog.sessions import Sessions, sessions
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window

__all__ = ["before", "closes_of", "resampled", "source_of", "stretch_ends"]

type Stamps = NDArray[np.int64]

_DAY = 86_400 * 10**9


def source_of(roots: Roots, instrument_id: str, period: Period) -> tuple[Period, reader.Files]:
    """The coarsest held period that bars of a period can be made of, and its files.

    The period itself where it is held, or none is.
    """
    # The usual case first: it looks into one folder, not at the names of all.
    if files := reader.files_of(roots, instrument_id, period):
        return period, files
    finer = [each for each in reader.periods(roots, instrument_id) if _makes(each, period)]
    source = max(finer, key=lambda each: each.nanoseconds, default=period)
    return source, reader.files_of(roots, instrument_id, source)


def before(window: Window, period: Period) -> Window:
    """A window that holds all that its first bar is made of."""
    # Half as long again, and some days more: sessions are counted, and weekends and holidays lie between them.
    reach = period.nanoseconds * 3 // 2 + 5 * _DAY if period.is_session else period.nanoseconds
    return Window(max(min(0, window.start), window.start - reach), window.end)


def resampled(table: pa.Table, period: Period, venue: str, window: Window, known: int) -> pa.Table:
    """Bars of a longer period.

    Parameters
    ----------
    table : pa.Table
        ``ts``, and any of ``open``, ``high``, ``low``, ``close``, ``volume``, sorted by ``ts``.
    window : Window
        Bounds of the new ``ts``.
    known : int
        No bar that closes later is given: nanoseconds since 1970, UTC.
    """
    stamps = table["ts"].cast(pa.int64()).to_numpy()
    calendar = sessions(venue)
    closes = closes_of(stamps, calendar, period)
    kept = (closes >= window.start) & (closes <= min(window.end, known)) & (closes > 0)
    closes = closes[kept]
    starts = np.flatnonzero(np.append(True, closes[1:] != closes[:-1])[: len(closes)])
    names = table.column_names[1:]
    figures = [pa.array(_aggregated(name, table[name].to_numpy()[kept], starts)) for name in names]
    return pa.Table.from_arrays([pa.array(closes[starts]).cast(TIME), *figures], names=["ts", *names])


def closes_of(stamps: Stamps, calendar: Sessions, period: Period) -> Stamps:
    """The close of the bar that each finer one belongs to; 0 where it belongs to none."""
    return _of_sessions(stamps, calendar, period) if period.is_session else _within(stamps, calendar, period)


def stretch_ends(stamps: Stamps, calendar: Sessions) -> Stamps:
    """The end of the stretch that each bar lies in: the open to come, the session's close, or half-way to the next."""
    opens, last, after = _surroundings(stamps, calendar)
    place = np.minimum(np.searchsorted(calendar.closes, stamps), len(calendar) - 1)
    middle = last + (opens - last) // 2
    return np.where(stamps > opens, calendar.closes[place], np.where(after, middle, opens))


def _makes(finer: Period, period: Period) -> bool:
    if period.is_session:
        return not finer.is_session or finer == Period(1, "d")
    return (
        not finer.is_session and finer.nanoseconds < period.nanoseconds and period.nanoseconds % finer.nanoseconds == 0
    )


def _aggregated(name: str, values: NDArray[np.float64], starts: Stamps) -> NDArray[np.float64]:
    if not len(starts):
        return values
    chosen: NDArray[np.float64]
    if name in ("open", "close"):
        chosen = values[starts if name == "open" else np.append(starts[1:], len(values)) - 1]
        return chosen
    function = {"high": np.maximum, "low": np.minimum, "volume": np.add}[name]
    chosen = function.reduceat(values, starts)
    return chosen


def _within(stamps: Stamps, calendar: Sessions, period: Period) -> Stamps:
    """The close of the intraday bar that each finer one belongs to."""
    length = period.nanoseconds
    opens, last, after = _surroundings(stamps, calendar)
    anchor = np.where(after, last, opens)
    ends = anchor - (anchor - stamps) // length * length
    return np.minimum(ends, stretch_ends(stamps, calendar))


def _surroundings(stamps: Stamps, calendar: Sessions) -> tuple[Stamps, Stamps, NDArray[np.bool_]]:
    """The open of the session that bars lie in or before, the close before that, and which still belong to the latter.

    After a close is until half-way to the next open.
    """
    place = np.minimum(np.searchsorted(calendar.closes, stamps), len(calendar) - 1)
    opens, last = calendar.opens[place], calendar.closes[np.maximum(place - 1, 0)]
    return opens, last, (stamps <= opens) & (stamps <= last + (opens - last) // 2)


def _of_sessions(stamps: Stamps, calendar: Sessions, period: Period) -> Stamps:
    """The close of the (last) session of the period that each finer bar belongs to; 0: of none."""
    place = np.minimum(np.searchsorted(calendar.closes, stamps), len(calendar) - 1)
    return np.where(calendar.within(stamps), calendar.closes[calendar.last_of(period)[place]], 0)
