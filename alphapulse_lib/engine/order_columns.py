"""The orders that are left in an engine after its run, and what befell them, as columns.

A run has tens of thousands of orders, so each thing about them is asked for once and kept as numbers. NautilusTrader
gives copies of them, some four kilobytes each, so it is asked for a part of them at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields, replace
from itertools import batched, chain
from typing import Any

import numpy as np
from nautilus_trader.model import OrderFilled, OrderType, TimeInForce

from alphapulse_lib.engine.feed import Feed, Flags, Floats, Integers

__all__ = ["Done", "Sent", "columns_of"]

#: Orders that are copied out of the engine at once.
_SOME = 4_096


@dataclass(frozen=True, eq=False)
class Sent:
    """A run's orders, one entry an order, in the engine's order and units.

    Attributes
    ----------
    at : array of int64
        The number of its series.
    limits, triggers : list of float
        Their prices; ``nan`` for an order without one.
    for_day : array of bool
        Whether they were good for the day alone.
    reasons : list of str
        Why it was refused or ended; empty where nothing is told.
    """

    ids: list[str]
    ts: Integers
    at: Integers
    bought: Flags
    kinds: list[OrderType]
    for_day: Flags
    quantity: Floats
    limits: list[float]
    triggers: list[float]
    statuses: list[str]
    reasons: list[str]

    @classmethod
    def of(cls, orders: Sequence[Any], last: Sequence[Any], series: Sequence[Feed]) -> Sent:
        """The columns of NautilusTrader's orders, each with its last event."""
        number = {feed.instrument.id: at for at, feed in enumerate(series)}
        return cls(
            [str(each.client_order_id) for each in orders],
            np.array([each.ts_init for each in orders], np.int64),
            np.array([number[str(each.instrument_id)] for each in orders], np.int64),
            np.array([each.is_buy for each in orders], np.bool_),
            [each.order_type for each in orders],
            np.array([each.time_in_force == TimeInForce.DAY for each in orders], np.bool_),
            np.array([float(each.quantity) for each in orders], np.float64),
            [_exact(getattr(each, "price", None)) for each in orders],
            [_exact(getattr(each, "trigger_price", None)) for each in orders],
            [each.status.name.lower() for each in orders],
            [str(getattr(each, "reason", "") or "") for each in last],
        )


@dataclass(frozen=True, eq=False)
class Done:
    """The fills of a run's orders, one entry a fill, order by order, in the engine's units.

    Attributes
    ----------
    of_order : array of int64
        Whose it is: the number of the order. Rising.
    cut : array of bool
        Of each order, whether a fill of it is left out here, since it never happened.
    """

    of_order: Integers
    ts: Integers
    quantity: Floats
    price: Floats
    cut: Flags

    @classmethod
    def of(cls, orders: Sequence[Any], last: Sequence[Any], sent: Sent, until: Sequence[int]) -> Done:
        """The fills of the orders, each with its last event; of each series, those up to a moment."""
        of_order, real, cut = [], [], np.zeros(len(orders), np.bool_)
        for number, (at, order, newest) in enumerate(zip(sent.at.tolist(), orders, last, strict=True)):
            for each in _fills(order, newest):
                if each.ts_event > until[at]:
                    cut[number] = True
                else:
                    of_order.append(number)
                    real.append(each)
        return cls(
            np.array(of_order, np.int64),
            np.array([each.ts_event for each in real], np.int64),
            np.array([float(each.last_qty) for each in real], np.float64),
            np.array([_exact(each.last_px) for each in real], np.float64),
            cut,
        )

    def total(self, values: Floats) -> Floats:
        """The sum of each order's fills."""
        bounds = np.searchsorted(self.of_order, np.arange(len(self.cut) + 1))
        sums = np.bincount(self.of_order, values, len(self.cut))
        for number in np.flatnonzero(np.diff(bounds) > 1).tolist():  # of several, as exact as Python adds them
            sums[number] = sum(values[bounds[number] : bounds[number + 1]].tolist())
        return sums

    @property
    def first(self) -> Integers:
        """When each order first filled; 0 where it did not."""
        found = np.zeros(len(self.cut), np.int64)
        found[self.of_order[::-1]] = self.ts[::-1]
        return found


def _fills(order: Any, last: Any) -> Sequence[OrderFilled]:
    """An order's fills. Nearly all are filled at once by what befell them last; to ask for all events takes long."""
    if isinstance(last, OrderFilled) and last.last_qty == order.filled_qty:
        return (last,)
    return [each for each in order.events() if isinstance(each, OrderFilled)]


def _exact(price: Any) -> float:
    """The float nearest to a price, ``nan`` for none; NautilusTrader's own conversion misses it by a digit at times."""
    return float("nan") if price is None else float(price.as_decimal())


def columns_of(
    ids: Collection[Any], order: Callable[[Any], Any], series: Sequence[Feed], until: Sequence[int]
) -> tuple[Sent, Done]:
    """What was sent and what was filled of it.

    Parameters
    ----------
    ids : collection of ClientOrderId
        The orders'.
    order : callable
        Gives an id's order.
    until : sequence of int
        Of each series, the last moment at which it fills.
    """
    parts = []
    for some in batched(ids, _SOME, strict=False):
        orders = [order(each) for each in some]
        last = [each.last_event for each in orders]
        sent = Sent.of(orders, last, series)
        parts.append((sent, Done.of(orders, last, sent, until)))
    if not parts:
        sent = Sent.of([], [], series)
        return sent, Done.of([], [], sent, until)
    firsts = np.cumsum([0, *(len(sent.ids) for sent, _ in parts)])
    fills = [replace(done, of_order=done.of_order + first) for (_, done), first in zip(parts, firsts, strict=False)]
    return _together([sent for sent, _ in parts]), _together(fills)


def _together[Columns: (Sent, Done)](parts: Sequence[Columns]) -> Columns:
    """The columns of several parts, one below the other."""
    columns: dict[str, Any] = {}
    for each in fields(parts[0]):
        values: list[Any] = [getattr(part, each.name) for part in parts]
        columns[each.name] = np.concatenate(values) if isinstance(values[0], np.ndarray) else [*chain(*values)]
    return type(parts[0])(**columns)
