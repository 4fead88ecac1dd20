"""Which instrument a row belongs to: one the catalog knows, or a new one, ``SYMBOL.VENUE``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from alphapulse_lib.catalog.decimals import largest
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.errors import CatalogEmpty, InputError, UnknownSymbol
from alphapulse_lib.model.instrument import VENUES, Instrument, Listing, priced_in, venue
from alphapulse_lib.model.window import moment_ns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alphapulse_lib.catalog.roots import Roots

__all__ = ["Declared", "Instruments", "decimals_of", "listing_of"]

#: US equities are kept to four decimals: as-traded prices have sub-cent values.
_US_DECIMALS = 4
_MOST_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class Declared:
    """What a request or a dataset says of a symbol."""

    venue: str = ""
    name: str = ""
    #: All that a vendor's list says of it; its precision is not guessed from the first prices then.
    listed: Instrument | None = None


class Instruments:
    """The instruments of one import.

    Parameters
    ----------
    roots : Roots
        Whose index is asked first.
    declared : mapping of str to Declared
        By symbol: where it trades and what it is called.
    """

    def __init__(self, roots: Roots, declared: Mapping[str, Declared]) -> None:
        self._index = Index(roots)
        self._declared = dict(declared)
        self._made: dict[str, Instrument] = {}
        #: Ids of those that no root knew.
        self.new: list[str] = []

    def declare(self, symbol: str, *, venue: str = "", name: str = "", listed: Instrument | None = None) -> None:
        """Say where a symbol trades, what it is called, or all of it."""
        said = self._declared.get(symbol, Declared())
        self._declared[symbol] = Declared(venue or said.venue, name or said.name, listed or said.listed)

    def of(
        self,
        symbol: str,
        code: str | None = None,
        name: str | None = None,
        *,
        decimals: Callable[[], tuple[int, int]] = lambda: (2, 2),
    ) -> Instrument:
        """The instrument a symbol means.

        Parameters
        ----------
        symbol, code, name : str
            As the row has them; ``code`` is the venue's. A symbol may carry its venue: ``"AAPL.XNAS"``.
        decimals : callable
            Tells the decimals of a new instrument's prices and volumes, where its venue does not decide them.

        Raises
        ------
        InputError
            The venue is told nowhere, or is not known.
        AmbiguousSymbol
            No venue is told and the catalog holds several instruments of that symbol.
        """
        plain, dot, suffix = symbol.rpartition(".")
        is_id = bool(dot and suffix in VENUES)
        if is_id:
            symbol, code = plain, suffix
        said = self._declared.get(symbol, Declared())
        code = code or said.venue
        if not code:
            return self._held(symbol)
        place = venue(code)
        own = said.listed.id if said.listed else f"{symbol}.{place.code}"
        known = self._made.get(own) or self._index.get(own)
        if not (known or is_id or said.listed) and (other := self._index.under(symbol, place.code)):
            known = self._made.get(other) or self._index.get(other)
        if not known:
            self.new.append(own)
        american = place.calendar == "XNYS"
        made = known or said.listed
        if made is None:
            prices, sizes = (_US_DECIMALS, 0) if american else decimals()
            made = Instrument(
                own,
                currency=priced_in(own),
                price_precision=max(2, prices),
                size_precision=sizes,
            )
        self._made[made.id] = replace(made, name=made.name or name or said.name)
        return self._made[made.id]

    def strayed(
        self, ticker: str, instrument: Instrument, ts: NDArray[np.int64], reason: NDArray[np.object_]
    ) -> NDArray[np.object_]:
        """The reasons, with those of moments (nanoseconds of UTC) after the days on which a ticker meant an instrument.

        From then on it may be another company's; only an id says which. Before its first day it is taken for the
        instrument: vendors' files carry all of a history under the newest ticker.
        """
        ends = [each.end for each in self._index.listings_of(ticker) if each.instrument_id == instrument.id]
        closed = [each for each in ends if each is not None]
        if not closed or len(closed) < len(ends):
            return reason
        last = max(closed)
        later = (reason == "") & (ts > moment_ns(last, instrument.venue.timezone, end=True))
        told = f"{ticker} has not meant {instrument.id} since {last}: name the instrument by its id"
        return np.where(later, told, reason)

    def rename(self, instrument: Instrument, ticker: str) -> bool:
        """Take a new ticker for an instrument's, unless the catalog knows another by it; whether it is."""
        if self._index.get(f"{ticker}.{instrument.venue.code}") or self._index.under(ticker, instrument.venue.code):
            return False
        self._declared[ticker] = Declared(instrument.venue.code, instrument.name, instrument)
        return True

    def named(self, symbol: str, day: date) -> str | None:
        """The id of the instrument a symbol means on a day, of those the catalog or this import has; else ``None``."""
        made = [each for each in self._made if symbol in (each, self._made[each].symbol)]
        if len(made) == 1:
            return made[0]
        try:
            return self._index.resolve(symbol, day).id
        except (InputError, CatalogEmpty):
            return None

    def _held(self, symbol: str) -> Instrument:
        """The instrument of a symbol whose venue is told nowhere."""
        try:
            return self._index.resolve(symbol)
        except (UnknownSymbol, CatalogEmpty):
            raise InputError(
                f"Where does {symbol} trade?", "Say venue='XNAS' (Nasdaq), 'XNYS' (NYSE), or another venue's MIC."
            ) from None


def listing_of(instrument: Instrument) -> Listing:
    """The listing of a new instrument under its own symbol, from ever until today."""
    return Listing(instrument.ticker or instrument.symbol, instrument.venue.code, instrument.id)


def decimals_of(values: NDArray[np.float64]) -> int:
    """The decimals that the values are written with, up to nine."""
    finite = values[np.abs(values) < largest(0)]  # What cannot be held says nothing about the others.
    for decimals in range(_MOST_DECIMALS):
        scaled = finite * 10.0**decimals
        exact = np.abs(scaled - np.rint(scaled)) <= np.maximum(1e-6, np.abs(scaled) * 1e-12)
        if exact.all() or finite.max() >= largest(decimals + 1):
            return decimals
    return _MOST_DECIMALS
