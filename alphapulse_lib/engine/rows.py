"""A series' bars as they are stored: held where they are few, else read again each time, a stretch after the other.

Of a long series only the closes and their moments stay in memory, since an account is marked at each of them; a bar's
other figures are there while the engine is near it. So what a run reads takes sixteen bytes a bar, and not the hundred
that a bar has. What is read again is the same: a run reads as of one moment (`alphapulse_lib.clock`), and from the root
that had the series when it began. Where a file was taken away meanwhile, or another put in its place, it ends.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alphapulse_lib.catalog import reader
from alphapulse_lib.catalog.decimals import to_floats
from alphapulse_lib.catalog.fingerprints import of_figures
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import CatalogChanged
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window

__all__ = ["ALL", "HELD", "KEPT", "Rows", "held_rows", "rows_of_series"]

type Floats = NDArray[np.float64]
type Integers = NDArray[np.int64]

#: All rows of a series.
ALL = slice(None)
#: Bars up to which a series is held.
HELD = 65_536
#: Stretches that stay in memory: orders look at the bar of now, which may lie in the last but one that was read.
KEPT = 2
#: The fewest bars of a stretch in the files, half a row group; of those that are seen it may have fewer.
_STRETCH = 8_192

#: Of a stretch's number, its rows: all of NautilusTrader's columns unless told.
type Reading = Callable[[int, Sequence[str] | None], pa.Table]


class Rows:
    """One instrument's bars of a run, as traded, by their numbers from 0.

    Parameters
    ----------
    ts : array of int64
        The closes' moments, nanoseconds since 1970, UTC.
    closes : array of float64
        As traded.
    firsts : sequence of int
        Of each stretch, the number of its first bar.
    read : callable
        Gives a stretch's bars in NautilusTrader's schema.
    """

    def __init__(
        self, instrument: Instrument, ts: Integers, closes: Floats, firsts: Sequence[int], read: Reading
    ) -> None:
        self.ts, self.closes = ts, closes
        self._instrument, self._read = instrument, read
        self._ends = np.array([*firsts, len(ts)], np.int64)
        #: A stretch's bars, of which the last ones that were asked for are held.
        self.stretch = lru_cache(maxsize=KEPT)(self._whole)
        self._volumes = lru_cache(maxsize=KEPT)(
            lambda number: to_floats(self.stretch(number)["volume"], instrument.size_precision)
        )

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def are_held(self) -> bool:
        """Whether all of them are in memory."""
        return len(self._ends) == 2

    def span(self, number: int) -> slice:
        """The bars of a stretch."""
        return slice(int(self._ends[number]), int(self._ends[number + 1]))

    def at(self, row: int) -> int:
        """The number of the stretch that holds a bar."""
        return int(np.searchsorted(self._ends, row, side="right")) - 1

    def reaching(self, rows: slice = ALL) -> range:
        """The numbers of the stretches that reach into some bars."""
        first, stop, _ = rows.indices(len(self.ts))
        return range(self.at(first), self.at(stop - 1) + 1) if first < stop else range(0)

    def stretches(self, columns: Sequence[str]) -> Iterator[tuple[slice, pa.Table]]:
        """Some columns of all bars, a stretch after the other, each with its bars' numbers."""
        for number in self.reaching():
            yield self.span(number), self._part(number, columns)

    def volume(self, row: int) -> float:
        """What was traded in a bar; quick for the bars of one stretch after the other."""
        number = self.at(row)
        return float(self._volumes(number)[row - self.span(number).start])

    def floats(self, name: str) -> Floats:
        """A figure of every bar, as traded."""
        return np.concatenate([to_floats(part[name], self._precision(name)) for _, part in self.stretches([name])])

    def floats_at(self, name: str, rows: Integers) -> Floats:
        """A figure of some bars, as traded, in whatever order those come."""
        found, order = np.empty(len(rows)), np.argsort(rows, kind="stable")
        rising = rows[order]
        bounds = np.searchsorted(rising, self._ends)
        for number in np.flatnonzero(np.diff(bounds)).tolist():
            mine = slice(bounds[number], bounds[number + 1])
            wanted = pa.array(rising[mine] - self._ends[number])
            figures = self._part(number, [name])[name].take(wanted)
            found[order[mine]] = to_floats(figures, self._precision(name))
        return found

    def fingerprint(self) -> str:
        """That of `alphapulse_lib.catalog.fingerprints.of_bars`."""
        return of_figures(lambda name: (part[name] for _, part in self.stretches([name])))

    def _precision(self, name: str) -> int:
        return self._instrument.size_precision if name == "volume" else self._instrument.price_precision

    def _part(self, number: int, columns: Sequence[str]) -> pa.Table:
        table = self._read(number, columns)
        return self._same(table.num_rows == self._ends[number + 1] - self._ends[number], table)

    def _whole(self, number: int) -> pa.Table:
        table, rows = self._read(number, None), self.span(number)
        stamps = table["ts_event"].cast(pa.int64()).to_numpy()
        closes = to_floats(table["close"], self._instrument.price_precision)
        same = np.array_equal(stamps, self.ts[rows]) and np.array_equal(closes, self.closes[rows])
        return self._same(same, table)

    def _same(self, is_so: bool, table: pa.Table) -> pa.Table:
        if not is_so:
            raise CatalogChanged(
                f"The bars of {self._instrument.id} are others than when the run began to read them: a file of the "
                "catalog was taken away, or replaced otherwise than by an import.",
                "Run it again; `alphapulse check` looks at the catalog.",
            )
        return table


def held_rows(table: pa.Table, instrument: Instrument) -> Rows:
    """A series of which all is in memory, as NautilusTrader's schema has it."""
    ts = table["ts_event"].cast(pa.int64()).to_numpy()
    closes = to_floats(table["close"], instrument.price_precision)
    return Rows(instrument, ts, closes, [0], lambda _, columns: table if columns is None else table.select(columns))


def rows_of_series(
    roots: Roots,
    instrument: Instrument,
    period: Period,
    window: Window,
    as_of: int | None = None,
    recorded_as_of: int | None = None,
) -> Rows:
    """A series' bars of a window; without any where none are held.

    Parameters
    ----------
    as_of, recorded_as_of : int, optional
        What was available, and what was recorded, by then: nanoseconds since 1970, UTC; now unless told.
    """
    found = roots.series(period.bar_type(instrument.id))
    root = found[1] if found else roots

    def read(part: Window, columns: Sequence[str] | None) -> pa.Table:
        return reader.bar_table(root, instrument.id, period, part, as_of, recorded_as_of, columns)

    asked = _stretches(roots, instrument, period, window)
    if len(asked) == 1:
        return held_rows(read(window, None).combine_chunks(), instrument)
    stamps, closes = array("q"), array("d")
    firsts: list[int] = []
    parts: list[Window] = []
    for part in asked:
        table = read(part, ["ts_event", "close"])
        if not table.num_rows:  # all that the files hold of it came later than what is seen
            continue
        parts.append(part)
        firsts.append(len(stamps))
        stamps.frombytes(table["ts_event"].cast(pa.int64()).to_numpy().tobytes())
        closes.frombytes(to_floats(table["close"], instrument.price_precision).tobytes())
    return Rows(
        instrument,
        np.frombuffer(stamps, np.int64),
        np.frombuffer(closes, np.float64),
        firsts,
        lambda number, columns: read(parts[number], columns),
    )


def _stretches(roots: Roots, instrument: Instrument, period: Period, window: Window) -> list[Window]:
    """The windows that a series is read in: one, where all of it is held.

    That is so of few bars; and where they lie in an object store, of which each stretch would be a request of its own.
    """
    files = [] if period.is_session else reader.files_of(roots, instrument.id, period)
    if not all(isinstance(path, Path) for _, path, _ in files):
        return [window]
    groups = list(reader.groups(files, window))
    if sum(rows for rows, _, _ in groups) <= HELD:
        return [window]
    found, start, rows = [], window.start, 0
    for count, _, last in groups[:-1]:
        rows += count
        if rows >= _STRETCH and last < window.end:
            found.append(Window(start, last))
            start, rows = last + 1, 0
    return [*found, Window(start, window.end)]
