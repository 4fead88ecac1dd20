"""Trades and quotes from a vendor's rows: judged, those that cannot be true set aside, the rest ready to be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib import clock
from alphapulse_lib.catalog.decimals import largest
from alphapulse_lib.catalog.schemas import TIME
from alphapulse_lib.ingestion.staged import gather, set_aside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alphapulse_lib.ingestion.instruments import Instruments
    from alphapulse_lib.model.instrument import Instrument
    from alphapulse_lib.providers.contract import Batch

__all__ = ["stage_ticks"]

_PRICES = {"trades": ("price",), "quotes": ("bid", "ask")}
_SIZES = {"trades": ("size",), "quotes": ("bid_size", "ask_size")}
_WORDS = {"trades": ("trade_id", "conditions", "exchange"), "quotes": ()}


def stage_ticks(
    kind: Literal["trades", "quotes"], batches: list[Batch], instruments: Instruments
) -> tuple[list[tuple[Instrument, pa.Table]], pa.Table]:
    """The ticks of each instrument in their order, and the rows set aside.

    A side of a quote that nobody makes is zero: it is kept. A trade's price is above zero.
    """
    table, _ = gather(batches)
    ready, aside = [], [set_aside(table.filter(pc.is_valid(table["reason"])))]
    usable = table.filter(pc.is_null(table["reason"]))
    for symbol in pc.unique(usable["symbol"]).to_pylist():
        rows = usable.filter(pc.equal(usable["symbol"], symbol))
        prices = np.concatenate([rows[name].to_numpy() for name in _PRICES[kind]])
        sizes = np.concatenate([rows[name].to_numpy() for name in _SIZES[kind]])
        instrument = instruments.of(symbol, rows["venue"][0].as_py(), prices=prices, volumes=sizes)
        reason = _judged(kind, rows, instrument)
        bad = np.flatnonzero(reason != "")
        if len(bad):
            at = rows.schema.get_field_index("reason")
            told = pa.array(reason[bad].tolist(), pa.string())
            aside.append(set_aside(rows.take(bad).set_column(at, "reason", told)))
        good = rows.take(np.flatnonzero(reason == ""))
        columns = {name: good[name] for name in (*_PRICES[kind], *_SIZES[kind], *_WORDS[kind])}
        times = {"ts": good["instant"], "available_at": pc.coalesce(good["available_at"], good["instant"])}
        ready.append((instrument, pa.table({name: each.cast(TIME) for name, each in times.items()} | columns)))
    return ready, pa.concat_tables(aside)


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
