"""An instrument, and the tickers it was listed under."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from alphapulse_lib.errors import InputError

__all__ = ["SYMBOL", "VENUES", "Instrument", "Listing", "Venue", "priced_in", "venue", "zone_of_days"]


#: What a symbol looks like, as a regular expression: files are named by it.
SYMBOL = r"^[A-Z0-9][A-Z0-9.&_^=-]{0,59}(/[A-Z0-9]{1,20})?$"


@dataclass(frozen=True, slots=True)
class Venue:
    """A place of trading: its MIC, its session calendar and the zone its times are told in.

    ``calendar`` is a name of the ``exchange_calendars`` package (``"24/7"`` never closes). ``currency`` is what its
    prices are in, but of ``pairs`` that of each pair itself.
    """

    code: str
    calendar: str
    timezone: str
    currency: str = "USD"
    pairs: bool = False

    @property
    def never_closes(self) -> bool:
        """Whether it has sessions at weekends, too."""
        return self.calendar == "24/7"

    @property
    def over_midnight(self) -> bool:
        """Whether it trades at midnight: a bar that closes then is of the day that ends."""
        return self.calendar in ("24/7", "24/5")


#: Venues whose calendar is known. Others are added here.
VENUES = {
    known.code: known
    for known in (
        Venue("XNAS", "XNYS", "America/New_York"),
        Venue("XNYS", "XNYS", "America/New_York"),
        Venue("ARCX", "XNYS", "America/New_York"),
        Venue("BATS", "XNYS", "America/New_York"),
        Venue("XASE", "XNYS", "America/New_York"),
        Venue("XCME", "24/5", "America/Chicago"),
        Venue("XLON", "XLON", "Europe/London", "GBP"),
        Venue("XETR", "XETR", "Europe/Berlin", "EUR"),
        Venue("XPAR", "XPAR", "Europe/Paris", "EUR"),
        Venue("XTKS", "XTKS", "Asia/Tokyo", "JPY"),
        Venue("IDEALPRO", "24/5", "America/New_York", pairs=True),
        Venue("CRYPTO", "24/7", "UTC", pairs=True),
    )
}


def venue(code: str) -> Venue:
    """The venue with that code.

    Raises
    ------
    InputError
        The code is not known.
    """
    try:
        return VENUES[code.upper()]
    except KeyError:
        raise InputError(f"Unknown venue {code!r}.", f"Known venues: {', '.join(VENUES)}.") from None


def zone_of_days(venues: Iterable[Venue]) -> str:
    """The zone in which days of a window are meant: that of all the venues, UTC where they are in several.

    Examples
    --------
    >>> zone_of_days([venue("XNAS"), venue("XNYS")]), zone_of_days([venue("XETR"), venue("XPAR")])
    ('America/New_York', 'UTC')
    """
    zones = {each.timezone for each in venues}
    return zones.pop() if len(zones) == 1 else "UTC"


#: How a pair is written: with a slash, or two currencies of three letters each. What stands second is its price's.
_PAIR = re.compile(
    "[^/]+/([^/]+)|[A-Z]{3}[.-]?(AUD|CAD|CHF|CNH|CZK|DKK|EUR|GBP|HKD|HUF|ILS|JPY|KRW|MXN|NOK|NZD|PLN|SEK|SGD|TRY|USD|ZAR)"
)


def priced_in(instrument_id: str) -> str:
    """The currency of an instrument's prices, where nothing else is told of it: of a pair its second, else its venue's.

    Raises
    ------
    InputError
        The venue is not known.

    Examples
    --------
    >>> priced_in("USD/JPY.IDEALPRO"), priced_in("USDJPY.IDEALPRO"), priced_in("SAP.XETR"), priced_in("BRK/B.XNYS")
    ('JPY', 'JPY', 'EUR', 'USD')
    """
    symbol, _, code = instrument_id.rpartition(".")
    place = venue(code)
    found = _PAIR.fullmatch(symbol) if place.pairs else None
    return (found[1] or found[2]) if found else place.currency


@dataclass(frozen=True, slots=True)
class Instrument:
    """Something that trades, under an id that is permanent and never reused.

    Attributes
    ----------
    id : str
        NautilusTrader's id, ``"AAPL.XNAS"``: symbol, dot, venue.
    price_precision : int
        Decimals of its prices. Four for US equities: as-traded and adjusted prices have sub-cent values.
    size_precision : int
        Decimals of its quantities.
    ticker : str
        What it is called in results: the ticker it was asked for by, else the one it was listed under last; ``""``:
        the symbol of its id. No part of what it is.
    """

    id: str
    name: str = ""
    asset_class: str = "equity"
    currency: str = "USD"
    price_precision: int = 4
    size_precision: int = 0
    ticker: str = field(default="", compare=False)

    @property
    def symbol(self) -> str:
        """The part before the venue."""
        return self.id.rpartition(".")[0]

    @property
    def venue(self) -> Venue:
        """Where it trades."""
        return venue(self.id.rpartition(".")[2])


@dataclass(frozen=True, slots=True)
class Listing:
    """A ticker that meant an instrument from one day to another (both included; None: open)."""

    ticker: str
    venue: str
    instrument_id: str
    start: date | None = None
    end: date | None = None

    def holds(self, day: date | None) -> bool:
        """Whether the ticker meant this instrument on that day; ``None`` asks about any day."""
        return self.overlaps(day, day)

    def overlaps(self, first: date | None, last: date | None) -> bool:
        """Whether the ticker meant this instrument on some day of those, both included; ``None`` is open."""
        return (self.start is None or last is None or self.start <= last) and (
            self.end is None or first is None or first <= self.end
        )
