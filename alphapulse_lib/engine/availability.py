"""When a run's bars could be known: a vendor may give them out long after they closed (``available_at``).

Bars beside a run's own are told no earlier. Its own are told at their closes, as the market moves by them: of those a
run says that what is decided on them fills too early.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from alphapulse_lib.catalog.reader import first_known
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.engine.feed import Feed, Integers, open_moments
from alphapulse_lib.engine.preflight import day_of
from alphapulse_lib.model.run import Fill, RunSpec

__all__ = ["Late", "late", "told", "told_when_known"]

#: A feed and a computer need a while; what is later than that is not for them.
_PROMPT = 60 * 10**9
#: Series that are named.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Late:
    """A series' bars that are known too late: how many there are, and the close of the first."""

    feed: Feed
    bars: int
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
    """A run's own bars that could be known only a minute or more after what is decided on them may fill.

    That is their own close where orders fill at it, else the open of the next bar: of the last one nothing comes.

    Parameters
    ----------
    session_opens : array of int64
        The opens of the sessions of the feed's venue, where its bars are made of sessions.
    """
    count, first = 0, None
    for number in feed.rows.reaching():
        rows = feed.rows.span(number)
        ts = feed.ts[rows]
        if spec.fill == "close":
            filled = ts
        else:
            filled = open_moments(feed.ts[rows.start : rows.stop + 1], feed.period, session_opens)[1:]
        known = first_known(roots, feed.instrument.id, feed.period, ts, spec.recorded_as_of)[: len(filled)]
        found = np.flatnonzero(known >= filled + _PROMPT)
        count += len(found)
        if first is None and len(found):
            first = int(ts[found[0]])
    return None if first is None else Late(feed, count, first)


def told(found: Sequence[Late], fill: Fill) -> list[str]:
    """What such bars mean for a run's orders, in a line; none where there are no such."""
    if not found:
        return []
    each = [
        f"{one.bars:,} of {len(one.feed.ts):,} {one.feed.period} bars of {one.feed.instrument.symbol} (the first that "
        f"of {day_of(one.close - 1, one.feed.instrument.venue.timezone)})"
        for one in found[:_NAMED]
    ]
    more = [f"those of {len(found) - _NAMED} more"] if len(found) > _NAMED else []
    when = "they closed" if fill == "close" else "the next one opened"
    return [
        f"Known (`available_at`) only after {when} were {', '.join([*each, *more])}: what is decided on them fills "
        "before anybody could decide it."
    ]
