"""Articles, mentions and scores: datasets of our own, one file a calendar year (UTC) of publishing.

A file keeps every version of its rows; what is seen at a moment is decided when it is read. A revision that moves an
article into another year lies in the file of the article's other versions: what it revises is found there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alphapulse_lib import clock
from alphapulse_lib.catalog import layout, storage, versions
from alphapulse_lib.catalog.parquet import opened, reading, whole
from alphapulse_lib.catalog.publish import locked, publish_table, withdraw
from alphapulse_lib.catalog.reader import statistics
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.schemas import DATASETS, TIME, Dataset
from alphapulse_lib.errors import InputError
from alphapulse_lib.model.window import Window

__all__ = ["every_version", "files", "holds", "read", "remove", "stored", "write"]


def write(
    root: PurePath, name: str, table: pa.Table, import_id: str, *, recorded_at: int | None = None
) -> versions.Merge:
    """Merge rows into a dataset.

    Parameters
    ----------
    root : PurePath
        The catalog's root; made when it is new.
    name : str
        ``"articles"``, ``"mentions"`` or ``"scores"``; their columns are in `schemas`.
    table : pa.Table
        The dataset's columns, without ``recorded_at`` and ``import_id``; a column that is absent is null.
    import_id : str
        What `remove` takes them back by.

    Returns
    -------
    versions.Merge
        ``added`` rows, and how many were ``new``, ``same`` and ``restated``.

    Raises
    ------
    InputError
        A key or a time is missing.
    """
    dataset = DATASETS[name]
    now = clock.now_ns() if recorded_at is None else recorded_at
    arriving = conformed(table, dataset, import_id)
    with locked(root):
        merges = [
            write_file(root, root / name / f"{year}.parquet", dataset, part, now)
            for year, part in _by_year(root, arriving, dataset)
        ]
    return versions.together(merges, dataset.schema)


def read(
    roots: Roots | PurePath,
    name: str,
    window: Window | None = None,
    as_of: int | None = None,
    recorded_as_of: int | None = None,
) -> pa.Table:
    """The rows of a dataset seen at a moment, sorted by ``published_at``.

    Parameters
    ----------
    window : Window, optional
        Bounds of ``published_at``; all unless told.
    as_of, recorded_as_of : int, optional
        Nanoseconds since 1970, UTC; now unless told.

    Returns
    -------
    pa.Table
        In the dataset's schema; no rows where nothing is held. Where a person's own root and the team's hold
        versions of one fact, the own ones are seen.
    """
    dataset = DATASETS[name]
    window = window or Window()
    parts: list[pa.Table] = []
    for _, root in Roots.of(roots).all:
        held = [stored(path, dataset) for path in _in_window(root / name, window)]
        if held:
            rows = seen(pa.concat_tables(held), dataset, as_of, recorded_as_of)
            parts.append(_without(rows, parts, dataset))
    table = pa.concat_tables(parts) if parts else dataset.schema.empty_table()
    published = table["published_at"].cast(pa.int64())
    inside = pc.and_(pc.greater_equal(published, window.start), pc.less_equal(published, window.end))
    return table.filter(inside).sort_by([("published_at", "ascending"), (dataset.key[1], "ascending")])


def every_version(roots: Roots | PurePath, name: str) -> Iterator[pa.Table]:
    """Every version of every row, file by file, from every root."""
    dataset = DATASETS[name]
    return (stored(path, dataset) for path in files(roots, name))


def holds(roots: Roots | PurePath, name: str, column: str, value: str) -> bool:
    """Whether any version of any row has that value in a column."""
    found = (whole(path, [column])[column] for path in files(roots, name))
    return any(pc.any(pc.equal(each, value)).as_py() for each in found)


def remove(root: PurePath, name: str, import_id: str) -> int:
    """Take an import's rows back; how many they were."""
    with locked(root):
        return sum(
            remove_from_file(root, path, DATASETS[name], import_id) for path in layout.parquet_files(root / name)
        )


def stored(path: PurePath, dataset: Dataset) -> pa.Table:
    """Every row of one of a dataset's files, in its schema.

    Raises
    ------
    CatalogDamaged
        The file cannot be read, or lacks a column.
    """
    table = whole(path)
    with reading(path):
        return in_schema(table, dataset)


def in_schema(table: pa.Table, dataset: Dataset) -> pa.Table:
    """The rows of a dataset's file in its schema, also of one that was written before a column came to be."""
    for name in (each for each in dataset.later if each not in table.column_names):
        table = table.append_column(name, pa.repeat(pa.scalar(""), table.num_rows))
    return table.select(dataset.schema.names).cast(dataset.schema)


def files(roots: Roots | PurePath, name: str) -> list[PurePath]:
    """The dataset's files, in every root."""
    return [path for _, root in Roots.of(roots).all for path in layout.parquet_files(root / name)]


def conformed(table: pa.Table, dataset: Dataset, import_id: str) -> pa.Table:
    """The arriving rows in the dataset's schema; ``recorded_at`` still to be set."""
    rows = table.num_rows
    columns = []
    for field in dataset.schema:
        if field.name == "import_id":
            columns.append(pa.array([import_id] * rows, field.type))
        elif field.name in table.schema.names and field.name != "recorded_at":
            columns.append(table[field.name].cast(field.type))
        else:
            columns.append(pa.nulls(rows, field.type))
    result = pa.Table.from_arrays(columns, schema=dataset.schema)
    for name in dict.fromkeys((*dataset.key, dataset.filed_by, "available_at")):
        if result[name].null_count:
            raise InputError(f"A row of {dataset.name} has no {name}.", "Every row needs one.")
    return result


def write_file(
    root: PurePath, path: PurePath, dataset: Dataset, arriving: pa.Table, now: int, *, assumed: bool = False
) -> versions.Merge:
    """Merge rows into one file, under the root's lock; those that only confirm others go beside it.

    ``assumed``: nobody said when the rows became available.
    """
    held = held_versions(root, path, dataset)
    merged = versions.merge(held, arriving, dataset.key, dataset.values, now, assumed=assumed)
    if merged.kept.num_rows:
        _publish(root, path, pa.concat_tables([held, merged.kept]), dataset)
    return merged


def held_versions(root: PurePath, path: PurePath, dataset: Dataset) -> pa.Table:
    """Every row a file holds, and those that confirm them; no rows where there is no file."""
    parts = [stored(each, dataset) for each in (path, layout.confirming(root, path)) if storage.exists(each)]
    return pa.concat_tables([dataset.schema.empty_table(), *parts])


def _publish(root: PurePath, path: PurePath, rows: pa.Table, dataset: Dataset) -> None:
    """The confirming rows first, so that a crash between the two files loses none."""
    changed, confirming = versions.changes(rows, dataset.key, dataset.values)
    for each, table in ((layout.confirming(root, path), confirming), (path, changed)):
        if table.num_rows:
            publish_table(root, each, table.unify_dictionaries())
        else:
            withdraw(each)


def remove_from_file(root: PurePath, path: PurePath, dataset: Dataset, import_id: str) -> int:
    """Take an import's rows out of one file, under the root's lock; how many they were."""
    held = held_versions(root, path, dataset)
    left = held.filter(pc.not_equal(held["import_id"].cast(pa.string()), import_id))
    if left.num_rows < held.num_rows:
        _publish(root, path, left, dataset)
    return int(held.num_rows - left.num_rows)


def seen(table: pa.Table, dataset: Dataset, as_of: int | None, recorded_as_of: int | None) -> pa.Table:
    """The rows seen at a moment; ``None`` is now."""
    now = clock.now_ns()
    return versions.seen(
        table,
        dataset.key,
        dataset.values,
        now if as_of is None else as_of,
        now if recorded_as_of is None else recorded_as_of,
    )


def _by_year(root: PurePath, table: pa.Table, dataset: Dataset) -> Iterator[tuple[int, pa.Table]]:
    """The arriving rows by the file they belong to: that of what they revise, else that of their own year."""
    years = table[dataset.filed_by].cast(TIME).to_numpy().astype("datetime64[Y]").astype(np.int64) + 1970
    if "available_at" not in dataset.key and table.num_rows:
        years = _of_first_version(root, table, dataset, years)
    for year in np.unique(years):
        yield int(year), table.filter(pa.array(years == year))


def _of_first_version(root: PurePath, table: pa.Table, dataset: Dataset, years: NDArray[np.int64]) -> NDArray[np.int64]:
    """The year each row's fact is filed under: where it is held, else that of its first version to arrive."""
    keys = list(dataset.key)
    parts = [(int(path.stem), whole(path, keys)) for path in layout.parquet_files(root / dataset.name)]
    held = [part.append_column("year", pa.repeat(pa.scalar(year), part.num_rows)) for year, part in parts]
    arriving = table.select([*keys, "available_at"]).append_column("year", pa.array(years))
    first = arriving.sort_by("available_at").select([*keys, "year"])
    # The first of a fact in this order: those held, then those arriving by when they became available.
    known = pa.concat_tables([*held, first]).group_by(keys, use_threads=False).aggregate([("year", "first")])
    rows = arriving.select(keys).append_column("row", pa.array(np.arange(table.num_rows)))
    filed: NDArray[np.int64] = rows.join(known, keys=keys).sort_by("row")["year_first"].to_numpy()
    return filed


def _in_window(folder: PurePath, window: Window) -> list[PurePath]:
    """The files that hold rows of the window, and one either side: one more version of them may lie there."""
    first = np.datetime64(window.start, "ns").astype("datetime64[Y]").astype(int) + 1969
    last = np.datetime64(window.end, "ns").astype("datetime64[Y]").astype(int) + 1971
    return [
        path
        for path in layout.parquet_files(folder)
        if first <= int(path.stem) <= last
        or any(a <= window.end and b >= window.start for a, b in statistics(opened(path, rows=False), "published_at"))
    ]


def _without(rows: pa.Table, earlier: list[pa.Table], dataset: Dataset) -> pa.Table:
    """The rows whose key no earlier root holds."""
    if not earlier:
        return rows
    keys = [name for name in dataset.key if name != "available_at"]
    held = pa.concat_tables(earlier).select(keys).group_by(keys).aggregate([])
    numbered = rows.select(keys).append_column("row", pa.array(np.arange(rows.num_rows)))
    return rows.take(numbered.join(held, keys=keys, join_type="left anti")["row"])
