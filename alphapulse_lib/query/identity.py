"""What SQL sees of identity: instruments, the tickers they were listed under, the members of universes, actions."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib.catalog import actions, universes
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.schemas import TIME
from alphapulse_lib.model.instrument import Listing
from alphapulse_lib.query.reading import names

__all__ = ["tables"]

_TRAIL = ["available_at", "recorded_at", "import_id"]
_INSTRUMENTS = pa.schema(
    [
        *((name, pa.string()) for name in ("id", "symbol", "name", "asset_class", "currency")),
        *((name, pa.int64()) for name in ("price_precision", "size_precision")),
    ]
)
_LISTINGS = pa.schema(
    {"symbol": pa.string(), "venue": pa.string(), "id": pa.string(), "starts": pa.date32(), "ends": pa.date32()}
)


def tables(roots: Roots, index: Index, as_of: int | None, recorded_as_of: int | None) -> dict[str, pa.Table]:
    """The views, by name, as known and recorded by then; `sql` tells their columns."""
    return {
        "instruments": _instruments(index),
        "listings": _listings(index),
        "universe": _members(roots, index, as_of, recorded_as_of),
        "actions": _actions(roots, index, as_of, recorded_as_of),
    }


def _instruments(index: Index) -> pa.Table:
    known = index.instruments()
    told = [{name: getattr(each, name) for name in _INSTRUMENTS.names if name != "symbol"} for each in known]
    named = [row | {"symbol": each.ticker or each.symbol} for row, each in zip(told, known, strict=True)]
    return pa.Table.from_pylist(named, _INSTRUMENTS)


def _listings(index: Index) -> pa.Table:
    """A row a ticker and the days it meant an instrument; ``ends`` is the first day that it did no longer."""
    listed = {each.instrument_id for each in index.listings()}
    plain = [Listing(each.symbol, each.venue.code, each.id) for each in index.instruments() if each.id not in listed]
    every = [*index.listings(), *plain]
    ends = [None if each.end is None else each.end + timedelta(1) for each in every]
    columns = [[getattr(each, name) for each in every] for name in ("ticker", "venue", "instrument_id", "start")]
    return pa.table([*columns, ends], schema=_LISTINGS)


def _members(roots: Roots, index: Index, as_of: int | None, recorded_as_of: int | None) -> pa.Table:
    """A row an interval of membership, beside the instrument that its ticker meant then; null where it meant none."""
    held = universes.intervals(roots, None, as_of, recorded_as_of)
    held = held.rename_columns({"universe": "name", "ticker": "symbol", "start": "starts", "end": "ends"})
    held = held.append_column("row", pa.array(range(held.num_rows), pa.int64()))
    listed = _listings(index).rename_columns({"starts": "listed", "ends": "gone"}).drop_columns(["venue"])
    by_id = listed.set_column(0, "symbol", listed["id"])
    spans = held.select(["symbol", "starts", "ends", "row"])
    met = spans.join(pa.concat_tables([listed, by_id]), keys="symbol", join_type="inner")
    begins = pc.fill_null(pc.less(met["listed"], met["ends"]), True)
    lasts = pc.fill_null(pc.greater(met["gone"], met["starts"]), True)
    met = met.filter(pc.and_(begins, lasts)).group_by(["row", "id"]).aggregate([])
    every = held.join(met, keys="row").sort_by([("row", "ascending"), ("id", "ascending")])
    return every.select(["name", "symbol", "id", "starts", "ends", *_TRAIL])


def _actions(roots: Roots, index: Index, as_of: int | None, recorded_as_of: int | None) -> pa.Table:
    """What befell instruments, with their symbols first, and without the part that tells two of a day apart.

    ``ts`` is the first moment of the ex-date at the exchange.
    """
    table = actions.read(roots, None, as_of, recorded_as_of)
    known = index.instruments()
    place = pc.index_in(table["instrument_id"], pa.array([each.id for each in known], pa.string()))
    zones = pc.fill_null(pa.array([each.venue.timezone for each in known], pa.string()).take(place), "UTC")
    days = table["ex_date"].cast(pa.timestamp("s")).cast(pa.timestamp("ns"))
    ts = days.cast(TIME)
    for zone in pc.unique(zones).to_pylist():
        there = pc.assume_timezone(days, zone, ambiguous="earliest", nonexistent="latest").cast(TIME)
        ts = pc.if_else(pc.equal(zones, zone), there, ts)
    table = table.drop_columns(["part"]).add_column(1, "ts", ts)
    return table.add_column(0, "symbol", pa.array(names(known), pa.string()).take(place))
