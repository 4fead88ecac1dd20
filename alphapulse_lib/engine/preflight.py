"""What is refused before anything runs. Each refusal says what to do; none of them leaves a record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from shlex import join
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from alphapulse_lib.catalog import ticks
from alphapulse_lib.catalog.coverage import no_coverage
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import CoverageGap, NoTicks, UnservedSubscription, WrongStamps
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window

if TYPE_CHECKING:
    from alphapulse_lib.engine.feed import Feed
    from alphapulse_lib.engine.tick_feed import TickSeries

__all__ = ["TOLERATED", "Calendar", "Integers", "about", "day_of", "has_bars", "has_no_gaps", "has_ticks",
           "lies_within", "none_closes", "stamped_at_closes", "too_short"]  # fmt: skip

type Integers = NDArray[np.int64]

#: Missing sessions that are reported and not refused: so many, or this share of all, whichever is more.
TOLERATED = 5
_TOLERATED_SHARE = 0.02
_DAY = 86_400_000_000_000


@dataclass(frozen=True, eq=False)
class Calendar:
    """Opens and closes of a venue's sessions, nanoseconds since 1970, UTC, rising."""

    opens: Integers
    closes: Integers


def has_bars(
    count: int, roots: Roots, instrument: Instrument, period: Period, window: Window, as_of: int | None
) -> None:
    """Refuse a window without bars.

    Raises
    ------
    NoCoverage
        The message says what the catalog holds instead.
    """
    if not count:
        raise no_coverage(roots, instrument, period, window, as_of)


def has_no_gaps(
    ts: Integers,
    known: Callable[[], Calendar],
    instrument: Instrument,
    period: Period,
    gaps: str,
    over: tuple[int, int] | None = None,
) -> str:
    """Refuse a series that lacks sessions (weeks, months) between its first bar and its last.

    Parameters
    ----------
    known : callable
        Gives the venue's calendar, which takes a second the first time.
    gaps : {"refuse", "allow"}
        With ``"allow"`` any number is only reported.
    over : (int, int), optional
        Of bars beside a run's own the first and the last close of those, in place of theirs: a strategy that is told
        of no more days goes by the last that it knows.

    Returns
    -------
    str
        What is missing, for the log; empty when nothing is.

    Raises
    ------
    CoverageGap
        More than five sessions, or one week or month, and more than two per cent of all.
    """
    if period.is_session and period.count > 1:  # nobody knows which sessions those are of
        return ""
    whole = period.unit in ("w", "mo")
    if not (whole or over or instrument.venue.never_closes) and _every_weekday(ts):
        return ""
    calendar = _parts(instrument, period) if whole else known()
    first, last = over or (int(ts[0]), int(ts[-1]))
    inside = (calendar.closes >= first) & ((calendar.closes <= last) if over else (calendar.opens < last))
    opens, closes = calendar.opens[inside], calendar.closes[inside]
    missing = np.searchsorted(ts, opens, side="right") == np.searchsorted(ts, closes, side="right")
    count = int(missing.sum())
    if not count:
        return ""
    days = [_of_bar(each) for each in closes[missing][:5]]
    more = f" and {count - 5} more" if count > 5 else ""
    what = {"w": "weeks", "mo": "months"}.get(period.unit, "sessions")
    told = f"{instrument.symbol} {period} lacks {count:,} of {len(opens):,} {what}: {', '.join(days)}{more}."
    if gaps == "allow" or count <= max(1 if whole else TOLERATED, _TOLERATED_SHARE * len(opens)):
        return told
    raise _gap(
        told, instrument, "bars", str(period), (int(closes[missing][0]), int(closes[missing][-1])), (first, last)
    )


def too_short(feeds: Sequence[Feed], known: Callable[[Instrument], Calendar], period: Period) -> list[Feed]:
    """Those of some series of a run that end before a bar of a longer period closes, as far as the calendar tells."""
    if not period.is_session or period.count > 1:
        return []
    found = []
    for feed in feeds:
        closes = (known(feed.instrument) if period.unit == "d" else _parts(feed.instrument, period)).closes
        if not ((closes >= feed.ts[0]) & (closes <= feed.last)).any():
            found.append(feed)
    return found


def none_closes(feed: Feed, period: Period) -> UnservedSubscription:
    """The error of a run that no bar of a longer period closes in, with one of its series."""
    first, last = (str(np.datetime64(int(each), "ns").astype("M8[m]")) for each in (feed.ts[0], feed.last))
    return UnservedSubscription(
        f"No {period} bar closes while the {feed.period} bars of {feed.instrument.symbol} last, from "
        f"{first.replace('T', ' ')} to {last.replace('T', ' ')} UTC.",
        f"Let the window reach to the close of one, or leave also='{period}' out.",
    )


def lies_within(
    ts: Integers, known: Callable[[], Calendar], instrument: Instrument, period: Period, asked: Window
) -> str:
    """What is held of a window that reaches beyond a series' first bar or its last.

    Parameters
    ----------
    known : callable
        Gives the venue's calendar, as in `has_no_gaps`.
    asked : Window
        As somebody set it, up to the moment that the run knows of; an open end asks for nothing.

    Returns
    -------
    str
        For the log; empty where no session of the window lies outside of the bars.
    """
    if period.is_session and period != Period(1, "d"):
        return ""
    start = asked.start if asked.start > Window().start else int(ts[0])
    end = asked.end if asked.end < Window().end else int(ts[-1])
    beyond = ((start, int(ts[0])), (int(ts[-1]) + _DAY, end + _DAY))
    if not instrument.venue.never_closes and not any(_weekdays(*each) for each in beyond):
        return ""
    calendar = known()
    # A bare date of what never closes begins a nanosecond after its session opens.
    before = (calendar.opens >= start - 1) & (calendar.closes < ts[0])
    after = (calendar.opens >= ts[-1]) & (calendar.closes <= end)
    count = int(before.sum() + after.sum())
    if not count:
        return ""
    return f"from {_of_bar(ts[0])} to {_of_bar(ts[-1])}, without {count:,} session{'s' if count > 1 else ''}"


def has_ticks(series: Sequence[TickSeries], roots: Roots, feed: Feed, first: int, gaps: str) -> list[str]:
    """Refuse a run on ticks that lacks them for a part of its bars' sessions.

    Parameters
    ----------
    series : sequence of TickSeries
        What is held.
    first : int
        When the first bar opened.
    gaps : {"refuse", "allow"}
        As in `has_no_gaps`; counted are the sessions without trades and without quotes, whichever lacks fewer.

    Returns
    -------
    list of str
        What is missing, for the log.

    Raises
    ------
    NoTicks
        There are none.
    CoverageGap
        More than five sessions and more than two per cent of all.
    """
    from alphapulse_lib.catalog.sessions import sessions
    from alphapulse_lib.catalog.tick_coverage import tick_coverage

    instrument, window = feed.instrument, Window(first, feed.last)
    if not series:
        held = [(kind, *ticks.held(roots, kind, instrument.id)) for kind in ticks.KINDS]
        told = "; ".join(f"its {kind} reach from {day_of(a)} to {day_of(b)}" for kind, rows, a, b in held if rows)
        raise NoTicks(
            f"No trades and no quotes of {instrument.id} are held between {day_of(first)} and {day_of(feed.last)}, "
            f"which fill='ticks' fills orders at{f': {told}' if told else ''}.",
            "Import them, or run with another fill convention.",
        )
    known = sessions(instrument.venue.code)
    count = int(((known.closes > window.start) & (known.opens < window.end)).sum())
    missing = {}
    for each in series:
        gone = tick_coverage(roots, instrument, each.kind, window).gaps
        ends = [gone[name].cast("int64").to_pylist() for name in ("first", "last")]
        missing[each.kind] = (sum(gone["sessions"].to_pylist()), ends[0][:1], max(ends[1], default=0))
    lines = {
        kind: f"The {kind} of {instrument.id} lack {lacking:,} of {count:,} sessions, "
        f"the first that of {day_of(at[0])}."
        for kind, (lacking, at, _) in missing.items()
        if lacking
    }
    least = min(missing, key=lambda kind: missing[kind][0])
    if gaps != "allow" and missing[least][0] > max(TOLERATED, _TOLERATED_SHARE * count):
        raise _gap(
            lines[least], instrument, least, "", (missing[least][1][0], missing[least][2]), (int(feed.ts[0]), feed.last)
        )
    return list(lines.values())


def stamped_at_closes(ts: Integers, known: Callable[[], Calendar], instrument: Instrument, period: Period) -> None:
    """Refuse bars of sessions that are not stamped at a session's close, and bars out of order.

    Raises
    ------
    WrongStamps
        Most are not. Bars at midnight or at the open would be traded on before they were known.
    """
    name = f"{instrument.symbol} {period}"
    if len(ts) > 1 and (ts[1:] <= ts[:-1]).any():
        raise WrongStamps(
            f"The {name} bars are not in rising order of time.",
            "`alphapulse check` says where, `alphapulse check --repair` puts them in order.",
        )
    if not period.is_session:
        return
    calendar = known()
    place = np.minimum(np.searchsorted(calendar.closes, ts), len(calendar.closes) - 1)
    right = calendar.closes[place] == ts
    if right.mean() >= 0.5:
        return
    midnight = (ts % _DAY == 0).mean() > 0.5
    at_open = np.isin(ts, calendar.opens).mean() > 0.5
    seen = "at midnight" if midnight else "at the session's open" if at_open else "at no session's close"
    raise WrongStamps(
        f"The {name} bars are stamped {seen}, so their prices would be known before they were made.",
        "Take the import back with ap.revert and import the file again with stamps='session'.",
        about(instrument, period, ts),
    )


def _gap(
    told: str, instrument: Instrument, kind: str, period: str, ends: tuple[int, int], over: tuple[int, int]
) -> CoverageGap:
    """The error of missing sessions: when the first one and the last one closed, and which bars of the run's did."""
    words = ["alphapulse", "coverage", instrument.id, period or kind]
    listed = join([*words, "--start", day_of(over[0] - 1), "--end", day_of(over[1] - 1)])
    return CoverageGap(
        told,
        f"`{listed}` lists them. Import what is missing, narrow the window, or run with gaps='allow'.",
        {"instrument": instrument.id, "kind": kind, "first": ends[0], "last": ends[1]}
        | ({"period": period} if period else {}),
    )


def about(instrument: Instrument, period: Period, ts: Integers) -> dict[str, Any]:
    """What a command that mends a series needs to know of it."""
    return {"instrument": instrument.id, "period": str(period), "first": int(ts[0]), "last": int(ts[-1])}


def _parts(instrument: Instrument, period: Period) -> Calendar:
    """The weeks or months of a venue, each from its first session's open to its last one's close."""
    from alphapulse_lib.catalog.sessions import sessions

    every = sessions(instrument.venue.code)
    last = np.unique(every.last_of(period))
    return Calendar(every.opens[np.append(0, last[:-1] + 1)], every.closes[last])


def _every_weekday(ts: Integers) -> bool:
    """Whether there is a bar on every weekday from first to last: then no gap is left where weekends have no session,
    and no calendar is needed to find one.
    """
    days = np.arange(ts[0] // _DAY, ts[-1] // _DAY + 1)
    bars = np.diff(np.searchsorted(ts, np.append(days, days[-1] + 1) * _DAY))
    held = days[bars > 0].astype("datetime64[D]")
    return bool(np.busday_count(held[0], held[-1]) + 1 <= np.is_busday(held).sum())


def _weekdays(start: int, end: int) -> int:
    """How many weekdays begin in between: where there is none, no calendar is needed to find a session."""
    first, last = (np.datetime64(each // _DAY, "D") for each in (start, end))
    return int(np.busday_count(first, last))


def day_of(moment: int, zone: str = "UTC") -> str:
    """The day of a moment in words, of a zone: a day that begins at midnight in Tokyo is the one before in UTC."""
    return f"{datetime.fromtimestamp(moment // 10**9, ZoneInfo(zone)):%Y-%m-%d}"


def _of_bar(close: int) -> str:
    """The day of a bar in words: one that closes at midnight is of the day that ends then."""
    return day_of(int(close) - 1)
