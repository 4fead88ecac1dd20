"""Slots against a calculation of another kind: every minute of a year, as the clock on the wall shows it.

The siege follows three years.

The rule, which the how-to page on schedules tells:

- A cron with ``*`` at the beginning of its minute or hour fires at each minute that passes whose time on the wall
  matches: a time that is left out does not fire, one that comes twice fires twice.
- Any other fires at each time on the wall once: at its first coming; one that is left out, at the first minute after
  the gap.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from hub.api.schedules.slots import slots

FIRST, LAST = datetime(2025, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
BEGIN, END = int(FIRST.timestamp()) // 60, int(LAST.timestamp()) // 60
YEAR = 365 * 1440
how_far = pytest.mark.parametrize(
    "until", [pytest.param(BEGIN + YEAR, id="a year"), pytest.param(END, id="three years", marks=pytest.mark.siege)]
)

ZONES = [
    *("UTC", "Asia/Kolkata"),  # none, and half an hour off
    *("America/New_York", "Europe/London", "America/St_Johns", "Pacific/Chatham"),  # at 02:00, 01:00, 02:00, 02:45
    *("Australia/Lord_Howe", "Antarctica/Troll"),  # by half an hour, by two hours
    *("America/Havana", "Africa/Cairo", "Asia/Beirut", "America/Santiago"),  # at midnight, to and fro
    *("Africa/Casablanca", "America/Nuuk", "Atlantic/Azores", "Asia/Gaza"),  # for a month, on the eve, over midnight
]

ANY = range(100)
#: A cron, and what its fields mean: minutes, hours, days, months, weekdays (0 is Sunday).
CRONS = {
    "0 7 * * 1-5": ([0], [7], ANY, ANY, range(1, 6)),
    "30 2 * * *": ([30], [2], ANY, ANY, ANY),
    "15,45 1,2,3 * * *": ([15, 45], [1, 2, 3], ANY, ANY, ANY),
    "0 0 * * *": ([0], [0], ANY, ANY, ANY),
    "59 23 * * 0,6": ([59], [23], ANY, ANY, [0, 6]),
    "0-10/5 0-2 * 3,4,9-11 *": ([0, 5, 10], [0, 1, 2], ANY, [3, 4, 9, 10, 11], ANY),
    "5 */2 * * *": ([5], range(0, 24, 2), ANY, ANY, ANY),
    "0 * 1 * *": ([0], ANY, [1], ANY, ANY),
    "*/20 3 * * 0": (range(0, 60, 20), [3], ANY, ANY, [0]),
    "*/10 2,3 * * *": (range(0, 60, 10), [2, 3], ANY, ANY, ANY),
    "*/15 0,23 * * *": (range(0, 60, 15), [0, 23], ANY, ANY, ANY),
}
#: Those that fire too often to be followed over three years; they are followed over each change of the clock.
OFTEN = {
    "* * * * *": (ANY, ANY, ANY, ANY, ANY),
    "*/7 * * * *": (range(0, 60, 7), ANY, ANY, ANY, ANY),
    "10,40 * * * *": ([10, 40], ANY, ANY, ANY, ANY),
    "*/30 */3 * * *": ([0, 30], range(0, 24, 3), ANY, ANY, ANY),
}


@cache
def wall(zone: str, until: int) -> np.ndarray:
    """The time on the wall, in minutes since 1970, of each minute; the offset is asked for at each, near a change."""

    def offset(minute: int) -> int:
        found = datetime.fromtimestamp(minute * 60, ZoneInfo(zone)).utcoffset()
        assert found is not None
        return int(found.total_seconds()) // 60

    offsets = np.empty(until - BEGIN, dtype=np.int64)
    held = offset(BEGIN)
    for quarter in range(BEGIN, until, 15):
        following = offset(quarter + 15)
        if held == following:
            offsets[quarter - BEGIN : quarter - BEGIN + 15] = held
        else:
            offsets[quarter - BEGIN : quarter - BEGIN + 15] = [offset(quarter + n) for n in range(15)]
        held = following
    return np.arange(BEGIN, until) + offsets


@cache
def changes(zone: str, until: int) -> list[int]:
    """The minutes at which the clock is changed."""
    return [BEGIN + int(at) + 1 for at in np.flatnonzero(np.diff(wall(zone, until)) != 1)]


def matches(times: np.ndarray, fields: tuple) -> np.ndarray:
    """Which of the times on the wall a cron names: a minute of the day that it names, on a day that it names."""
    minutes, hours, *of_a_date = (list(each) for each in fields)
    clock = np.arange(1440)
    named = np.isin(clock % 60, minutes) & np.isin(clock // 60, hours)
    days = np.arange(times.min() // 1440, times.max() // 1440 + 1)
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    shown = (
        (dates - months.astype("datetime64[D]")).astype(int) + 1,
        months.astype(int) % 12 + 1,
        (days + 4) % 7,  # the first day of 1970 was a Thursday
    )
    fits = np.ones(len(days), dtype=bool)
    for values, wanted in zip(shown, of_a_date, strict=True):
        fits &= np.isin(values, wanted)
    return named[times % 1440] & fits[times // 1440 - days[0]]


@cache
def by_hand(cron: str, zone: str, until: int) -> np.ndarray:
    """The minutes at which it fires."""
    on_the_wall, fields = wall(zone, until), (CRONS | OFTEN)[cron]
    if any(field.startswith("*") for field in cron.split()[:2]):
        return BEGIN + np.flatnonzero(matches(on_the_wall, fields))
    shown, first = comings(zone, until)
    wanted = np.arange(shown[0], shown[-1] + 1)
    wanted = wanted[matches(wanted, fields)]
    return np.unique(BEGIN + first[np.searchsorted(shown, wanted)])  # at itself, or at the end of the gap it lies in


@lru_cache(maxsize=1)
def comings(zone: str, until: int) -> tuple[np.ndarray, np.ndarray]:
    """The times that the wall shows, and at which minute each comes first."""
    return np.unique(wall(zone, until), return_index=True)


def fired(cron: str, zone: str, first: int, last: int) -> list[int]:
    """The minutes from the first to before the last, as the product says them."""
    found = slots(cron, zone, (first * 60 - 1) * 10**9)
    return [each // (60 * 10**9) for each in takewhile(lambda each: each < last * 60 * 10**9, found)]


@how_far
@pytest.mark.parametrize("zone", ZONES)
def test_years_minute_by_minute(zone: str, until: int):
    # The first and the last day are left out: what comes of a change may lie outside.
    first, last = BEGIN + 1440, until - 1440
    for cron in CRONS:
        expected = by_hand(cron, zone, until)
        expected = expected[(expected >= first) & (expected < last)]
        assert fired(cron, zone, first, last) == expected.tolist(), cron


@how_far
@pytest.mark.parametrize("zone", [zone for zone in ZONES if zone not in ("UTC", "Asia/Kolkata")])
def test_each_change_of_the_clock_from_wherever_it_is_begun(zone: str, until: int):
    met = changes(zone, until)
    assert len(met) >= 2 * ((until - BEGIN) // YEAR)
    for cron in CRONS | OFTEN:
        expected = by_hand(cron, zone, until)
        for change in met:
            near = expected[(expected >= change - 400) & (expected < change + 1500)].tolist()
            assert fired(cron, zone, change - 400, change + 1500) == near, (cron, change)
            # As a worker does after each slot, and one that was away: from that minute on.
            for begin in range(change - 190, change + 190, 19):
                following = [each for each in near if each > begin][:2]
                found = slots(cron, zone, begin * 60 * 10**9)
                if len(following) == 2:
                    assert [next(found) // (60 * 10**9) for _ in range(2)] == following, (cron, change, begin)
