"""Listings of instruments, and members of universes, from a provider's rows; ready to be written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.schemas import TIME
from alphapulse_lib.errors import InputError
from alphapulse_lib.ingestion.staged import Staged, gather, set_aside
from alphapulse_lib.model.instrument import VENUES, Instrument, Listing, Venue, priced_in, venue

if TYPE_CHECKING:
    from alphapulse_lib.ingestion.instruments import Instruments
    from alphapulse_lib.providers.contract import Batch

__all__ = ["contested", "stage_instruments", "stage_universe"]

_EVER = date(1970, 1, 1)


def stage_instruments(batches: Iterable[Batch], instruments: Instruments) -> Staged:
    """Instruments with the tickers they were listed under.

    An id that is left out is the ticker with its venue.

    Raises
    ------
    InputError
        A venue is not known, or is told nowhere.
    """
    table, notes = gather(batches)
    staged = Staged(notes=notes)
    staged.aside.append(set_aside(table.filter(pc.is_valid(table["reason"]))))
    for row in table.filter(pc.is_null(table["reason"])).to_pylist():
        name = row["id"] or row["ticker"]
        code = row["venue"] or name.rpartition(".")[2]
        if code not in VENUES:
            raise InputError(
                f"Where is {row['ticker']} listed? {code!r} is no venue.", "Give a column venue: XNAS, XNYS, ..."
            )
        if row.get("price_precision") is not None:
            instruments.declare(row["ticker"], listed=_listed(row, venue(code)))
        made = instruments.of(name, code, row["name"] or None)
        staged.instruments.append(made)
        staged.listings.append(Listing(row["ticker"].upper(), venue(code).code, made.id, row["start"], row["end"]))
    return staged


def _listed(row: dict[str, Any], place: Venue) -> Instrument:
    """An instrument that its source tells whole; prices of New York have the decimals that all of theirs have."""
    least = 4 if place.calendar == "XNYS" else 0
    return Instrument(
        f"{row['ticker']}.{place.code}",
        asset_class=row["asset_class"] or "equity",
        currency=row["currency"] or priced_in(f"{row['ticker']}.{place.code}"),
        price_precision=max(least, row["price_precision"]),
        size_precision=row["size_precision"] or 0,
    )


@contextmanager
def contested(root: PurePath) -> Iterator[list[str]]:
    """In words, at the end of the ``with``: what has made a ticker mean two instruments, or a rename mean nothing."""
    told: list[str] = []
    before = Index(root).contested()
    yield told
    told += [each for each in Index(root).contested() if each not in before]


def stage_universe(batches: Iterable[Batch]) -> Staged:
    """Membership intervals; each counts as known from the start of its first day (assumed)."""
    table, notes = gather(batches)
    staged = Staged(notes=notes)
    staged.aside.append(set_aside(table.filter(pc.is_valid(table["reason"]))))
    rows = table.filter(pc.is_null(table["reason"]))
    if rows.num_rows:
        start = pc.fill_null(rows["start"], pa.scalar(_EVER, pa.date32()))
        staged.members.append(
            pa.table(
                {
                    "universe": rows["universe"],
                    "ticker": pc.utf8_upper(rows["ticker"]),
                    "start": start,
                    "end": rows["end"],
                    "available_at": start.cast(pa.timestamp("s")).cast(pa.timestamp("ns")).cast(TIME),
                }
            )
        )
    return staged
