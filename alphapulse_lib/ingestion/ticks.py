"""Trades and quotes from a provider's rows: what cannot be true set aside, the rest ready to be written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib import clock
from alphapulse_lib.catalog import ticks
from alphapulse_lib.catalog.decimals import largest
from alphapulse_lib.catalog.schemas import TIME
from alphapulse_lib.catalog.writer import Written
from alphapulse_lib.ingestion.groups import Groups
from alphapulse_lib.ingestion.instruments import decimals_of
from alphapulse_lib.ingestion.staged import Staged, Ticks, set_aside

if TYPE_CHECKING:
    from pathlib import PurePath

    from numpy.typing import NDArray

    from alphapulse_lib.ingestion.instruments import Instruments
    from alphapulse_lib.model.instrument import Instrument
    from alphapulse_lib.providers.contract import Batch

__all__ = ["stage_ticks", "write_ticks"]

_PRICES = {"trades": ("price",), "quotes": ("bid", "ask")}
_SIZES = {"trades": ("size",), "quotes": ("bid_size", "ask_size")}
_WORDS = {"trades": ("trade_id", "conditions", "exchange"), "quotes": ()}


def stage_ticks(kind: Literal["trades", "quotes"], batches: Iterable[Batch], instruments: Instruments) -> Staged:
    """The ticks of each instrument in their order, ready to be written; those that cannot be true set aside.

    A side of a quote that nobody makes is zero: it is kept. A trade's price is above zero.
    """
    with Groups(batches, "M") as groups:
        staged = Staged(aside=groups.aside, notes=groups.notes)
        for rows in groups:
            instrument = _instrument(kind, rows, groups, instruments)
            reason, again = _judged(kind, rows, instrument), np.zeros(rows.num_rows, np.bool_)
            reason = instruments.strayed(rows["symbol"][0].as_py(), instrument, rows["instant"].to_numpy(), reason)
            if kind == "trades":
                again = _repeated(rows, reason)
                staged.repeated += int(again.sum())
            bad = np.flatnonzero(reason != "")
            if len(bad):
                at = rows.schema.get_field_index("reason")
                told = pa.array(reason[bad].tolist(), pa.string())
                staged.aside.append(set_aside(rows.take(bad).set_column(at, "reason", told)))
            good = rows.take(np.flatnonzero((reason == "") & ~again))
            if good.num_rows:
                stated = good["available_at"].null_count < good.num_rows
                staged.add_ticks(instrument, kind, _ready(kind, good), assumed=not stated)
            del rows, good  # or they would be held while the next are read
    if staged.repeated:
        staged.notes.append(f"rows that say the same as an earlier one, passed over: {staged.repeated:,}")
    return staged


def write_ticks(root: PurePath, staged: Ticks, import_id: str) -> Written:
    """Merge ticks that are ready into the catalog's."""
    write = ticks.write_trades if staged.kind == "trades" else ticks.write_quotes
    merge = write(root, staged.instrument, staged.table, import_id, assumed=staged.assumed)
    return Written(merge.new, merge.same, merge.restated)


def _instrument(kind: str, rows: pa.Table, groups: Groups, instruments: Instruments) -> Instrument:
    def decimals() -> tuple[int, int]:
        prices, sizes = 0, 0
        for part in groups.alike(rows, (*_PRICES[kind], *_SIZES[kind])):
            prices = max(prices, *(decimals_of(part[name].to_numpy()) for name in _PRICES[kind]))
            sizes = max(sizes, *(decimals_of(part[name].to_numpy()) for name in _SIZES[kind]))
        return prices, sizes

    return instruments.of(rows["symbol"][0].as_py(), rows["venue"][0].as_py(), decimals=decimals)


def _ready(kind: str, rows: pa.Table) -> pa.Table:
    """The columns that the catalog takes."""
    columns = {name: rows[name] for name in (*_PRICES[kind], *_SIZES[kind], *_WORDS[kind])}
    if "side" in rows.column_names:
        columns["aggressor_side"] = rows["side"]
    times = {"ts": rows["instant"], "available_at": pc.coalesce(rows["available_at"], rows["instant"])}
    return pa.table({name: each.cast(TIME) for name, each in times.items()} | columns)


def _repeated(rows: pa.Table, reason: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Which trades say again what an earlier one of their id and moment says; one that says otherwise gets a reason."""
    usable = np.flatnonzero((reason == "") & np.asarray(pc.is_valid(rows["trade_id"])))
    again = np.zeros(rows.num_rows, np.bool_)
    facts = pl.from_arrow(rows.select(["instant", "trade_id", "price", "size", "available_at", "line"]).take(usable))
    key = ["instant", "trade_id", "available_at"]
    first = facts.select(pl.col("price", "size", "line").first().over(key))  # type: ignore[union-attr]
    later = facts.select(~pl.struct(key).is_first_distinct()).to_series().to_numpy()  # type: ignore[union-attr]
    same = ((facts["price"] == first["price"]) & (facts["size"] == first["size"])).to_numpy()  # type: ignore[index]
    again[usable[later & same]] = True
    at = later & ~same
    reason[usable[at]] = [f"line {line} has another trade of this id" for line in first["line"].to_numpy()[at]]
    return again


def _judged(kind: str, rows: pa.Table, instrument: Instrument) -> NDArray[np.object_]:
    """Why each tick cannot be used; ``""`` where it can."""
    reason = np.full(rows.num_rows, "", object)
    stamps = rows["instant"].to_numpy()
    checks = [(name, instrument.price_precision, kind == "trades") for name in _PRICES[kind]]
    checks += [(name, instrument.size_precision, False) for name in _SIZES[kind]]
    for name, precision, above in checks:
        values = rows[name].fill_null(np.nan).to_numpy()
        wrong = ~np.isfinite(values) | (values >= largest(precision)) | (values <= 0 if above else values < 0)
        at = np.flatnonzero(wrong & (reason == ""))
        reason[at] = [f"{name} {value:g} cannot be one" for value in values[at]]
    reason[(stamps > clock.now_ns()) & (reason == "")] = "it lies in the future"
    reason[(stamps < 0) & (reason == "")] = "it lies before 1970"
    return reason
