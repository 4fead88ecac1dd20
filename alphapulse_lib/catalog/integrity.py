"""Read a whole catalog and say what is wrong with it; repair what can be repaired without losing anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import PurePath

from alphapulse_lib.catalog import actions, datasets, layout, repairs, schemas, storage
from alphapulse_lib.catalog.bar_checks import bar_file, bounds_of
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.instruments import nautilus_file
from alphapulse_lib.catalog.parquet import REPLACE, opened, whole
from alphapulse_lib.catalog.repairs import Problem
from alphapulse_lib.catalog.roots import FORMAT, Roots, stamped
from alphapulse_lib.catalog.tick_checks import tick_files
from alphapulse_lib.catalog.unfinished import is_dead
from alphapulse_lib.errors import CatalogDamaged, CatalogFormat
from alphapulse_lib.model.period import Period

__all__ = ["Problem", "check"]

_MOVE = "`alphapulse check --repair` moves it to damaged/."
_WHO = (
    "Say who had the ticker when: ap.ingest('files', 'listings.csv', kind='instruments') takes id, ticker, venue, from "
    "and to."
)
_UNWRITTEN = "Until then the catalog is read, but nothing is written to it, and no repair is made."
_REBUILD = "`alphapulse check --repair` writes it anew from the index."
#: What a repair uncovers is repaired too: a torn index first, then the bars that it no longer knows.
_ROUNDS = 4


def check(roots: Roots | PurePath, *, repair: bool = False) -> list[Problem]:
    """Every problem found in every root; none in a sound catalog. Reads all files.

    Looked for: files that are not Parquet, or lack a column; bars whose file's name, folder or metadata contradict what
    is in it; bars out of order, twice, of impossible prices, available before they closed, far from any session, or at
    another scale than their neighbours; floats unlike their decimals; files that overlap; series and actions of unknown
    instruments, superseded bars of none published, instruments without NautilusTrader's file; a published bar that is
    older than a superseded one; names in the data folders that NautilusTrader would read by mistake; what dead writers
    and imports left; a ``catalog.json`` that does not tell the format, or a later one. Each page of a file that has its
    checksum is held against it.

    Parameters
    ----------
    repair : bool
        Do in the writable root what can be done without losing anything, and say so in ``repaired``. Without it
        nothing is changed.
    """
    roots = Roots.of(roots)
    found: list[Problem] = []
    for _, root in roots.all:
        if not storage.of(root).holds(root):
            continue
        problems = list(_root(root))
        rounds = _ROUNDS if repair and root == roots.writable and _is_writable(root) else 0
        while rounds and any(each.repair for each in problems):
            done = repairs.mended(root, [each for each in problems if each.repair])
            found += done
            problems, rounds = list(_root(root)), rounds - 1
        found += problems
    return found


def _is_writable(root: PurePath) -> bool:
    """Whether a root says that it has a format which is written here."""
    return not any(each.repair is None for each in _format(root)[1])


def _root(root: PurePath) -> Iterator[Problem]:
    form, stamp = _format(root)
    yield from stamp
    if form > FORMAT:
        return
    damaged = list(_unreadable(root))
    yield from damaged
    broken = {each.file for each in damaged}
    for dataset in (*schemas.DATASETS.values(), schemas.ACTIONS):
        for path in _dataset_files(root, dataset):
            if path not in broken:
                yield from _dataset_file(root, path, dataset)
    yield from _misplaced(root, broken)
    yield from _left_behind(root)
    if broken & {root / each for each in (layout.INSTRUMENTS, layout.LISTINGS, layout.ACTIONS)}:
        return  # what the others are of, they alone tell
    index = Index(root)
    yield from _instrument_files(root, index)
    for told in index.contested():
        yield Problem(root / layout.LISTINGS, told, _WHO)
    yield from tick_files(root, index, broken)
    for each in actions.instruments(root):
        if not index.get(each):
            yield Problem(root / layout.ACTIONS, f"holds actions of {each}, which the index does not know", REPLACE)
    for path in layout.bar_files(root):
        if path not in broken:
            yield from bar_file(root, path, index, form)


def _format(root: PurePath) -> tuple[int, list[Problem]]:
    """The format a root says it has, 0 where it says none; one of an earlier format is read all the same."""
    stamp = root / layout.STAMP
    try:
        found = stamped(root)
    except CatalogFormat as refused:
        return 0, [Problem(stamp, refused.message.removeprefix(f"{stamp} "), f"{refused.hint} {_UNWRITTEN}")]
    if found > FORMAT:
        told = f"says format {found}; this AlphaPulse reads up to {FORMAT}, and looked at nothing else"
        return found, [Problem(stamp, told, "Upgrade AlphaPulse.")]
    if 0 < found < FORMAT:
        told = f"says format {found}: its bars lack the floats that SQL reads several times faster than decimals"
        advice = f"`alphapulse check --repair` writes them anew, in format {FORMAT}. Earlier AlphaPulses refuse that."
        return found, [Problem(stamp, told, advice, partial(repairs.upgrade, root))]
    return found, []


def _unreadable(root: PurePath) -> Iterator[Problem]:
    for path in layout.all_parquet(root):
        try:
            whole(path)
        except CatalogDamaged as refused:
            told = refused.message.removeprefix(f"{path} ")
            yield Problem(path, told, REPLACE, _aside(root, path))


def _misplaced(root: PurePath, broken: set[PurePath]) -> Iterator[Problem]:
    """NautilusTrader reads whatever ends in .parquet in a series' folder, wherever it came from."""
    for path in layout.all_parquet(root / "data"):
        where = path.relative_to(root / "data").parts
        if path not in broken and (len(where) != 3 or path.name.startswith(".") or not bounds_of(path)):
            told = "is no file of this catalog, yet NautilusTrader reads it"
            yield Problem(path, told, f"Move it out of data/: {_MOVE}", _aside(root, path))
    published = layout.series(root)
    for paths in published.values():
        bounds = sorted((window, path) for path in paths if (window := bounds_of(path)))
        for (earlier, one), (later, other) in pairwise(bounds):
            if earlier[1] >= later[0]:
                # Of two the one is ours that bears a partition's name.
                strange = [each for each in (one, other) if not _is_partition(each)]
                aside = _aside(root, strange[0]) if len(strange) == 1 else None
                told = "holds files whose bounds overlap: their bars are read twice"
                advice = f"{strange[0].name} is not one that AlphaPulse wrote: {_MOVE}" if aside else REPLACE
                yield Problem(strange[0] if aside else paths[0].parent, told, advice, aside)
    held = {path for paths in published.values() for path in paths}
    for path in layout.superseded_files(root, "bars"):
        if path not in broken and root / "data/bars" / path.parent.name / path.name not in held:
            told = "holds superseded bars of a file that is gone"
            yield Problem(path, told, f"Restore that file from a copy; else {_MOVE}", _aside(root, path))


def _aside(root: PurePath, path: PurePath) -> partial[str]:
    return partial(repairs.move_aside, root, path)


def _is_partition(path: PurePath) -> bool:
    """Whether a bar file has the name that the writer gives to the partition it belongs to."""
    try:
        period = Period.of_bar_type(path.parent.name)
    except ValueError:
        return False
    bounds = layout.window_of(path)
    year = 1970 + bounds.start // (366 * 86_400 * 10**9)
    return any(path.stem == layout.bounds_name(layout.partition_of(period, each)) for each in (year, year + 1))


def _left_behind(root: PurePath) -> Iterator[Problem]:
    """What lies in incoming/ while nobody writes, and the imports that say they run while nobody runs them."""
    place = storage.of(root)
    if not place.is_locked(root):
        for path in place.leftovers(root):
            advice = "It was never part of the catalog: the next writer removes it."
            yield Problem(path, "was left by a writer that died", advice, repairs.cleared)
    for path in layout.records(root):
        try:
            status = json.loads(storage.read(path))["status"]
        except (ValueError, KeyError, TypeError):
            advice = "What it brought is in the catalog, but cannot be taken back by its id. Restore it from a copy."
            yield Problem(path, "is not the record of an import", f"{advice} Else {_MOVE}", _aside(root, path))
            continue
        if status == "running" and is_dead(root, path.stem):
            advice = f"Run it again, which brings the rest; or take it back: `alphapulse revert {path.stem}`."
            told = "is the record of an import that died before its end"
            yield Problem(path, told, advice, partial(repairs.end_import, root, path))


def _instrument_files(root: PurePath, index: Index) -> Iterator[Problem]:
    there = {path for kind in layout.INSTRUMENT_KINDS for path in storage.tree(root / "data" / kind)}
    for each in index.instruments():
        kind, _ = nautilus_file(each)
        path = layout.instrument_file(root, kind, each.id)
        if path not in there:
            told = f"is missing: NautilusTrader does not know what the bars of {each.id} are of"
            yield Problem(path, told, _REBUILD, partial(repairs.write_nautilus_file, root, each))


def _dataset_files(root: PurePath, dataset: schemas.Dataset) -> list[PurePath]:
    if dataset is schemas.ACTIONS:
        return [root / layout.ACTIONS] if storage.exists(root / layout.ACTIONS) else []
    return layout.parquet_files(root / dataset.name)


def _dataset_file(root: PurePath, path: PurePath, dataset: schemas.Dataset) -> Iterator[Problem]:
    missing = [
        name
        for name in dataset.schema.names
        if name not in (*opened(path, rows=False).schema_arrow.names, *dataset.later)
    ]
    if missing:
        yield Problem(path, f"lacks {', '.join(missing)}", REPLACE, _aside(root, path))
        return
    table = datasets.stored(path, dataset)
    if twice := table.num_rows - len(repairs.firsts(table, dataset)):
        advice = "`alphapulse check --repair` keeps one of each, and what was there before."
        yield Problem(path, f"holds {twice} rows twice", advice, partial(repairs.drop_twins, root, path, dataset))
