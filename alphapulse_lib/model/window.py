"""Moments and windows as people write them, turned into nanoseconds of UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from alphapulse_lib.errors import InputError, ReversedWindow

__all__ = ["FOREVER", "Moment", "Window", "day_of", "moment_ns"]

#: Whatever a person may write for a moment: text, date, datetime or a pandas Timestamp. None: open. NumPy's
#: ``datetime64`` is understood too; it is not named here, where nothing but the standard library is.
type Moment = str | date | datetime | None

#: The last moment NautilusTrader and Arrow can both hold: an end that nobody set.
FOREVER = 2**63 - 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: The years in which the first and the last nanosecond lie that 64 bits can hold.
_FIRST_YEAR, _LAST_YEAR = 1677, 2262


def moment_ns(value: Any, timezone: str = "UTC", *, end: bool = False) -> int:
    """Nanoseconds since 1970 of a moment.

    Parameters
    ----------
    value : str, date, datetime or numpy.datetime64
        ``"2013-05-01"``, ``"2013-05-01 09:30"``, ``"2013-05-01T13:30:00.123456789Z"``, a date, a datetime, a pandas
        Timestamp.
    timezone : str
        The zone of a value that names none.
    end : bool
        A bare date means the whole day: its first nanosecond, or with ``end`` its last. An end after 2262, when
        nanoseconds in 64 bits run out, is the last of them before `FOREVER`.

    Raises
    ------
    InputError
        The value is not a moment, or lies before 1678 or, where it is no end, after 2262.

    Examples
    --------
    >>> moment_ns("1970-01-02")
    86400000000000
    """
    if value != value:  # pandas' NaT is a datetime, and no moment
        raise InputError(f"{value!r} is not a moment.", "A missing value is no bound; leave it out for an open one.")
    nanoseconds = getattr(value, "nanosecond", 0)
    written: Any = value
    if getattr(getattr(value, "dtype", None), "kind", "") == "M" and not getattr(value, "ndim", 1):
        value, nanoseconds = _of_numpy(value)
    elif isinstance(value, str):
        value, nanoseconds = _parsed(value), _below_a_microsecond(value)
    if not isinstance(value, date):
        raise InputError(
            f"{written!r} is not a moment.",
            "Give a date or a time, such as '2013-05-01' or '2013-05-01 09:30' or a datetime.",
        )
    # The year is looked at first: at the ends of Python's calendar a day more, or a zone, overflows.
    if value.year > _LAST_YEAR:
        return _held(FOREVER + 1, written, end=end)
    if value.year < _FIRST_YEAR:
        return _held(-FOREVER - 1, written, end=end)
    if isinstance(value, datetime):
        zoned = value if value.tzinfo else value.replace(tzinfo=ZoneInfo(timezone))
        return _held(_since_epoch(zoned) + nanoseconds, written, end=end)
    day = value + timedelta(days=1) if end else value
    moment = _since_epoch(datetime.combine(day, time(), ZoneInfo(timezone))) - (1 if end else 0)
    return _held(moment, written, end=end)


def day_of(value: Any) -> date:
    """The day a moment is written for, in its own zone.

    Raises
    ------
    InputError
        The value is not a moment.

    Examples
    --------
    >>> day_of("2013-05-01 09:30")
    datetime.date(2013, 5, 1)
    """
    moment_ns(value, end=True)  # refuses what is none
    value = _plain(value)
    return value.date() if isinstance(value, datetime) else value


@dataclass(frozen=True, slots=True)
class Window:
    """From a first nanosecond to a last one, both included.

    Examples
    --------
    >>> Window.of("2013-05-01", "2013-05-01").end - Window.of("2013-05-01", "2013-05-01").start
    86399999999999
    """

    start: int = 0
    end: int = FOREVER

    @classmethod
    def of(cls, start: Moment = None, end: Moment = None, timezone: str = "UTC", *, by_close: bool = False) -> Window:
        """A window as a person writes it: a bare date is that whole day in ``timezone``; ``None`` is open.

        Parameters
        ----------
        by_close : bool
            Of bars that close at midnight, as those of what trades over it do: a bar is of the day that ends then. So a
            bare date is what closes after that day's first moment, up to the next day's.

        Raises
        ------
        InputError
            One of them is not a moment.
        ReversedWindow
            The start lies after the end.

        Examples
        --------
        >>> Window.of("1970-01-01", "1970-01-01", by_close=True)
        Window(start=1, end=86400000000000)
        """
        last = FOREVER if end is None else moment_ns(end, timezone, end=True)
        first = min(0, last) if start is None else moment_ns(start, timezone)
        if first > last:
            raise ReversedWindow(f"The window is reversed: start {start} lies after end {end}.", "Swap them.")
        if by_close:
            first += start is not None and not isinstance(_plain(start), datetime)
            last += end is not None and not isinstance(_plain(end), datetime) and last < FOREVER - 1
        return cls(first, last)

    def within(self, first: int, last: int) -> Window:
        """What of it lies between two moments, both included.

        Examples
        --------
        >>> Window(0, 10).within(5, 20)
        Window(start=5, end=10)
        """
        return Window(max(self.start, first), min(self.end, last))


def _held(moment: int, written: Any, *, end: bool) -> int:
    """The moment, if nanoseconds in 64 bits hold it. An end beyond them is the last but one: somebody set it."""
    if moment < -FOREVER:
        raise InputError(
            f"{str(written)!r} lies before 1678, the first year that can be held.", "Leave it out for an open window."
        )
    if moment > FOREVER and not end:
        raise InputError(
            f"{str(written)!r} lies after 2262, the last year that can be held.", "Give an earlier moment."
        )
    return min(moment, FOREVER - 1)


def _plain(value: Any) -> date | datetime:
    """What is a moment, as Python's date or datetime."""
    if isinstance(value, str):
        return _parsed(value)
    plain: date | datetime = value if isinstance(value, date) else _of_numpy(value)[0]
    return plain


def _of_numpy(value: Any) -> tuple[Any, int]:
    """Python's date or datetime of a NumPy one, and the nanoseconds that Python's cannot hold."""
    unit = re.sub(r".*\[\d*|\]", "", str(value.dtype))
    if unit in ("Y", "M", "W", "D"):
        return value.astype("datetime64[D]").item(), 0
    finer = unit in ("ns", "ps", "fs", "as")
    return value.astype("datetime64[us]").item(), int(value.astype("datetime64[ns]").astype(int)) % 1000 if finer else 0


def _parsed(text: str) -> date | datetime:
    text = text.strip()
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}|\d{8}", text):
            return date.fromisoformat(text)
        return datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{text!r} is not a moment.", "Write it as '2013-05-01', '2013-05-01 09:30' or '2013-05-01T13:30:00Z'."
        ) from None


def _below_a_microsecond(text: str) -> int:
    """The nanoseconds in a text that Python's datetime cannot hold, and leaves out without a word."""
    found = re.search(r"\d[.,]\d{6}(\d{1,3})", text)
    return int(found[1].ljust(3, "0")) if found else 0


def _since_epoch(moment: datetime) -> int:
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000
