"""The sessions of the New York Stock Exchange from 1990 to 2023, reckoned once more from what it published.

Its holidays by pandas' rules of American holidays and not by the calendars that the product uses; its early closes by
the exchange's own announcements; what follows no rule by day.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.tseries.holiday import (
    MO,
    AbstractHolidayCalendar,
    DateOffset,
    GoodFriday,
    Holiday,
    USLaborDay,
    USMemorialDay,
    USPresidentsDay,
    USThanksgivingDay,
    nearest_workday,
    sunday_to_monday,
)

FIRST, LAST = "1990-01-01", "2023-12-31"

#: Mourning for presidents, the attacks of 2001, hurricane Sandy.
_CLOSED = (
    *("1994-04-27", "2001-09-11", "2001-09-12", "2001-09-13", "2001-09-14", "2004-06-11", "2007-01-02"),
    *("2012-10-29", "2012-10-30", "2018-12-05"),
)
#: Fridays after Christmas, and the last day of the century.
_SHORT_ONCE = ("1997-12-26", "1999-12-31", "2003-12-26")


class _Holidays(AbstractHolidayCalendar):
    rules = [  # noqa: RUF012 - as pandas declares them
        Holiday("New Year", month=1, day=1, observance=sunday_to_monday),  # on a Saturday it is not made up for
        Holiday("King", month=1, day=1, offset=DateOffset(weekday=MO(3)), start_date="1998-01-01"),
        USPresidentsDay,
        GoodFriday,
        USMemorialDay,
        Holiday("Juneteenth", month=6, day=19, observance=nearest_workday, start_date="2022-01-01"),
        Holiday("Independence", month=7, day=4, observance=nearest_workday),
        USLaborDay,
        USThanksgivingDay,
        Holiday("Christmas", month=12, day=25, observance=nearest_workday),
    ]


def published() -> pd.DataFrame:
    """``open`` and ``close`` of each session, UTC without saying so, by its day."""
    closed = _Holidays().holidays(FIRST, LAST).union(pd.DatetimeIndex(_CLOSED))
    days = pd.bdate_range(FIRST, LAST).difference(closed)
    short = np.array([_is_short(day) for day in days])
    # Early closes were at 14:00 until 1992.
    hours = np.where(short, np.where(days.year < 1993, 14.0, 13.0), 16.0)
    return pd.DataFrame({"open": _in_utc(days, np.full(len(days), 9.5)), "close": _in_utc(days, hours)}, index=days)


def _is_short(day: pd.Timestamp) -> bool:
    month, number, weekday = day.month, day.day, day.weekday()
    if month == 11:  # the Friday after Thanksgiving
        return day.year >= 1992 and weekday == 4 and 23 <= number <= 29
    if month == 12:
        return (number == 24 and weekday < 4) or f"{day:%Y-%m-%d}" in _SHORT_ONCE
    if month == 7 and day.year >= 1995:
        # Before a holiday on a Thursday it was the Friday after it that was short, until 2013.
        return (number == 3 and weekday in ((0, 1, 3) if day.year < 2013 else (0, 1, 2, 3))) or (
            number == 5 and weekday == 4 and day.year < 2013
        )
    return False


def _in_utc(days: pd.DatetimeIndex, hours: np.ndarray) -> pd.DatetimeIndex:
    local = (days + pd.to_timedelta(hours, "h")).tz_localize("America/New_York")
    return local.tz_convert(None).as_unit("ns")
