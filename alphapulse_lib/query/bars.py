"""Bars of several instruments, adjusted (`adjustment`) for what was known of their corporate actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import PurePath

import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib import clock
from alphapulse_lib.catalog import floats, reader, schemas, small_files, ticks
from alphapulse_lib.catalog.coverage import no_coverage
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.catalog.ticks import Tick
from alphapulse_lib.errors import NoCoverage
from alphapulse_lib.location import ObjectPath
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.threshold import Threshold
from alphapulse_lib.model.window import Window
from alphapulse_lib.query import resample
from alphapulse_lib.query.adjustment import ADJUSTMENTS, Adjusting, Adjustment
from alphapulse_lib.query.reading import names, whole
from alphapulse_lib.query.tick_bars import made_of_ticks
from alphapulse_lib.query.ticks import no_ticks

__all__ = ["ADJUSTMENTS", "Adjustment", "BarReading", "TickBarReading", "bars", "names"]

#: Instruments that an object store is asked for at a time.
_WAITING = 8


def bars(
    roots: Roots | PurePath,
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
    reading = BarReading(roots, instruments, period, adjust, as_of, recorded_as_of, columns)
    return whole(reading, window or Window())


class BarReading:
    """Bars out of held ones, window by window (`reading`). Arguments as in `bars`.

    Parameters
    ----------
    regular : bool
        Only bars inside the sessions' hours.
    until : int, optional
        Adjusted only for what was in force by that moment: prices are as traded then.
    """

    def __init__(
        self,
        roots: Roots | PurePath,
        instruments: Sequence[Instrument],
        period: Period | str,
        adjust: Adjustment = "splits",
        as_of: int | None = None,
        recorded_as_of: int | None = None,
        columns: Sequence[str] = schemas.FIGURES,
        *,
        regular: bool = False,
        until: int | None = None,
    ) -> None:
        self.instruments = instruments
        self._roots, self._period, self._moments = Roots.of(roots), Period.parse(period), (as_of, recorded_as_of)
        self._columns, self._regular = columns, regular and not self._period.is_session
        self._adjusting = Adjusting(self._roots, instruments, adjust, *self._moments, until=until)

    def part(self, instrument: Instrument, window: Window) -> pa.Table:
        """One instrument's bars of a window: ``ts`` and the columns."""
        return self._part(instrument, window, self._source(instrument, window), {})

    def parts(self, window: Window) -> Iterator[pa.Table]:
        """The same of each instrument; of many, whose history is one small file each, the files are read together.

        Of an object store most time goes by waiting: several instruments are asked for at a time.
        """
        if any(isinstance(root, ObjectPath) for _, root in self._roots.all):
            with ThreadPoolExecutor(_WAITING, "reading") as threads:
                yield from threads.map(partial(self.part, window=window), self.instruments)
            return
        sources = [self._source(each, window) for each in self.instruments]
        alone = [files[0][1] for source, _, files in sources if source.is_session and len(files) == 1]
        today = self._moments == (None, None)
        held = small_files.read(alone if today else (), ["ts_event", *floats.renamed(self._columns)])
        for instrument, source in zip(self.instruments, sources, strict=True):
            yield self._part(instrument, window, source, held)

    def refusal(self, instrument: Instrument, window: Window) -> NoCoverage:
        """That there is no such bar, and which are held."""
        return no_coverage(self._roots, instrument, self._period, window, *self._moments)

    def groups(self, instrument: Instrument, window: Window) -> Iterator[tuple[int, int, int]]:
        """How the files of what the bars are made of lie in time."""
        _, reach, files = self._source(instrument, window)
        return reader.groups(files, reach)

    def _part(
        self,
        instrument: Instrument,
        window: Window,
        chosen: tuple[Period, Window, reader.Files],
        held: Mapping[PurePath, pa.Table],
    ) -> pa.Table:
        """An instrument's bars out of its files, of which some were read already."""
        source, reach, files = chosen
        if files and files[0][1] in held:
            table = reader.cut(held[files[0][1]], reach).rename_columns(["ts", *self._columns])
        else:
            table = reader.bar_floats(self._roots, instrument.id, source, reach, *self._moments, self._columns, files)
        table = self._adjusting.applied_to(table, instrument, source)
        if source != self._period:
            known = clock.now_ns() if self._moments[0] is None else self._moments[0]
            table = resample.resampled(table, self._period, instrument.venue.code, window, known)
        if self._regular:
            table = table.filter(sessions(instrument.venue.code).within(table["ts"].cast(pa.int64()).to_numpy()))
        return table

    def _source(self, instrument: Instrument, window: Window) -> tuple[Period, Window, reader.Files]:
        """The period of the held bars, the window of them that a window of bars is made of, and their files."""
        source, files = resample.source_of(self._roots, instrument.id, self._period)
        return source, window if source == self._period else resample.before(window, self._period), files


class TickBarReading:
    """Bars made of trades or of quotes (`tick_bars`), window by window; otherwise as `BarReading`."""

    def __init__(
        self,
        roots: Roots | PurePath,
        instruments: Sequence[Instrument],
        kind: Tick,
        period: Period | Threshold,
        adjust: Adjustment = "splits",
        as_of: int | None = None,
        recorded_as_of: int | None = None,
        columns: Sequence[str] = schemas.FIGURES,
        *,
        regular: bool = False,
    ) -> None:
        self.instruments = instruments
        self._roots, self._kind, self._moments = Roots.of(roots), kind, (as_of, recorded_as_of)
        self._period, self._columns, self._regular = period, columns, regular
        # Several sessions' bars are made of one day's each, adjusted before they are laid together.
        self._days = isinstance(period, Period) and period.is_session
        self._adjusting = Adjusting(self._roots, instruments, adjust, *self._moments, kind)

    def part(self, instrument: Instrument, window: Window) -> pa.Table:
        """One instrument's bars of a window: ``ts`` and the columns."""
        known = clock.now_ns() if self._moments[0] is None else self._moments[0]
        table = self._adjusting.applied_to(self._made(instrument, window), instrument, None)
        if self._days and isinstance(self._period, Period):
            return resample.resampled(table, self._period, instrument.venue.code, window, known)
        return table.filter(pc.less_equal(table["ts"].cast(pa.int64()), known))  # a bar that has not ended yet

    def parts(self, window: Window) -> Iterator[pa.Table]:
        """The same of each instrument."""
        return (self.part(each, window) for each in self.instruments)

    def refusal(self, instrument: Instrument, _window: Window) -> NoCoverage:
        """That there is no such tick, and which are held."""
        return no_ticks(self._roots, self._kind, instrument)

    def groups(self, instrument: Instrument, window: Window) -> Iterator[tuple[int, int, int]]:
        """How the ticks' files lie in time."""
        return ticks.groups(self._roots, self._kind, instrument.id, self._reach(window))

    def _reach(self, window: Window) -> Window:
        return resample.before(window, self._period) if isinstance(self._period, Period) else window

    def _made(self, instrument: Instrument, window: Window) -> pa.Table:
        period = Period(1, "d") if self._days else self._period
        reach = self._reach(window) if self._days else window
        table = made_of_ticks(self._roots, self._kind, instrument, period, reach, *self._moments, regular=self._regular)
        return table.select(["ts", *self._columns])
