"""What is wrong with a catalog, and what can be done about it without losing anything.

No row is ever deleted here: what cannot stay where it is moves to ``damaged/``, under its old path and a name that
nobody reads; what is written anew leaves its old self there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np
import pyarrow as pa

from alphapulse_lib import clock
from alphapulse_lib.catalog import datasets, floats, layout, storage, versions, writer
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.instruments import nautilus_file
from alphapulse_lib.catalog.parquet import opened, whole
from alphapulse_lib.catalog.publish import locked, publish_bytes, publish_table
from alphapulse_lib.catalog.roots import FORMAT
from alphapulse_lib.catalog.schemas import FIGURES, Dataset, bars
from alphapulse_lib.model.instrument import Instrument

__all__ = ["Problem"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a file, and what to do about it.

    Attributes
    ----------
    repair : callable, optional
        Does what can be done, under the root's lock, and says what that was; ``None`` where a person must decide.
    repaired : str
        What was done.
    """

    file: PurePath
    problem: str
    advice: str
    repair: Callable[[], str] | None = None
    repaired: str = ""


def move_aside(root: PurePath, path: PurePath) -> str:
    """Move a file out of the way."""
    place = _aside(root, path)
    storage.of(root).move(root, path, place)
    return f"moved to {place.relative_to(root)}"


def order_bars(root: PurePath, published: PurePath) -> str:
    """Put a partition's bars in order: one version of each published, the others superseded, none twice."""
    parts = [each for each in (published, layout.superseded(root, published)) if storage.exists(each)]
    schema = floats.left_out(opened(published).schema_arrow)
    held = pa.concat_tables([whole(each, schema) for each in parts])
    current, old = versions.newest(held, ("ts_event",), FIGURES)
    kept = [_copy_aside(root, each) for each in parts]
    if old.num_rows:
        writer.publish_bars(root, layout.superseded(root, published), old)
    writer.publish_bars(root, published, current)
    dropped = held.num_rows - current.num_rows - old.num_rows
    told = f"; {dropped} rows held twice are held once" if dropped else ""
    return f"put in order{told}; what was there before is kept in {', '.join(kept)}"


def write_floats(root: PurePath, path: PurePath) -> str:
    """Make a bar file's floats of its decimals, which are what is held."""
    kept = _copy_aside(root, path)
    writer.publish_bars(root, path, whole(path, floats.left_out(opened(path).schema_arrow)))
    return f"floats made anew of the decimals; what was there before is kept in {kept}"


def upgrade(root: PurePath) -> str:
    """Bring every bar file of a catalog to the newest format, then say so in its stamp; safe to repeat."""
    written = 0
    for path in layout.bar_files(root):
        schema = opened(path).schema_arrow
        if is_bar_file(schema) and floats.lacking(schema):
            writer.publish_bars(root, path, whole(path, floats.left_out(schema)))
            written += 1
    stamp = json.loads(storage.read(root / layout.STAMP)) | {"format": FORMAT}
    publish_bytes(root, root / layout.STAMP, json.dumps(stamp).encode())
    return f"{written} bar files written anew, in format {FORMAT}"


def is_bar_file(schema: pa.Schema) -> bool:
    """Whether a file has the columns and the metadata of this catalog's bars."""
    needed = {b"bar_type", b"instrument_id", b"price_precision", b"size_precision"}
    return needed <= {*(schema.metadata or {})} and {*bars("", "", 0, 0).names} <= {*schema.names}


def drop_twins(root: PurePath, path: PurePath, dataset: Dataset) -> str:
    """Keep one of the rows that agree in key and times."""
    table = datasets.stored(path, dataset)
    kept = _copy_aside(root, path)
    publish_table(root, path, table.take(pa.array(firsts(table, dataset))))
    return f"rows held twice are held once; what was there before is kept in {kept}"


def firsts(table: pa.Table, dataset: Dataset) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The rows left when of those that agree in key and times only the first stays."""
    names = list(dict.fromkeys([*dataset.key, "available_at", "recorded_at"]))
    numbered = table.select(names).append_column("row", pa.array(np.arange(table.num_rows)))
    return np.sort(numbered.group_by(names).aggregate([("row", "min")])["row_min"].to_numpy())


def enter_instrument(root: PurePath, instrument: Instrument) -> str:
    """Enter an instrument that bars are held of into the index, as their file describes it."""
    writer.write_instruments(root, [instrument])
    return f"{instrument.id} entered into the index, with the precision of its bars"


def write_nautilus_file(root: PurePath, instrument: Instrument) -> str:
    """Write NautilusTrader's own file of an instrument anew."""
    kind, table = nautilus_file(Index(root).get(instrument.id) or instrument)
    publish_table(root, layout.instrument_file(root, kind, instrument.id), table)
    return "written anew from the index"


def end_import(root: PurePath, path: PurePath) -> str:
    """Let the record of a dead import say so."""
    record = json.loads(storage.read(path))
    record |= {"status": "interrupted", "ended": clock.now().isoformat()}
    publish_bytes(root, path, json.dumps(record, indent=1, ensure_ascii=False).encode())
    return "marked as interrupted"


def cleared() -> str:
    """What a dead writer left was never part of the catalog: whoever takes the lock, as `mended` does, removes it."""
    return "removed: it was never part of the catalog"


def mended(root: PurePath, problems: Sequence[Problem]) -> list[Problem]:
    """Do what can be done about each problem, and say what that was."""
    found, done = [], dict[PurePath, str]()
    with locked(root):
        for each in problems:
            # An earlier repair may have dealt with the same file.
            again = done.get(each.file)
            told = again or (each.repair() if each.repair else "")
            done |= {each.file: told} if each.repair else {}
            found.append(replace(each, repaired=told if each.repair else ""))
    return found


def _aside(root: PurePath, path: PurePath) -> PurePath:
    """A free name in ``damaged/``; never one in .parquet."""
    folder = root / layout.DAMAGED / path.parent.relative_to(root)
    moment = f"{clock.now():%Y%m%dT%H%M%S}"
    names = (f"{path.name}.{moment}{f'-{number}' if number else ''}" for number in range(1_000_000))
    return next(folder / name for name in names if not storage.exists(folder / name))


def _copy_aside(root: PurePath, path: PurePath) -> str:
    place = _aside(root, path)
    storage.of(root).copy(root, path, place)
    return str(place.relative_to(root))
