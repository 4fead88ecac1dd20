"""When a run's bars could be known: a vendor may give them out long after they closed (``available_at``).

The market moves by a run's own bars when they close. The strategy is told of no bar before it was known: of those that
were known too late for what is decided on them, with a later one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from alphapulse_lib.catalog.reader import first_known
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.engine.feed import Feed, Flags, Integers, open_moments
from alphapulse_lib.engine.preflight import about, day_of
from alphapulse_lib.errors import KnownTooLate
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.run import Fill, RunSpec

__all__ = ["Late", "late", "told", "told_when_known", "too_late"]

#: A feed and a computer need a while; what is later than that is not for them.
_PROMPT = 60 * 10**9
#: Series that are named.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Late:
    """A run's own bars that are known too late.

    Attributes
    ----------
    feed : Feed
        Their series, each bar of it told no earlier than it was known.
    bars, untold : int
        How many they are, and of how many of the series the strategy is not told, as the run is over by then.
    close : int
        That of the first.
    """

    feed: Feed
    bars: int
    untold: int
    close: int


def told_when_known(roots: Roots, spec: RunSpec, longer: Feed, own: Feed) -> tuple[Feed, str]:
    """Longer bars that are told no earlier than they could be known, in their order.

    Returns
    -------
    Feed, str
        Those known only after the end are not told; so the text says, which is empty where there are none.
    """
    known = first_known(roots, longer.instrument.id, longer.period, longer.ts, spec.recorded_as_of)
    if (known == longer.ts).all():
        return longer, ""
    due = np.maximum.accumulate(known)
    due = due[due <= own.last]
    untold = len(longer.ts) - len(due)
    told = (
        f"{untold:,} of {len(longer.ts):,} {longer.period} bars of {longer.instrument.symbol} could be known "
        f"(`available_at`) only after the last of its {own.period} bars: the strategy is not told of them."
    )
    return replace(longer, due=due), told if untold else ""


def late(roots: Roots, spec: RunSpec, feed: Feed, session_opens: Integers) -> Late | None:
    """A run's own bars that are `too_late`.

    Parameters
    ----------
    session_opens : array of int64
        The opens of the sessions of the feed's venue, where its bars are made of sessions.

    Raises
    ------
    KnownTooLate
        None was known by the close of the last.
    """
    due, count, first = feed.ts, 0, 0
    for number in feed.rows.reaching():
        rows = feed.rows.span(number)
        ts = feed.ts[rows]
        known = first_known(roots, feed.instrument.id, feed.period, ts, spec.recorded_as_of)
        closes = feed.ts[rows.start : rows.stop + 1]
        found = np.flatnonzero(too_late(known, closes, spec.fill, feed.period, session_opens))
        if not len(found):
            continue
        if not count:
            due, first = feed.ts.copy(), int(ts[found[0]])
        count += len(found)
        due[rows.start + found] = known[found]
    if not count:
        return None
    due = np.maximum.accumulate(due)
    told = due[due <= feed.last]
    if not len(told):
        raise _known_too_late(feed, int(due[0]))
    return Late(replace(feed, due=told), count, len(due) - len(told), first)


def too_late(known: Integers, closes: Integers, fill: Fill, period: Period, session_opens: Integers) -> Flags:
    """Which bars could be known only a minute or more after what is decided on them may fill.

    That is their own close where orders fill at it, else the open of the next bar: of the last one nothing comes.

    Parameters
    ----------
    known, closes : array of int64
        When each bar could be known, and its close; and that of the bar behind them, where there is one.
    """
    filled = closes[: len(known)] if fill == "close" else open_moments(closes, period, session_opens)[1:]
    late = np.zeros(len(known), np.bool_)
    late[: len(filled)] = known[: len(filled)] >= filled + _PROMPT
    return late


def _known_too_late(feed: Feed, known: int) -> KnownTooLate:
    ours, zone = feed.instrument, feed.instrument.venue.timezone
    return KnownTooLate(
        f"None of the {len(feed.ts):,} {feed.period} bars of {ours.symbol} was known (`available_at`) by the close of "
        f"the last, that of {day_of(feed.last - 1, zone)}: the first was on {day_of(known, zone)}. A strategy would be "
        "told of none.",
        about=about(ours, feed.period, feed.ts),
    )


def told(found: Sequence[Late], fill: Fill) -> list[str]:
    """What such bars mean for a run, in a line; none where there are no such."""
    if not found:
        return []
    each = [
        f"{one.bars:,} of {len(one.feed.ts):,} {one.feed.period} bars of {one.feed.instrument.symbol} (the first that "
        f"of {day_of(one.close - 1, one.feed.instrument.venue.timezone)})"
        for one in found[:_NAMED]
    ]
    more = [f"those of {len(found) - _NAMED} more"] if len(found) > _NAMED else []
    when = "they closed" if fill == "close" else "the next one opened"
    untold = sum(one.untold for one in found)
    first = "tick that comes" if fill == "ticks" else "bar that closes"
    never = f"; of {untold:,} it is not, as the run ends before" if untold else ""
    return [
        f"Known (`available_at`) only after {when} were {', '.join([*each, *more])}: the strategy is told of each with "
        f"the first {first} once it is known{never}."
    ]
