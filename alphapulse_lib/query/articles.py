"""Articles as they could be read at a moment: every revision, or the newest of each; what each is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alphapulse_lib.catalog import datasets
from alphapulse_lib.catalog.layout import parquet_files
from alphapulse_lib.catalog.parquet import whole
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.schemas import DATASETS, TIME
from alphapulse_lib.model.window import Window

__all__ = ["REVISION", "about", "keys_of", "news", "revisions", "versions", "within"]

#: What names a revision of an article in the mentions and scores.
REVISION = ("source", "article_id", "available_at")


def versions(
    roots: Roots | PurePath, name: str, as_of: int | None = None, recorded_as_of: int | None = None
) -> pa.Table:
    """The rows of a dataset that could be known and were recorded at a moment: all revisions, not the newest alone.

    Parameters
    ----------
    name : str
        ``"articles"``, ``"mentions"`` or ``"scores"``.
    as_of, recorded_as_of : int, optional
        Nanoseconds since 1970, UTC; now unless told.

    Returns
    -------
    pyarrow.Table
        In the dataset's schema without ``import_id``. Of a revision that was recorded twice, the later record. Facts
        that a person's own root holds are not read from the team's.
    """
    dataset = DATASETS[name]
    each_revision = replace(dataset, key=tuple(dict.fromkeys((*dataset.key, "available_at"))))
    schema = dataset.schema.remove(dataset.schema.get_field_index("import_id"))
    fact = [each for each in dataset.key if each != "available_at"]
    parts: list[pa.Table] = []
    for _, root in Roots.of(roots).all:
        held = [whole(path, schema) for path in parquet_files(root / name)]
        if held:
            rows = datasets.seen(pa.concat_tables(held), each_revision, as_of, recorded_as_of)
            taken = pa.concat_arrays([keys_of(part, fact) for part in parts] or [pa.array([], pa.string())])
            parts.append(rows.filter(pc.invert(pc.is_in(keys_of(rows, fact), taken))) if parts else rows)
    return pa.concat_tables(parts) if parts else schema.empty_table()


def revisions(roots: Roots | PurePath, as_of: int | None = None, recorded_as_of: int | None = None) -> pa.Table:
    """Every revision of every article that could be read at a moment.

    Returns
    -------
    pyarrow.Table
        ``source``, ``article_id``, ``published_at``, ``headline``, ``body``, ``url``, ``symbols``, ``available_at``,
        ``recorded_at`` (times in ns, UTC), sorted by ``available_at``.
    """
    table = versions(roots, "articles", as_of, recorded_as_of)
    names = ["article_id" if name == "id" else name for name in table.column_names]
    return table.rename_columns(names).sort_by([("available_at", "ascending"), ("article_id", "ascending")])


def news(
    roots: Roots | PurePath,
    instrument_ids: Iterable[str] | None = None,
    window: Window | None = None,
    as_of: int | None = None,
    recorded_as_of: int | None = None,
) -> pa.Table:
    """Articles in their newest revision, one row each.

    Parameters
    ----------
    instrument_ids : iterable of str, optional
        Only those about one of these; all unless told.
    window : Window, optional
        Bounds of ``published_at``.
    as_of, recorded_as_of : int, optional
        What could be read, and what was recorded, by then: nanoseconds since 1970, UTC; now unless told.

    Returns
    -------
    pyarrow.Table
        ``published_at``, ``available_at`` (of this revision), ``instrument_ids`` (a list, all that it is about),
        ``headline``, ``body``, ``url``, ``source``, ``article_id``, ``revision`` (1 is the first), ``recorded_at``;
        sorted by ``published_at``.
    """
    table = revisions(roots, as_of, recorded_as_of)
    article = _codes(keys_of(table, REVISION[:2]))
    count = np.bincount(article, minlength=1)
    last = np.zeros(len(count), dtype=np.int64)
    last[article] = np.arange(len(article))
    newest = np.unique(last[article])
    table = table.take(newest).append_column("revision", pa.array(count[article[newest]]))
    table = within(table, "published_at", window)
    table = table.append_column("instrument_ids", about(table, versions(roots, "mentions", as_of, recorded_as_of)))
    if instrument_ids is not None:
        wanted = set(instrument_ids)
        meant = [not wanted.isdisjoint(each) for each in table["instrument_ids"].to_pylist()]
        table = table.filter(pa.array(meant, pa.bool_()))
    columns = ["published_at", "available_at", "instrument_ids", "headline", "body", "url", "source", "article_id"]
    order = [("published_at", "ascending"), ("available_at", "ascending"), ("article_id", "ascending")]
    return table.select([*columns, "revision", "recorded_at"]).sort_by(order)


def about(articles: pa.Table, mentions: pa.Table) -> pa.Array:
    """For each revision the ids of the instruments it is about, as a list."""
    found: list[list[str]] = [[] for _ in range(articles.num_rows)]
    place = pc.index_in(keys_of(mentions, REVISION), keys_of(articles, REVISION))
    for row, instrument_id in zip(place.to_pylist(), mentions["instrument_id"].to_pylist(), strict=True):
        if row is not None:
            found[row].append(instrument_id)
    return pa.array([sorted(each) for each in found], pa.list_(pa.string()))


def within(table: pa.Table, column: str, window: Window | None) -> pa.Table:
    """The rows whose time lies in a window, both ends included."""
    if window is None:
        return table
    low, high = (pa.scalar(bound, TIME) for bound in (window.start, window.end))
    return table.filter(pc.and_(pc.greater_equal(table[column], low), pc.less_equal(table[column], high)))


def keys_of(table: pa.Table, names: Iterable[str]) -> pa.Array:
    """One text a row that is equal where the columns are equal."""
    columns = [
        table[name].cast(pa.int64()) if pa.types.is_timestamp(table[name].type) else table[name] for name in names
    ]
    joined = pc.binary_join_element_wise(*(column.cast(pa.string()) for column in columns), "\x1f")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def _codes(keys: pa.Array) -> NDArray[np.int64]:
    return np.asarray(pc.dictionary_encode(keys).indices, dtype=np.int64)
