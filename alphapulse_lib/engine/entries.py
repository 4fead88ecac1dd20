"""Entries that went on filling after the exits that hung on them were done: what they bought then has neither.

NautilusTrader sizes a bracket's stop and target by what of its entry has filled. Once one of them fills, both are done,
and the rest of a limit that had filled in part works on.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pyarrow as pa
from nautilus_trader.model import ClientOrderId, ContingencyType

from alphapulse_lib.engine.nautilus import Loaded

__all__ = ["unguarded"]


def unguarded(loaded: Loaded, fills: pa.Table) -> list[str]:
    """A line where an entry filled once its exits were done.

    Parameters
    ----------
    fills : pyarrow.Table
        The run's.
    """
    found = [told for name, rows in _in_parts(fills).items() if (told := _after_exits(loaded, name, fills.take(rows)))]
    if not found:
        return []
    (symbol, shares), more = found[0], len(found) - 1
    others = f", and so did {more} more" if more else ""
    return [
        f"An entry went on filling once its exits were done, {shares:,g} of {symbol} without a stop or a target{others}"
        ": the rest of a limit that filled in part works on. Cancel it when an exit fills."
    ]


def _in_parts(fills: pa.Table) -> dict[str, list[int]]:
    """The rows of each order that filled at several moments: of tens of thousands hardly any does."""
    rows = defaultdict(list)
    encoded = fills["order_id"].combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    several = np.flatnonzero(np.bincount(codes, minlength=1) > 1)
    for row in np.flatnonzero(np.isin(codes, several)).tolist():
        rows[encoded.dictionary[codes[row]].as_py()].append(row)
    return rows


def _after_exits(loaded: Loaded, name: str, fills: pa.Table) -> tuple[str, float] | None:
    """What of an entry's fills came after the last of its exits was done: the symbol and how many, as traded."""
    cache = loaded.engine.cache
    entry = cache.order(ClientOrderId(name))
    if entry is None or entry.contingency_type != ContingencyType.OTO:
        return None
    exits = [found for each in entry.linked_order_ids or () if (found := cache.order(each)) is not None]
    if not exits or not all(each.is_closed for each in exits):
        return None
    done = max(each.ts_closed for each in exits)
    late = fills["ts"].cast(pa.int64()).to_numpy() > done
    return (fills["symbol"][0].as_py(), float(fills["quantity"].to_numpy()[late].sum())) if late.any() else None
