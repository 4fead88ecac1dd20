"""Which sessions trades or quotes are held of, against the exchange's calendar; half a session ends at its own close.

A session is held where a tick lies within its hours: after its open, and up to its close. How many there should be
nobody knows. Ticks outside of all hours are counted, and make no session.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from alphapulse_lib import clock
from alphapulse_lib.catalog import ticks
from alphapulse_lib.catalog.coverage import Coverage, table_of
from alphapulse_lib.catalog.parquet import opened, reading, sound, unchanged
from alphapulse_lib.catalog.reader import statistics
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.sessions import Sessions, sessions
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.window import FOREVER, Window

__all__ = ["tick_coverage"]

type Numbers = NDArray[np.int64]


def tick_coverage(
    roots: Roots | PurePath, instrument: Instrument, kind: ticks.Tick, window: Window | None = None
) -> Coverage:
    """Compare the ticks held with the sessions of the instrument's exchange; memory holds the times of one row group.

    Parameters
    ----------
    window : Window, optional
        Where to look; sessions missing at its two ends are gaps too. Unless told, from the first tick to the last.

    Returns
    -------
    Coverage
        Its ``period`` is the kind; ``rows`` and ``bars`` count ticks (of a gap: none are expected). Empty (``rows`` 0)
        where none is held there.
    """
    roots, window = Roots.of(roots), window or Window()
    held = ticks.files_of(roots, kind, instrument.id, window)
    calendar = sessions(instrument.venue.code)
    counts, first, last, rows, begun, ended = unchanged(partial(_counted, [path for _, path in held], window, calendar))
    start = window.start or begun
    end = min(window.end, clock.now_ns()) if window.end != FOREVER else ended
    chosen = slice(np.searchsorted(calendar.closes, start), np.searchsorted(calendar.opens, end, side="right"))
    everywhere = held or ticks.files_of(roots, kind, instrument.id, Window())
    names = {name for name, root in roots.all if everywhere and root == everywhere[0][0]}
    return Coverage(
        instrument_id=instrument.id,
        period=kind,
        root=names.pop() if names else "",
        rows=rows,
        first=begun if rows else None,
        last=ended if rows else None,
        intervals=table_of(_stretches(counts[chosen] > 0, first[chosen], last[chosen], counts[chosen]), _INTERVAL),
        gaps=table_of(_missing(counts[chosen] == 0, calendar[chosen]), _GAP),
        off_session=rows - int(counts.sum()),
    )


def _counted(
    paths: list[PurePath], window: Window, calendar: Sessions
) -> tuple[Numbers, Numbers, Numbers, int, int, int]:
    """How many ticks lie in each session, the first and the last one's moment; then of all of them."""
    counts, first, last = (np.zeros(len(calendar), np.int64) for _ in range(3))
    rows, begun, ended = 0, FOREVER, 0
    for stamps in chain.from_iterable(_moments(path, window) for path in paths):
        rows, begun, ended = rows + len(stamps), min(begun, int(stamps[0])), max(ended, int(stamps[-1]))
        reached = slice(
            np.searchsorted(calendar.closes, stamps[0]), np.searchsorted(calendar.opens, stamps[-1], side="right")
        )
        lows = np.searchsorted(stamps, calendar.opens[reached], side="right")
        highs = np.searchsorted(stamps, calendar.closes[reached], side="right")
        within = np.flatnonzero(highs > lows)
        here = within + reached.start
        first[here] = np.where(counts[here], first[here], stamps[lows[within]])
        last[here] = stamps[highs[within] - 1]
        counts[here] += (highs - lows)[within]
    return counts, first, last, rows, begun, ended


def _moments(path: PurePath, window: Window) -> Iterator[Numbers]:
    """When a file's ticks of a window happened, row group by row group."""
    file = opened(path)
    with reading(path):
        spans = statistics(file, "ts_event")
    for number, (first, last) in enumerate(spans):
        if first <= window.end and last >= window.start:
            with reading(path):
                rows = file.metadata.row_group(number).num_rows
                table = sound(file.read_row_group(number, columns=["ts_event"]), rows)
            stamps = table["ts_event"].cast("int64").to_numpy()
            start, end = np.searchsorted(stamps, window.start), np.searchsorted(stamps, window.end, side="right")
            if start < end:
                yield stamps[start:end]


_INTERVAL = ("first", "last", "bars")
_GAP = ("first", "last", "sessions", "bars")


def _stretches(held: NDArray[np.bool_], first: Numbers, last: Numbers, counts: Numbers) -> list[tuple[int, int, int]]:
    return [(int(first[a]), int(last[b - 1]), int(counts[a:b].sum())) for a, b in _runs(held)]


def _missing(gone: NDArray[np.bool_], calendar: Sessions) -> list[tuple[int, int, int, int]]:
    return [(int(calendar.opens[a]), int(calendar.closes[b - 1]), b - a, 0) for a, b in _runs(gone)]


def _runs(true: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where runs of true begin, and where they have ended."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], true, [False]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
