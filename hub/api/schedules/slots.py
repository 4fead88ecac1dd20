"""When a schedule fires: cron's five fields read by the clock on the wall of a time zone, as moments of UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from alphapulse_lib import clock

__all__ = ["known_zone", "require_cron", "slots"]

_SECOND = 10**9
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
    twice fires the first time. A cron that names minutes or hours by ``*`` follows the clock through both.

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
    last = after
    for moment in CronSim(cron, datetime.fromtimestamp(after // _SECOND, ZoneInfo(timezone))):
        found = int(moment.timestamp()) * _SECOND
        # Where clocks change, the library gives a moment twice or one that lies before the start.
        if found > last:
            yield found
            last = found


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
