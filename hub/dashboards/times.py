"""Moments as a person reads them: how long ago within a day, else the day, in the exchange's zone; UTC on hover."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markupsafe import Markup

from alphapulse_lib import clock

__all__ = ["age", "ago", "at", "day", "moment", "ns"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def ns(moment: datetime) -> int:
    """Nanoseconds since 1970 of a moment.

    Examples
    --------
    >>> ns(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000000
    """
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * _DAY + since.seconds) * 10**9 + since.microseconds * 1000


def age(nanoseconds: int) -> str:
    """A length of time in its largest unit.

    Examples
    --------
    >>> age(90 * 10**9), age(26 * 3600 * 10**9), age(400 * 86_400 * 10**9)
    ('1 min', '1 day', '1 year')
    """
    seconds = abs(nanoseconds) // 10**9
    for length, unit in ((365 * _DAY, "year"), (30 * _DAY, "month"), (_DAY, "day"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= length:
            count = seconds // length
            return f"{count} {unit}{'s' if count > 1 and unit in ('year', 'month', 'day') else ''}"
    return f"{seconds} s"


def ago(nanoseconds: int, zone: str = "America/New_York", *, brief: bool = False) -> Markup:
    """How long ago, or how far ahead, within a day; else the moment in the zone, or its day alone. UTC on hover."""
    away = nanoseconds - clock.now_ns()
    if abs(away) >= _DAY * 10**9:
        return day(nanoseconds, zone) if brief else moment(nanoseconds, zone)
    near = abs(away) < 10 * 10**9
    told = "now" if near else f"in {age(away)}" if away > 0 else f"{age(away)} ago"
    return _element(nanoseconds, told, Markup(" data-ago"))  # the page's script keeps it right


def moment(nanoseconds: int, zone: str = "America/New_York") -> Markup:
    """The moment in a zone, with the zone's name; UTC on hover."""
    return _element(nanoseconds, at(nanoseconds, zone))


def day(nanoseconds: int, zone: str = "America/New_York") -> Markup:
    """The day in a zone; UTC on hover."""
    return _element(nanoseconds, at(nanoseconds, zone, "%Y-%m-%d"))


def at(nanoseconds: int, zone: str, pattern: str = "%Y-%m-%d %H:%M %Z") -> str:
    """The moment in a zone, as text; in UTC where no such zone is known, as of a schedule that a hand damaged.

    Examples
    --------
    >>> at(0, "America/New_York")
    '1969-12-31 19:00 EST'
    """
    try:
        clock = ZoneInfo(zone)
    except (ValueError, ZoneInfoNotFoundError):
        clock = ZoneInfo("UTC")
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC).astimezone(clock).strftime(pattern)


def _element(nanoseconds: int, told: str, more: str = "") -> Markup:
    utc = datetime.fromtimestamp(nanoseconds // 10**9, UTC)
    return Markup('<time datetime="{}" title="{}"{}>{}</time>').format(
        utc.isoformat(), utc.strftime("%Y-%m-%d %H:%M:%S UTC"), more, told
    )
