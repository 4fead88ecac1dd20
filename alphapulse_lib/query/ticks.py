"""Trades and quotes of several instruments, as traded, point in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import PurePath
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from alphapulse_lib.catalog import ticks
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.catalog.ticks import Tick
from alphapulse_lib.errors import NoCoverage
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.window import Window

__all__ = ["TickReading", "no_ticks"]


class TickReading:
    """Ticks of instruments, window by window (`reading`).

    Parameters
    ----------
    as_of, recorded_as_of : int, optional
        What was known, and what was recorded, by then: nanoseconds since 1970, UTC; now unless told.
    regular : bool
        Only those inside the sessions' hours, their opens and closes included.
    """

    def __init__(
        self,
        roots: Roots | PurePath,
        kind: Tick,
        instruments: Sequence[Instrument],
        as_of: int | None = None,
        recorded_as_of: int | None = None,
        *,
        regular: bool = False,
    ) -> None:
        self.instruments = instruments
        self._roots, self._kind, self._moments = Roots.of(roots), kind, (as_of, recorded_as_of)
        self._regular = regular

    def part(self, instrument: Instrument, window: Window) -> pa.Table:
        """One instrument's ticks of a window: ``ts`` and `catalog.ticks.COLUMNS`."""
        table = ticks.read(self._roots, self._kind, instrument.id, window, *self._moments)
        if self._regular:
            known, stamps = sessions(instrument.venue.code), table["ts"].cast(pa.int64()).to_numpy()
            table = table.filter(known.within(stamps) | np.isin(stamps, known.opens))
        return table

    def parts(self, window: Window) -> Iterator[pa.Table]:
        """The same of each instrument."""
        return (self.part(each, window) for each in self.instruments)

    def refusal(self, instrument: Instrument, _window: Window) -> NoCoverage:
        """That there is no such tick, and which are held."""
        return no_ticks(self._roots, self._kind, instrument)

    def groups(self, instrument: Instrument, window: Window) -> Iterator[tuple[int, int, int]]:
        """How the instrument's files lie in time."""
        return ticks.groups(self._roots, self._kind, instrument.id, window)


def no_ticks(roots: Roots, kind: Tick, instrument: Instrument) -> NoCoverage:
    """The error for a window that holds no ticks: it says what is held."""
    rows, first, last = ticks.held(roots, kind, instrument.id)
    if not rows:
        return NoCoverage(f"No {kind} of {instrument.id} are held.", "`ap.instruments()` lists what else is held.")
    zone = ZoneInfo(instrument.venue.timezone)
    ends = (f"{datetime.fromtimestamp(each // 10**9, UTC).astimezone(zone):%Y-%m-%d %H:%M}" for each in (first, last))
    return NoCoverage(f"No {kind} of {instrument.id} there.", f"Held: {rows:,} from {' to '.join(ends)} ({zone.key}).")
