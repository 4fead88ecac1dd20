"""Read a whole catalog and say what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alphapulse_lib.catalog import actions, layout, schemas, versions
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.parquet import REPLACE, opened, whole
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.errors import CatalogDamaged
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window

__all__ = ["Problem", "check"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a file, and what to do about it."""

    file: Path
    problem: str
    advice: str


def check(roots: Roots | Path) -> list[Problem]:
    """Every problem found in every root; none in a sound catalog. Reads all files, and changes nothing.

    Looked for: files that are not Parquet, or lack a column; bars whose file's name, folder or metadata contradict what
    is in it; bars out of order, twice, of impossible prices, or available before they closed; series and actions of
    unknown instruments; a published bar that is older than a superseded one; names in the data folders that
    NautilusTrader would read by mistake; daily bars stamped where no session closes.
    """
    return [problem for _, root in Roots.of(roots).all if root.is_dir() for problem in _root(root)]


def _root(root: Path) -> Iterator[Problem]:
    damaged = list(_unreadable(root))
    yield from damaged
    broken = {each.file for each in damaged}
    for dataset in (*schemas.DATASETS.values(), schemas.ACTIONS):
        for path in _dataset_files(root, dataset):
            if path not in broken:
                yield from _columns(path, dataset.schema.names)
    yield from _misplaced(root)
    if root / layout.INSTRUMENTS in broken or root / layout.LISTINGS in broken:
        return
    index = Index(root)
    if root / layout.ACTIONS not in broken:
        for each in actions.instruments(root):
            if not index.get(each):
                yield Problem(root / layout.ACTIONS, f"holds actions of {each}, which the index does not know", REPLACE)
    for path in layout.bar_files(root):
        if path not in broken:
            yield from _bar_file(root, path, index)


def _unreadable(root: Path) -> Iterator[Problem]:
    for path in sorted(root.rglob("*.parquet")):
        try:
            whole(path)
        except CatalogDamaged as refused:
            yield Problem(path, refused.message.removeprefix(f"{path} "), REPLACE)


def _misplaced(root: Path) -> Iterator[Problem]:
    """NautilusTrader reads whatever ends in .parquet in a series' folder, wherever it came from."""
    for path in sorted((root / "data").rglob("*.parquet")):
        where = path.relative_to(root / "data").parts
        if len(where) != 3 or path.name.startswith(".") or not _bounds_of(path):
            yield Problem(path, "is no file of this catalog, yet NautilusTrader reads it", "Move it out of data/.")
    for folder in sorted((root / "data/bars").glob("*")):
        bounds = sorted(window for path in layout.parquet_files(folder) if (window := _bounds_of(path)))
        if any(earlier[1] >= later[0] for earlier, later in pairwise(bounds)):
            yield Problem(folder, "holds files whose bounds overlap: their bars are read twice", REPLACE)


def _bounds_of(path: Path) -> tuple[int, int] | None:
    try:
        window = layout.window_of(path)
    except ValueError:
        return None
    return window.start, window.end


def _dataset_files(root: Path, dataset: schemas.Dataset) -> list[Path]:
    if dataset is schemas.ACTIONS:
        return [root / layout.ACTIONS] if (root / layout.ACTIONS).exists() else []
    return layout.parquet_files(root / dataset.name)


def _columns(path: Path, needed: list[str]) -> list[Problem]:
    missing = [name for name in needed if name not in opened(path).schema_arrow.names]
    return [Problem(path, f"lacks {', '.join(missing)}", REPLACE)] if missing else []


def _bar_file(root: Path, path: Path, index: Index) -> Iterator[Problem]:
    file = opened(path)
    named = {key.decode(): value.decode() for key, value in (file.schema_arrow.metadata or {}).items()}
    lacking = _columns(path, schemas.bars("", "", 0, 0).names)
    if lacking or "bar_type" not in named or not _bounds_of(path):
        yield from lacking or [Problem(path, "is not a bar file of this catalog", REPLACE)]
        return
    if named["bar_type"].replace("/", "") != path.parent.name:
        yield Problem(path, f"holds {named['bar_type']}, not what its folder says", REPLACE)
    instrument = index.get(named["instrument_id"])
    if instrument is None:
        yield Problem(path, f"holds bars of {named['instrument_id']}, which the index does not know", REPLACE)
    elif int(named["price_precision"]) != instrument.price_precision:
        advice = "NautilusTrader rejects every order on it: import it again."
        yield Problem(path, f"has precision {named['price_precision']}, its instrument another", advice)
    table = file.read()
    for problem in _row_problems(table, layout.window_of(path), published="revisions" not in path.parts):
        yield Problem(path, problem, REPLACE)
    old = layout.superseded(root, path) if path.is_relative_to(root / "data") else None
    if old and old.exists() and _outdated(table, whole(old)):
        yield Problem(path, "shows a bar that a superseded one should have replaced", REPLACE)
    period = Period.of_bar_type(named["bar_type"])
    if instrument and period == Period(1, "d") and (count := _off_session(table, instrument.venue.code)):
        advice = "Import them again, saying what their stamps are (`stamps=`), or under their own venue."
        yield Problem(path, f"holds {count} daily bars stamped where {instrument.venue.code} closes no session", advice)


def _row_problems(table: pa.Table, bounds: Window, *, published: bool) -> Iterator[str]:
    stamps = _nanoseconds(table, "ts_event")
    steps = np.diff(stamps)
    if (steps < 0).any():
        yield "holds bars out of order"
    if published and (steps == 0).any():
        yield f"holds {int((steps == 0).sum())} bars twice"
    if len(stamps) and (stamps.min() < bounds.start or stamps.max() > bounds.end):
        yield "holds bars outside of the bounds in its name"
    if early := int((_nanoseconds(table, "available_at") < stamps).sum()):
        yield f"holds {early} bars that were available before they closed"
    top = pc.greater_equal(table["high"], pc.max_element_wise(table["open"], table["low"], table["close"]))
    bottom = pc.less_equal(table["low"], pc.min_element_wise(table["open"], table["close"]))
    if wrong := len(table) - pc.sum(pc.and_(top, bottom)).as_py():
        yield f"holds {wrong} bars whose high or low is not the extreme"


def _outdated(published: pa.Table, old: pa.Table) -> bool:
    """Whether a superseded version should be the published one: it became available, or was recorded, after it."""
    together = pa.concat_tables([published, old.cast(published.schema)])
    current, _ = versions.newest(together, ("ts_event",), schemas.FIGURES)
    times = ["ts_event", "available_at", "recorded_at"]
    known = np.isin(_nanoseconds(current, "ts_event"), _nanoseconds(published, "ts_event"))
    return not current.select(times).filter(pa.array(known)).equals(published.select(times))


def _off_session(table: pa.Table, venue: str) -> int:
    return int((~np.isin(_nanoseconds(table, "ts_event"), sessions(venue).closes)).sum())


def _nanoseconds(table: pa.Table, name: str) -> NDArray[np.int64]:
    moments: NDArray[np.int64] = table[name].cast(pa.int64()).to_numpy()
    return moments
