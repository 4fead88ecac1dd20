"""How far a run is: a bar in a notebook or a terminal, and what the strategy prints beside it."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.model.run import RunSpec

__all__ = ["Meter", "bars_of"]


class Meter:
    """A progress bar of bars done and time left, shown when a run takes longer than a second.

    Parameters
    ----------
    shown : bool
        Otherwise only what the strategy prints is passed on.
    """

    def __init__(self, spec: RunSpec, roots: Roots, *, shown: bool) -> None:
        self._spec, self._roots, self._shown = spec, roots, shown
        self._bar: Any = None
        self._first = self._last = self._rows = 0

    def __enter__(self) -> Meter:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def at(self, moment: int) -> None:
        """The engine has come to a moment, nanoseconds since 1970."""
        if not self._shown:
            return
        if self._bar is None:
            self._open()
        share = (moment - self._first) / max(self._last - self._first, 1)
        done = int(min(max(share, 0.0), 1.0) * self._rows)
        if done > self._bar.n:
            self._bar.update(done - self._bar.n)

    def finish(self) -> None:
        """All bars are done."""
        if self._bar is not None:
            self._bar.update(self._rows - self._bar.n)

    def write(self, text: str) -> None:
        """Pass on what the strategy printed, without breaking the bar."""
        if self._bar is not None:
            self._bar.clear()
        sys.stdout.write(text)
        sys.stdout.flush()
        if self._bar is not None:
            self._bar.refresh()

    def _open(self) -> None:
        from tqdm.auto import tqdm

        self._rows, self._first, self._last = bars_of(self._spec, self._roots)
        self._bar = tqdm(total=self._rows, unit="bar", unit_scale=True, desc="backtest", leave=False)


def bars_of(spec: RunSpec, roots: Roots) -> tuple[int, int, int]:
    """How many bars a run will read, about, and the first and last moment of them."""
    from alphapulse_lib.catalog import reader
    from alphapulse_lib.model.period import Period

    period = Period.parse(spec.period)
    bars = begin = end = 0
    for each in spec.instruments:
        for rows, first, last in map(reader.span, reader.bar_files(roots, each, period)):
            since, until = max(first, spec.start), min(last, spec.end)
            if rows and since <= until:
                bars += max(int(rows * (until - since) / max(last - first, 1)), 1)
                begin, end = min(begin or since, since), max(end, until)
    return bars, begin, end
