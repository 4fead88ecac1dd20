"""Bars of several instruments, adjusted (`adjustment`) for what was known of their corporate actions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from alphapulse_lib import clock
from alphapulse_lib.catalog import reader, schemas
from alphapulse_lib.catalog.coverage import no_coverage
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window
from alphapulse_lib.query import resample
from alphapulse_lib.query.adjustment import ADJUSTMENTS, Adjusting, Adjustment

__all__ = ["ADJUSTMENTS", "Adjustment", "bars", "names"]


def bars(
    roots: Roots | Path,
    instruments: Sequence[Instrument],
    period: Period | str,
    window: Window | None = None,
    adjust: Adjustment = "splits",
    as_of: int | None = None,
    recorded_as_of: int | None = None,
    columns: Sequence[str] = schemas.FIGURES,
) -> pa.Table:
    """Bars of instruments, one under the other; of a period that is not held made of finer ones (`resample`).

    Parameters
    ----------
    instruments : sequence of Instrument
        Each once.
    window : Window, optional
        Bounds of ``ts``; all unless told.
    adjust : {"none", "splits", "total"}
        As traded; divided by later splits; dividends and what was spun off reinvested too. Volumes are multiplied by
        later splits.
    as_of, recorded_as_of : int, optional
        What was known, and what was recorded, by then, of bars and of actions: nanoseconds since 1970, UTC; now
        unless told.

    Returns
    -------
    pa.Table
        ``symbol``, ``ts`` (UTC), and the ``columns`` (float64), sorted by ``ts``, then ``symbol``. The symbol is the
        short one (``"AAPL"``) where no two of the instruments share it.

    Raises
    ------
    NoCoverage
        One of the instruments has no such bar in the window; the message says what is held.
    InputError
        Another word for ``adjust``; a distribution as large as the price it was paid on.
    """
    roots, period, window = Roots.of(roots), Period.parse(period), window or Window()
    adjusted = Adjusting(roots, instruments, adjust, as_of, recorded_as_of)
    parts = []
    for instrument in instruments:
        source = resample.source_of(roots, instrument.id, period)
        reach = window if source == period else resample.before(window, period)
        table = reader.bar_floats(roots, instrument.id, source, reach, as_of, recorded_as_of, columns)
        if not table.num_rows:
            raise no_coverage(roots, instrument, period, window, as_of)
        table = adjusted.applied_to(table, instrument, source)
        if source != period:
            moment = clock.now_ns() if as_of is None else as_of
            table = resample.resampled(table, period, instrument.venue.code, window, moment)
            if not table.num_rows:
                raise no_coverage(roots, instrument, period, window, as_of)
        parts.append(table)
    return _together(parts, names(instruments))


def names(instruments: Sequence[Instrument]) -> list[str]:
    """What instruments are called in results: the short symbol where it is theirs alone, else the id."""
    shared = Counter(each.symbol for each in instruments)
    return [each.symbol if shared[each.symbol] == 1 else each.id for each in instruments]


def _together(parts: list[pa.Table], symbols: list[str]) -> pa.Table:
    """One table sorted by time, then symbol."""
    order = np.argsort(np.array(symbols), kind="stable")
    named = [_named(parts[at], symbols[at]) for at in order]
    if len(named) == 1:
        return named[0]
    table = pa.concat_tables(named)
    stamps = table["ts"].cast(pa.int64()).to_numpy()
    return table.take(np.argsort(stamps, kind="stable"))


def _named(table: pa.Table, symbol: str) -> pa.Table:
    return table.add_column(0, "symbol", pa.repeat(pa.scalar(symbol), table.num_rows))
