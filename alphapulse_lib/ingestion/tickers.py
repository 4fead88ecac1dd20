"""What a vendor's tickers mean, and when: an instrument is asked for under the ticker it had at the time.

The catalog knows the tickers of what it holds, renames and delistings included; the vendor's list knows the rest. A
universe brings its members of the whole history wanted, those that later left or died among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib.catalog import universes
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import CatalogEmpty, InputError, UnknownSymbol, did_you_mean
from alphapulse_lib.model.instrument import Instrument, Listing
from alphapulse_lib.model.window import Moment, Window, day_of
from alphapulse_lib.providers.contract import Kind, Vendor

__all__ = ["Spell", "Tickers", "Wanted"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person wants of a vendor.

    Attributes
    ----------
    symbols : tuple of str
        Tickers, or ids of instruments.
    periods : tuple of str
        Of bars.
    start, end : str, date or datetime
        Bounds of ``ts``; a bare date is that whole day at the exchange. The end is cut to what is final.
    universe : str
        The name of a universe, in place of ``symbols``: all that belonged to it between start and end.
    """

    symbols: tuple[str, ...]
    periods: tuple[str, ...]
    start: Moment
    end: Moment = None
    feed: str | None = None
    venue: str = ""
    title: str = ""
    calendar: str = ""
    kind: Kind = "bars"
    universe: str = ""


@dataclass(frozen=True, slots=True)
class Spell:
    """A stretch of days in which a ticker means an instrument; both days are included, ``None`` is open."""

    ticker: str
    instrument: Instrument
    first: date | None = None
    last: date | None = None

    def within(self, window: Window) -> Window | None:
        """As much of a window as lies in it, by the clock of the exchange; ``None`` where nothing does."""
        own = Window.of(self.first, self.last, self.instrument.venue.timezone)
        start, end = max(own.start, window.start), min(own.end, window.end)
        return Window(start, end) if start <= end else None


@dataclass(slots=True)
class Tickers:
    """The spells of all that is wanted, and what there is to say about those that mean nothing.

    ``offered`` is what the vendor lists of what the catalog does not know, by ticker.
    """

    wanted: Wanted
    names: list[tuple[str, date | None, date | None]]
    offered: dict[str, Instrument] = field(default_factory=dict)
    spells: list[Spell] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, vendor: Vendor, wanted: Wanted, roots: Roots, *, ask: bool) -> Tickers:
        """What is wanted, as the catalog has it, else as the vendor lists it.

        Without ``ask`` no call is made: a ticker that the catalog does not know is taken for one of New York, or with
        a slash for a crypto pair.

        Raises
        ------
        UnknownSymbol, InputError
            The vendor lists no such ticker, or not where it trades; it trades by another calendar than declared; no
            universe of that name is held, or nobody belonged to it then. Of a universe what the vendor does not list
            is left out, and told in ``notes``.
        """
        found = cls(wanted, _names(wanted, roots))
        unknown = found.read(roots)
        if not ask:
            found.offered = {each: Instrument(f"{each}.{'CRYPTO' if '/' in each else 'XNYS'}") for each in unknown}
        elif unknown:
            found.offered = found._listed(vendor, unknown)
        found.read(roots)
        for instrument in {each.instrument for each in found.spells}:
            _by_calendar(instrument, wanted)
        return found

    def read(self, roots: Roots) -> list[str]:
        """Look again what the tickers mean by now; those that the catalog does not know."""
        index = Index(roots)
        spells: dict[Spell, None] = {}
        unknown: dict[str, None] = {}
        for name, first, last in self.names:
            try:
                instrument = index.resolve(f"{name}.{self.wanted.venue}" if self.wanted.venue else name, first, last)
            except (UnknownSymbol, CatalogEmpty):
                plain, dot, place = name.rpartition(".")
                ticker = plain if dot and place.startswith("X") else name
                unknown[ticker] = None
                if ticker in self.offered:
                    spells |= dict.fromkeys(_offered(self.offered[ticker], ticker, index))
                continue
            own = [each for each in index.listings() if each.instrument_id == instrument.id]
            for each in own or [Listing(instrument.symbol, instrument.venue.code, instrument.id)]:
                spells[Spell(each.ticker, instrument, each.start, each.end)] = None
        self.spells = list(spells)
        return list(unknown)

    def meant(self, ticker: str, window: Window) -> Instrument:
        """What a ticker means in a window that lies in one of its spells."""
        return next(each.instrument for each in self.spells if each.ticker == ticker and each.within(window))

    def _listed(self, vendor: Vendor, symbols: Sequence[str]) -> dict[str, Instrument]:
        """Instruments as the vendor lists them."""
        listing, venue = vendor.instruments(), self.wanted.venue
        chosen = listing.filter(pc.is_in(listing["symbol"], pa.array(symbols, pa.string())))
        rows = {row["symbol"]: row for row in chosen.to_pylist()}
        absent = [each for each in symbols if each not in rows]
        nowhere = [each for each in symbols if each in rows and not (venue or rows[each]["venue"])]
        if self.wanted.universe:
            for what, left_out in (("are not listed by", absent), ("trade nowhere that is told by", nowhere)):
                if left_out:
                    more = f" and {len(left_out) - 10} more" if len(left_out) > 10 else ""
                    self.notes.append(
                        f"left out of {self.wanted.universe}: {', '.join(left_out[:10])}{more} {what} {vendor.name}"
                    )
        elif absent:
            raise UnknownSymbol(
                f"{vendor.name} lists no {absent[0]!r}.", did_you_mean(absent[0], listing["symbol"].to_pylist())
            )
        elif nowhere:
            raise InputError(
                f"{vendor.name} does not say where {nowhere[0]} trades.", "Say venue='XNAS', or another MIC."
            )
        return {each: _instrument(rows[each], venue) for each in symbols if each not in {*absent, *nowhere}}


def _names(wanted: Wanted, roots: Roots) -> list[tuple[str, date | None, date | None]]:
    """What is asked for by name, and the days that the name is meant on."""
    first = day_of(wanted.start) if wanted.start is not None else None
    last = day_of(wanted.end) if wanted.end is not None else None
    if not wanted.universe:
        return [(each, first, last) for each in dict.fromkeys(wanted.symbols)]
    held = universes.names(roots)
    if wanted.universe not in held:
        raise InputError(
            f"{wanted.title or 'The dataset'} takes its names from {wanted.universe!r}, and no such universe is held.",
            did_you_mean(wanted.universe, held)
            or f"Import its members: ap.ingest('files', 'members.csv', kind='universe', name={wanted.universe!r}).",
        )
    members = universes.intervals(roots, wanted.universe).to_pylist()
    chosen = [
        (row["ticker"], max(row["start"], first) if first else row["start"], row["end"] and row["end"] - timedelta(1))
        for row in members
        if (last is None or row["start"] <= last) and (first is None or row["end"] is None or row["end"] > first)
    ]
    if not chosen:
        raise InputError(f"Nobody belonged to {wanted.universe} from {first} to {last or 'now'}.")
    return [(ticker, start, end if last is None else min(end or last, last)) for ticker, start, end in chosen]


def _offered(instrument: Instrument, ticker: str, index: Index) -> Iterable[Spell]:
    """The spell of an instrument that the catalog does not hold; where its id is taken, under another one.

    Who had the ticker before keeps id and days: the newcomer's begin after them.
    """
    earlier = [each for each in index.listings() if (each.ticker, each.venue) == (ticker, instrument.venue.code)]
    ends = [each.end for each in earlier if each.end]
    begins = max(ends) + timedelta(1) if ends else None
    free = index.unused(instrument.id)
    yield Spell(ticker, replace(instrument, id=free, ticker=ticker if free != instrument.id else ""), begins)


def _by_calendar(instrument: Instrument, wanted: Wanted) -> None:
    if wanted.calendar and instrument.venue.calendar != wanted.calendar:
        raise InputError(
            f"{wanted.title}: {instrument.id} trades by the calendar {instrument.venue.calendar}, not by "
            f"{wanted.calendar}.",
            "Take it out of the universe, or correct calendar.",
        )


def _instrument(row: Mapping[str, Any], venue: str) -> Instrument:
    return Instrument(
        f"{row['symbol']}.{venue or row['venue']}",
        name=row["name"] or "",
        asset_class=row["asset_class"] or "equity",
        currency=row["currency"] or "USD",
        price_precision=4 if row["price_precision"] is None else row["price_precision"],
        size_precision=row["size_precision"] or 0,
    )
