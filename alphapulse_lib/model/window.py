"""Moments and windows as people write them, turned into nanoseconds of UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from alphapulse_lib.errors import InputError, ReversedWindow

__all__ = ["FOREVER", "Moment", "Window", "moment_ns"]

#: Whatever a person may write for a moment: text, date, datetime or a pandas Timestamp. None: open.
type Moment = str | date | datetime | None

#: The last moment NautilusTrader and Arrow can both hold.
FOREVER = 2**63 - 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment_ns(value: Any, timezone: str = "UTC", *, end: bool = False) -> int:
    """Nanoseconds since 1970 of a moment.

    Parameters
    ----------
    value : str, date or datetime
        ``"2013-05-01"``, ``"2013-05-01 09:30"``, ``"2013-05-01T13:30:00Z"``, a date, a datetime, a pandas Timestamp.
    timezone : str
        The zone of a value that names none.
    end : bool
        A bare date means the whole day: its first nanosecond, or with ``end`` its last.

    Raises
    ------
    InputError
        The value is not a moment.

    Examples
    --------
    >>> moment_ns("1970-01-02")
    86400000000000
    """
    if value != value:  # pandas' NaT is a datetime, and no moment
        raise InputError(f"{value!r} is not a moment.", "A missing value is no bound; leave it out for an open one.")
    nanoseconds = getattr(value, "nanosecond", 0)
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, datetime):
        zoned = value if value.tzinfo else value.replace(tzinfo=ZoneInfo(timezone))
        return _since_epoch(zoned) + nanoseconds
    if isinstance(value, date):
        day = value + timedelta(days=1) if end else value
        return _since_epoch(datetime.combine(day, time(), ZoneInfo(timezone))) - (1 if end else 0)
    raise InputError(
        f"{value!r} is not a moment.",
        "Give a date or a time, such as '2013-05-01' or '2013-05-01 09:30' or a datetime.",
    )


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
    def of(cls, start: Moment = None, end: Moment = None, timezone: str = "UTC") -> Window:
        """A window as a person writes it: a bare date is that whole day in ``timezone``; ``None`` is open.

        Raises
        ------
        InputError
            One of them is not a moment.
        ReversedWindow
            The start lies after the end.
        """
        first = 0 if start is None else moment_ns(start, timezone)
        last = FOREVER if end is None else moment_ns(end, timezone, end=True)
        if first > last:
            raise ReversedWindow(f"The window is reversed: start {start} lies after end {end}.", "Swap them.")
        return cls(first, last)


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


def _since_epoch(moment: datetime) -> int:
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000
