"""Bars as they would have traded without what befell their instrument since: splits, dividends, spin-offs.

Prices are stored as traded and adjusted when they are read, backwards from `as_of`: the newest bars are as traded,
older ones are divided by every split since. ``"total"`` also reinvests what was distributed: bars before an ex-date are
multiplied by ``1 - distributed / last close before it`` (the convention of CRSP and of Yahoo's adjusted close), where
distributed is the cash of that day, and of a spin-off its value: as told, else its shares at their first daily close.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alphapulse_lib import clock
from alphapulse_lib.catalog import actions, reader
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.catalog.ticks import Tick
from alphapulse_lib.errors import AmbiguousSymbol, InputError, UnknownSymbol
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window, moment_ns
from alphapulse_lib.query.tick_bars import made_of_ticks

__all__ = ["ADJUSTMENTS", "Adjusting", "Adjustment"]

type Adjustment = Literal["none", "splits", "total"]
type Numbers = NDArray[np.float64]
type Stamps = NDArray[np.int64]

ADJUSTMENTS = ("none", "splits", "total")

_APPLIED = {"none": (), "splits": ("split",), "total": ("split", "dividend", "spin_off")}
_DAILY = Period(1, "d")
#: How long after its ex-date what was spun off may have its first close, so that it still tells the value of then.
_FIRST_CLOSE = 7 * 86_400 * 10**9


class Adjusting:
    """The adjusting of several instruments' bars for what was known by a moment.

    Parameters
    ----------
    kind : {"trades", "quotes"}, optional
        What the bars are made of, where they are not held.
    until : int, optional
        Only what was in force by that moment, whatever was known; by ``as_of`` unless told.

    Raises
    ------
    InputError
        Another word for ``adjust``.
    """

    def __init__(
        self,
        roots: Roots,
        instruments: Sequence[Instrument],
        adjust: Adjustment,
        as_of: int | None,
        recorded_as_of: int | None,
        kind: Tick | None = None,
        until: int | None = None,
    ) -> None:
        if not isinstance(adjust, str) or adjust not in ADJUSTMENTS:
            raise InputError(f"Unknown adjustment {adjust!r}.", f"It is one of {', '.join(map(repr, ADJUSTMENTS))}.")
        self._roots, self._moments, self._kind, self._until = roots, (as_of, recorded_as_of), kind, until
        self._made: dict[str, tuple[Stamps, Numbers, Numbers]] = {}
        self._known = self._actions(instruments, _APPLIED[adjust]) if adjust != "none" else {}

    def applied_to(self, table: pa.Table, instrument: Instrument, period: Period | None) -> pa.Table:
        """Bars of an instrument, adjusted.

        Parameters
        ----------
        table : pa.Table
            ``ts``, then figures in float64.
        period : Period or None
            Of the bars: where no daily ones are held, the last close before an ex-date is one of these. ``None`` of
            bars made of ticks.

        Raises
        ------
        InputError
            A distribution as large as the price it was paid on.
        """
        acted = self._known.get(instrument.id)
        if not acted:
            return table
        if instrument.id not in self._made:
            self._made[instrument.id] = self._factors(instrument, period, acted)
        moments, prices, volumes = self._made[instrument.id]
        # A bar that closes at the very start of an ex-date still traded before it.
        stamps = table["ts"].cast(pa.int64()).to_numpy()
        place = np.searchsorted(moments, stamps)
        names = table.column_names[1:]
        figures = {name: table[name].to_numpy() * (volumes if name == "volume" else prices)[place] for name in names}
        if period is not None and period.is_session and period != _DAILY:
            opened = np.searchsorted(moments, sessions(instrument.venue.code).opened(stamps, period))
            torn = np.flatnonzero(volumes[opened] != volumes[place])
            if len(torn):
                _mend(figures, torn, prices[opened[torn]] / prices[place[torn]])
        columns = [table["ts"], *(pa.array(figures[name]) for name in names)]
        return pa.Table.from_arrays(columns, names=table.column_names)

    def _actions(self, instruments: Sequence[Instrument], kinds: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """What was known of each instrument's actions and is in force: announced is not yet effective."""
        moment = clock.now_ns() if self._moments[0] is None else self._moments[0]
        moment = moment if self._until is None else min(moment, self._until)
        one = instruments[0].id if len(instruments) == 1 else None
        zones = {each.id: each.venue.timezone for each in instruments}
        known: dict[str, list[dict[str, Any]]] = {}
        needed = ["instrument_id", "kind", "ex_date", "ratio", "amount", "new_symbol"]
        table = actions.read(self._roots, one, *self._moments, kinds)
        for row in table.select(needed).to_pylist() if table.num_rows else ():
            zone = zones.get(row["instrument_id"])
            if zone and moment_ns(row["ex_date"], zone) <= moment:
                known.setdefault(row["instrument_id"], []).append(row)
        return known

    def _factors(
        self, instrument: Instrument, period: Period | None, acted: list[dict[str, Any]]
    ) -> tuple[Stamps, Numbers, Numbers]:
        """When each day with actions begins, and what all from the n-th on do to prices and volumes; the last: 1."""
        days = defaultdict(list)
        for row in sorted(acted, key=lambda row: row["ex_date"]):
            days[moment_ns(row["ex_date"], instrument.venue.timezone)].append(row)
        split = np.array([np.prod([row["ratio"] for row in rows if row["kind"] == "split"]) for rows in days.values()])
        paid = np.array([sum(self._paid(row, begins, period) for row in rows) for begins, rows in days.items()])
        begins = np.array(list(days), np.int64)
        prices = self._reinvested(instrument, period, begins, paid) / split if paid.any() else 1.0 / split
        return begins, _from_each_on(prices), _from_each_on(split)

    def _paid(self, row: dict[str, Any], begins: int, period: Period | None) -> float:
        """What a share was paid, in cash or in shares; 0 of a split, and of a spin-off that nothing values."""
        if row["kind"] == "split":
            return 0.0
        if row["amount"] is not None:
            return float(row["amount"])
        try:
            child = Index(self._roots).resolve(row["new_symbol"], row["ex_date"])
        except (UnknownSymbol, AmbiguousSymbol):
            return 0.0
        _, closes = self._closes(child, period, Window(begins, begins + _FIRST_CLOSE))
        return float(row["ratio"] * closes[0]) if len(closes) else 0.0

    def _reinvested(self, instrument: Instrument, period: Period | None, begins: Stamps, paid: Numbers) -> Numbers:
        """The factor of each day's distribution; 1 where no earlier close is held: no bar lies before it either."""
        stamps, closes = self._closes(instrument, period, None)
        before = np.searchsorted(stamps, begins, side="right") - 1
        price = np.where(before < 0, np.inf, np.append(closes, np.inf)[before])
        wild = np.flatnonzero(paid >= price)
        if len(wild):
            raise InputError(
                f"{instrument.id}: a distribution of {paid[wild[0]]:g} on a close of {price[wild[0]]:g}, ex on "
                f"{begins[wild[0]].astype('datetime64[ns]').astype('datetime64[D]')}, cannot be reinvested.",
                "Correct the corporate action, or ask for adjust='splits'.",
            )
        factors: Numbers = 1.0 - paid / price
        return factors

    def _closes(self, instrument: Instrument, period: Period | None, window: Window | None) -> tuple[Stamps, Numbers]:
        """Closes as traded, daily ones where they are held."""
        daily = self._roots.series(_DAILY.bar_type(instrument.id))
        if self._kind and not daily:
            table = made_of_ticks(self._roots, self._kind, instrument, _DAILY, window or Window(), *self._moments)
            return table["ts"].cast(pa.int64()).to_numpy(), table["close"].to_numpy()
        source = _DAILY if daily or period is None else period
        table = reader.bar_floats(self._roots, instrument.id, source, window, *self._moments, ["close"])
        return table["ts"].cast(pa.int64()).to_numpy(), table["close"].to_numpy()


def _mend(figures: dict[str, Numbers], torn: NDArray[np.int64], before: Numbers) -> None:
    """Bring what was of before a split, of bars in which one falls, to prices of after it: so many times as much.

    The open is; and as traded the larger figures are of the side with fewer shares: they were its high.
    """
    factors = {"open": before, "high": np.minimum(before, 1.0), "low": np.maximum(before, 1.0)}
    for name in factors.keys() & figures.keys():
        figures[name][torn] *= factors[name]
    ends = [figures[name][torn] for name in ("open", "close") if name in figures]
    for name, furthest in (("high", np.maximum), ("low", np.minimum)):
        if name in figures:
            figures[name][torn] = furthest.reduce([figures[name][torn], *ends])


def _from_each_on(factors: Numbers) -> Numbers:
    """The product of all factors from each one on, and 1 after the last."""
    return np.append(np.cumprod(factors[::-1])[::-1], 1.0)
