"""How far a run is: a bar in a notebook or a terminal, and what the strategy prints beside it; a job is told, too."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, TextIO

from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.model.run import RunSpec
from alphapulse_lib.model.window import FOREVER, Window
from alphapulse_lib.session.job import Job

__all__ = ["Meter", "bars_of", "counted", "rows_of", "while_seen"]

#: What a pipe raises whose reader went, and a file that was closed.
_UNSEEN = (OSError, ValueError)


@contextmanager
def while_seen(bar: Any = None) -> Iterator[None]:
    """Leave a bar alone where what takes it is gone, such as a pipe without a reader: what it tells of goes on."""
    try:
        yield
    except _UNSEEN:
        from tqdm.auto import tqdm

        with suppress(RuntimeError):  # its lock, which tqdm lets go of only where it could draw
            tqdm.get_lock().release()
        if bar is not None:
            bar.disable = True  # else it is drawn once more as it is taken apart


def counted[T](coming: Sequence[T], what: str, unit: str, *, shown: bool) -> Iterator[T]:
    """Each of some things, with a bar of how many there were."""
    from tqdm.auto import tqdm

    bar: Any = None
    with while_seen():
        bar = tqdm(total=len(coming), desc=what, unit=unit, disable=not shown, leave=False)
    try:
        for each in coming:
            yield each
            if bar is not None:
                with while_seen(bar):
                    bar.update()
    finally:
        if bar is not None:
            with while_seen(bar):
                bar.close()


class Meter:
    """A progress bar of bars done and time left, shown when a run takes longer than a second.

    Parameters
    ----------
    shown : bool
        Otherwise only what the strategy prints is passed on. A job hears of it in any case.
    """

    def __init__(self, spec: RunSpec, roots: Roots, *, shown: bool) -> None:
        self._spec, self._roots, self._shown = spec, roots, shown
        self._bar: Any = None
        self._first = self._last = self._rows = self._done = 0
        self._job, self._opened, self._heard = Job("bars"), False, True

    def __enter__(self) -> Meter:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._job.forget()
        with self._while_seen():
            if self._bar is not None:
                self._bar.close()

    def at(self, moment: int) -> None:
        """The engine has come to a moment, nanoseconds since 1970."""
        if not (self._shown or self._job.listens):
            return
        if not self._opened:
            self._open()
        share = (moment - self._first) / max(self._last - self._first, 1)
        done = int(min(max(share, 0.0), 1.0) * self._rows)
        if done > self._done:
            with self._while_seen():
                if self._bar is not None:
                    self._bar.update(done - self._done)
            self._done = done
        if self._done:  # also where a bar takes long: what was passed over for its pace is told then
            self._job.tell(self._done, self._rows)

    def finish(self) -> None:
        """All bars are done."""
        with self._while_seen():
            if self._bar is not None:
                self._bar.update(self._rows - self._done)

    def write(self, text: str) -> None:
        """Pass on what the strategy printed, without breaking the bar; nothing where nobody reads it any more."""
        if not self._heard or sys.stdout is None:
            return
        with self._while_seen():
            if self._bar is not None:
                self._bar.clear()
        try:
            sys.stdout.write(_as_taken(text, sys.stdout))
            sys.stdout.flush()
        except _UNSEEN:
            self._heard = False
        with self._while_seen():
            if self._bar is not None:
                self._bar.refresh()

    @contextmanager
    def _while_seen(self) -> Iterator[None]:
        """Do without the bar from here on where what takes it is gone: the run goes on."""
        with while_seen(self._bar):
            yield
            return
        self._bar = None

    def _open(self) -> None:
        self._opened = True
        self._rows, self._first, self._last = bars_of(self._spec, self._roots)
        if not self._shown:
            return
        from tqdm.auto import tqdm

        with self._while_seen():
            self._bar = tqdm(total=self._rows, unit="bar", unit_scale=True, desc="backtest", leave=False)


def _as_taken(text: str, where: TextIO) -> str:
    """A text as a terminal or a file takes it that has not every character."""
    encoding = getattr(where, "encoding", None) or "utf-8"
    return text.encode(encoding, errors="backslashreplace").decode(encoding)


def bars_of(spec: RunSpec, roots: Roots) -> tuple[int, int, int]:
    """How many bars a run will read, about, and the first and last moment of them."""
    from alphapulse_lib.catalog import reader
    from alphapulse_lib.model.period import Period

    period = Period.parse(spec.period)
    bars = begin = end = 0
    for each in spec.instruments:
        for found in map(reader.span, reader.bar_files(roots, each, period)):
            if inside := _inside(found, spec.start, spec.end):
                bars += inside
                begin, end = min(begin or FOREVER, max(found[1], spec.start)), max(end, min(found[2], spec.end))
    return bars, begin, end


def rows_of(spec: RunSpec, roots: Roots) -> int:
    """How many rows a run will read, about: its bars, and the trades and quotes of one that fills on ticks."""
    from alphapulse_lib.catalog import reader, ticks
    from alphapulse_lib.model.period import Period

    bars, first, last = bars_of(spec, roots)
    bars += sum(
        _inside(reader.span(file), first, last)
        for period in spec.also
        for each in spec.instruments
        for file in reader.bar_files(roots, each, Period.parse(period))
    )
    if spec.fill != "ticks":
        return bars
    first -= Period.parse(spec.period).nanoseconds  # they come in while the first bar is made
    window = Window(first, last)
    parts = (ticks.groups(roots, kind, each, window) for each in spec.instruments for kind in ticks.KINDS)
    return bars + sum(_inside(each, first, last) for found in parts for each in found)


def _inside(group: tuple[int, int, int], start: int, end: int) -> int:
    """How many of a file's or a group's rows lie in a window, were they spread evenly over their time."""
    rows, first, last = group
    since, until = max(first, start), min(last, end)
    return max(int(rows * (until - since) / max(last - first, 1)), 1) if rows and since <= until else 0
