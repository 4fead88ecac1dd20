"""Whether the rows that a run read are still what the catalog tells: a run may rest on figures that were mended since.

Rows after the last one that was read are no change: tomorrow's append tells nothing about today's result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from alphapulse_lib import clock
from alphapulse_lib.catalog import reader, ticks
from alphapulse_lib.catalog.fingerprints import of_bars, of_rows
from alphapulse_lib.catalog.parquet import opened
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.engine.rows import Rows, rows_of_series
from alphapulse_lib.errors import AlphaPulseError, UnknownScorer
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.run import RunRecord, RunSpec, Series
from alphapulse_lib.model.window import Window
from alphapulse_lib.query import facts
from alphapulse_lib.results.conventions import CONVENTION
from alphapulse_lib.results.difference import changed_moments, facts_read, rows_read, window_of
from alphapulse_lib.results.when_known import actions_apart, bars_apart, read_as_of, spec_then
from alphapulse_lib.scoring.contract import find

__all__ = ["Change", "changed_data"]

_DAY = 86_400 * 10**9
#: When a row could be known, and when the catalog learned it.
_KNOWN = ("available_at", "recorded_at")
#: The column of a table of facts that says when.
_WHEN = {facts.ACTIONS: "ex_date", facts.NEWS: "available_at", facts.BENCHMARK: "ts"}


@dataclass(frozen=True, slots=True)
class Change:
    """What is another in one series.

    Attributes
    ----------
    name : str
        A bar type, trades or quotes of an instrument, or ``"actions"``, ``"news"``, ``"benchmark"``.
    rows : int, optional
        How many rows are others, are gone or are new; ``None`` where the catalog no longer tells what was read.
    first : int
        When the first of them is, nanoseconds since 1970, UTC; 0 where that is not known.
    only_known : bool
        Whether their figures are as they were, and the moments others at which they could be known.
    unscored : bool
        Whether they are articles whose scores are not held; a rerun has their scorer compute them anew.
    """

    name: str
    rows: int | None
    first: int = 0
    only_known: bool = False
    unscored: bool = False


def changed_data(record: RunRecord, *, own: bool = False) -> tuple[Change, ...]:
    """What of the data that a run read is another today.

    Series of a catalog that is not to be seen from here, somebody else's own, are passed over; and so are probes for
    look-ahead, which were shown rows that no catalog ever held.

    Parameters
    ----------
    own : bool
        Whether the personal catalog that it read is the one that is seen from here.
    """
    if record.environment.get("probe", CONVENTION) != CONVENTION:
        return ()
    roots = Roots.of_settings()
    bars = [each for each in record.series if (held := roots.series(each.name)) and held[0] == each.root]
    kept = {Period.parse(record.spec.period).bar_type(each) for each in record.spec.instruments}
    last = max((each.last for each in record.series if each.name in kept), default=0)
    if not last:
        return ()
    prints = [each for each in record.series if _root_of_ticks(roots, each) == each.root]
    found = [_of_bars(roots, record, each) for each in bars] + [_of_ticks(roots, record, each) for each in prints]
    seen = {"team", *(["personal"] if own else [])}.intersection(name for name, _ in roots.all)
    longer = {Period.parse(period).bar_type(each) for period in record.spec.also for each in record.spec.instruments}
    gone = [each.name for each in record.series if each.name in kept | longer and each.root in seen]
    found += [Change(name, None) for name in gone if roots.series(name) is None]
    if len(bars) + len(prints) == len(
        record.series
    ):  # what befell an instrument is told by the catalog that has its bars
        found += [_of_facts(roots, record, each, last) for each in _facts(record)]
    return tuple(each for each in found if each is not None)


def _facts(record: RunRecord) -> Iterator[Series]:
    """What was read besides, and what of it there was none of then."""
    yield from record.facts
    if not any(each.name == facts.ACTIONS for each in record.facts):
        yield Series(facts.ACTIONS, "", 0, 0, 0, "")


def _today(record: RunRecord, end: int) -> RunRecord:
    """The record of the run as it would read today, up to a moment."""
    spec = replace(record.spec, end=min(end, record.spec.end))
    return replace(record, spec=spec, started_at=clock.now_ns(), environment={})


def _of_bars(roots: Roots, record: RunRecord, read: Series) -> Change | None:
    today = _today(record, read.last)
    try:
        held = _held(roots, spec_then(today), window_of(today, read.name), read)
        if held.fingerprint() == read.fingerprint:  # nearly always, and then no long series need be held
            return _of_known(roots, record, today, read.name, held.ts)
        now = rows_read(roots, today, read.name).combine_chunks()
        then = rows_read(roots, record, read.name).combine_chunks()
    except AlphaPulseError:
        return Change(read.name, None)
    if of_bars(then) != read.fingerprint:
        return Change(read.name, None)
    moments = changed_moments(then, now)
    return Change(read.name, len(moments), int(moments[0])) if len(moments) else None


def _of_known(roots: Roots, record: RunRecord, today: RunRecord, name: str, stamps: NDArray[np.int64]) -> Change | None:
    """Bars that the run would be told of at another moment today."""
    instrument_id, period = name.rsplit("-", 4)[0], Period.of_bar_type(name)
    files = reader.bar_files(roots, instrument_id, period, Window(int(stamps[0]), int(stamps[-1])))
    since = [reader.statistics(opened(each, rows=False), "recorded_at") for each in files]
    if not any(last > read_as_of(record) for each in since for _, last in each):
        return None
    closes, _, _ = bars_apart(roots, [spec_then(record), spec_then(today)], name, stamps)
    return Change(name, len(closes), int(closes[0]), only_known=True) if len(closes) else None


def _held(roots: Roots, spec: RunSpec, window: Window, read: Series) -> Rows:
    """What is told today of a series that was read."""
    instrument, period = Instrument(read.name.rsplit("-", 4)[0]), Period.of_bar_type(read.name)
    return rows_of_series(roots, instrument, period, window, spec.as_of, spec.recorded_as_of)


def _root_of_ticks(roots: Roots, read: Series) -> str | None:
    """Which root an instrument's trades or quotes are read from; ``None`` where the series is none of ticks."""
    instrument_id, _, kind = read.name.rpartition(" ")
    if kind not in ticks.KINDS:
        return None
    files = ticks.files_of(roots, kind, instrument_id, Window(read.first, read.last))
    return next((name for name, root in roots.all if files and files[0][0] == root), None)


def _of_ticks(roots: Roots, record: RunRecord, read: Series) -> Change | None:
    """Of months that got rows since the run, which are others; of the rest the files' own statistics say enough."""
    instrument_id, _, kind = read.name.rpartition(" ")
    window, rows, first, only_known = Window(read.first, read.last), 0, 0, True
    counts = [count for count, _, _ in ticks.groups(roots, kind, instrument_id, window)]  # type: ignore[arg-type]
    if sum(counts) < read.rows:
        return Change(read.name, None)
    for _, path in ticks.files_of(roots, kind, instrument_id, window):  # type: ignore[arg-type]
        held = opened(path, rows=False)
        spans = reader.statistics(held, "ts_event")
        if not any(last > read_as_of(record) for name in _KNOWN for _, last in reader.statistics(held, name)):
            continue
        part = Window(max(window.start, spans[0][0]), min(window.end, spans[-1][1]))
        then, now = (
            pl.DataFrame(ticks.read(roots, kind, instrument_id, part, spec.as_of, spec.recorded_as_of, known=True))  # type: ignore[arg-type]
            for spec in (spec_then(record), spec_then(_today(record, read.last)))
        )
        gone = then.join(now, on=then.columns, how="anti", nulls_equal=True)
        new = now.join(then, on=now.columns, how="anti", nulls_equal=True)
        if len(gone) or len(new):
            rows += max(len(gone), len(new))
            earliest = int(pl.concat([gone, new])["ts"].cast(pl.Int64).to_numpy().min())
            first = min(first or earliest, earliest)
            figures = [name for name in then.columns if name != "available_at"]
            only_known &= gone.select(figures).sort(figures).equals(new.select(figures).sort(figures))
    return Change(read.name, rows, first, only_known=only_known) if rows else None


def _of_facts(roots: Roots, record: RunRecord, read: Series, last: int) -> Change | None:
    try:
        now = facts_read(roots, _today(record, last), read.name)
        if of_rows(now) == read.fingerprint:
            return _of_announced(roots, record, last, now) if read.name == facts.ACTIONS else None
        then = facts_read(roots, record, read.name)
    except AlphaPulseError:
        return Change(read.name, None)
    if read.rows and of_rows(then) != read.fingerprint:
        return (_of_scores(record, read, then) if read.name == facts.NEWS else None) or Change(read.name, None)
    counted = [Counter(zip(_moments(table, read.name), *_columns(table), strict=True)) for table in (then, now)]
    others = [each for each in ((counted[0] - counted[1]) | (counted[1] - counted[0])) if each[0] <= last]
    gone, new = (sum(each in counted[place] for each in others) for place in (0, 1))
    return Change(read.name, max(gone, new), min(each[0] for each in others)) if others else None


def _of_scores(record: RunRecord, read: Series, then: pa.Table) -> Change | None:
    """Articles that are held as they were read, but for scores; nothing where others are missing, or their scorer."""
    missing = then["score"].is_null().to_numpy()
    try:
        find(record.spec.scorer)
    except UnknownScorer:
        return None
    if len(then) != read.rows or not missing.any():
        return None
    first = int(then["available_at"].cast(pa.int64()).to_numpy()[missing][0])
    return Change(read.name, int(missing.sum()), first, unscored=True)


def _of_announced(roots: Roots, record: RunRecord, last: int, now: pa.Table) -> Change | None:
    """Of what was paid, what the run would be paid at another moment today."""
    found = actions_apart(roots, [spec_then(record), spec_then(_today(record, last))], now)
    first = int(np.datetime64(found[0].ex_date, "D").astype(np.int64)) * _DAY if found else 0
    return Change(facts.ACTIONS, len(found), first, only_known=True) if found else None


def _columns(table: pa.Table) -> list[list[object]]:
    return [table[name].to_pylist() for name in table.column_names]


def _moments(table: pa.Table, name: str) -> list[int]:
    column = table[_WHEN[name]]
    if pa.types.is_date(column.type):
        return [int(each) for each in column.cast(pa.int32()).to_numpy().astype(np.int64) * _DAY]
    return [int(each) for each in column.cast(pa.int64()).to_numpy()]
