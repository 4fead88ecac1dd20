"""When each bar closed: from what its stamp means, its period, and the exchange's calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from alphapulse_lib.catalog.sessions import close_of, sessions
from alphapulse_lib.errors import IngestError, InputError
from alphapulse_lib.model.period import Period

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alphapulse_lib.model.instrument import Venue
    from alphapulse_lib.providers.contract import Stamps

__all__ = ["close_times", "meaning_of", "stamp_doubts"]

_DAY = 86_400_000_000_000
#: Bars further apart than this are of two sessions.
_OVERNIGHT = 4 * 3_600_000_000_000
#: From eight in the evening to half past nine: how long before a session its night trading begins.
_NIGHT = 27 * 1_800_000_000_000


def meaning_of(stamps: Stamps | None, period: Period) -> Stamps:
    """What stamps mean: as told, else sessions for daily and weekly bars.

    Raises
    ------
    InputError
        Bars within the day whose stamps are not told to be opens or closes.
    """
    if period.is_session:
        return stamps or "session"
    if stamps in ("open", "close"):
        return stamps
    raise InputError(
        f"Do the stamps of these {period} bars mark their opens or their closes?",
        "Say stamps='open' or stamps='close'. Most vendors stamp the open: the first bar of a New York day is 09:30.",
    )


def close_times(
    wall: NDArray[np.int64],
    instant: NDArray[np.int64],
    bare: NDArray[np.bool_],
    *,
    venue: Venue,
    period: Period,
    stamps: Stamps,
) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """The close of each bar, and why a bar has none.

    Parameters
    ----------
    wall, instant : numpy.ndarray of int64
        Nanoseconds on the clock as written, and of UTC.
    bare : numpy.ndarray of bool
        Whether the stamp is a date without a time.

    Returns
    -------
    numpy.ndarray of int64, numpy.ndarray of object
        Nanoseconds of UTC; ``""`` or the reason.

    Raises
    ------
    IngestError
        The stamps cannot be those of such a period: daily data called minutes, or the reverse.
    """
    if period.is_session:
        return _session_closes(wall, instant, bare, venue, period, stamps)
    if len(bare) and bare.all():
        raise IngestError(
            f"These are said to be {period} bars, but their stamps are dates without a time.",
            "If they are daily bars, say period='1d'.",
        )
    _refuse_other_spacing(instant[~bare], period)
    shift = period.nanoseconds if stamps == "open" else 0
    ts = np.where(bare, 0, instant + shift)
    reason = np.where(bare, "a date without a time", "").astype(object)
    outside = ~bare & outside_calendar(ts, venue)
    days = _local(ts[outside] - 1, venue.timezone).astype("M8[ns]").astype("M8[D]")
    reason[outside] = [f"{day} is no session of {venue.code}, nor the night before one" for day in days]
    return ts, reason


def outside_calendar(ts: NDArray[np.int64], venue: Venue) -> NDArray[np.bool_]:
    """Which closes lie on a day without a session, and not in the night before one either.

    Before the open and after the close of a session's own day there is trading at many venues, and in New York also
    from 20:00 of the evening before. Of venues that trade round the clock no bar is outside, nor is one of a time
    that the calendar does not know.
    """
    known = sessions(venue.code)
    if venue.calendar.startswith("24"):
        return np.zeros(len(ts), np.bool_)
    local = _local(ts - 1, venue.timezone) // _DAY  # The last moment of the bar, so that midnight is its own day's.
    days = known.days.astype(np.int64)
    on_session = days[np.minimum(np.searchsorted(days, local), len(days) - 1)] == local
    following = known.opens[np.minimum(np.searchsorted(known.opens, ts), len(known) - 1)]
    night = (following >= ts) & (following - ts <= _NIGHT)
    outside: NDArray[np.bool_] = ~on_session & ~night & (local >= days[0]) & (local <= days[-1])
    return outside


def stamp_doubts(ts: NDArray[np.int64], venue: Venue, period: Period, stamps: Stamps) -> dict[str, int]:
    """How many closes look wrong, by what about them does; none of daily bars and of venues that never close.

    Parameters
    ----------
    ts : numpy.ndarray of int64
        The closes, in order; nanoseconds of UTC.
    """
    if period.is_session or not len(ts) or venue.calendar.startswith("24"):
        return {}
    known = sessions(venue.code)
    place = np.minimum(np.searchsorted(known.closes, ts), len(known) - 1)
    inside = (ts > known.opens[place]) & (ts <= known.closes[place])
    counted = {f"outside the sessions of {venue.code}, kept": int((~inside).sum())}
    first = ts[np.append(True, np.diff(ts) > _OVERNIGHT)]
    shift = period.nanoseconds if stamps == "open" else 0
    looks = known.opens + (shift if stamps == "close" else shift + period.nanoseconds)
    if len(first) > 1 and np.isin(first, looks).mean() > 0.5:
        other = "opens" if stamps == "close" else "closes"
        counted[f"the first of a session is mostly stamped as if the stamps were {other}, not {stamps}s"] = len(ts)
    return counted


def _session_closes(
    wall: NDArray[np.int64],
    instant: NDArray[np.int64],
    bare: NDArray[np.bool_],
    venue: Venue,
    period: Period,
    stamps: Stamps,
) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    days, timed = wall // _DAY, ~bare
    # Midnight is how a date is written; where sessions end then, it is also when the day before it closed.
    at_close = venue.never_closes | np.isin(instant, sessions(venue.code).closes)
    closing = timed & at_close & (stamps == "close")
    timed &= closing | (days * _DAY != wall)
    if timed.any():
        local = _local(instant - closing, venue.timezone)
        if (local % _DAY == 0).all():  # Midnight of the exchange's own zone, told in UTC.
            days, timed = local // _DAY, np.zeros_like(timed)
        else:
            days = np.where(timed, local // _DAY, days)
            _refuse_many_a_day(days, period)
    # The stamp of a close is of the last of several days, weeks or months; any other is of the first.
    ends, reason = _ends(days, venue, Period(1, period.unit) if stamps == "close" else period)
    if stamps == "close":
        ends = np.where(timed, instant, ends)
    return ends, reason


def _ends(days: NDArray[np.int64], venue: Venue, period: Period) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """The close of the session of each day, or of the last session of its week or month.

    Several days or weeks are those from the stamp on; several months those of the calendar, such as a quarter.
    """
    dates = days.astype("datetime64[D]")
    known = sessions(venue.code)
    if period.unit in ("w", "mo"):
        first, after = (_weeks if period.unit == "w" else _months)(dates, period.count)
        at = np.maximum(np.searchsorted(known.days, after) - 1, 0)
        last, closed = known.days[at], known.days[at] < first
        ends = close_of(venue.code, last)
        what = f"lies in a {'week' if period.unit == 'w' else 'month'} without a session"
    else:
        ends = close_of(venue.code, dates)
        closed = ends < 0
        if period.count > 1:
            at = np.searchsorted(known.days.astype(np.int64), days) + period.count - 1
            ends = np.where(closed, ends, known.closes[np.minimum(at, len(known) - 1)])
        what = "is no session"
    reason = np.full(len(days), "", object)
    reason[closed] = [f"{day} {what} of {venue.code}" for day in dates[closed]]
    early = dates.astype(np.int64) < known.days[0].astype(np.int64)
    reason[early] = f"the calendar of {venue.code} is known from {known.days[0]} on"
    # The calendar ends with next year: of a later day nobody knows whether it is a session.
    reason[closed & (dates > known.days[-1])] = "it closes in the future"
    if closed.any():
        ends[closed] = _usual_close(days[closed], venue)
    return ends, reason


def _weeks(dates: NDArray[np.datetime64], count: int) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """The Monday of each day's week, and the one so many weeks later."""
    monday = dates - ((dates.astype(np.int64) + 3) % 7).astype("timedelta64[D]")  # 1970-01-01 was a Thursday.
    return monday, monday + np.timedelta64(7 * count, "D")


def _months(dates: NDArray[np.datetime64], count: int) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """The first day of each day's months, counted from January 1970 on, and of the next ones."""
    first = dates.astype("datetime64[M]").astype(np.int64) // count * count
    after = first + count
    return first.astype("datetime64[M]").astype("datetime64[D]"), after.astype("datetime64[M]").astype("datetime64[D]")


def _usual_close(days: NDArray[np.int64], venue: Venue) -> NDArray[np.int64]:
    """When each day would close if it were a session: at the time of day at which the last session before it closed."""
    known = sessions(venue.code)
    before = np.maximum(np.searchsorted(known.days.astype(np.int64), days, side="right") - 1, 0)
    clock_time = _local(known.closes[before], venue.timezone) - known.days[before].astype(np.int64) * _DAY
    wall = pl.Series("wall", days * _DAY + clock_time).cast(pl.Datetime("ns"))
    placed = wall.dt.replace_time_zone(venue.timezone, ambiguous="earliest", non_existent="null")
    closes: NDArray[np.int64] = placed.cast(pl.Int64).fill_null(0).to_numpy()
    return closes


def _refuse_many_a_day(days: NDArray[np.int64], period: Period) -> None:
    if len(days) > 1 and len(np.unique(days)) * 2 <= len(days):
        raise IngestError(
            f"These are said to be {period} bars, but there are many a day ({len(days):,} stamps on "
            f"{len(np.unique(days)):,} days).",
            "Say their period, such as period='1m', and stamps='open' or 'close'.",
        )


def _refuse_other_spacing(instant: NDArray[np.int64], period: Period) -> None:
    """Refuse bars that stand closer together than their period, or only days apart."""
    steps = np.diff(np.sort(instant))
    steps = steps[steps > 0]
    if len(steps) < 3:
        return
    usual = int(np.median(steps))
    if usual < period.nanoseconds:
        raise IngestError(
            f"These are said to be {period} bars, but most stand {_told(usual)} apart.",
            f"Say their period, such as period='{_told(usual)}'.",
        )
    if int(steps.min()) >= _DAY * 5 // 6:
        raise IngestError(
            f"These are said to be {period} bars, but no two of them lie on one day.",
            "If they are daily bars, say period='1d'.",
        )


def _told(nanoseconds: int) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(nanoseconds, size * 1_000_000_000)
        if count and not rest:
            return f"{count}{unit}"
    return f"{nanoseconds / 1e9:g}s"


def _local(instant: NDArray[np.int64], timezone: str) -> NDArray[np.int64]:
    """What the clock on the wall of a zone shows, as nanoseconds."""
    stamps = pl.Series("instant", instant).cast(pl.Datetime("ns", "UTC"))
    shown = stamps.dt.convert_time_zone(timezone).dt.replace_time_zone(None)
    local: NDArray[np.int64] = shown.cast(pl.Int64).to_numpy()
    return local
