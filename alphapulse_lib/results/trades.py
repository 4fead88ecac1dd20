"""Round trips: the fills of each symbol matched first in, first out.

The rule: a fill that goes the way of the holding opens a lot; one that goes against it closes the oldest lots first,
and what is left of it after all lots are closed opens a lot the other way. Each lot, or part of a lot, with the fill
that closes it is one round trip. So a position entered once and left in two steps is two round trips, and a reversal
is the end of one and the begin of the next. What is still held at the end is no round trip.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from alphapulse_lib.results.equity import fill_ratios

__all__ = ["TRADES", "round_trips"]

_TIME = pa.timestamp("ns", "UTC")

#: The columns of round trips.
TRADES = pa.schema(
    [
        ("symbol", pa.string()),
        ("side", pa.string()),
        ("entry_ts", _TIME),
        ("exit_ts", _TIME),
        ("quantity", pa.float64()),
        ("entry_price", pa.float64()),
        ("exit_price", pa.float64()),
        ("ratio", pa.float64()),
        ("commission", pa.float64()),
        ("pnl", pa.float64()),
        ("return", pa.float64()),
    ]
)

#: Less than this of a share is rounding.
_DUST = 1e-9


@dataclass(slots=True)
class _Lot:
    """Shares of the window's first day bought (or sold short) by one fill and not closed yet."""

    ts: int
    units: float
    price: float
    ratio: float
    commission_per_unit: float


def round_trips(fills: pa.Table, marks: pa.Table) -> pa.Table:
    """The round trips in the order of their exits.

    Parameters
    ----------
    fills, marks : pyarrow.Table
        As in `alphapulse_lib.results.equity.account`; of the marks only their split ratios are used.

    Returns
    -------
    pyarrow.Table
        ``symbol``, ``side`` (``"long"`` or ``"short"``), ``entry_ts``, ``exit_ts``, ``quantity`` and ``entry_price`` as
        traded at the entry, ``exit_price`` as traded at the exit, ``ratio`` (shares at the exit for one at the entry: 1
        unless split between), ``commission`` (of both sides, in proportion to the quantity), ``pnl`` NET of it and
        ``return`` (pnl over the entry's value).
    """
    rows = _matched(fills, marks)
    return pa.Table.from_pylist(sorted(rows, key=lambda row: int(row["exit_ts"])), TRADES)


def _matched(fills: pa.Table, marks: pa.Table) -> list[dict[str, Any]]:
    """Round trips as rows, in the order of the fills that close them."""
    rows: list[dict[str, Any]] = []
    lots: dict[str, deque[_Lot]] = {}
    ratios = fill_ratios(fills, marks)
    times = fills["ts"].cast(pa.int64()).to_pylist()
    columns = (fills[name].to_pylist() for name in ("symbol", "side", "quantity", "price", "commission"))
    for ts, ratio, symbol, side, quantity, price, commission in zip(times, ratios.tolist(), *columns, strict=True):
        units = (quantity if side == "buy" else -quantity) / ratio
        fill = _Lot(ts, units, price, ratio, commission / abs(units) if units else 0.0)
        rows.extend(_close(symbol, lots.setdefault(symbol, deque()), fill))
        if abs(fill.units) > _DUST:
            lots[symbol].append(fill)
    return rows


def _close(symbol: str, lots: deque[_Lot], fill: _Lot) -> list[dict[str, Any]]:
    """Close the oldest lots against a fill, whose units shrink to what is left of it."""
    rows = []
    while lots and abs(fill.units) > _DUST and (lots[0].units > 0) != (fill.units > 0):
        lot = lots[0]
        direction = 1.0 if lot.units > 0 else -1.0
        units = min(abs(lot.units), abs(fill.units))
        rows.append(_row(symbol, lot, fill, units, direction))
        lot.units -= direction * units
        fill.units += direction * units
        if abs(lot.units) <= _DUST:
            lots.popleft()
    return rows


def _row(symbol: str, lot: _Lot, fill: _Lot, units: float, direction: float) -> dict[str, Any]:
    cost = units * lot.ratio * lot.price
    commission = units * (lot.commission_per_unit + fill.commission_per_unit)
    pnl = direction * (units * fill.ratio * fill.price - cost) - commission
    return {
        "symbol": symbol,
        "side": "long" if direction > 0 else "short",
        "entry_ts": lot.ts,
        "exit_ts": fill.ts,
        "quantity": units * lot.ratio,
        "entry_price": lot.price,
        "exit_price": fill.price,
        "ratio": fill.ratio / lot.ratio,
        "commission": commission,
        "pnl": pnl,
        "return": pnl / cost if cost else 0.0,
    }
