"""How many returns of a run make a year: what its period and its venues say, so that any record tells it."""

from __future__ import annotations

from collections.abc import Iterable

from alphapulse_lib.model.instrument import VENUES
from alphapulse_lib.model.period import Period

__all__ = ["periods_per_year"]

#: Sessions of a year, where they are not an exchange's.
_DAYS = {"24/7": 365, "24/5": 260}
_EXCHANGE = 252
#: Weeks and months of a year.
_SPANS = {"w": 52, "mo": 12}


def periods_per_year(period: str, instruments: Iterable[str]) -> float:
    """How many returns a year has of a run of bars of a period on some instruments; returns are daily at most.

    Parameters
    ----------
    period : str
        Such as ``"1d"``.
    instruments : iterable of str
        Their ids. One at a venue that this version does not know counts as an exchange's.

    Raises
    ------
    UnknownPeriod
        The period is none.

    Examples
    --------
    >>> periods_per_year("1m", ["SPY.ARCX"]), periods_per_year("1w", ["SPY.ARCX"]), periods_per_year("1d", ["A.CRYPTO"])
    (252, 52.0, 365.0)
    """
    parsed = Period.parse(period)
    if parsed.unit in _SPANS:
        return _SPANS[parsed.unit] / parsed.count
    venues = (VENUES.get(each.rpartition(".")[2].upper()) for each in instruments)
    # Every day on which anything trades ends a return.
    days = max((_DAYS.get(known.calendar, _EXCHANGE) for known in venues if known), default=_EXCHANGE)
    return days / parsed.count if parsed.unit == "d" else days
