"""Where the nights of a venue lie, for which interest and borrow fees are charged: between the days of its trading."""

from __future__ import annotations

from alphapulse_lib.model.instrument import Venue
from alphapulse_lib.model.period import Period

__all__ = ["EVENING", "WEEKDAYS", "days_end"]

#: What trades from Sunday's evening to Friday's: its days begin at 17:00 the evening before, in Chicago or New York.
WEEKDAYS, EVENING = "24/5", 7 * 3_600 * 10**9


def days_end(venue: Venue, period: Period) -> tuple[str, int]:
    """By which zone's midnights days of trading end, and how many nanoseconds before them.

    Daily bars of what trades around the clock on weekdays are those of its calendar, which ends them at UTC's midnight:
    whoever buys at a Monday's open held nothing over the weekend, though it is Sunday's evening in New York.

    Examples
    --------
    >>> from alphapulse_lib.model.instrument import VENUES
    >>> [days_end(VENUES[code], Period.parse("1d")) for code in ("XNAS", "IDEALPRO")]
    [('America/New_York', 0), ('UTC', 0)]
    """
    if venue.calendar != WEEKDAYS:
        return venue.timezone, 0
    return ("UTC", 0) if period.is_session else (venue.timezone, EVENING)
