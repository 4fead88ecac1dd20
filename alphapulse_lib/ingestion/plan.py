"""What is to be asked of a vendor: what a window lacks, cut so that each answer fits in memory and is written whole.

Missing is what the exchange's calendar expects, what is not held, and what was not asked before: a vendor that was
asked for a minute and had no trade in it is not asked again. Only what is final is asked for. Requests end where a file
of the catalog ends (minutes: a calendar year; days: never), and tickers that lack the same window share a request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from alphapulse_lib.catalog.coverage import coverage
from alphapulse_lib.catalog.layout import partition_of
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.model.instrument import Instrument, venue
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window
from alphapulse_lib.providers.contract import Fetch, Kind, Vendor

__all__ = ["Asked", "Plan", "lacking", "planned"]

_DAY = 86_400_000_000_000
#: Rows that one request may bring: what is held in memory at a time.
_MOST_ROWS = 300_000
_MOST_SYMBOLS = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """A window of a kind that a vendor was asked for, wholly answered and kept."""

    kind: str
    period: str
    window: Window


@dataclass(frozen=True, slots=True)
class Plan:
    """What an ingest would ask for; nothing was asked.

    Attributes
    ----------
    provider : str
        The vendor.
    calls, rows, bytes : int
        What all of it would cost, as the vendor reckons from above.
    instruments : pyarrow.Table
        A row an instrument and kind: ``instrument_id``, ``kind``, ``period``, ``first`` and ``last`` (nanoseconds of
        UTC), ``rows``, ``bytes``, and ``calls`` if it were asked for alone.
    """

    provider: str
    calls: int
    rows: int
    bytes: int
    instruments: pa.Table

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return plain | {"instruments": self.instruments.to_pylist()}

    def __str__(self) -> str:
        size = f"{self.bytes / 1e6:,.1f} MB"
        lines = [f"{self.provider} would be asked {self.calls:,} times for up to {self.rows:,} rows, {size}."]
        lines += [
            f"  {row['instrument_id']} {row['period'] or row['kind']}: {row['calls']:,} calls, {row['rows']:,} rows, "
            f"{row['bytes'] / 1e6:,.1f} MB, {' to '.join(_days(row))}"
            for row in self.instruments.slice(0, 20).to_pylist()
        ]
        more = self.instruments.num_rows - 20
        return "\n".join([*lines, f"  and {more:,} more."] if more > 0 else lines)

    __repr__ = __str__


def lacking(
    roots: Roots, instrument: Instrument, kind: Kind, period: Period | None, window: Window, asked: Iterable[Asked]
) -> list[Window]:
    """The windows that a series lacks.

    Parameters
    ----------
    window : Window
        What is wanted, and final.
    asked : iterable of Asked
        What this vendor was asked for already.
    """
    known = [each.window for each in asked if each.kind == kind and each.period == str(period or "")]
    missing = _without([window], known)
    if kind != "bars" or period is None:
        return missing
    held = coverage(roots, instrument, period, window)
    if held.first is not None and held.last is not None:
        inner = Window(held.first, held.last)
        gaps = zip(*(held.gaps[name].cast(pa.int64()).to_pylist() for name in ("first", "last")), strict=True)
        holes = [Window(max(first, inner.start), min(last, inner.end)) for first, last in gaps]
        around = _without([window], [inner])
        wanted = [*around, *(each for each in holes if each.start <= each.end)]
        missing = [part for each in sorted(wanted, key=lambda one: one.start) for part in _within(missing, each)]
    return [each for each in missing if _expects(instrument, period, each)]


def planned(vendor: Vendor, missing: Mapping[str, list[Window]], kind: Kind, period: Period | None,
            feed: str | None) -> Iterator[Fetch]:  # fmt: skip
    """The requests for what each ticker lacks, in the order of time for each ticker.

    Parameters
    ----------
    missing : mapping of str to list of Window
        By the vendor's ticker.
    """
    groups: dict[tuple[int, int], list[str]] = {}
    for symbol, windows in missing.items():
        for part in (part for each in windows for part in _partitions(each, kind, period)):
            groups.setdefault((part.start, part.end), []).append(symbol)
    for (start, end), symbols in sorted(groups.items()):
        told = str(period) if period else None
        one = vendor.estimate(Fetch(kind, (symbols[0],), Window(start, end), told, feed))
        size = min(_MOST_SYMBOLS, max(1, _MOST_ROWS // max(1, one.rows)))
        for chosen in batched(symbols, size, strict=False):
            yield Fetch(kind, chosen, Window(start, end), told, feed)


def _partitions(window: Window, kind: Kind, period: Period | None) -> Iterator[Window]:
    """A window in parts that each lie within one file of the catalog; of ticks within a day."""
    if kind in ("trades", "quotes"):
        for start in range(window.start, window.end + 1, _DAY):
            yield Window(start, min(start + _DAY - 1, window.end))
        return
    if period is None or period.is_session:
        yield window
        return
    first, last = (int(np.datetime64(end, "ns").astype("M8[Y]").astype(int)) for end in (window.start, window.end))
    for year in range(1970 + first, 1971 + last):
        bounds = partition_of(period, year)
        yield Window(max(bounds.start, window.start), min(bounds.end, window.end))


def _without(windows: Sequence[Window], known: Iterable[Window]) -> list[Window]:
    """The windows less those that are known."""
    left = list(windows)
    for gone in known:
        cut = []
        for each in left:
            if gone.end < each.start or gone.start > each.end:
                cut.append(each)
                continue
            if each.start < gone.start:
                cut.append(Window(each.start, gone.start - 1))
            if each.end > gone.end:
                cut.append(Window(gone.end + 1, each.end))
        left = cut
    return left


def _within(windows: Iterable[Window], bounds: Window) -> list[Window]:
    return [Window(max(each.start, bounds.start), min(each.end, bounds.end)) for each in windows
           if each.start <= bounds.end and each.end >= bounds.start]  # fmt: skip


def _expects(instrument: Instrument, period: Period, window: Window) -> bool:
    """Whether the calendar has anything to ask for: a session's close, or of minutes a session's day."""
    known = sessions(instrument.venue.code)
    if period.is_session:
        return len(known.closing_between(window.start, window.end)) > 0
    night = 10 * 3_600_000_000_000  # Trading before the open and after the close belongs to the session's day.
    following = int(np.searchsorted(known.closes + night, window.start))
    return following < len(known) and int(known.opens[following]) - night <= window.end


def _days(row: Mapping[str, Any]) -> list[str]:
    """The first day and the last, by the clock of the exchange: its day ends when UTC's next one has begun.

    What closes at the last one's end, at midnight, is of that day.
    """
    zone = ZoneInfo(venue(row["instrument_id"].rpartition(".")[2]).timezone)
    return [f"{datetime.fromtimestamp(each // 10**9, zone):%Y-%m-%d}" for each in (row["first"], row["last"] - 1)]
