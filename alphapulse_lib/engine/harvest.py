"""What is left in the engine after a run, as columns: orders, fills, positions, marks. All as traded."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
from nautilus_trader.model import OrderFilled, OrderType

from alphapulse_lib.engine.feed import Feed
from alphapulse_lib.engine.fills import prove
from alphapulse_lib.engine.nautilus import Loaded
from alphapulse_lib.engine.request import FILLS, ORDERS, POSITIONS
from alphapulse_lib.model.run import RunSpec

__all__ = ["harvest", "marks"]

_TIME = pa.timestamp("ns", "UTC")


def harvest(loaded: Loaded, spec: RunSpec, names: dict[str, str]) -> dict[str, pa.Table]:
    """The four tables of a run.

    Parameters
    ----------
    names : dict
        Of each instrument's id, the symbol it is reported under.

    Raises
    ------
    UnsafeFill
        A market order did not fill as the convention says.
    """
    feeds = {feed.instrument.id: feed for feed in loaded.feeds}
    charges = _charges(loaded)
    orders, fills = [], []
    for order in loaded.engine.cache.orders():
        feed = feeds[str(order.instrument_id)]
        mine = [each for each in order.events() if isinstance(each, OrderFilled)]
        # What was still on its way when the data ended is settled by NautilusTrader at the last price: it never filled.
        real = [each for each in mine if each.ts_event <= feed.last]
        paid = charges[str(order.client_order_id)]
        fills += [_fill(each, paid[number], feed, names, spec) for number, each in enumerate(real)]
        orders.append(_order(order, real, len(mine) > len(real), feed, names))
    _prove(loaded, spec, names, orders, fills)
    # Fills of one moment keep the order in which their orders were sent.
    sent = {row["order_id"]: number for number, row in enumerate(sorted(orders, key=_sequence))}
    fills.sort(key=lambda row: (row["ts"], sent[row["order_id"]]))
    orders.sort(key=_sequence)
    return {
        "fills": _table(fills, FILLS),
        "orders": _table(orders, ORDERS),
        "positions": _table(_positions(fills, loaded.feeds, names), POSITIONS),
        "marks": marks(loaded.feeds, names),
    }


def marks(feeds: tuple[Feed, ...], names: dict[str, str]) -> pa.Table:
    """The closes the account is marked with: ``ts``, ``symbol``, ``close``, and ``ratio`` where there was a split."""
    split = any(feed.has_splits for feed in feeds)
    parts = []
    for feed in feeds:
        count = feed.table.num_rows
        columns = {
            "ts": feed.table["ts_event"].combine_chunks(),
            "symbol": pa.DictionaryArray.from_arrays(
                pa.array(np.zeros(count, np.int32)), pa.array([names[feed.instrument.id]])
            ),
            "close": pa.array(feed.closes),
        }
        if split:
            columns["ratio"] = pa.array(feed.ratio)
        parts.append(pa.table(columns))
    return pa.concat_tables(parts).unify_dictionaries()


def _charges(loaded: Loaded) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for name, fee, slippage in loaded.fees.charged:
        found[name].append((fee, slippage))
    return found


def _fill(event: Any, paid: tuple[float, float], feed: Feed, names: dict[str, str], spec: RunSpec) -> dict[str, Any]:
    ratio = feed.ratio_at(event.ts_event)
    fee, slippage = paid
    worse = 1 + (spec.costs.slippage_bps / 10_000 * (1 if event.is_buy else -1) if slippage else 0.0)
    return {
        "ts": event.ts_event,
        "symbol": names[feed.instrument.id],
        "side": "buy" if event.is_buy else "sell",
        "quantity": float(event.last_qty) * ratio,
        "price": _exact(event.last_px) * worse / ratio,
        "commission": fee,
        "slippage": slippage,
        "order_id": str(event.client_order_id),
    }


def _order(order: Any, real: list[Any], cut: bool, feed: Feed, names: dict[str, str]) -> dict[str, Any]:
    ratio = feed.ratio_at(order.ts_init)
    filled = sum(float(each.last_qty) for each in real)
    worth = sum(float(each.last_qty) * _exact(each.last_px) for each in real)
    status = str(order.status.name).lower()
    return {
        "ts": order.ts_init,
        "symbol": names[feed.instrument.id],
        "side": "buy" if order.is_buy else "sell",
        "type": str(order.order_type.name).lower(),
        "quantity": float(order.quantity) * ratio,
        "filled": filled * ratio,
        "average_price": worth / filled / ratio if filled else None,
        "limit_price": _price(order, "price", ratio),
        "trigger_price": _price(order, "trigger_price", ratio),
        "status": "unfilled" if cut and not real else "partially_filled" if cut else status,
        "reason": str(getattr(order.last_event, "reason", "") or ""),
        "order_id": str(order.client_order_id),
        "market": order.order_type == OrderType.MARKET,
        "filled_at": real[0].ts_event if real else 0,
    }


def _price(order: Any, name: str, ratio: float) -> float | None:
    value = getattr(order, name, None)
    return None if value is None else _exact(value) / ratio


def _exact(price: Any) -> float:
    """The float nearest to a price; NautilusTrader's own conversion misses it by a digit now and then."""
    return float(price.as_decimal())


def _prove(
    loaded: Loaded, spec: RunSpec, names: dict[str, str], orders: list[dict[str, Any]], fills: list[dict[str, Any]]
) -> None:
    if not fills:
        return
    for feed in loaded.feeds:
        symbol = names[feed.instrument.id]
        mine = [row for row in orders if row["market"] and row["filled_at"] and row["symbol"] == symbol]
        decided = np.array([row["ts"] for row in mine], np.int64)
        filled = np.array([row["filled_at"] for row in mine], np.int64)
        prove(spec.fill, symbol, decided, filled, loaded.opens[feed.instrument.id], feed.ts)


def _positions(fills: list[dict[str, Any]], feeds: tuple[Feed, ...], names: dict[str, str]) -> list[dict[str, Any]]:
    """What is held at the end, at its average price."""
    found = []
    for feed in feeds:
        symbol = names[feed.instrument.id]
        held, cost, opened = 0.0, 0.0, 0
        for row in (each for each in fills if each["symbol"] == symbol):
            units = row["quantity"] / feed.ratio_at(row["ts"]) * (1 if row["side"] == "buy" else -1)
            value = row["price"] * feed.ratio_at(row["ts"])
            if held * units >= 0:
                opened = opened if held else row["ts"]
                cost += units * value
            elif abs(units) > abs(held):
                cost, opened = (held + units) * value, row["ts"]
            else:
                cost *= 1 + units / held
            held += units
        if abs(held) > 1e-9:
            ratio, last = feed.ratio[-1], feed.closes[-1]
            found.append(
                {
                    "symbol": symbol,
                    "side": "long" if held > 0 else "short",
                    "opened": opened,
                    "quantity": held * ratio,
                    "average_price": cost / held / ratio,
                    "last_price": last,
                    "value": held * ratio * last,
                    "unrealized_pnl": held * ratio * last - cost,
                }
            )
    return found


def _sequence(row: dict[str, Any]) -> tuple[int, int]:
    # Ids end in a running number of their strategy.
    return row["ts"], int(row["order_id"].rpartition("-")[2])


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    columns = []
    for field in schema:
        values = [row[field.name] for row in rows]
        is_time = pa.types.is_timestamp(field.type)
        columns.append(pa.array(values, pa.int64()).cast(_TIME) if is_time else pa.array(values, field.type))
    return pa.Table.from_arrays(columns, schema=schema)
