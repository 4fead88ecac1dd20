"""How far a run is: a bar in a notebook or a terminal, and what the strategy prints beside it."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.model.run import RunSpec

__all__ = ["Meter"]


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

        from alphapulse_lib.catalog.coverage import held

        period = self._spec.period
        for each in self._spec.instruments:
            for series in held(self._roots, each):
                if str(series.period) == period:
                    first, last = max(series.first, self._spec.start), min(series.last, self._spec.end)
                    whole = max(series.last - series.first, 1)
                    self._rows += int(series.rows * max(last - first, 0) / whole)
                    self._first = min(self._first or first, first)
                    self._last = max(self._last, last)
        self._bar = tqdm(total=self._rows, unit="bar", unit_scale=True, desc="backtest", leave=False)
