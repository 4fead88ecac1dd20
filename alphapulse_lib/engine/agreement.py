"""Whether longer bars say of a moment what a run's own bars say of it.

An hour's bar that is stamped at its open is one among many, until minutes lie beside it: its close is what those say an
hour later. A strategy of both would know it that much too early. And of days that are as traded beside minutes that are
adjusted for a split, one of the two is in units of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphapulse_lib.engine.preflight import about
from alphapulse_lib.errors import WrongStamps
from alphapulse_lib.model.period import Period

if TYPE_CHECKING:
    from alphapulse_lib.engine.feed import Feed, Floats, Integers

__all__ = ["agree"]

#: The fewest bars by which stamps are judged.
_FEWEST = 5
#: By how many times closer the later close must lie: a closing auction is off the last minute by little.
_CLOSER = 4.0
#: The part by which two closes of one moment do not differ, where both are in the same units.
_APART = 0.2


def agree(longer: Feed, own: Feed) -> str:
    """Refuse longer bars that tell what the run's own tell only later.

    Returns
    -------
    str
        For the log, that both are not in the same units; empty where they are.

    Raises
    ------
    WrongStamps
        Most of their closes are those of one bar later.
    """
    name = f"The {longer.period} bars of {longer.instrument.symbol}"
    at, ends = _last(own.ts, longer.ts), _ends(longer)
    apart = _distance(longer.closes, own.closes[at])
    whole = (ends > longer.ts) & (ends <= own.last)
    if whole.sum() >= _FEWEST:
        then = _distance(longer.closes[whole], own.closes[_last(own.ts, ends[whole])])
        if np.median(apart[whole]) > _CLOSER * np.median(then):
            raise WrongStamps(
                f"{name} are stamped at their begin: most close at what the {own.period} bars say when such a bar is "
                "over, so they would be known before they were made.",
                "Take the import back with ap.revert and import the file again with "
                f"stamps={'session' if longer.period.is_session else 'open'!r}.",
                about(longer.instrument, longer.period, longer.ts),
            )
    same = longer.ts - own.ts[at] < own.period.nanoseconds
    other = np.flatnonzero(same & (apart > np.log1p(_APART)))
    if not len(other):
        return ""
    first = int(other[0])
    day = str(np.datetime64(int(longer.ts[first]), "ns"))[:16].replace("T", " ")
    count = f"{len(other):,} of {int(same.sum()):,} closes"
    return (
        f"{name} are not in the units of its {own.period} bars at {count}, first at {day} UTC: "
        f"{longer.closes[first]:g} beside {own.closes[at[first]]:g}. Is one of the two adjusted for splits?"
    )


def _last(stamps: Integers, moments: Integers) -> Integers:
    """The last of a run's own bars that had closed at each moment."""
    found: Integers = np.searchsorted(stamps, moments, side="right") - 1
    return found


def _distance(closes: Floats, others: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):  # a price may be zero, or below
        found: Floats = np.nan_to_num(np.abs(np.log(closes / others)), nan=np.inf)
    return found


def _ends(longer: Feed) -> Integers:
    """When each bar would end if its stamp were of its begin; its stamp, where nobody can tell."""
    ts, period = longer.ts, longer.period
    if period.unit in ("w", "mo"):
        from alphapulse_lib.catalog.sessions import sessions

        known = sessions(longer.instrument.venue.code)
        place = np.minimum(np.searchsorted(known.closes, ts), len(known) - 1)
        return known.closes[known.last_of(Period(1, period.unit))[place]]
    following = np.append(ts[1:], ts[-1])
    return following if period.is_session else np.minimum(following, ts + period.nanoseconds)
