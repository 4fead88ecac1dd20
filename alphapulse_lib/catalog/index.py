"""The instruments a catalog knows, and the tickers they were listed under. Free of NautilusTrader."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import PurePath
from typing import Any

import pyarrow as pa

from alphapulse_lib import clock
from alphapulse_lib.catalog import layout, storage
from alphapulse_lib.catalog.parquet import whole
from alphapulse_lib.catalog.publish import locked, publish_table
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.schemas import TIME
from alphapulse_lib.errors import AmbiguousSymbol, InputError, UnknownSymbol, did_you_mean
from alphapulse_lib.model.instrument import Instrument, Listing

__all__ = ["Index"]

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

    Examples
    --------
    >>> Index(Roots.of_settings()).resolve("AAPL").id
    'AAPL.XNAS'
    """

    def __init__(self, place: Roots | PurePath | str) -> None:
        self.roots = Roots.of(place)
        self._read()

    def _read(self) -> None:
        self._instruments: dict[str, Instrument] = {}
        self._listings: list[Listing] = []
        for _, root in self.roots.all:
            for row in _rows(root / layout.INSTRUMENTS, _INSTRUMENTS):
                self._instruments.setdefault(row["id"], Instrument(**row))
            own = {each.instrument_id for each in self._listings}
            found = _in_force(_rows(root / layout.LISTINGS, _LISTINGS, origin=True))
            self._listings += [each for each in found if each.instrument_id not in own]
        # By what a person types: a universe asks for a thousand names, one after the other.
        listed = {each.instrument_id for each in self._listings}
        self._by_ticker: dict[str, list[Listing]] = {}
        for listing in self._listings:
            self._by_ticker.setdefault(listing.ticker, []).append(listing)
        self._by_symbol: dict[str, set[str]] = {}
        for each in self._instruments.keys() - listed:
            self._by_symbol.setdefault(_symbol(each), set()).add(each)

    def instruments(self) -> list[Instrument]:
        """Every instrument, sorted by id."""
        return [self._instruments[each] for each in sorted(self._instruments)]

    def listings(self) -> list[Listing]:
        """Every listing; an instrument without one is found by its symbol alone."""
        return list(dict.fromkeys(self._listings))

    def listed(self, day: date) -> dict[str, str]:
        """What was listed on a day: id to the ticker of that day; what has no listing at all, to its symbol."""
        dated = {each.instrument_id for each in self._listings}
        plain = {each: _symbol(each) for each in self._instruments if each not in dated}
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
            return self._instruments[found[0]]
        if found:
            raise AmbiguousSymbol(
                f"{name!r} means {len(found)} instruments: {', '.join(self._told(each, name) for each in found)}.",
                f"Ask for one by its id, such as {found[0]!r}.",
            )
        self.roots.require()
        if others := sorted(self._meant_by(name, None, None)):
            asked = f" on {at}" if at and until in (None, at) else f" from {at or '...'} to {until or 'now'}"
            raise UnknownSymbol(
                f"The catalog holds no {name!r}{asked}.",
                f"At other times it meant {', '.join(self._told(each, name) for each in others)}.",
            )
        names = {*self._instruments, *(each.ticker for each in self._listings), *map(_symbol, self._instruments)}
        raise UnknownSymbol(
            f"The catalog holds no {name!r}.",
            did_you_mean(str(name), names, "ap.instruments() lists what it holds."),
        )

    def add(self, instruments: Iterable[Instrument], listings: Iterable[Listing] = (), import_id: str = "") -> int:
        """Write instruments and listings to the writable root; what is there already stays.

        A listing takes the place of older ones of its instrument that it overlaps; these stay in the file.
        How many listings were new is returned.

        A known instrument may gain a name; its precision is permanent.

        Raises
        ------
        InputError
            An instrument is known with another precision or currency.
        """
        root = self.roots.writable
        with locked(root):
            current = Index(root)
            known = {row["id"]: row for row in _rows(root / layout.INSTRUMENTS, _INSTRUMENTS, origin=True)}
            origin = {"recorded_at": clock.now_ns(), "import_id": import_id}
            before = dict(known)
            for each in instruments:
                known[each.id] = _merged(each, known.get(each.id), origin)
            fresh = [each for each in dict.fromkeys(listings) if each not in current._listings]
            if fresh:
                rows = _rows(root / layout.LISTINGS, _LISTINGS, origin=True) + [_plain(each) | origin for each in fresh]
                _publish(root, root / layout.LISTINGS, rows, _LISTINGS)
            # The instruments last: whoever dies in between finds them new again, and brings the listings with them.
            if known != before:
                _publish(root, root / layout.INSTRUMENTS, list(known.values()), _INSTRUMENTS)
        self._read()
        return len(fresh)

    def remove(self, import_id: str, keep: Iterable[str] = ()) -> list[str]:
        """Take back the instruments and listings an import brought, except those to keep; the ids that went."""
        root, kept = self.roots.writable, set(keep)
        with locked(root):
            rows = _rows(root / layout.INSTRUMENTS, _INSTRUMENTS, origin=True)
            gone = [row["id"] for row in rows if row["import_id"] == import_id and row["id"] not in kept]
            if gone:
                _publish(root, root / layout.INSTRUMENTS, [row for row in rows if row["id"] not in gone], _INSTRUMENTS)
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

    def _meant_by(self, ticker: str, first: date | None, last: date | None) -> set[str]:
        by_listing = {each.instrument_id for each in self._by_ticker.get(ticker, ()) if each.overlaps(first, last)}
        by_symbol = self._by_symbol.get(ticker, set())
        return (by_listing | by_symbol) & self._instruments.keys()

    def _told(self, instrument_id: str, ticker: str) -> str:
        spans = [each for each in self._listings if (each.instrument_id, each.ticker) == (instrument_id, ticker)]
        told = [f"{each.start or '...'} to {each.end or 'now'}" for each in spans if each.start or each.end]
        return f"{instrument_id} ({', '.join(told)})" if told else instrument_id


def _is_plain(row: dict[str, Any], kept: set[str]) -> bool:
    """Whether it is the open listing of an instrument that stays, without which it would have none."""
    return row["instrument_id"] in kept and row["start"] is None and row["end"] is None


def _in_force(rows: list[dict[str, Any]]) -> list[Listing]:
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
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


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
