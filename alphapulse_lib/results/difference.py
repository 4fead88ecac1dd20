"""Where two runs differ: in what was asked, in the code, in the rows they read, in the libraries, in what came out.

A cause comes before what follows of it: the first difference is the one to look at.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alphapulse_lib.catalog import reader, ticks
from alphapulse_lib.catalog.fingerprints import of_bars, of_rows
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import AlphaPulseError
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.run import RunRecord, RunSpec, Series
from alphapulse_lib.model.window import Window
from alphapulse_lib.query import facts
from alphapulse_lib.query.benchmark import benchmark_table
from alphapulse_lib.results.changed_code import changed_code
from alphapulse_lib.results.in_common import in_common, window_read
from alphapulse_lib.results.parameters import ran_with
from alphapulse_lib.results.run import Run
from alphapulse_lib.results.when_known import actions_apart, bars_apart, spec_then

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Difference",
    "Kind",
    "changed_moments",
    "differences",
    "facts_read",
    "outcome",
    "rows_read",
    "window_of",
]

type Kind = Literal[
    "data", "code", "parameter", "setting", "version", "status", "orders", "fills", "equity", "statistic"
]

#: Statistics that count what the ledger held when the run was recorded.
_OF_THE_LEDGER = ("trials", "expected_maximum_sharpe", "deflated_sharpe")
#: Settings in the order in which they are looked at; the strategy and its parameters are looked at apart.
_APART = ("strategy", "parameters", "costs", "at_default")
_NONE = "\N{EM DASH}"
_FORGOTTEN = "This catalog no longer tells what both of them read."
#: Columns of orders and fills that tell which it was.
_TELLING = ("symbol", "side", "quantity", "price", "average_price", "status")
_FIGURES = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which two runs differ.

    Attributes
    ----------
    kind : str
        ``"data"``, ``"code"``, ``"parameter"``, ``"setting"``, ``"version"``; of what came out ``"status"``,
        ``"orders"``, ``"fills"``, ``"equity"``, ``"statistic"``.
    name : str
        What it is: ``"AAPL.XNAS-1-DAY-LAST-EXTERNAL 2013-07-05 20:00:00 close"``, ``"fast"``, ``"numpy"``.
    one, other : str
        What it is in each run; a dash where it has none.
    detail : str
        More of it: of code, the lines that differ.
    """

    kind: Kind
    name: str
    one: str
    other: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.one} | {self.other}"


def _difference(kind: Kind, name: str, values: Iterable[str], detail: str = "") -> Difference:
    one, other = values
    return Difference(kind, name, one, other, detail)


def differences(one: Run, other: Run, roots: Roots) -> Iterator[Difference]:
    """All in which two runs differ, causes first.

    Parameters
    ----------
    roots : Roots
        Where rows that were read by one and not by the other are looked up.
    """
    yield from _rows(one.record, other.record, roots)
    yield from (_difference("code", *each) for each in changed_code(one, other))
    yield from _named("parameter", *ran_with([one.record, other.record]))
    yield from _settings(one.spec, other.spec)
    yield from _named("version", one.record.versions, other.record.versions)
    yield from outcome(one, other)


def outcome(one: Run, other: Run) -> Iterator[Difference]:
    """In what came out: how they ended, and the first order, fill, moment of equity and each statistic that differ."""
    if (one.status, one.record.error) != (other.status, other.record.error):
        told = [f"{each.status} {each.record.error}".strip() for each in (one, other)]
        yield _difference("status", "how it ended", told)
    yield from _frames("orders", one.orders, other.orders)
    yield from _frames("fills", one.fills, other.fills)
    yield from _frames("equity", one.account.reset_index(), other.account.reset_index())
    measured = [
        {name: value for name, value in each.record.statistics.items() if name not in _OF_THE_LEDGER}
        for each in (one, other)
    ]
    yield from _named("statistic", *measured)


def _settings(one: RunSpec, other: RunSpec) -> Iterator[Difference]:
    apart = [
        {f"costs.{name}": value for name, value in asdict(each.costs).items()}
        | {named.name: getattr(each, named.name) for named in fields(each) if named.name not in _APART}
        for each in (one, other)
    ]
    yield from _named("setting", *apart)


def _named(kind: Kind, one: dict[str, Any], other: dict[str, Any]) -> Iterator[Difference]:
    """The names whose values differ; two that are no number are the same."""
    for name in dict.fromkeys((*one, *other)):
        held = [each.get(name) for each in (one, other)]
        if not _same(*held) or (name in one) != (name in other):
            yield _difference(kind, name, (_NONE if each is None else str(each) for each in held))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other):
        return True
    return bool(one == other)


# --- rows ----------------------------------------------------------------------------------------------------------


def rows_read(roots: Roots, record: RunRecord, name: str, figures: tuple[str, ...] = _FIGURES) -> pa.Table:
    """The bars of a series that a run read, as the catalog tells them of that moment today.

    Returns
    -------
    pyarrow.Table
        ``ts_event``, and of ``open``, ``high``, ``low``, ``close``, ``volume`` those that are asked for.
    """
    spec = spec_then(record)
    instrument_id, period = name.rsplit("-", 4)[0], Period.of_bar_type(name)
    window, columns = window_of(record, name), ["ts_event", *figures]
    return reader.bar_table(roots, instrument_id, period, window, spec.as_of, spec.recorded_as_of, columns)


def window_of(record: RunRecord, name: str) -> Window:
    """The window that a run read a series in; of longer bars beside its own, what those reach over."""
    spec, period = record.spec, Period.of_bar_type(name)
    window = Window(spec.start, spec.end)
    if str(period) not in spec.also:
        return window
    own = Period.parse(spec.period).bar_type(name.rsplit("-", 4)[0])
    (beside,) = (each for each in record.series if each.name == own)
    return window.within(beside.first, beside.last)


def facts_read(roots: Roots, record: RunRecord, name: str) -> pa.Table:
    """The corporate actions, the news with their scores, or the benchmark's closes that a run read; likewise."""
    if name == facts.ACTIONS:
        return facts.actions_table(roots, spec_then(record))
    window = window_read(record)
    if name == facts.BENCHMARK:
        return benchmark_table(roots, spec_then(record), window)
    return facts.news_table(facts.heard(roots, spec_then(record), window))


def _rows(one: RunRecord, other: RunRecord, roots: Roots) -> Iterator[Difference]:
    bars = [{each.name: each for each in record.series} for record in (one, other)]
    for name, first in bars[0].items():
        second, of_ticks = bars[1].get(name), name.rpartition(" ")[2] in ticks.KINDS
        if second and first.fingerprint != second.fingerprint:
            yield from (_first_tick if of_ticks else _first_bar)(one, other, roots, first, second)
        elif second and not of_ticks:
            yield from _known_bar(one, other, roots, name)
    if not (one.series and other.series):  # one ended before it read anything, which is how they differ
        return
    besides = [{each.name: each for each in record.facts} for record in (one, other)]
    for name in dict.fromkeys((*besides[0], *besides[1])):
        held = [each.get(name) for each in besides]
        held_against = {(each.spec.benchmark, each.spec.start, each.spec.end) for each in (one, other)}
        if name == facts.BENCHMARK and len(held_against) > 1:
            continue  # settings, which are told as such; its closes are adjusted to the window's end
        if len({each.fingerprint if each else "" for each in held}) > 1:
            yield from _first_fact(one, other, roots, name, held)
        elif name == facts.ACTIONS:
            yield from _known_action(one, other, roots)


def _first_bar(one: RunRecord, other: RunRecord, roots: Roots, first: Series, second: Series) -> Iterator[Difference]:
    """The first bar that is not the same, where the catalog still tells both; else the fingerprints."""
    name, told = first.name, [_counted(each) for each in (first, second)]
    try:
        tables = [rows_read(roots, record, name).combine_chunks() for record in (one, other)]
    except AlphaPulseError as refused:
        yield _difference("data", name, told, f"The rows cannot be read: {refused.message}")
        return
    if any(of_bars(table) != each.fingerprint for table, each in zip(tables, (first, second), strict=True)):
        yield _difference("data", name, told, _FORGOTTEN)
        return
    if (one.spec.start, one.spec.end) != (other.spec.start, other.spec.end):  # a setting: what both read is compared
        shared = Window(max(first.first, second.first), min(first.last, second.last))
        tables = [_within(table, shared) for table in tables]
    changed = changed_moments(*tables)
    if not len(changed):
        return
    moment = int(changed[0])
    rows = [_bar(table, _stamps(table), moment) for table in tables]
    names = [each for each in _FIGURES if rows[0].get(each) != rows[1].get(each)]
    values = (", ".join(f"{figure} {row[figure]}" for figure in names) if row else _NONE for row in rows)
    yield _difference("data", f"{name} {_second(moment)} UTC", values, f"{len(changed):,} rows differ.")


def _known_bar(one: RunRecord, other: RunRecord, roots: Roots, name: str) -> Iterator[Difference]:
    """The first bar that both read alike and were told of at different moments."""
    if _is_of_one_moment(one, other):
        return
    with suppress(AlphaPulseError):  # what is told by no catalog any more is as it was
        stamps = _stamps(rows_read(roots, one, name, ()))
        closes, *known = bars_apart(roots, [spec_then(one), spec_then(other)], name, stamps)
        if len(closes):
            told = f"{len(closes):,} rows could be known at other moments."
            yield _known(f"{name} {_second(closes[0])} UTC", (int(each[0]) for each in known), told)


def _known_action(one: RunRecord, other: RunRecord, roots: Roots) -> Iterator[Difference]:
    """The first dividend, or its like, of which that is so."""
    if _is_of_one_moment(one, other):
        return
    with suppress(AlphaPulseError):
        specs = [spec_then(one), spec_then(other)]
        if found := actions_apart(roots, specs, facts_read(roots, one, facts.ACTIONS)):
            first = found[0]
            told = f"{len(found):,} rows could be known at other moments."
            name = f"{facts.ACTIONS} {first.instrument_id} {first.kind} {first.ex_date}"
            yield _known(name, (first.one, first.other), told)


def _is_of_one_moment(one: RunRecord, other: RunRecord) -> bool:
    """Whether one repeats the other, or both a third: so they read the catalog of one moment."""
    return (one.of or one.id) == (other.of or other.id)


def _known(name: str, moments: Iterable[int], detail: str) -> Difference:
    return _difference("data", name, (f"known from {_second(each)} UTC on" for each in moments), detail)


def _second(moment: int | np.int64) -> str:
    return np.datetime_as_string(np.datetime64(int(moment), "ns"), "s").replace("T", " ")


def changed_moments(one: pa.Table, other: pa.Table) -> NDArray[np.int64]:
    """When bars of one series are not the same in two tables, or are in one of them alone, by time."""
    stamps = [_stamps(table) for table in (one, other)]
    _, at, beside = np.intersect1d(stamps[0], stamps[1], assume_unique=True, return_indices=True)
    alike = np.ones(len(at), bool)
    for column in _FIGURES:
        a, b = (table[column].take(pa.array(rows)) for table, rows in ((one, at), (other, beside)))
        alike &= pc.equal(a, b).to_numpy()
    lone = np.setxor1d(stamps[0], stamps[1], assume_unique=True)
    return np.union1d(stamps[0][at[~alike]], lone)


def _stamps(table: pa.Table) -> NDArray[np.int64]:
    stamps: NDArray[np.int64] = table["ts_event"].cast(pa.int64()).to_numpy()
    return stamps


def _first_tick(one: RunRecord, other: RunRecord, roots: Roots, first: Series, second: Series) -> Iterator[Difference]:
    """The first trade or quote that is not the same, as the catalog tells of both moments."""
    instrument_id, _, kind = first.name.rpartition(" ")
    window = Window(min(first.first, second.first), max(first.last, second.last))
    told = [spec_then(record) for record in (one, other)]
    tables = [
        ticks.read(roots, kind, instrument_id, window, spec.as_of, spec.recorded_as_of, known=True)  # type: ignore[arg-type]
        for spec in told
    ]
    count = min(each.num_rows for each in tables)
    alike = np.ones(count, bool)
    for name in (each for each in tables[0].column_names if not pa.types.is_string(tables[0][each].type)):
        a, b = (each[name].slice(0, count).to_numpy() for each in tables)
        alike &= a == b
    at = count if alike.all() else int(alike.argmin())
    rows = [each.slice(at, 1).to_pylist() for each in tables]
    values = [", ".join(f"{name} {value}" for name, value in row[0].items()) if row else _NONE for row in rows]
    told_rows = " and ".join(_counted(each) for each in (first, second))
    yield _difference("data", f"{first.name} row {at + 1}", values, f"{told_rows}." if any(rows) else _FORGOTTEN)


def _within(table: pa.Table, window: Window) -> pa.Table:
    stamps = table["ts_event"].cast(pa.int64()).to_numpy()
    start, end = np.searchsorted(stamps, window.start), np.searchsorted(stamps, window.end, side="right")
    return table.slice(start, max(end - start, 0))


def _bar(table: pa.Table, stamps: NDArray[np.int64], moment: int) -> dict[str, str]:
    at = int(np.searchsorted(stamps, moment))
    if at >= len(stamps) or stamps[at] != moment:
        return {}
    return {name: f"{table[name][at].as_py().normalize():f}" for name in _FIGURES}


def _first_fact(
    one: RunRecord, other: RunRecord, roots: Roots, name: str, held: list[Series | None]
) -> Iterator[Difference]:
    """The first action, article or score that is not the same, where the catalog still tells both."""
    told = [_counted(each) for each in held]
    try:
        tables = [facts_read(roots, record, name) for record in (one, other)]
    except AlphaPulseError as refused:
        yield _difference("data", name, told, f"The rows cannot be read: {refused.message}")
        return
    if any(each and of_rows(table) != each.fingerprint for table, each in zip(tables, held, strict=True)):
        yield _difference("data", name, told, _FORGOTTEN)
        return
    pairs = zip_longest(*(table.to_pylist() for table in in_common(one, other, tables)), fillvalue={})
    if (rows := next((pair for pair in pairs if pair[0] != pair[1]), None)) is None:
        return
    names = [each for each in tables[0].column_names if not all(rows) or rows[0][each] != rows[1][each]]
    values = (", ".join(f"{each} {row[each]}" for each in names) if row else _NONE for row in rows)
    whose = next((row.get("instrument_id", "") for row in rows if row), "")
    yield _difference("data", f"{name} {whose}".strip(), values, f"{' and '.join(told)}.")


def _counted(series: Series | None) -> str:
    return _NONE if series is None else f"{series.rows:,} rows"


# --- tables --------------------------------------------------------------------------------------------------------


def _frames(kind: Kind, one: pd.DataFrame, other: pd.DataFrame) -> Iterator[Difference]:
    """The first row that is not bit for bit the same."""
    if one.equals(other):
        return
    shared = [name for name in one.columns if name in other.columns]
    count = min(len(one), len(other))
    cut = [each[shared].iloc[:count].reset_index(drop=True) for each in (one, other)]
    apart = ~((cut[0] == cut[1]) | (cut[0].isna() & cut[1].isna())).all(axis=1).to_numpy()
    at = int(apart.argmax()) if apart.any() else count
    rows = [each[shared].iloc[at].to_dict() if at < len(each) else {} for each in (one, other)]
    names = [name for name in shared if not all(rows) or not _same(*(row[name] for row in rows))]
    if not all(rows):  # when is told already, and what came of it comes before how it was worded
        names = sorted(set(names) - {"ts"}, key=lambda name: (name not in _TELLING, names.index(name)))
    values = (", ".join(f"{name} {row[name]}" for name in names) if row else _NONE for row in rows)
    when = next((f" at {row['ts']}" for row in rows if "ts" in row), "")
    yield _difference(kind, f"row {at + 1}{when}", values, f"{len(one):,} and {len(other):,} rows.")
