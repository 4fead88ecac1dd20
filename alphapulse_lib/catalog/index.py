"""The instruments a catalog knows, and the tickers they were listed under. Free of NautilusTrader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache
from itertools import chain, count
from pathlib import PurePath
from typing import Any

import pyarrow as pa

from alphapulse_lib import clock
from alphapulse_lib.catalog import actions, layout, storage
from alphapulse_lib.catalog.kept import Kept
from alphapulse_lib.catalog.listings import KINDS, changed, contested, in_force, known_on, newest
from alphapulse_lib.catalog.parquet import whole
from alphapulse_lib.catalog.publish import locked, publish_table
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.schemas import TIME
from alphapulse_lib.errors import AmbiguousSymbol, InputError, UnknownSymbol, did_you_mean
from alphapulse_lib.model.instrument import Instrument, Listing

__all__ = ["Index"]

#: In place of an import: that one was taken back, and the instrument stayed for what others had of it.
_KEPT = "kept"
_ORIGIN = [("recorded_at", TIME), ("import_id", pa.string())]
_INSTRUMENTS = pa.schema(
    [
        ("id", pa.string()),
        ("name", pa.string()),
        ("asset_class", pa.string()),
        ("currency", pa.string()),
        ("price_precision", pa.uint8()),
        ("size_precision", pa.uint8()),
        *_ORIGIN,
    ]
)
_LISTINGS = pa.schema(
    [
        ("ticker", pa.string()),
        ("venue", pa.string()),
        ("instrument_id", pa.string()),
        ("start", pa.date32()),
        ("end", pa.date32()),
        *_ORIGIN,
    ]
)


class Index:
    """The index of one root or of a person's two, read when it is made.

    Parameters
    ----------
    place : Roots or PurePath
        Where to read. With two roots a person's own entry of an instrument wins.
    as_of, recorded_as_of : int, optional
        The tickers as they could be known, and as this catalog held them, by then: nanoseconds since 1970, UTC; now
        unless told. What trades is found under its id at any time.

    Examples
    --------
    >>> Index(Roots.of_settings()).resolve("AAPL").id
    'AAPL.XNAS'
    """

    def __init__(
        self, place: Roots | PurePath | str, as_of: int | None = None, recorded_as_of: int | None = None
    ) -> None:
        self.roots = Roots.of(place)
        self._moments = (as_of, recorded_as_of)
        self._read()

    @staticmethod
    def shared(roots: Roots, as_of: int | None = None, recorded_as_of: int | None = None) -> Index:
        """The same, kept from the question before where nothing was published since; only to be read."""
        # Of actions that are held already, time alone makes more known.
        moments = (as_of, recorded_as_of, actions.known(roots, as_of, recorded_as_of))
        return _SHARED.of((roots, moments), _files(roots), lambda: Index(roots, as_of, recorded_as_of))

    def _read(self) -> None:
        self._instruments: dict[str, Instrument] = {}
        as_of, recorded_as_of = self._moments
        declared: list[Listing] = []
        for _, root in self.roots.all:
            for row in _rows(root / layout.INSTRUMENTS, _INSTRUMENTS):
                self._instruments.setdefault(row["id"], Instrument(**row))
            own = {each.instrument_id for each in declared}
            rows = _rows(root / layout.LISTINGS, _LISTINGS, origin=True)
            found = in_force(row for row in rows if recorded_as_of is None or row["recorded_at"] <= recorded_as_of)
            declared += [each for each in found if each.instrument_id not in own]
        self._declared = tuple(dict.fromkeys(declared))
        #: Every listing, also those of which `as_of` knows nothing.
        self._ever = changed(self._declared, self._acts())
        self._listings = self._ever if as_of is None else known_on(self._ever, as_of)
        for instrument_id, ticker in newest(self._listings).items():
            if instrument_id in self._instruments and ticker != _symbol(instrument_id):
                self._instruments[instrument_id] = replace(self._instruments[instrument_id], ticker=ticker)
        # By what a person types: a universe asks for a thousand names, one after the other.
        self._dated = {each.instrument_id for each in self._ever}
        self._by_ticker: dict[str, list[Listing]] = {}
        for listing in self._listings:
            self._by_ticker.setdefault(listing.ticker, []).append(listing)
        self._by_symbol: dict[str, set[str]] = {}
        for each in self._instruments.keys() - self._dated:
            self._by_symbol.setdefault(_symbol(each), set()).add(each)

    def _acts(self) -> list[dict[str, Any]]:
        """What was known to have changed the meaning of tickers."""
        table = actions.read(self.roots, None, *self._moments, kinds=KINDS)
        found: list[dict[str, Any]] = table.select(["instrument_id", "kind", "ex_date", "new_symbol"]).to_pylist()
        return [each for each in found if each["instrument_id"] in self._instruments]

    def instruments(self) -> list[Instrument]:
        """Every instrument, sorted by id."""
        return [self._instruments[each] for each in sorted(self._instruments)]

    def listings(self) -> list[Listing]:
        """Every listing; an instrument without one is found by its symbol alone."""
        return list(self._listings)

    def listings_of(self, ticker: str) -> list[Listing]:
        """Every listing under a ticker."""
        return list(self._by_ticker.get(ticker, ()))

    def contested(self) -> list[str]:
        """In words: the tickers that two instruments have at once, and the renames that changed nothing for that."""
        return contested(self._declared, self._acts())

    def listed(self, day: date) -> dict[str, str]:
        """What was listed on a day: id to the ticker of that day; what has no listing at all, to its symbol."""
        plain = {each: _symbol(each) for each in self._instruments if each not in self._dated}
        return plain | {each.instrument_id: each.ticker for each in self._listings if each.holds(day)}

    def get(self, instrument_id: str) -> Instrument | None:
        """The instrument with exactly that id."""
        return self._instruments.get(instrument_id)

    def resolve(self, name: str, at: date | None = None, until: date | None = None) -> Instrument:
        """The instrument that an id or a ticker means.

        Parameters
        ----------
        name : str
            ``"AAPL.XNAS"`` or ``"AAPL"``.
        at, until : date, optional
            The day the ticker is meant on, or the first and the last of several; without either, any day.

        Raises
        ------
        CatalogEmpty
            Nothing was ever written to the catalog.
        UnknownSymbol
            No instrument has that name; the nearest names are suggested.
        AmbiguousSymbol
            The ticker meant several instruments; the message lists them.
        """
        if name in self._instruments:
            return self._instruments[name]
        found = sorted(self._meant_by(name, at, until if until or at is None else at))
        if len(found) == 1:
            return replace(self._instruments[found[0]], ticker=name)
        if found:
            raise AmbiguousSymbol(
                f"{name!r} means {len(found)} instruments: {', '.join(self._told(each, name) for each in found)}.",
                f"Ask for one by its id, such as {found[0]!r}.",
            )
        self.roots.require()
        if others := sorted({each.instrument_id for each in self._ever if each.ticker == name}):
            asked = f" on {at}" if at and until in (None, at) else f" from {at or '...'} to {until or 'now'}"
            raise UnknownSymbol(
                f"The catalog holds no {name!r}{asked}.",
                f"At other times it meant {', '.join(self._told(each, name) for each in others)}.",
            )
        if self._moments != (None, None) and (later := sorted(Index(self.roots)._meant_by(name, at, until))):
            raise UnknownSymbol(
                f"The catalog knew no {name!r} then.", f"It is what {', '.join(later)} was called later: ask for that."
            )
        names = {*self._instruments, *(each.ticker for each in self._listings), *map(_symbol, self._instruments)}
        raise UnknownSymbol(
            f"The catalog holds no {name!r}.",
            did_you_mean(str(name), names, "ap.instruments() lists what it holds."),
        )

    def ever_called(self, ticker: str) -> list[str]:
        """The ids of the instruments that a ticker meant on any day, sorted; none where no instrument had it."""
        return sorted(self._meant_by(ticker, None, None))

    def under(self, ticker: str, venue: str) -> str | None:
        """The id of the one instrument that a ticker ever meant at a venue; ``None`` where none or several."""
        found = {each.instrument_id for each in self._by_ticker.get(ticker, ()) if each.venue == venue}
        return found.pop() if len(found) == 1 else None

    def unused(self, instrument_id: str) -> str:
        """An id that no instrument has: that one, else with a number: ``FB-2.XNAS`` of the next to be called FB."""
        symbol, _, venue = instrument_id.rpartition(".")
        numbered = (f"{symbol}-{number}.{venue}" for number in count(2))
        return next(each for each in chain([instrument_id], numbered) if each not in self._instruments)

    def add(self, instruments: Iterable[Instrument], listings: Iterable[Listing] = (), import_id: str = "") -> int:
        """Write instruments and listings to the writable root; what is there already stays.

        A listing takes the place of older ones of its instrument that it overlaps; these stay in the file. An open
        one of a ticker that another instrument had at the venue until some day begins the day after.
        How many listings were new is returned.

        A known instrument may gain a name; its precision is permanent.

        Raises
        ------
        InputError
            An instrument is known with another precision or currency.
        """
        root = self.roots.writable
        with locked(root):
            known = {row["id"]: row for row in _rows(root / layout.INSTRUMENTS, _INSTRUMENTS, origin=True)}
            origin = {"recorded_at": clock.now_ns(), "import_id": import_id}
            before = dict(known)
            for each in instruments:
                known[each.id] = _merged(each, known.get(each.id), origin)
            declared = in_force(_rows(root / layout.LISTINGS, _LISTINGS, origin=True))
            others = Index(root)._after_others(listings)
            fresh = [each for each in dict.fromkeys(others) if each not in declared]
            if fresh:
                rows = _rows(root / layout.LISTINGS, _LISTINGS, origin=True) + [_plain(each) | origin for each in fresh]
                _publish(root, root / layout.LISTINGS, rows, _LISTINGS)
            # The instruments last: whoever dies in between finds them new again, and brings the listings with them.
            if known != before:
                _publish(root, root / layout.INSTRUMENTS, list(known.values()), _INSTRUMENTS)
        self._read()
        return len(fresh)

    def remove(self, import_id: str, keep: Iterable[str] = ()) -> list[str]:
        """Take back the instruments and listings an import brought, except those to keep; the ids that went.

        What was kept so before, of an import that is gone, goes too where it is no longer to keep.
        """
        root, kept = self.roots.writable, set(keep)
        with locked(root):
            rows = _rows(root / layout.INSTRUMENTS, _INSTRUMENTS, origin=True)
            own = [row for row in rows if row["import_id"] in (import_id, _KEPT)]
            gone = [row["id"] for row in own if row["id"] not in kept]
            if gone or any(row["import_id"] == import_id for row in own):
                stay = [row | {"import_id": _KEPT} if row in own else row for row in rows if row["id"] not in gone]
                _publish(root, root / layout.INSTRUMENTS, stay, _INSTRUMENTS)
            listed = _rows(root / layout.LISTINGS, _LISTINGS, origin=True)
            left = [
                row
                for row in listed
                if row["instrument_id"] not in gone and (row["import_id"] != import_id or _is_plain(row, kept))
            ]
            if len(left) < len(listed):
                _publish(root, root / layout.LISTINGS, left, _LISTINGS)
        self._read()
        return gone

    def _after_others(self, listings: Iterable[Listing]) -> Iterator[Listing]:
        """Listings, an open one after those that other instruments had of its ticker and venue."""
        for each in listings:
            before = [one for one in self._by_ticker.get(each.ticker, ())
                      if one.venue == each.venue and one.instrument_id != each.instrument_id]  # fmt: skip
            ends = [one.end for one in before if one.end]
            if each.start is None and each.end is None and ends and len(ends) == len(before):
                yield replace(each, start=max(ends) + timedelta(days=1))
            else:
                yield each

    def _meant_by(self, ticker: str, first: date | None, last: date | None) -> set[str]:
        by_listing = {each.instrument_id for each in self._by_ticker.get(ticker, ()) if each.overlaps(first, last)}
        by_symbol = self._by_symbol.get(ticker, set())
        return (by_listing | by_symbol) & self._instruments.keys()

    def _told(self, instrument_id: str, ticker: str) -> str:
        spans = [each for each in self._ever if (each.instrument_id, each.ticker) == (instrument_id, ticker)]
        told = [f"{each.start or '...'} to {each.end or 'now'}" for each in spans if each.start or each.end]
        return f"{instrument_id} ({', '.join(told)})" if told else instrument_id


_SHARED = Kept[Index](most=4)


@lru_cache(maxsize=4)
def _files(roots: Roots) -> list[PurePath]:
    return [root / name for _, root in roots.all for name in (layout.INSTRUMENTS, layout.LISTINGS, layout.ACTIONS)]


def _is_plain(row: dict[str, Any], kept: set[str]) -> bool:
    """Whether it is the open listing of an instrument that stays, without which it would have none."""
    return row["instrument_id"] in kept and row["start"] is None and row["end"] is None


def _merged(each: Instrument, row: dict[str, Any] | None, origin: dict[str, Any]) -> dict[str, Any]:
    if row is None:
        return _plain(each) | origin
    for name in ("price_precision", "size_precision", "currency", "asset_class"):
        if row[name] != getattr(each, name):
            raise InputError(
                f"{each.id} is known with {name} {row[name]!r}, not {getattr(each, name)!r}.",
                "These are permanent. Import it as another instrument, under an id of its own.",
            )
    return row | {"name": each.name or row["name"]}


def _plain(value: Instrument | Listing) -> dict[str, Any]:
    schema = _INSTRUMENTS if isinstance(value, Instrument) else _LISTINGS
    return {name: getattr(value, name) for name in schema.names if hasattr(value, name)}


def _rows(path: PurePath, schema: pa.Schema, *, origin: bool = False) -> list[dict[str, Any]]:
    if not storage.exists(path):
        return []
    table = whole(path, schema)
    if not origin:
        table = table.drop_columns([name for name, _ in _ORIGIN])
        return list(table.to_pylist())
    at = table.schema.get_field_index("recorded_at")
    return list(table.set_column(at, "recorded_at", table["recorded_at"].cast(pa.int64())).to_pylist())


def _publish(root: PurePath, path: PurePath, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    publish_table(root, path, pa.Table.from_pylist(rows, schema))


def _symbol(instrument_id: str) -> str:
    return instrument_id.rpartition(".")[0]
