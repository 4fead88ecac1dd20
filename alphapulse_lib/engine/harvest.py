"""What is left in the engine after a run, as columns: orders, fills, positions, marks. All as traded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from nautilus_trader.model import OrderFilled, OrderType

from alphapulse_lib.catalog.decimals import to_floats
from alphapulse_lib.engine.costs import Charge
from alphapulse_lib.engine.feed import Feed
from alphapulse_lib.engine.fills import priced, priced_by_ticks, prove, prove_prices, prove_ticks
from alphapulse_lib.engine.nautilus import Loaded
from alphapulse_lib.engine.request import DECISIONS, FILLS, ORDERS, POSITIONS
from alphapulse_lib.engine.tick_batches import met
from alphapulse_lib.model.run import RunSpec

__all__ = ["DELISTED", "decisions", "harvest", "marks"]

#: In place of an order's id: a holding that ended because its instrument was delisted.
DELISTED = "delisting"

_TIME = pa.timestamp("ns", "UTC")
#: What an order's event tells.
_TOLD = ("instrument_id", "order_side", "order_type", "quantity", "price", "trigger_price", "last_qty", "last_px")


def harvest(loaded: Loaded, spec: RunSpec, names: dict[str, str]) -> dict[str, pa.Table]:
    """The tables of a run.

    Parameters
    ----------
    names : dict
        Of each instrument's id, the symbol it is reported under.

    Raises
    ------
    UnsafeFill
        An order filled when no price was made, or a market order not as the convention says.
    """
    series = tuple(source.feed for source in loaded.sources)
    feeds = {feed.instrument.id: feed for feed in series}
    charges = _charges(loaded, spec)
    reached = loaded.reached
    orders, fills = [], []
    for order in loaded.engine.cache.orders():
        feed = feeds[str(order.instrument_id)]
        order_id = str(order.client_order_id)
        mine = [_Execution.of(each) for each in order.events() if isinstance(each, OrderFilled)]
        # What was still on its way when the data ended, or when the strategy shut the run down, is settled by
        # NautilusTrader at the last price: it never filled.
        real = [each for each in mine if each.ts <= min(loaded.until(feed), reached)]
        row = _order(order, order_id, real, len(mine) > len(real), feed, names)
        fills += [_fill(each, paid, row, feed) for each, paid in zip(real, charges(order_id), strict=False)]
        orders.append(row)
    _prove(loaded, spec, names, orders, fills)
    loaded.book.close(reached)
    orders.sort(key=_sequence)
    _add_volumes(fills, series, names)
    fills += _closings(loaded, feeds, names)
    # Fills of one moment keep the order in which their orders were sent.
    sent = {row["order_id"]: number for number, row in enumerate(orders)}
    fills.sort(key=lambda row: (row["ts"], sent.get(row["order_id"], len(sent))))
    return {
        "fills": _table(fills, FILLS),
        "orders": _table(orders, ORDERS),
        "positions": _table(_positions(fills, series, names), POSITIONS),
        "marks": marks(series, names),
        "cash_flows": loaded.book.table(names),
    }


def decisions(loaded: Loaded) -> pa.Table:
    """Everything that befell the run's orders, by time: what was sent, changed, taken back, and filled at what price.

    Returns
    -------
    pyarrow.Table
        ``stamp`` (nanoseconds since 1970, UTC), ``event``.
    """
    rows = []
    for order in loaded.engine.cache.orders():
        for event in order.events():
            told = [f"{name} {value}" for name in _TOLD if (value := getattr(event, name, None)) is not None]
            rows.append((event.ts_event, f"{type(event).__name__} {event.client_order_id} {', '.join(told)}"))
    rows.sort()
    stamps = pa.array([ts for ts, _ in rows], pa.int64())
    return pa.Table.from_arrays([stamps, pa.array([event for _, event in rows], pa.string())], schema=DECISIONS)


def marks(feeds: tuple[Feed, ...], names: dict[str, str]) -> pa.Table:
    """The closes the account is marked with.

    Returns
    -------
    pyarrow.Table
        ``ts``, ``symbol``, ``close``; ``ratio`` where there was a split; ``distributed`` where something was paid: the
        money that one share of the first day brought since the mark before.
    """
    split = any(feed.has_splits for feed in feeds)
    paying = any(feed.distributions for feed in feeds)
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
        if paying:
            columns["distributed"] = pa.array(feed.distributed)
        parts.append(pa.table(columns))
    return pa.concat_tables(parts).unify_dictionaries()


def _charges(loaded: Loaded, spec: RunSpec) -> Callable[[str], Iterable[Charge]]:
    """Of an order, what each of its fills paid."""
    if spec.costs.are_none:
        return lambda _: repeat(Charge())
    found: dict[str, list[Charge]] = defaultdict(list)
    for name, charge in loaded.fees.charged:
        found[name].append(charge)
    return found.__getitem__


class _Execution(NamedTuple):
    """When, how many and at what price, in the engine's units."""

    ts: int
    quantity: float
    price: float

    @classmethod
    def of(cls, event: Any) -> _Execution:
        return cls(event.ts_event, float(event.last_qty), _exact(event.last_px))


def _fill(each: _Execution, paid: Charge, order: dict[str, Any], feed: Feed) -> dict[str, Any]:
    ratio = feed.ratio_at(each.ts)
    worse = 1 + paid.worse * (1 if order["side"] == "buy" else -1)
    return {
        "ts": each.ts,
        "symbol": order["symbol"],
        "side": order["side"],
        "quantity": each.quantity * ratio,
        "price": _as_traded(each.price, ratio, feed) * worse,
        "commission": paid.commission,
        "slippage": paid.slippage,
        "order_id": order["order_id"],
        "fees": paid.fees,
        "spread": paid.spread,
        "impact": paid.impact,
    }


def _as_traded(price: float, ratio: float, feed: Feed) -> float:
    """An engine's price as it traded: one that its last decimal alone keeps from the instrument's tick lies on it."""
    if ratio == 1.0:
        return price
    traded = price / ratio
    tick = round(traded, feed.instrument.price_precision)
    return tick if abs(tick - traded) <= 10.0**-feed.price_precision / ratio else traded


def _add_volumes(fills: list[dict[str, Any]], feeds: tuple[Feed, ...], names: dict[str, str]) -> None:
    """Tell each fill what was traded in its bar."""
    for feed in feeds:
        mine = [row for row in fills if row["symbol"] == names[feed.instrument.id]]
        if mine:
            at = np.searchsorted(feed.ts, np.array([row["ts"] for row in mine], np.int64))
            volumes = to_floats(feed.table["volume"].take(pa.array(at)), feed.instrument.size_precision)
            for row, volume in zip(mine, volumes.tolist(), strict=True):
                row["bar_volume"] = volume


def _closings(loaded: Loaded, feeds: dict[str, Feed], names: dict[str, str]) -> list[dict[str, Any]]:
    """What delistings ended, as fills that cost nothing."""
    return [
        {
            "ts": moment,
            "symbol": names[instrument_id],
            "side": "sell" if units > 0 else "buy",
            "quantity": abs(units) * feeds[instrument_id].ratio_before(moment),
            "price": price,
            "order_id": DELISTED,
            "bar_volume": None,
            **dict.fromkeys(("commission", "slippage", "fees", "spread", "impact"), 0.0),
        }
        for moment, instrument_id, units, price in loaded.book.ended
    ]


def _order(
    order: Any, order_id: str, real: list[_Execution], cut: bool, feed: Feed, names: dict[str, str]
) -> dict[str, Any]:
    sent, kind = order.ts_init, order.order_type
    ratio = feed.ratio_at(sent)
    filled = sum(each.quantity for each in real)
    worth = sum(each.quantity * each.price for each in real)
    return {
        "ts": sent,
        "symbol": names[feed.instrument.id],
        "side": "buy" if order.is_buy else "sell",
        "type": kind.name.lower(),
        "quantity": float(order.quantity) * ratio,
        "filled": filled * ratio,
        "average_price": worth / filled / ratio if filled else None,
        "limit_price": _price(order, "price", ratio),
        "trigger_price": _price(order, "trigger_price", ratio),
        "status": "unfilled" if cut and not real else "partially_filled" if cut else order.status.name.lower(),
        "reason": str(getattr(order.last_event, "reason", "") or ""),
        "order_id": order_id,
        "market": kind == OrderType.MARKET,
        "filled_at": real[0].ts if real else 0,
        "paid": worth / filled if filled else 0.0,
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
    for source in loaded.sources:
        symbol = names[source.feed.instrument.id]
        mine = [row for row in orders if row["market"] and row["filled_at"] and row["symbol"] == symbol]
        decided = np.array([row["ts"] for row in mine], np.int64)
        filled = np.array([row["filled_at"] for row in mine], np.int64)
        paid = np.array([row["paid"] for row in mine], np.float64)
        at = np.array([row["ts"] for row in fills if row["symbol"] == symbol], np.int64)
        tick = 1.01 * 10.0**-source.feed.price_precision
        if spec.fill == "ticks":
            found = met(source, decided)
            due = np.where([row["side"] == "buy" for row in mine], found.ask, found.bid)
            prove_ticks(symbol, decided, filled, paid, due, found.moments, tick)
            priced_by_ticks(symbol, at, met(source, at - 1).moments)
            continue
        prove(spec.fill, symbol, decided, filled, source.opens, source.feed.ts)
        prove_prices(spec.fill, symbol, filled, paid, source.due(decided, filled), tick)
        priced(spec.fill, symbol, at, source.opens, source.feed.ts)


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
