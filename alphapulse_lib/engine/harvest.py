"""What is left in the engine after a run, as columns: orders, fills, positions, marks. All as traded."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from nautilus_trader.model import InstrumentId, OrderType
from numpy.typing import NDArray

from alphapulse_lib.engine.costs import Charge
from alphapulse_lib.engine.feed import Feed, Flags, Floats, Integers
from alphapulse_lib.engine.fills import (
    ends_of_days,
    known_kinds,
    priced,
    priced_by_ticks,
    prove,
    prove_days,
    prove_prices,
    prove_ticks,
)
from alphapulse_lib.engine.nautilus import Loaded
from alphapulse_lib.engine.order_columns import Done, Sent, columns_of
from alphapulse_lib.engine.request import DECISIONS, FILLS, ORDERS, POSITIONS
from alphapulse_lib.engine.tick_batches import met
from alphapulse_lib.model.run import RunSpec

__all__ = ["DELISTED", "decisions", "harvest", "marks", "strangers"]

#: In place of an order's id: a holding that ended because its instrument was delisted.
DELISTED = "delisting"

_TIME = pa.timestamp("ns", "UTC")
#: What an order's event tells.
_TOLD = ("instrument_id", "order_side", "order_type", "quantity", "price", "trigger_price", "last_qty", "last_px")
#: An order's states in which it may yet fill.
_OPEN = ("accepted", "triggered", "partially_filled", "pending_update", "pending_cancel")
#: What a fill paid, as its columns are called.
_PAID = ("commission", "slippage", "fees", "spread", "impact")
#: What NautilusTrader's order factory lets an id end in; a strategy may give its orders ids of its own.
_NUMBER = re.compile(r"-(\d{1,18})\Z", re.ASCII)


def harvest(
    loaded: Loaded, spec: RunSpec, names: dict[str, str], session_closes: Callable[[Feed], Integers]
) -> dict[str, pa.Table]:
    """The tables of a run.

    Parameters
    ----------
    names : dict
        Of each instrument's id, the symbol it is reported under.
    session_closes : callable
        The closes of the sessions of a feed's venue.

    Raises
    ------
    UnsafeFill
        An order filled when no price was made, a market order not as the convention says, or one that was good for a
        day after that day.
    """
    series = tuple(source.feed for source in loaded.sources)
    symbols = [names[feed.instrument.id] for feed in series]
    unknown = {each.client_order_id for each in strangers(loaded)}
    # They come as they lie in memory; a strategy may give several of one moment ids that end in one number.
    ids = sorted((each for each in loaded.engine.cache.client_order_ids() if each not in unknown), key=str)
    # What was still on its way when the data ended, or when the strategy shut the run down, is settled by
    # NautilusTrader at the last price: it never filled.
    until = [min(loaded.until(feed), loaded.reached) for feed in series]
    sent, done = columns_of(ids, loaded.engine.cache.order, series, until)
    _prove(loaded, spec, symbols, sent, done)
    ends = _ends_of_days(spec, series, session_closes, sent)
    for number, symbol in enumerate(symbols):
        mine = done.of_order[sent.at[done.of_order] == number]
        prove_days(symbol, sent.ts[mine], done.ts[sent.at[done.of_order] == number], ends[mine])
    loaded.book.close(loaded.reached)
    order = np.lexsort((_numbers(sent.ids), sent.ts))
    fills = _fills(sent, done, order, series, symbols, _charges(loaded, spec))
    fills = _with_closings(fills, loaded, series, names)
    return {
        "fills": fills,
        "orders": _orders(sent, done, series, symbols, ends <= loaded.reached).take(order),
        "positions": _positions(fills, series, symbols),
        "marks": marks(series, names),
        "cash_flows": loaded.book.table(names),
    }


def strangers(loaded: Loaded) -> list[Any]:
    """The orders that were sent for what is no instrument of the run; none of them was filled."""
    known, cache = {source.feed.instrument.id for source in loaded.sources}, loaded.engine.cache
    theirs = sum(cache.orders_total_count(instrument_id=InstrumentId.from_str(each)) for each in known)
    if theirs == cache.orders_total_count():  # a run has tens of thousands of orders, and hardly ever such a one
        return []
    return [each for each in cache.orders() if str(each.instrument_id) not in known]


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
        money that one share of the first day brought since the mark before; where one was delisted ``left`` and
        ``left_at``, null but in its last row: what a share of the first day was worth from then on.
    """
    split = any(feed.has_splits for feed in feeds)
    paying = any(feed.distributions for feed in feeds)
    ending = any(feed.delisting for feed in feeds)
    parts, called = [], list(dict.fromkeys(names[feed.instrument.id] for feed in feeds))
    for feed in feeds:
        codes = np.zeros(len(feed.ts), np.int32)
        if code := called.index(names[feed.instrument.id]):  # zeros take no memory until they are written
            codes[:] = code
        columns = {
            "ts": _times(feed.ts),
            "symbol": pa.DictionaryArray.from_arrays(codes, pa.array(called)),
            "close": pa.array(feed.closes),
        }
        if split:
            columns["ratio"] = pa.array(feed.ratio)
        if paying:
            columns["distributed"] = pa.array(feed.distributed)
        if ending:
            columns |= _left(feed)
        parts.append(pa.table(columns))
    return pa.concat_tables(parts)


def _left(feed: Feed) -> dict[str, pa.ChunkedArray]:
    """What delisting left of a share of the first day, with what it brought since its last close, and when, in the
    last of a feed's marks.
    """
    gone, before = feed.delisting, len(feed.ts) - 1
    after = sum(each.amount for each in feed.distributions if each.paid > feed.last)  # no mark has that
    left = [(gone.amount + after) * float(feed.ratio[-1]) if gone else None], [gone.paid if gone else None]
    last = {"left": pa.array(left[0], pa.float64()), "left_at": pa.array(left[1], pa.int64()).cast(_TIME)}
    return {name: pa.chunked_array([pa.nulls(before, each.type), each]) for name, each in last.items()}


def _charges(loaded: Loaded, spec: RunSpec) -> Callable[[str], Iterable[Charge]] | None:
    """Of an order, what each of its fills paid; ``None`` where none pays anything."""
    if spec.costs.are_none:
        return None
    found: dict[str, list[Charge]] = defaultdict(list)
    for name, charge in loaded.fees.charged:
        found[name].append(charge)
    return found.__getitem__


def _paid(sent: Sent, done: Done, charges: Callable[[str], Iterable[Charge]] | None) -> dict[str, Floats]:
    """What each fill paid, by name, and ``worse``."""
    if charges is None:
        return dict.fromkeys((*_PAID, "worse"), np.zeros(len(done.ts)))
    coming = {number: iter(charges(sent.ids[number])) for number in set(done.of_order.tolist())}
    paid = [next(coming[number]) for number in done.of_order.tolist()]
    return {name: np.array([getattr(each, name) for each in paid], np.float64) for name in (*_PAID, "worse")}


def _ratios(ts: Integers, at: Integers, series: Sequence[Feed]) -> Floats:
    """How many shares one engine share was at each moment; `at` is the number of its series."""
    ratios = np.ones(len(ts))
    for number, feed in enumerate(series):
        if feed.has_splits:
            mine = at == number
            ratios[mine] = feed.ratio[np.minimum(np.searchsorted(feed.ts, ts[mine]), len(feed.ratio) - 1)]
    return ratios


def _fills(
    sent: Sent,
    done: Done,
    order: Integers,
    series: Sequence[Feed],
    symbols: list[str],
    charges: Callable[[str], Iterable[Charge]] | None,
) -> pa.Table:
    """The fills by time; those of one moment keep the order in which their orders were sent."""
    at, bought = sent.at[done.of_order], sent.bought[done.of_order]
    ratios, paid = _ratios(done.ts, at, series), _paid(sent, done, charges)
    price = done.price.copy()
    for row in np.flatnonzero(ratios != 1.0).tolist():
        price[row] = _as_traded(float(price[row]), float(ratios[row]), series[at[row]])
    columns = {
        "ts": _times(done.ts),
        "symbol": pa.array(symbols, pa.string()).take(pa.array(at)),
        "side": _sides(bought),
        "quantity": done.quantity * ratios,
        "price": price * (1 + paid["worse"] * np.where(bought, 1, -1)),
        "order_id": pa.array(sent.ids, pa.string()).take(pa.array(done.of_order)),
        "bar_volume": _volumes(done.ts, at, series),
        **{name: paid[name] for name in _PAID},
    }
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return _table(columns, FILLS).take(np.lexsort((rank[done.of_order], done.ts)))


def _as_traded(price: float, ratio: float, feed: Feed) -> float:
    """An engine's price as it traded: one that its last decimal alone keeps from the instrument's tick lies on it."""
    traded = price / ratio
    tick = round(traded, feed.instrument.price_precision)
    return tick if abs(tick - traded) <= 10.0**-feed.price_precision / ratio else traded


def _volumes(ts: Integers, at: Integers, series: Sequence[Feed]) -> Floats:
    """What was traded in the bar of each fill."""
    volumes = np.zeros(len(ts))
    for number in np.unique(at).tolist():
        feed, mine = series[number], at == number
        volumes[mine] = feed.rows.floats_at("volume", np.searchsorted(feed.ts, ts[mine]))
    return volumes


def _with_closings(fills: pa.Table, loaded: Loaded, series: Sequence[Feed], names: dict[str, str]) -> pa.Table:
    """The fills with what delistings ended, as fills that cost nothing; after all others of their moment."""
    if not loaded.book.ended:
        return fills
    feeds = {feed.instrument.id: feed for feed in series}
    ts, ids, units, prices = zip(*loaded.book.ended, strict=True)
    ratios = [feeds[each].ratio_before(moment) for each, moment in zip(ids, ts, strict=True)]
    columns: dict[str, Any] = {
        "ts": _times(np.array(ts, np.int64)),
        "symbol": pa.array([names[each] for each in ids]),
        "side": _sides(np.array(units) < 0),
        "quantity": np.abs(units) * np.array(ratios),
        "price": np.array(prices, np.float64),
        "order_id": pa.array([DELISTED] * len(ts)),
        "bar_volume": pa.nulls(len(ts), pa.float64()),
        **dict.fromkeys(_PAID, np.zeros(len(ts))),
    }
    both = pa.concat_tables([fills, _table(columns, FILLS)])
    return both.take(np.argsort(both["ts"].cast(pa.int64()).to_numpy(), kind="stable"))


def _orders(sent: Sent, done: Done, series: Sequence[Feed], symbols: list[str], over: Flags) -> pa.Table:
    """The orders as traded; NautilusTrader leaves those in the market whose day is over."""
    ratios, filled = _ratios(sent.ts, sent.at, series), done.total(done.quantity)
    some = filled != 0
    average = np.divide(done.total(done.quantity * done.price), filled, out=np.zeros(len(filled)), where=some)
    statuses = [
        status if not cut else "partially_filled" if done_some else "unfilled"
        for status, cut, done_some in zip(sent.statuses, done.cut.tolist(), (done.first > 0).tolist(), strict=True)
    ]
    reasons = list(sent.reasons)
    for number in np.flatnonzero(over).tolist():
        if statuses[number] in _OPEN:
            statuses[number], reasons[number] = "expired", "good for the day alone"
    columns = {
        "ts": _times(sent.ts),
        "symbol": pa.array(symbols, pa.string()).take(pa.array(sent.at)),
        "side": _sides(sent.bought),
        "type": pa.array([each.name.lower() for each in sent.kinds], pa.string()),
        "quantity": sent.quantity * ratios,
        "filled": filled * ratios,
        "average_price": pa.array(average / ratios, mask=~some),
        "limit_price": _prices(sent.limits, ratios),
        "trigger_price": _prices(sent.triggers, ratios),
        "status": pa.array(statuses, pa.string()),
        "reason": pa.array(reasons, pa.string()),
        "order_id": pa.array(sent.ids, pa.string()),
    }
    return _table(columns, ORDERS)


def _prices(values: list[float], ratios: Floats) -> pa.Array:
    prices = np.array(values, np.float64) / ratios
    return pa.array(prices, mask=np.isnan(prices))


def _prove(loaded: Loaded, spec: RunSpec, symbols: list[str], sent: Sent, done: Done) -> None:
    known_kinds(spec.fill, sent.kinds)
    if not len(done.ts):
        return
    first, filled = done.first, done.total(done.quantity)
    proven = np.array([each == OrderType.MARKET for each in sent.kinds], np.bool_) & (first > 0)
    worth = done.total(done.quantity * done.price)
    for number, (source, symbol) in enumerate(zip(loaded.sources, symbols, strict=True)):
        mine = proven & (sent.at == number)
        decided, moments, paid = sent.ts[mine], first[mine], worth[mine] / filled[mine]
        at = done.ts[sent.at[done.of_order] == number]
        tick = 1.01 * 10.0**-source.feed.price_precision
        if spec.fill == "ticks":
            found = met(source, decided)
            due = np.where(sent.bought[mine], found.ask, found.bid)
            prove_ticks(symbol, decided, moments, paid, due, found.moments, tick)
            priced_by_ticks(symbol, at, met(source, at - 1).moments)
            continue
        prove(spec.fill, symbol, decided, moments, source.opens, source.feed.ts)
        prove_prices(spec.fill, symbol, moments, paid, source.due(decided, moments), tick)
        priced(spec.fill, symbol, at, source.opens, source.feed.ts)


def _ends_of_days(
    spec: RunSpec, series: Sequence[Feed], session_closes: Callable[[Feed], Integers], sent: Sent
) -> Integers:
    """When the day of each order is over; never of one that is good for longer.

    Nor of a market order: it has its price by the convention alone.
    """
    resting = np.array([each not in (OrderType.MARKET, OrderType.MARKET_TO_LIMIT) for each in sent.kinds], np.bool_)
    ends = np.full(len(sent.ids), np.iinfo(np.int64).max)
    for number, feed in enumerate(series):
        mine = sent.for_day & resting & (sent.at == number)
        if mine.any():
            ends[mine] = ends_of_days(spec.fill, sent.ts[mine], feed.ts, session_closes(feed))
    return ends


def _positions(fills: pa.Table, series: Sequence[Feed], symbols: list[str]) -> pa.Table:
    """What is held at the end, at its average price."""
    rows = []
    for feed, symbol in zip(series, symbols, strict=True):
        mine = fills.filter(pc.equal(fills["symbol"], symbol))
        ts, price = _stamps(mine), mine["price"].to_numpy()
        ratios = _ratios(ts, np.zeros(len(ts), np.int64), [feed])
        units = mine["quantity"].to_numpy() / ratios * np.where(pc.equal(mine["side"], "buy").to_numpy(), 1, -1)
        held, cost, opened = _held(ts, units, price * ratios)
        if abs(held) > 1e-9:
            ratio, last = float(feed.ratio[-1]), float(feed.closes[-1])
            side, value = "long" if held > 0 else "short", held * ratio * last
            rows.append((symbol, side, opened, held * ratio, cost / held / ratio, last, value, value - cost))
    columns = zip(*rows, strict=True) if rows else ([] for _ in POSITIONS)
    return _table(
        {
            field.name: _times(np.array(values, np.int64)) if field.name == "opened" else pa.array(values, field.type)
            for field, values in zip(POSITIONS, columns, strict=True)
        },
        POSITIONS,
    )


def _held(ts: Integers, units: Floats, values: Floats) -> tuple[float, float, int]:
    """Of an instrument's fills: what is left in shares of the first day, what that cost, and since when it is held."""
    held, cost, opened = 0.0, 0.0, 0
    for moment, more, value in zip(ts.tolist(), units.tolist(), values.tolist(), strict=True):
        if held * more >= 0:
            opened = opened if held else moment
            cost += more * value
        elif abs(more) > abs(held):
            cost, opened = (held + more) * value, moment
        else:
            cost *= 1 + more / held
        held += more
    return held, cost, opened


def _numbers(ids: list[str]) -> Integers:
    """The running numbers of their strategy that orders' ids end in; 0 of those that a strategy named otherwise."""
    found = map(_NUMBER.search, ids)
    return np.array([int(each[1]) if each else 0 for each in found], np.int64)


def _stamps(table: pa.Table) -> Integers:
    stamps: Integers = table["ts"].cast(pa.int64()).to_numpy()
    return stamps


def _times(stamps: Integers) -> pa.Array:
    return pa.array(stamps, pa.int64()).cast(_TIME)


def _sides(bought: Flags) -> pa.Array:
    return pa.array(["sell", "buy"]).take(pa.array(bought.astype(np.int8)))


def _table(columns: Mapping[str, pa.Array | NDArray[Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_arrays([pa.array(columns[name]) for name in schema.names], schema=schema)
