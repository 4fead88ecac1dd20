"""NautilusTrader's objects of a feed's bars, made column by column in Rust: the bars, and each one's opening trade.

The opening trade is what a decision taken on the bar before fills at. It is stamped one nanosecond after the bar's
open, since an order arrives one nanosecond after the close it was decided on, and that close is often the same moment.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from nautilus_trader.model import Bar, TradeTick
from nautilus_trader.persistence import BarDataWrangler, TradeTickDataWrangler

from alphapulse_lib.catalog.decimals import SCALE
from alphapulse_lib.engine.feed import Feed, Flags, Integers, with_column
from alphapulse_lib.engine.rows import ALL

__all__ = ["bars_of", "execution_bars", "ipc", "opening_trades"]

_TIME = pa.timestamp("ns", "UTC")
_DECIMAL = pa.decimal128(38, SCALE)
#: Shares of an opening trade: more than any order asks for.
_ENDLESS = 10**12


def bars_of(feed: Feed, rows: slice = ALL, told: Integers | None = None) -> list[Bar]:
    """The bars as NautilusTrader's objects, made in Rust; told at their closes unless other moments are given."""
    table = feed.engine_table(rows)
    if told is not None:
        table = with_column(table, "ts_init", pa.array(told).cast(_TIME))
    return _bars(feed, feed.bar_type, table)


def execution_bars(feed: Feed, thin: Flags | None, rows: slice = ALL, early: int = 0) -> list[Bar]:
    """The same bars; the thin ones, and no others, have a volume that reaches all four prices.

    ``early`` is by how many nanoseconds the market knows them before the strategy does.

    NautilusTrader moves the market by a quarter of a bar's volume at each of its prices: a bar of volume 0 does not
    move it at all. Of two series it executes the one with the shorter period, so this one carries the shortest.
    Bars that are not thin fill orders as they do where there is no such series.
    """
    table = feed.engine_table(rows)
    if thin is not None:
        volume = pc.if_else(pa.array(thin[rows]), _decimal(4 * 10**9), table["volume"])
        table = with_column(table, "volume", volume)
    if early:
        stamps = pa.array(feed.ts[rows] - early).cast(_TIME)
        table = with_column(with_column(table, "ts_event", stamps), "ts_init", stamps)
    return _bars(feed, f"{feed.instrument.id}-1-MILLISECOND-LAST-EXTERNAL", table)


def opening_trades(feed: Feed, opens: Integers, rows: slice = ALL) -> list[TradeTick]:
    """One trade a bar at its open, of a size that no order exceeds."""
    stamps = pa.array(opens[rows] + 1, pa.int64()).cast(_TIME)
    count = len(stamps)
    one = pa.array(np.zeros(count, np.int8))
    columns = {
        "price": feed.engine_table(rows)["open"].combine_chunks(),
        "size": pa.repeat(_decimal(_ENDLESS), count),
        "aggressor_side": pa.DictionaryArray.from_arrays(one, pa.array(["NO_AGGRESSOR"])),
        "trade_id": pa.array(["open"]).take(one),
        "ts_event": stamps,
        "ts_init": stamps,
    }
    fields = [pa.field(name, column.type, nullable=False) for name, column in columns.items()]
    metadata = {
        "instrument_id": feed.instrument.id,
        "price_precision": str(feed.price_precision),
        "size_precision": str(feed.instrument.size_precision),
        "type_name": "TradeTick",
    }
    table = pa.Table.from_arrays(list(columns.values()), schema=pa.schema(fields, metadata=metadata))
    wrangler = TradeTickDataWrangler(feed.instrument.id, feed.price_precision, feed.instrument.size_precision)
    trades: list[TradeTick] = wrangler.process_record_batch_bytes(ipc(table))
    return trades


def _bars(feed: Feed, bar_type: str, table: pa.Table) -> list[Bar]:
    wrangler = BarDataWrangler(bar_type, feed.price_precision, feed.instrument.size_precision)
    bars: list[Bar] = wrangler.process_record_batch_bytes(ipc(table))
    return bars


def _decimal(whole: int) -> pa.Scalar:
    return pa.scalar(whole, pa.decimal128(22, 0)).cast(_DECIMAL)


def ipc(table: pa.Table) -> bytes:
    """A table as NautilusTrader's wranglers take it."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data
