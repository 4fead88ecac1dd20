"""Instruments whose bars end long before the run's: what is held of them is worth what it was, and nothing sells it.

Of one that was delisted the holding ends with it. Of another nobody knows what became of it: its bars may only not be
held, or it may be worth nothing. The account is marked at its last close all the same, so the run says so.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib.engine.feed import Feed
from alphapulse_lib.engine.nautilus import Loaded
from alphapulse_lib.engine.preflight import day_of

__all__ = ["ended"]

#: How long before the run's end bars end that are told of: calendars differ by holidays.
_LONG = 7 * 86_400 * 10**9
#: Series that are named.
_NAMED = 3


def ended(loaded: Loaded, tables: dict[str, pa.Table], names: dict[str, str]) -> list[str]:
    """A line of each instrument that is held, or was still to be traded, a week or more after its last bar.

    Parameters
    ----------
    tables : dict
        A run's ``orders`` and ``positions``.
    names : dict
        Of each instrument's id, the symbol it is reported under.
    """
    feeds = [source.feed for source in loaded.sources if loaded.reached - source.feed.last >= _LONG]
    found = [line for feed in feeds if (line := _line(loaded, feed, tables, names[feed.instrument.id]))]
    more = len(found) - _NAMED
    return [*found[:_NAMED], *([f"Those of {more} more that are held or ordered end early, too."] if more > 0 else [])]


def _line(loaded: Loaded, feed: Feed, tables: dict[str, pa.Table], symbol: str) -> str:
    orders, positions = tables["orders"], tables["positions"]
    sent = pc.greater_equal(orders["ts"].cast(pa.int64()), feed.last)
    open_ones = pc.and_(sent, pc.equal(orders["filled"], 0.0))  # what is sent at the last close may fill at it
    mine = orders.filter(pc.and_(pc.equal(orders["symbol"], symbol), open_ones))
    held: list[dict[str, Any]] = positions.filter(pc.equal(positions["symbol"], symbol)).to_pylist()
    if not held and not mine.num_rows:
        return ""
    zone = feed.instrument.venue.timezone
    told = [
        f"the {abs(each['quantity']):,g} that are held {each['side']} stay at its last price, {each['last_price']:g}"
        for each in held
    ]
    if mine.num_rows:
        told.append(f"{mine.num_rows:,} order{'s' if mine.num_rows > 1 else ''} sent since then never filled")
    why = "" if feed.delisting else " Where it was delisted, import that (kind='actions'), which ends a holding."
    return (
        f"The {feed.period} bars of {symbol} end on {day_of(feed.last - 1, zone)}, and the run's on "
        f"{day_of(loaded.reached - 1, zone)}: {', and '.join(told)}.{why}"
    )
