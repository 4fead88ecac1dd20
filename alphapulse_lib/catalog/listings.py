"""Which ticker meant which instrument when: as declared, and as renames and delistings have it since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

from alphapulse_lib.model.instrument import VENUES, Listing

__all__ = ["KINDS", "changed", "contested", "in_force", "known_on", "newest"]

#: The kinds of corporate actions that change what a ticker means.
KINDS = ("rename", "delisting")

_DAY = timedelta(days=1)


def in_force(rows: Iterable[Mapping[str, Any]]) -> list[Listing]:
    """The listings that no later recorded one of their instrument overlaps, in the order of recording."""
    kept: dict[str, list[tuple[int, Listing]]] = {}
    for row in sorted(rows, key=lambda row: row["recorded_at"]):
        listing = Listing(**{name: row[name] for name in Listing.__dataclass_fields__})
        recorded = row["recorded_at"]
        before = kept.get(listing.instrument_id, [])
        kept[listing.instrument_id] = [
            (at, each) for at, each in before if at == recorded or not each.overlaps(listing.start, listing.end)
        ] + [(recorded, listing)]
    return [listing for each in kept.values() for _, listing in each]


def changed(declared: Iterable[Listing], acts: Iterable[Mapping[str, Any]]) -> list[Listing]:
    """Listings after what befell them.

    A rename ends the listing of its day and begins one under the new ticker, unless that was declared already, or the
    new ticker is another instrument's from then on: two of one name would leave neither to be found. A delisting ends
    the listing of its day.

    Parameters
    ----------
    declared : iterable of Listing
        Every instrument's; one without any is taken to be listed under the symbol of its id.
    acts : iterable of mapping
        ``instrument_id``, ``kind`` (one of `KINDS`), ``ex_date``, ``new_symbol``.
    """
    found = list(declared)
    for act in sorted(acts, key=lambda act: act["ex_date"]):
        instrument_id, day = act["instrument_id"], act["ex_date"]
        symbol, _, venue = instrument_id.rpartition(".")
        own = [each for each in found if each.instrument_id == instrument_id] or [Listing(symbol, venue, instrument_id)]
        others = [each for each in found if each.instrument_id != instrument_id]
        found = others + (
            _renamed(own, others, day, act["new_symbol"]) if act["kind"] == "rename" else _ended(own, day)
        )
    return found


def contested(declared: Iterable[Listing], acts: Iterable[Mapping[str, Any]]) -> list[str]:
    """In words: the tickers that two instruments have on the same days, and the renames without effect.

    Parameters are those of `changed`.
    """
    acts = list(acts)
    by_ticker: dict[tuple[str, str], list[Listing]] = {}
    for each in changed(declared, acts):
        by_ticker.setdefault((each.ticker, each.venue), []).append(each)
    told = [
        f"{ticker} at {venue} means both {one.instrument_id} ({_days(one)}) and {other.instrument_id} ({_days(other)})"
        for (ticker, venue), several in by_ticker.items()
        for one, other in combinations(several, 2)
        if one.instrument_id != other.instrument_id and one.overlaps(other.start, other.end)
    ]
    for act in (each for each in acts if each["kind"] == "rename"):
        day, ticker, instrument_id = act["ex_date"], act["new_symbol"], act["instrument_id"]
        venue = instrument_id.rpartition(".")[2]
        held = [each for each in by_ticker.get((ticker, venue), ()) if each.overlaps(day, None)]
        if held and not any(each.instrument_id == instrument_id for each in held):
            told.append(
                f"{instrument_id} was to be called {ticker} from {day} on, but that is {held[0].instrument_id} "
                f"({_days(held[0])}): from then on {instrument_id} is found by its id alone"
            )
    return told


def _days(listing: Listing) -> str:
    return f"{listing.start or '...'} to {listing.end or 'now'}"


def known_on(listings: Iterable[Listing], moment: int) -> list[Listing]:
    """Listings as they were known at a moment: one that had begun, its end only once that was past.

    Parameters
    ----------
    moment : int
        Nanoseconds since 1970, UTC.
    """
    days = {zone: datetime.fromtimestamp(moment / 1e9, UTC).astimezone(ZoneInfo(zone)).date() for zone in _ZONES}
    known = []
    for each in listings:
        today = days[VENUES[each.venue].timezone]
        if each.start is None or each.start <= today:
            known.append(replace(each, end=None) if each.end and each.end >= today else each)
    return known


def newest(listings: Iterable[Listing]) -> dict[str, str]:
    """The ticker each instrument was listed under last."""
    return {each.instrument_id: each.ticker for each in sorted(listings, key=lambda each: each.start or date.min)}


_ZONES = {each.timezone for each in VENUES.values()}


def _renamed(own: list[Listing], others: list[Listing], day: date, ticker: str) -> list[Listing]:
    held = [each for each in own if each.holds(day)]
    if any(each.ticker == ticker for each in held):
        return own
    later = min((each.start for each in own if each.start and each.start > day), default=None)
    end = held[0].end if held else later and later - _DAY
    begun = Listing(ticker, own[0].venue, own[0].instrument_id, day, end)
    taken = any((each.ticker, each.venue) == (ticker, begun.venue) and each.overlaps(day, end) for each in others)
    return [*_ended(own, day), *([] if taken else [begun])]


def _ended(own: list[Listing], day: date) -> list[Listing]:
    """The listings, the one of that day ended with the day before."""
    return [
        replace(each, end=day - _DAY) if each.holds(day) else each
        for each in own
        if not (each.holds(day) and each.start == day)
    ]
