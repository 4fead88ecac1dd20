"""What a run reads, looked at by preflight: its bars, what happened to its instruments, its news."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from alphapulse_lib import clock
from alphapulse_lib.catalog import actions
from alphapulse_lib.engine import availability, benchmark, preflight
from alphapulse_lib.engine.agreement import agree
from alphapulse_lib.engine.as_traded import is_as_traded, unfollowed
from alphapulse_lib.engine.availability import late, told_when_known
from alphapulse_lib.engine.distributions import Distribution, delisting, distributions
from alphapulse_lib.engine.feed import Feed, Integers, forward
from alphapulse_lib.engine.preflight import Calendar
from alphapulse_lib.engine.request import BENCHMARK, Request
from alphapulse_lib.engine.rows import Rows, rows_of_series
from alphapulse_lib.engine.tick_feed import TickSeries, tick_series
from alphapulse_lib.engine.volume_prices import VolumePrices, volume_prices
from alphapulse_lib.ingestion.records import adjusted_series
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import FOREVER, Window, moment_ns
from alphapulse_lib.query import facts
from alphapulse_lib.query.benchmark import benchmark_of

__all__ = ["Data", "calendar_of", "load", "opens"]

#: Decimals of prices in units of the first day: enough for what a 3:2 or a 1:50 split makes of a traded price.
_SPLIT_PRECISION = 8


@dataclass(frozen=True, eq=False)
class Data:
    """What a run reads, which many runs may share.

    Attributes
    ----------
    events : list of CustomData
        News and scores.
    warnings : list of str
        What preflight let pass.
    facts : list of dict
        What was read besides the bars, as the record keeps it: corporate actions, news and their scores.
    series : list of dict
        What was read, as the record keeps it; empty where it is not known yet.
    weighted : dict
        Of each instrument's id, the volume-weighted prices of its bars, where orders fill at them.
    benchmark : pyarrow.Table
        ``ts``, ``close`` of what the spec names; without rows where it names nothing.
    ticks : dict
        Of each instrument's id, its trades and quotes, where orders fill at them.
    also : list of Feed
        Longer bars, which the strategy is told of besides.
    """

    feeds: list[Feed]
    events: list[Any]
    warnings: list[str]
    facts: list[dict[str, Any]]
    series: list[dict[str, Any]] = field(default_factory=list)
    weighted: dict[str, VolumePrices] = field(default_factory=dict)
    benchmark: pa.Table = field(default_factory=BENCHMARK.empty_table)
    ticks: dict[str, tuple[TickSeries, ...]] = field(default_factory=dict)
    also: list[Feed] = field(default_factory=list)

    def described(self) -> list[dict[str, Any]]:
        """What was read, series by series."""
        if self.series:
            return self.series
        finer = [asdict(each.source) for each in self.weighted.values()]
        bars = [_series(each) for each in (*self.feeds, *self.also)]
        return bars + finer + [each.described() for each in self._tick_series]

    def told(self) -> list[str]:
        """What the log says of the data, once they are described."""
        weighed = [each.told for each in self.weighted.values()]
        return [*weighed, *(line for each in self._tick_series for line in each.told), *self.warnings]

    def known(self) -> str:
        """A digest of when those are told, or paid, that could be known later than they happened; empty where none is.

        Figures, and so fingerprints, may be the same of two that differ in it.
        """
        acts = {feed.instrument.id: (*feed.distributions, feed.delisting) for feed in self.feeds}
        paid = {
            name: [(each.kind, each.entitled, each.paid) for each in every if each and each.paid != each.entitled]
            for name, every in acts.items()
        }
        bars = {each.bar_type: each.due.tobytes() for each in (*self.feeds, *self.also) if each.due is not None}
        late = sorted(bars.items()), sorted((name, each) for name, each in paid.items() if each)
        return hashlib.sha256(repr(late).encode()).hexdigest()[:16] if any(late) else ""

    @property
    def _tick_series(self) -> list[TickSeries]:
        return [each for series in self.ticks.values() for each in series]


def load(request: Request, scores: pa.Table | None) -> Data:
    """What a run reads, looked at by preflight.

    Parameters
    ----------
    scores : pyarrow.Table, optional
        Those of the spec's scorer, for a run with news.

    Raises
    ------
    PreflightError
        There are no bars, or not such as a run may be believed on.
    """
    if request.moment:
        clock.stop(request.moment)
    warnings: list[str] = []
    feeds = [_feed(request, each, warnings) for each in request.instruments]
    known_late = [late(request.roots, request.spec, each, opens(request, each)) for each in feeds]
    warnings += availability.told([each for each in known_late if each], request.spec.fill)
    feeds = [each.feed if each else feed for feed, each in zip(feeds, known_late, strict=True)]
    also = [longer for period in request.spec.also for longer in _longer(request, feeds, period, warnings)]
    acts, (heard, events) = facts.actions_of(request.roots, request.spec), _events(request, feeds, scores)
    against, closes = _benchmark(request, feeds, warnings)
    told = [*acts, *heard, *against]
    weighted, ticks = _weighted(request, feeds), _ticks(request, feeds, warnings)
    warnings += _partly_held(request, feeds)
    return Data(feeds, events, warnings, told, weighted=weighted, benchmark=closes, ticks=ticks, also=also)


def _partly_held(request: Request, feeds: list[Feed]) -> list[str]:
    """One line of the series that do not fill the window that was asked for; one that was delisted ends by right."""
    spec, now = request.spec, request.moment or clock.now_ns()
    known = min(now, now if spec.as_of is None else spec.as_of)
    told = []
    for feed in feeds:
        end = spec.end if spec.end == FOREVER else min(spec.end, known)
        asked = Window(spec.start, feed.last if feed.delisting else end)
        calendar = partial(_calendar, request, feed.instrument)
        if held := preflight.lies_within(feed.ts, calendar, feed.instrument, feed.period, asked):
            told.append(f"{feed.instrument.symbol} {held}")
    if not told:
        return []
    more = f" and {len(told) - 5} more" if len(told) > 5 else ""
    return [f"Not the whole window is held: {feeds[0].period} of {', '.join(told[:5])}{more}."]


def _ticks(request: Request, feeds: list[Feed], warnings: list[str]) -> dict[str, tuple[TickSeries, ...]]:
    spec, found = request.spec, {}
    for feed in feeds if spec.fill == "ticks" else ():
        first = int(feed.opens(opens(request, feed))[0])
        series = tick_series(request.roots, feed, first, spec.as_of, spec.recorded_as_of)
        warnings += preflight.has_ticks(series, request.roots, feed, first, request.gaps)
        found[feed.instrument.id] = series
    return found


def _benchmark(request: Request, feeds: list[Feed], warnings: list[str]) -> tuple[list[dict[str, Any]], pa.Table]:
    """What the run is held against by name: what was read, and its closes. No probe measures anything."""
    spec = request.spec
    if not spec.benchmark or request.future:
        return [], BENCHMARK.empty_table()
    closes = benchmark.closes(
        request.roots, spec, _whole(feeds), lambda each: _calendar(request, each), request.gaps, warnings
    )
    return [benchmark_of(request.roots, spec, closes)], closes


def _weighted(request: Request, feeds: list[Feed]) -> dict[str, VolumePrices]:
    spec = request.spec
    if spec.fill != "vwap":
        return {}
    return {
        feed.instrument.id: volume_prices(
            request.roots, feed, feed.opens(opens(request, feed)), spec.as_of, spec.recorded_as_of
        )
        for feed in feeds
    }


def opens(request: Request, feed: Feed) -> Integers:
    """The opens of the sessions of a feed's venue, where its bars are made of sessions."""
    return _calendar(request, feed.instrument).opens if feed.period.is_session else np.empty(0, np.int64)


def _longer(request: Request, feeds: list[Feed], period: str, warnings: list[str]) -> list[Feed]:
    """The bars of a longer period, of all instruments of which one closes while their own bars last."""
    longer = Period.parse(period)
    windows = [(each, _beside(request, each)) for each in feeds if longer.is_session]
    lacking = [each for each, window in windows if not len(_rows(request, each.instrument, longer, window))]
    short = preflight.too_short(lacking, partial(_calendar, request), longer)
    if len(short) == len(feeds):
        raise preflight.none_closes(feeds[0], longer)
    if short:
        more = f" and {len(short) - 5} more" if len(short) > 5 else ""
        named = f"{', '.join(each.instrument.symbol for each in short[:5])}{more}"
        warnings.append(f"No {period} bar closes while the {feeds[0].period} bars last of {named}.")
    found = []
    for each in feeds:
        if each not in short:
            read = _feed(request, each.instrument, warnings, period, each)
            read, untold = told_when_known(request.roots, request.spec, read, each)
            warnings += _told(untold)
            found.append(read)
            if not request.future:  # one that is made up is another in each series
                warnings += _told(agree(found[-1], each))
    return found


def _beside(request: Request, own: Feed) -> Window:
    return Window(request.spec.start, request.spec.end).within(int(own.ts[0]), own.last)


def _rows(request: Request, instrument: Instrument, period: Period, window: Window) -> Rows:
    spec = request.spec
    return rows_of_series(request.roots, instrument, period, window, spec.as_of, spec.recorded_as_of)


def _feed(
    request: Request, instrument: Instrument, warnings: list[str], also: str = "", beside: Feed | None = None
) -> Feed:
    """An instrument's bars of the run's period; or longer ones, of the time that those reach over, in their units."""
    spec = request.spec
    period = Period.parse(also or spec.period)
    window = _beside(request, beside) if beside else Window(spec.start, spec.end)
    rows = _rows(request, instrument, period, window)
    preflight.has_bars(len(rows), request.roots, instrument, period, window, spec.as_of)
    ts = rows.ts

    def calendar() -> Calendar:
        return _calendar(request, instrument)

    preflight.stamped_at_closes(ts, calendar, instrument, period)
    over = (int(beside.ts[0]), beside.last) if beside else None
    missing = preflight.has_no_gaps(ts, calendar, instrument, period, request.gaps, over)
    warnings += [missing] if missing else []
    splits: list[tuple[int, float]] = []
    inside: list[tuple[int, float]] = []
    paid: tuple[Distribution, ...] = ()
    gone: Distribution | None = None
    mark = adjusted_series(request.roots).get(period.bar_type(instrument.id), "")
    if spec.adjust == "none" and not request.future:
        stored = _splits(_acted(request, instrument), instrument, window)
        warnings += _told(unfollowed(rows, stored, instrument, period, mark))
    if spec.adjust == "splits":
        acted = _acted(request, instrument)
        splits = _splits(acted, instrument, window)
        inside = _splits(acted, instrument, Window(end=window.end))  # the first bar may have opened before it
        if not request.future:  # of a future that is made up nobody claims that its prices are as traded
            warnings += _told(is_as_traded(rows, splits, instrument, period, mark))
        if spec.dividends and not beside:
            last = (int(ts[-1]), float(rows.closes[-1]))
            gone = delisting(acted, request.roots, instrument, last, spec, warnings)
            paid = distributions(acted, request.roots, instrument, ts, spec, warnings, gone)
    ratio = forward(np.append(beside.ts[0], ts), splits)[1:] if beside else forward(ts, splits)
    precision = instrument.price_precision
    if spec.adjust == "splits":  # whether or not a split comes: what is known only later changes nothing before
        precision = max(precision, _SPLIT_PRECISION)
    root = request.roots.series(period.bar_type(instrument.id))
    torn = _torn(ts, inside, period, instrument)
    return Feed(instrument, period, rows, ratio, precision, root[0] if root else "", paid, gone, torn)


def _torn(
    ts: Integers, splits: list[tuple[int, float]], period: Period, instrument: Instrument
) -> tuple[tuple[int, float], ...]:
    """The splits that fell inside a bar: a day opens after its first moment, a week or a month may not."""
    if not splits or not period.is_session or period == Period(1, "d"):
        return ()
    from alphapulse_lib.catalog.sessions import sessions

    opened = sessions(instrument.venue.code).opened(ts, period)
    rows = [(int(np.searchsorted(ts, each[0])), each) for each in splits]
    return tuple(each for row, each in rows if row < len(ts) and opened[row] < each[0])


def _told(words: str) -> list[str]:
    return [words] if words else []


def _acted(request: Request, instrument: Instrument) -> list[dict[str, Any]]:
    """An instrument's corporate actions, with when each was ``known`` first, in nanoseconds since 1970.

    As bars do, they come as they were corrected since. A correction says what was paid, and not when that was known.
    """
    seen = (request.roots, instrument.id, request.spec.as_of, request.spec.recorded_as_of)
    table, known = actions.read(*seen), actions.announced(*seen)
    rows = table.select(["kind", "ex_date", "part", "ratio", "amount", "new_symbol"]).to_pylist()
    return [row | {"known": known[row["kind"], row["ex_date"], row["part"]]} for row in rows]


def _splits(acted: list[dict[str, Any]], instrument: Instrument, window: Window) -> list[tuple[int, float]]:
    zone = instrument.venue.timezone
    dated = [(moment_ns(row["ex_date"], zone), float(row["ratio"])) for row in acted if row["kind"] == "split"]
    return [each for each in dated if window.start <= each[0] <= window.end]


def _events(request: Request, feeds: list[Feed], scores: pa.Table | None) -> tuple[list[dict[str, Any]], list[Any]]:
    """News and scores that became available while there were bars: what was read, and as events."""
    spec = request.spec
    if not spec.news:
        return [], []
    from alphapulse_lib.engine.announce import events_of

    heard = facts.heard(request.roots, spec, _whole(feeds), scores)
    return [facts.news_of(heard)], events_of(heard)


def _whole(feeds: list[Feed]) -> Window:
    """From the first bar of all to the last."""
    return Window(min(int(feed.ts[0]) for feed in feeds), max(feed.last for feed in feeds))


def _calendar(request: Request, instrument: Instrument) -> Calendar:
    return calendar_of(request, instrument.venue.code)


def calendar_of(request: Request, code: str) -> Calendar:
    """The sessions of a venue; those that did not come with the request are computed once."""
    if code not in request.calendars:
        from alphapulse_lib.catalog.sessions import sessions

        known = sessions(code)
        request.calendars[code] = Calendar(known.opens, known.closes)
    return request.calendars[code]


def _series(feed: Feed) -> dict[str, Any]:
    return {
        "name": feed.bar_type,
        "root": feed.root,
        "rows": len(feed.ts),
        "first": int(feed.ts[0]),
        "last": int(feed.ts[-1]),
        "fingerprint": feed.rows.fingerprint(),
    }
