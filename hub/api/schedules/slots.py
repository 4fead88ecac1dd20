"""When a schedule fires: cron's five fields read by the clock on the wall of a time zone, as moments of UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from alphapulse_lib import clock

__all__ = ["known_zone", "require_cron", "slots"]

_SECOND = 10**9
#: Seconds between two looks for a change of the clock; no clock is changed twice within them.
_LOOK = 6 * 3600
#: Names of the database that are no place's: the machine's own clock, and one that was never set.
_NOWHERE = {"localtime", "Factory", "posixrules"}


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - _NOWHERE)


def known_zone(name: str) -> bool:
    """Whether the time-zone database has that name, and it means the same on every machine.

    Examples
    --------
    >>> known_zone("America/New_York"), known_zone("Mars/Base")
    (True, False)
    """
    return name in _zones()


def slots(cron: str, timezone: str, after: int) -> Iterator[int]:
    """The moments at which a schedule fires, in order, each once, for as long as there are any.

    A time that a change to summer time leaves out fires when the clock has jumped; one that a change back brings
    twice fires the first time. A cron with ``*`` at the beginning of its minute or hour follows the time that passes:
    it fires at each minute that shows a time it names, so twice where that comes twice, and never where it is left out.

    Parameters
    ----------
    cron : str
        Five fields: minute, hour, day of the month, month, day of the week.
    timezone : str
        A name of the time-zone database.
    after : int
        Nanoseconds since 1970; the first slot lies after it.

    Yields
    ------
    int
        Nanoseconds since 1970.

    Examples
    --------
    >>> friday = int(datetime.fromisoformat("2026-11-20T12:00:00+00:00").timestamp()) * 10**9
    >>> monday = next(slots("0 7 * * 1-5", "America/New_York", friday))
    >>> datetime.fromtimestamp(monday / 1e9, ZoneInfo("UTC")).isoformat()
    '2026-11-23T12:00:00+00:00'
    """
    zone, last, begin = ZoneInfo(timezone), after, after // _SECOND
    follows = any(field.startswith("*") for field in cron.split()[:2])
    for moment in _by_the_time(cron, zone, begin) if follows else _by_the_clock(cron, zone, begin):
        # Where clocks change, the library gives a moment twice or one that lies before the start.
        if moment * _SECOND > last:
            last = moment * _SECOND
            yield last


def _by_the_clock(cron: str, zone: ZoneInfo, begin: int) -> Iterator[int]:
    """Each time on the wall once, in seconds since 1970; the library knows how."""
    return (int(each.timestamp()) for each in CronSim(cron, datetime.fromtimestamp(begin, zone)))


def _by_the_time(cron: str, zone: ZoneInfo, begin: int) -> Iterator[int]:
    """Each minute that shows a time that the cron names, in seconds since 1970.

    The library steps by whole hours here and loses slots where a clock is changed by half an hour, or at 02:45: it is
    asked from change to change, between which a clock on the wall is as good as UTC.
    """
    while True:
        offset = _offset(zone, begin + 1)
        for shown in CronSim(cron, datetime.fromtimestamp(begin + offset, UTC)):
            moment = int(shown.timestamp()) - offset
            if change := _change(zone, begin + 1, moment):
                begin = change - 1  # the change itself may show a time that the cron names
                break
            yield moment
            begin = moment
        else:
            return


def _offset(zone: ZoneInfo, moment: int) -> int:
    offset = datetime.fromtimestamp(moment, zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _change(zone: ZoneInfo, first: int, last: int) -> int | None:
    """The first moment at which the clock shows another offset than at the first; ``None`` when up to the last none."""
    held = _offset(zone, first)
    while first < last:
        later = min(first + _LOOK, last)
        if _offset(zone, later) != held:
            while later - first > 1:
                middle = (first + later) // 2
                first, later = (middle, later) if _offset(zone, middle) == held else (first, middle)
            return later
        first = later
    return None


def require_cron(cron: str) -> str:
    """The same text with single spaces, when it can be read and ever fires.

    Raises
    ------
    ValueError
        It is no cron of five fields, or no day of any year matches it.
    """
    fields = cron.split()
    if len(fields) != 5:
        raise ValueError(
            f"{cron!r} has {len(fields)} fields, not 5 (minute hour day month weekday, as in '0 7 * * 1-5')"
        )
    try:
        first = next(slots(" ".join(fields), "UTC", clock.now_ns()), None)
    except CronSimError as wrong:
        if str(wrong) == "Bad day-of-month" and _reads(fields):
            first = None
        else:
            raise ValueError(f"{cron!r}: {str(wrong).lower()}; write it as in '0 7 * * 1-5'") from None
    if first is None:
        raise ValueError(f"{cron!r} never fires: no day of any year matches it")
    return " ".join(fields)


def _reads(fields: list[str]) -> bool:
    """Whether each field is well formed by itself, so that only their combination is at fault."""
    minute, hour, day, _, weekday = fields
    try:
        CronSim(" ".join((minute, hour, day, "*", weekday)), clock.now())
    except CronSimError:
        return False
    return True
