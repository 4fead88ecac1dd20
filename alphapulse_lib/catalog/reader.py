"""Bars out of the catalog, as of any moment.

Most reads ask for today: nothing in the file lies after now, which its statistics say without reading a row, so the
published file alone answers. A moment in the past also reads the superseded rows and picks, for each bar, the version
that was available and recorded by then.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from functools import partial
from pathlib import PurePath
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from alphapulse_lib import clock
from alphapulse_lib.catalog import floats, layout, schemas, storage, versions
from alphapulse_lib.catalog.open_files import lent
from alphapulse_lib.catalog.parquet import opened, reading, sound, unchanged
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window

__all__ = ["MOMENTS", "Files", "bar_files", "bar_floats", "bar_table", "cut", "files_of", "first_known", "groups",
           "groups_of", "periods", "read_file", "span", "statistics"]  # fmt: skip

#: Each with its root and its bounds.
type Files = list[tuple[PurePath, PurePath, Window]]

#: When a row could be known, and when the catalog held it.
MOMENTS = ("available_at", "recorded_at")

_KEY = ("ts_event",)
#: Of so many row groups threads cost more than they save.
_FEW = 2
#: Bounds that no window reaches into.
_NOWHERE = (2**63 - 1, -(2**63))
_NAUTILUS = tuple(field.name for field in schemas.NAUTILUS_BARS)


def bar_table(
    roots: Roots | PurePath,
    instrument_id: str,
    period: Period | str,
    window: Window | None = None,
    as_of: int | None = None,
    recorded_as_of: int | None = None,
    columns: Sequence[str] | None = None,
    files: Files | None = None,
) -> pa.Table:
    """Bars in NautilusTrader's schema, as the engine takes them.

    Parameters
    ----------
    instrument_id : str
        Such as ``"AAPL.XNAS"``.
    period : Period or str
        Such as ``"1d"``.
    window : Window, optional
        Bounds of ``ts_event``; all unless told.
    as_of, recorded_as_of : int, optional
        What was available, and what was recorded, by then: nanoseconds since 1970, UTC; now unless told.
    columns : sequence of str, optional
        Some of the file's columns, ``available_at``, ``recorded_at``, ``import_id`` too; Nautilus's own unless told.
    files : list, optional
        What `files_of` told, where that was asked already.

    Returns
    -------
    pa.Table
        Sorted by ``ts_event``, one row a bar, with NautilusTrader's metadata. No rows where nothing is held.

    Raises
    ------
    CatalogDamaged
        A file is not the Parquet its name says; ``ap.check()`` lists all such files.
    """
    wanted = list(columns or _NAUTILUS)
    window = window or Window()
    parts = [
        read_file(root, path, window, as_of, recorded_as_of, wanted)
        for root, path in _within(files_of(roots, instrument_id, period) if files is None else files, window)
    ]
    if parts:
        return parts[0] if len(parts) == 1 else pa.concat_tables(parts)
    schema = schemas.bars(Period.parse(period).bar_type(instrument_id), instrument_id, 4, 0)
    return floats.added(schema.empty_table()).select(wanted)


def bar_floats(
    roots: Roots | PurePath,
    instrument_id: str,
    period: Period | str,
    window: Window | None = None,
    as_of: int | None = None,
    recorded_as_of: int | None = None,
    columns: Sequence[str] = schemas.FIGURES,
    files: Files | None = None,
) -> pa.Table:
    """Bars as numbers: ``ts`` and the ``columns`` asked for (float64), as traded. Otherwise as `bar_table`."""
    wanted = ["ts_event", *floats.renamed(columns)]
    table = bar_table(roots, instrument_id, period, window, as_of, recorded_as_of, wanted, files)
    return pa.Table.from_arrays(table.columns, names=["ts", *columns])


def first_known(
    roots: Roots | PurePath,
    instrument_id: str,
    period: Period | str,
    stamps: NDArray[np.int64],
    recorded_as_of: int | None = None,
) -> NDArray[np.int64]:
    """When each of some bars could first be known, in whatever version: a correction is no later bar.

    Parameters
    ----------
    stamps : array of int64
        The bars' closes, rising; nanoseconds since 1970, UTC.
    recorded_as_of : int, optional
        Of the versions recorded by then; by now unless told.

    Returns
    -------
    array of int64
        Not before the close; nanoseconds since 1970, UTC.
    """
    window, until = (
        Window(int(stamps[0]), int(stamps[-1])),
        clock.now_ns() if recorded_as_of is None else recorded_as_of,
    )
    found = np.full(len(stamps), Window().end)
    for root, path in _within(files_of(roots, instrument_id, period), window):
        rows = unchanged(partial(_moments, root, path, window))
        ts, available, recorded = (rows[name].cast(pa.int64()).to_numpy() for name in ("ts_event", *MOMENTS))
        place = np.minimum(np.searchsorted(stamps, ts), len(stamps) - 1)
        seen = (recorded <= until) & (stamps[place] == ts)
        np.minimum.at(found, place[seen], available[seen])
    return np.maximum(np.where(found == Window().end, stamps, found), stamps)


def bar_files(
    roots: Roots | PurePath, instrument_id: str, period: Period | str, window: Window | None = None
) -> list[PurePath]:
    """The files that hold an instrument's bars in a window, by time, from the root its series is read from."""
    return [path for _, path in _within(files_of(roots, instrument_id, period), window or Window())]


def files_of(roots: Roots | PurePath, instrument_id: str, period: Period | str) -> Files:
    """All files of an instrument's bars, by time, from the root its series is read from."""
    bar_type = Period.parse(period).bar_type(instrument_id)
    for _, root in Roots.of(roots).all:
        if paths := layout.parquet_files(layout.bars_folder(root, bar_type)):
            return [(root, path, bounds) for path, bounds in layout.bounded(paths)]
    return []


def periods(roots: Roots | PurePath, instrument_id: str) -> list[Period]:
    """The periods that bars of an instrument are held in, shortest first."""
    folder = instrument_id.replace("/", "")
    found = {
        Period.of_bar_type(bar_type)
        for _, root in Roots.of(roots).all
        for bar_type in layout.bar_types(root, f"{folder}-")
        if bar_type.rsplit("-", 4)[0] == folder
    }
    return sorted(found, key=lambda period: period.nanoseconds)


def span(path: PurePath) -> tuple[int, int, int]:
    """A bar file's rows, and its first and last ``ts_event``, from its statistics alone."""
    file = opened(path, rows=False)
    with reading(path):
        spans = statistics(file, "ts_event")
    return file.metadata.num_rows, min((a for a, _ in spans), default=0), max((b for _, b in spans), default=0)


def groups(files: Files, window: Window) -> Iterator[tuple[int, int, int]]:
    """Of an instrument's row groups that reach into a window: their rows, and their first and last ``ts_event``."""
    for _, path in _within(files, window):
        yield from groups_of(path, window)


def groups_of(path: PurePath, window: Window) -> Iterator[tuple[int, int, int]]:
    """Of a file's row groups that reach into a window: their rows, and their first and last ``ts_event``."""
    file = opened(path, rows=False)
    with reading(path):
        spans = _spans(file)
    for number, (first, last) in enumerate(spans):
        if first <= window.end and last >= window.start:
            yield file.metadata.row_group(number).num_rows, first, last


def _within(files: Files, window: Window) -> list[tuple[PurePath, PurePath]]:
    return [(root, path) for root, path, each in files if each.start <= window.end and each.end >= window.start]


def read_file(
    root: PurePath,
    path: PurePath,
    window: Window,
    as_of: int | None,
    recorded_as_of: int | None,
    columns: list[str],
    key: tuple[str, ...] = _KEY,
) -> pa.Table:
    """Of a published file and what it superseded: the rows of a window seen at a moment; ``key`` names a fact."""
    now = clock.now_ns()
    bounds = {
        name: now if asked is None else asked for name, asked in zip(MOMENTS, (as_of, recorded_as_of), strict=True)
    }
    return unchanged(partial(_read_file, root, path, window, bounds, columns, key))


def _read_file(
    root: PurePath, path: PurePath, window: Window, bounds: dict[str, int], columns: list[str], key: tuple[str, ...]
) -> pa.Table:
    with lent(path) as file:
        if all(_latest(file, name) <= bound for name, bound in bounds.items()):
            return _rows(file, window, columns)
    # Of a version that was confirmed later the first is seen: which that is only the figures tell.
    values = schemas.FIGURES if key == _KEY and {*bounds, "import_id"} & {*columns} else ()
    needed = list(dict.fromkeys([*columns, *values, *key, *bounds]))
    rows = _versions(root, path, window, needed)
    table = versions.seen(rows, key, values, bounds["available_at"], bounds["recorded_at"])
    return table.select(columns)


def _moments(root: PurePath, path: PurePath, window: Window) -> pa.Table:
    """When each version of a window's rows could be known, and was recorded."""
    columns = ["ts_event", *MOMENTS]
    if storage.exists(layout.superseded(root, path)):
        return _versions(root, path, window, columns)
    with lent(path) as file:  # nearly always: what a writer supersedes meanwhile is recorded later than what is asked
        return _rows(file, window, columns)


def _versions(root: PurePath, path: PurePath, window: Window, columns: list[str]) -> pa.Table:
    """Published and superseded rows of one moment: read again where a writer came between the two files."""
    while True:
        before = _identity(path)
        with lent(path) as file:
            parts = [_rows(file, window, columns)]
        old = layout.superseded(root, path)
        if storage.exists(old):
            with lent(old) as file:
                parts.append(_rows(file, window, columns).cast(parts[0].schema))
        if _identity(path) == before:
            return pa.concat_tables(parts)


def _identity(path: PurePath) -> Hashable:
    """What changes when a file is replaced."""
    with reading(path):
        return storage.of(path).identity(path)


def _rows(file: pq.ParquetFile, window: Window, columns: list[str]) -> pa.Table:
    """The rows of a window: only the row groups that hold any, cut at its two ends."""
    missing = {*columns} & {*floats.COLUMNS} - {*file.schema.names}
    if missing:  # of a catalog of format 1
        needed = dict.fromkeys(floats.COLUMNS[name] if name in missing else name for name in columns)
        return floats.added(_rows(file, window, list(needed))).select(columns)
    if window == Window():
        table = file.read(columns=columns, use_threads=file.num_row_groups > _FEW)
        return sound(table, file.metadata.num_rows).select(columns)
    groups = [
        number for number, (first, last) in enumerate(_spans(file)) if first <= window.end and last >= window.start
    ]
    if not groups:
        return file.schema_arrow.empty_table().select(columns)
    read = list(dict.fromkeys([*columns, "ts_event"]))
    table = file.read_row_groups(groups, columns=read, use_threads=len(groups) > _FEW)
    rows = sum(file.metadata.row_group(number).num_rows for number in groups)
    return cut(sound(table, rows), window).select(columns)


def cut(table: pa.Table, window: Window) -> pa.Table:
    """The rows of a window, out of rows sorted by ``ts_event``."""
    if window == Window():
        return table
    stamps = table["ts_event"].to_numpy().view(np.int64)
    start, end = np.searchsorted(stamps, window.start), np.searchsorted(stamps, window.end, side="right")
    return table.slice(start, end - start)


def _spans(file: pq.ParquetFile) -> list[tuple[int, int]]:
    return statistics(file, "ts_event")


def _latest(file: pq.ParquetFile, column: str) -> int:
    return max((last for _, last in statistics(file, column)), default=0)


def statistics(file: pq.ParquetFile, column: str) -> list[tuple[int, int]]:
    """The least and the greatest value of a time column in each row group; of one without rows `_NOWHERE`.

    Raises
    ------
    KeyError
        The file lacks the column, or has no statistics of it: it is none of ours.
    """
    known = _statistics.setdefault(file, {})
    if column not in known:
        metadata = file.metadata
        names = file.schema.names
        if column not in names:
            raise KeyError(f"it lacks {column}")
        at = names.index(column)
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
        found = [(each.num_rows, each.column(at).statistics) for each in groups]
        if any(rows and (told is None or not told.has_min_max) for rows, told in found):
            raise KeyError(f"it has no statistics of {column}")
        known[column] = [(told.min_raw, told.max_raw) if rows else _NOWHERE for rows, told in found]
    return known[column]


#: What open files (`open_files`) were asked already.
_statistics: WeakKeyDictionary[pq.ParquetFile, dict[str, list[tuple[int, int]]]] = WeakKeyDictionary()
