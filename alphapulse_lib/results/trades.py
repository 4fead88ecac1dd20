"""Round trips: the fills of each symbol matched first in, first out.

The rule: a fill that goes the way of the holding opens a lot; one that goes against it closes the oldest lots first,
and what is left of it after all lots are closed opens a lot the other way. Each lot, or part of a lot, with the fill
that closes it is one round trip. So a position entered once and left in two steps is two round trips, and a reversal
is the end of one and the begin of the next. What is still held at the end is no round trip.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alphapulse_lib.results.equity import by_symbol, fill_ratios

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
_DUST = 1e-7


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
    ratios = fill_ratios(fills, marks)
    numbered = fills.select(["ts", "symbol", "side", "quantity", "price", "commission"])
    numbered = numbered.append_column("ratio", pa.array(ratios))
    parts = [_of_symbol(symbol, rows) for symbol, rows in by_symbol(numbered).items()]
    if not parts:
        return TRADES.empty_table()
    return pa.concat_tables(parts).sort_by([("exit_ts", "ascending"), ("entry_ts", "ascending")])


def _of_symbol(symbol: str, fills: pa.Table) -> pa.Table:
    """The round trips of one symbol, column by column.

    Number the shares in the order in which they are opened, and again in the order in which they are closed. First in,
    first out means that share n came with the fill that opens the n-th and left with the one that closes the n-th.
    Shares are those of the window's first day.
    """
    ratio, price = _column(fills, "ratio"), _column(fills, "price")
    size = _column(fills, "quantity") / ratio
    sign = np.where(pc.equal(fills["side"], "buy").to_numpy(), 1.0, -1.0)
    after = np.cumsum(sign * size)
    before = np.concatenate(([0.0], after[:-1]))
    closing = np.where(before * sign < 0, np.minimum(size, np.abs(before)), 0.0)
    opened, closed = np.cumsum(size - closing), np.cumsum(closing)
    edges = np.sort(np.concatenate((opened, closed)))
    edges = edges[edges <= closed[-1] + _DUST] if len(edges) else edges
    units = np.diff(edges, prepend=0.0)
    middle = (edges - units / 2)[units > _DUST]
    units = units[units > _DUST]
    entry, left = np.searchsorted(opened, middle), np.searchsorted(closed, middle)
    # A fill that opened nothing cannot be an entry; its sign is that of what it opens.
    direction = sign[entry]
    cost = units * ratio[entry] * price[entry]
    paid = _column(fills, "commission")
    commission = units / size[entry] * paid[entry] + units / size[left] * paid[left]
    pnl = direction * (units * ratio[left] * price[left] - cost) - commission
    times = fills["ts"].combine_chunks()
    columns = {
        "symbol": pa.array([symbol] * len(units), pa.string()),
        "side": pa.array(np.where(direction > 0, "long", "short"), pa.string()),
        "entry_ts": times.take(pa.array(entry)),
        "exit_ts": times.take(pa.array(left)),
        "quantity": pa.array(units * ratio[entry]),
        "entry_price": pa.array(price[entry]),
        "exit_price": pa.array(price[left]),
        "ratio": pa.array(ratio[left] / ratio[entry]),
        "commission": pa.array(commission),
        "pnl": pa.array(pnl),
        "return": pa.array(np.divide(pnl, cost, out=np.zeros(len(cost)), where=cost > 0)),
    }
    return pa.Table.from_arrays([columns[name] for name in TRADES.names], schema=TRADES)


def _column(fills: pa.Table, name: str) -> NDArray[np.float64]:
    return np.asarray(fills[name].cast(pa.float64()).to_numpy(), np.float64)
