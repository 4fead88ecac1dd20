"""Bars of several instruments, adjusted for what was known of their splits and dividends.

Prices are stored as traded and adjusted when they are read, backwards from `as_of`: the newest bars are as traded,
older ones are divided by every split since. ``"total"`` also reinvests dividends: bars before an ex-date are multiplied
by ``1 - dividend / last close before it`` (the convention of CRSP and of Yahoo's adjusted close).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alphapulse_lib import clock
from alphapulse_lib.catalog import actions, reader, schemas
from alphapulse_lib.catalog.coverage import no_coverage
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import InputError
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window, moment_ns
from alphapulse_lib.query import resample

__all__ = ["ADJUSTMENTS", "Adjustment", "bars", "names"]

type Adjustment = Literal["none", "splits", "total"]
type Numbers = NDArray[np.float64]
type Stamps = NDArray[np.int64]

ADJUSTMENTS = ("none", "splits", "total")

_DAILY = Period(1, "d")


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
        As traded; divided by later splits; dividends reinvested too. Volumes are multiplied by later splits.
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
        Another word for ``adjust``; a dividend as large as the price it was paid on.
    """
    if not isinstance(adjust, str) or adjust not in ADJUSTMENTS:
        raise InputError(f"Unknown adjustment {adjust!r}.", f"It is one of {', '.join(map(repr, ADJUSTMENTS))}.")
    roots, period, window = Roots.of(roots), Period.parse(period), window or Window()
    known = _actions(roots, instruments, as_of, recorded_as_of) if adjust != "none" else {}
    parts = []
    for instrument in instruments:
        source = resample.source_of(roots, instrument.id, period)
        reach = window if source == period else resample.before(window, period)
        table = reader.bar_floats(roots, instrument.id, source, reach, as_of, recorded_as_of, columns)
        if not table.num_rows:
            raise no_coverage(roots, instrument, period, window, as_of)
        if acted := known.get(instrument.id):
            chosen = [row for row in acted if adjust == "total" or row["kind"] == "split"]
            closes = _closes(roots, instrument, source, as_of, recorded_as_of) if adjust == "total" else None
            table = _Changes.of(instrument, chosen, closes).applied_to(table)
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


class _Changes:
    """What each corporate action does to the bars that closed before it."""

    def __init__(self, moments: Stamps, prices: Numbers, volumes: Numbers) -> None:
        self._moments = moments
        # Position n: the product of all factors from the n-th action on; the last one is 1.
        self._prices = np.append(np.cumprod(prices[::-1])[::-1], 1.0)
        self._volumes = np.append(np.cumprod(volumes[::-1])[::-1], 1.0)

    @classmethod
    def of(cls, instrument: Instrument, acted: list[dict[str, Any]], closes: tuple[Stamps, Numbers] | None) -> _Changes:
        moments, prices, volumes = [], [], []
        for row in sorted(acted, key=lambda row: row["ex_date"]):
            begins = moment_ns(row["ex_date"], instrument.venue.timezone)
            is_split = row["kind"] == "split"
            moments.append(begins)
            prices.append(1.0 / row["ratio"] if is_split else _reinvested(instrument, begins, row["amount"], closes))
            volumes.append(row["ratio"] if is_split else 1.0)
        return cls(np.array(moments, dtype=np.int64), np.array(prices), np.array(volumes))

    def applied_to(self, table: pa.Table) -> pa.Table:
        if not len(self._moments):
            return table
        # A bar that closes at the very start of an ex-date still traded before it.
        place = np.searchsorted(self._moments, table["ts"].cast(pa.int64()).to_numpy())
        columns = [table["ts"]]
        for name in table.column_names[1:]:
            factor = self._volumes if name == "volume" else self._prices
            columns.append(pa.array(table[name].to_numpy() * factor[place]))
        return pa.Table.from_arrays(columns, names=table.column_names)


def _actions(
    roots: Roots, instruments: Sequence[Instrument], as_of: int | None, recorded_as_of: int | None
) -> dict[str, list[dict[str, Any]]]:
    """What was known of each instrument's actions and is in force: announced is not yet effective."""
    moment = clock.now_ns() if as_of is None else as_of
    one = instruments[0].id if len(instruments) == 1 else None
    zones = {each.id: each.venue.timezone for each in instruments}
    known: dict[str, list[dict[str, Any]]] = {}
    needed = ["instrument_id", "kind", "ex_date", "ratio", "amount"]
    for row in actions.read(roots, one, as_of, recorded_as_of).select(needed).to_pylist():
        zone = zones.get(row["instrument_id"])
        if zone and moment_ns(row["ex_date"], zone) <= moment:
            known.setdefault(row["instrument_id"], []).append(row)
    return known


def _closes(
    roots: Roots, instrument: Instrument, period: Period, as_of: int | None, recorded_as_of: int | None
) -> tuple[Stamps, Numbers]:
    """Closes as traded, daily ones where they are held."""
    source = _DAILY if roots.series(_DAILY.bar_type(instrument.id)) else period
    table = reader.bar_floats(roots, instrument.id, source, None, as_of, recorded_as_of, ["close"])
    return table["ts"].cast(pa.int64()).to_numpy(), table["close"].to_numpy()


def _reinvested(instrument: Instrument, begins: int, amount: float, closes: tuple[Stamps, Numbers] | None) -> float:
    """The factor of a dividend; 1 where no earlier close is held, since then no bar lies before it either."""
    stamps, prices = closes if closes else (np.empty(0, np.int64), np.empty(0))
    before = int(np.searchsorted(stamps, begins, side="right")) - 1
    if before < 0:
        return 1.0
    if amount >= prices[before]:
        raise InputError(
            f"{instrument.id}: a dividend of {amount:g} on a close of {prices[before]:g} cannot be reinvested.",
            "Correct the corporate action, or ask for adjust='splits'.",
        )
    return float(1.0 - amount / prices[before])


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
