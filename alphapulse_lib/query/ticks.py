"""Trades and quotes of several instruments, as traded, point in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from alphapulse_lib.catalog import ticks
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.ticks import Tick
from alphapulse_lib.errors import NoCoverage
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.window import Window
from alphapulse_lib.query.bars import names

__all__ = ["read"]


def read(
    roots: Roots | Path,
    kind: Tick,
    instruments: Sequence[Instrument],
    window: Window | None = None,
    as_of: int | None = None,
    recorded_as_of: int | None = None,
) -> pa.Table:
    """Ticks of instruments: ``symbol``, ``ts`` and `catalog.ticks.COLUMNS`, sorted by ``ts``, then ``symbol``.

    Raises
    ------
    NoCoverage
        One of the instruments has no such tick in the window; the message says what is held.
    """
    roots, window, parts = Roots.of(roots), window or Window(), []
    for symbol, each in sorted(zip(names(instruments), instruments, strict=True), key=lambda pair: pair[0]):
        table = ticks.read(roots, kind, each.id, window, as_of, recorded_as_of)
        if not table.num_rows:
            raise _nothing(roots, kind, each)
        parts.append(table.add_column(0, "symbol", pa.repeat(pa.scalar(symbol), table.num_rows)))
    together = pa.concat_tables(parts)
    if len(parts) == 1:
        return together
    return together.take(np.argsort(together["ts"].cast(pa.int64()).to_numpy(), kind="stable"))


def _nothing(roots: Roots, kind: Tick, instrument: Instrument) -> NoCoverage:
    rows, first, last = ticks.held(roots, kind, instrument.id)
    if not rows:
        return NoCoverage(
            f"No {kind} of {instrument.id} are held.",
            f"`ap.ingest` a provider's {kind} of {instrument.symbol}; `ap.instruments()` lists what else is held.",
        )
    zone = ZoneInfo(instrument.venue.timezone)
    ends = (f"{datetime.fromtimestamp(each // 10**9, UTC).astimezone(zone):%Y-%m-%d %H:%M}" for each in (first, last))
    return NoCoverage(f"No {kind} of {instrument.id} there.", f"Held: {rows:,} from {' to '.join(ends)} ({zone.key}).")
