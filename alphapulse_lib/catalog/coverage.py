"""What is held of a series, and what is missing against its exchange's calendar.

Daily bars: every session should have one, stamped with its close. Weekly and monthly bars: one stamped with the close
of the last session. Intraday bars: inside a session's hours no stretch longer than half an hour (or two bars, for
periods longer than a quarter of an hour) should pass without one; a quiet name may well trade less often than every
minute. Bars outside the sessions' hours, as before the open and after the close, are counted but never missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import PurePath
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alphapulse_lib import clock
from alphapulse_lib.catalog import layout, reader, storage
from alphapulse_lib.catalog.parquet import opened
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.schemas import TIME
from alphapulse_lib.catalog.sessions import Sessions, sessions
from alphapulse_lib.errors import NoCoverage
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import FOREVER, Window

__all__ = ["Coverage", "Held", "Holdings", "coverage", "held", "held_in_words", "no_coverage", "table_of"]

type Stamps = NDArray[np.int64]
#: First and last moment, whole sessions missing, bars missing.
type Gap = tuple[int, int, int, int]

_HALF_HOUR = 30 * 60 * 10**9


@dataclass(frozen=True, slots=True)
class Held:
    """How much of one series is held; ``first`` and ``last`` are nanoseconds since 1970, UTC."""

    period: Period
    root: str
    rows: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is held of a series within a window, and what is missing.

    Attributes
    ----------
    root : str
        ``"team"`` or ``"personal"``; empty when nothing is held.
    rows : int
        Bars in the window.
    first, last : int or None
        The first and the last bar's ``ts``, nanoseconds since 1970, UTC.
    intervals : pa.Table
        Stretches without a gap: ``first``, ``last`` (bars' ``ts``), ``bars``.
    gaps : pa.Table
        What is missing: ``first``, ``last`` (for daily bars the ``ts`` missing, for intraday ones the ends of the
        stretch), ``sessions`` missing as a whole, and the ``bars`` a full market would have had there.
    off_session : int
        Bars whose ``ts`` no session explains: daily ones that no session closes at, intraday ones outside of hours.
    """

    instrument_id: str
    period: Period | str
    root: str
    rows: int
    first: int | None
    last: int | None
    intervals: pa.Table = field(repr=False)
    gaps: pa.Table = field(repr=False)
    off_session: int = 0

    @property
    def complete(self) -> bool:
        """Whether something is held and nothing is missing."""
        return self.rows > 0 and self.gaps.num_rows == 0


def coverage(
    roots: Roots | PurePath, instrument: Instrument, period: Period | str, window: Window | None = None
) -> Coverage:
    """Compare the bars held with the calendar of the instrument's exchange.

    Parameters
    ----------
    window : Window, optional
        Where to look; sessions missing at its two ends are gaps too. Unless told, from the first bar to the last.

    Returns
    -------
    Coverage
        Empty (``rows`` 0) where the series is not held at all; of a window within a gap, only the gap.
    """
    roots, period = Roots.of(roots), Period.parse(period)
    found = roots.series(period.bar_type(instrument.id))
    table = reader.bar_table(roots, instrument.id, period, window, columns=["ts_event"])
    stamps = table["ts_event"].cast(pa.int64()).to_numpy()
    asked = _asked(stamps, window)
    gaps: list[Gap] = []
    off = 0
    if asked:
        measure = _session_gaps if period.is_session else _intraday_gaps
        gaps, off = measure(stamps, sessions(instrument.venue.code), period, asked)
    return Coverage(
        instrument_id=instrument.id,
        period=period,
        root=found[0] if found else "",
        rows=len(stamps),
        first=int(stamps[0]) if len(stamps) else None,
        last=int(stamps[-1]) if len(stamps) else None,
        intervals=_intervals(stamps, gaps),
        gaps=table_of(gaps, ("first", "last", "sessions", "bars")),
        off_session=off,
    )


def held(roots: Roots | PurePath, instrument_id: str) -> list[Held]:
    """What is held of an instrument, by period, from the files' statistics alone."""
    roots = Roots.of(roots)
    result = []
    for period in reader.periods(roots, instrument_id):
        found = roots.series(period.bar_type(instrument_id))
        if found:
            result += _measured(period, found[0], reader.bar_files(roots, instrument_id, period))
    return result


class Holdings:
    """What is held of every instrument, from one look at which files there are.

    Parameters
    ----------
    roots : Roots or PurePath
        Of a series that both roots hold, the person's own counts.
    """

    def __init__(self, roots: Roots | PurePath) -> None:
        self._series: dict[str, list[tuple[Period, str, list[PurePath]]]] = {}
        for bar_type, name, _, paths in Roots.of(roots).all_series():
            folder = bar_type.rsplit("-", 4)[0]
            self._series.setdefault(folder, []).append((Period.of_bar_type(bar_type), name, paths))

    def held(self, instrument_id: str) -> list[Held]:
        """What is held of an instrument, by period, from the files' statistics alone."""
        series = self._series.get(instrument_id.replace("/", ""), [])
        ordered = sorted(series, key=lambda each: each[0].nanoseconds)
        return [found for each in ordered for found in _measured(*each)]


def _measured(period: Period, root: str, paths: Sequence[PurePath]) -> list[Held]:
    """How much the files of a series hold; nothing where they hold no row."""
    spans = [reader.span(path) for path in paths]
    rows = sum(each[0] for each in spans)
    return [Held(period, root, rows, min(e[1] for e in spans), max(e[2] for e in spans))] if rows else []


def no_coverage(
    roots: Roots | PurePath,
    instrument: Instrument,
    period: Period,
    window: Window,
    as_of: int | None = None,
    recorded_as_of: int | None = None,
) -> NoCoverage:
    """The error for a window that holds no bars: it says what is held, and since when."""
    zone = instrument.venue.timezone
    asked = "" if window == Window() else f" from {_told(window.start, zone)} to {_told(window.end, zone, end=True)}"
    known = "" if as_of is None else f" that was known at {_told(as_of, zone)}"
    if recorded_as_of is None:
        had = held_in_words(roots, instrument)
        first = _first_recorded(Roots.of(roots), instrument, period)
        if first is not None and first > (now := clock.now_ns()):
            had += (
                f" But the first of them was recorded {(first - now) // 10**9 + 1:,} s from now, by the clock of who "
                "imported it: of that and this machine's one is wrong. Nothing is read before it was recorded."
            )
        elif as_of is None and (later := _first_to_come(roots, instrument, period, window)) is not None:
            had += (
                f" But the first of them there is known from {_told(later, zone)} on, which is yet to come: its date, "
                "or this machine's clock, is wrong. Nothing is read before it could be known."
            )
        return NoCoverage(f"No {period} bar of {instrument.id}{asked}{known}.", had)
    then = f"{known} and" if known else " that"
    told = f"No {period} bar of {instrument.id}{asked}{then} this catalog held by {_told(recorded_as_of, zone)}."
    first = _first_recorded(Roots.of(roots), instrument, period)
    since = f"The first of them was recorded on {_told(first, zone)}." if first is not None else ""
    advice = "What could be known at a day, whenever it was imported, is asked for by as_of."
    return NoCoverage(told, " ".join((held_in_words(roots, instrument), since, advice)).replace("  ", " "))


def _first_recorded(roots: Roots, instrument: Instrument, period: Period) -> int | None:
    """When the catalog learned the first of a series' bars, of superseded ones too; ``None`` where it has none."""
    found = roots.series(period.bar_type(instrument.id))
    if found is None:
        return None
    paths = reader.bar_files(roots, instrument.id, period)
    every = [*paths, *(old for path in paths if storage.exists(old := layout.superseded(found[1], path)))]
    spans = [span for path in every for span in reader.statistics(opened(path, rows=False), "recorded_at")]
    return min((first for first, _ in spans), default=None)


def _first_to_come(roots: Roots | PurePath, instrument: Instrument, period: Period, window: Window) -> int | None:
    """From when on the first bar of a window is known, of those that are held and not known yet."""
    rows = reader.bar_table(roots, instrument.id, period, window, FOREVER - 1, columns=["available_at"])
    first: int | None = pc.min(rows["available_at"].cast(pa.int64())).as_py()
    return first


def held_in_words(roots: Roots | PurePath, instrument: Instrument) -> str:
    """Which bars of an instrument are held, in a sentence."""
    zone = instrument.venue.timezone
    had = [
        f"{each.period} from {_bar_day(each.first, zone)} to {_bar_day(each.last, zone)} ({each.rows:,} bars)"
        for each in held(roots, instrument.id)
    ]
    return f"Held of {instrument.id}: {'; '.join(had)}." if had else f"No bars of {instrument.id} are held at all."


def _asked(stamps: Stamps, window: Window | None) -> Window | None:
    """The stretch in which bars are expected: the window's ends as far as they are set, else the bars' own."""
    start = window.start if window and window.start else None
    end = min(window.end, clock.now_ns()) if window and window.end != FOREVER else None
    if len(stamps):
        start = int(stamps[0]) if start is None else start
        end = int(stamps[-1]) if end is None else end
    return None if start is None or end is None or start > end else Window(start, end)


def _session_gaps(stamps: Stamps, calendar: Sessions, period: Period, asked: Window) -> tuple[list[Gap], int]:
    if period.count > 1:
        return [], 0
    expected = calendar.closing_between(asked.start, asked.end)
    if period.unit != "d":
        expected = calendar[np.unique(calendar.last_of(period))].closing_between(asked.start, asked.end)
    off = int((~np.isin(stamps, calendar.closes)).sum())
    missing = np.flatnonzero(~np.isin(expected.closes, stamps))
    if not len(missing):
        return [], off
    starts = np.flatnonzero(np.append(True, np.diff(missing) > 1))
    ends = np.append(starts[1:], len(missing)) - 1
    return [
        (int(expected.closes[missing[a]]), int(expected.closes[missing[b]]), int(b - a + 1), int(b - a + 1))
        for a, b in zip(starts, ends, strict=True)
    ], off


def _intraday_gaps(stamps: Stamps, calendar: Sessions, period: Period, asked: Window) -> tuple[list[Gap], int]:
    first = np.searchsorted(calendar.closes, asked.start, side="right")
    chosen = calendar[first : np.searchsorted(calendar.opens, asked.end)]
    if not len(chosen):
        return [], len(stamps)
    place = np.searchsorted(chosen.closes, stamps)
    regular = stamps[(place < len(chosen)) & (stamps > chosen.opens[np.minimum(place, len(chosen) - 1)])]
    opens, closes = np.maximum(chosen.opens, asked.start), np.minimum(chosen.closes, asked.end)
    marks = np.concatenate([opens, regular, closes])
    kinds = np.repeat(np.array([0, 1, 2]), [len(opens), len(regular), len(closes)])
    # At one moment an earlier session's close comes before the next one's open, as where markets never shut.
    order = np.lexsort((np.where(kinds == 0, 3, kinds), marks))
    marks, kinds = marks[order], kinds[order]
    limit = max(_HALF_HOUR, 2 * period.nanoseconds)
    holes = np.flatnonzero((kinds[:-1] != 2) & (np.diff(marks) > limit))
    gaps: list[Gap] = []
    for at in holes:
        whole = int(kinds[at] == 0 and kinds[at + 1] == 2)
        bars = int(marks[at + 1] - marks[at]) // period.nanoseconds - int(kinds[at + 1] == 1)
        one = (int(marks[at]), int(marks[at + 1]), whole, bars)
        gaps = _joined(gaps, one, regular)
    return gaps, len(stamps) - len(regular)


def _joined(gaps: list[Gap], one: Gap, regular: Stamps) -> list[Gap]:
    """Missing sessions that follow each other are one gap."""
    if gaps and one[2] and gaps[-1][2]:
        before = gaps[-1]
        if np.searchsorted(regular, before[1], side="right") == np.searchsorted(regular, one[0], side="right"):
            return [*gaps[:-1], (before[0], one[1], before[2] + one[2], before[3] + one[3])]
    return [*gaps, one]


def _intervals(stamps: Stamps, gaps: list[Gap]) -> pa.Table:
    if not len(stamps):
        return table_of([], ("first", "last", "bars"))
    # A bar stamped with a gap's very start (the last one before the hole) belongs to what came before it.
    cuts = np.unique([0, *(int(np.searchsorted(stamps, (gap[0] + gap[1]) // 2)) for gap in gaps), len(stamps)])
    return table_of(
        [(int(stamps[a]), int(stamps[b - 1]), int(b - a)) for a, b in pairwise(cuts)],
        ("first", "last", "bars"),
    )


def table_of(rows: Sequence[tuple[int, ...]], names: tuple[str, ...]) -> pa.Table:
    """Rows of whole numbers under names; ``first`` and ``last`` are moments."""
    columns = [[row[number] for row in rows] for number in range(len(names))]
    kinds = [TIME if name in ("first", "last") else pa.int64() for name in names]
    return pa.table({n: pa.array(c, pa.int64()).cast(k) for n, c, k in zip(names, columns, kinds, strict=True)})


def _bar_day(close: int, zone: str) -> str:
    """The day of a bar: one that closes at midnight is of the day that ends then."""
    return _told(close, zone, end=True)[:10]


def _told(nanoseconds: int, zone: str, *, end: bool = False) -> str:
    """A moment for a message, in the exchange's zone; the day alone at its two ends, midnight being one of both."""
    if nanoseconds == 0:
        return "the beginning"
    if nanoseconds >= FOREVER:
        return "the end"
    local = datetime.fromtimestamp(nanoseconds // 10**9, UTC).astimezone(ZoneInfo(zone))
    if end and local.time() == time():
        local -= timedelta(seconds=1)
    return f"{local:%Y-%m-%d}" if local.time() in (time(), time(23, 59, 59)) else f"{local:%Y-%m-%d %H:%M}"
