"""What can be wrong inside the files of trades and quotes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import PurePath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib.catalog import layout, repairs, ticks
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.parquet import REPLACE, whole
from alphapulse_lib.catalog.repairs import Problem

__all__ = ["tick_files"]


def tick_files(root: PurePath, index: Index, broken: set[PurePath]) -> Iterator[Problem]:
    """Every problem of the published trades and quotes, and superseded ones whose published file is gone."""
    for kind in ticks.KINDS:
        published = {path for paths in layout.tick_files(root, kind).values() for path in paths}
        for path in sorted(published):
            if path not in broken:
                yield from _file(root, path, ticks.KEYS[kind], index)
        for path in layout.superseded_files(root, kind):
            if path not in broken and root / "data" / path.relative_to(root / "revisions") not in published:
                told = "holds superseded ticks of a file that is gone"
                advice = "Restore that file from a copy; else `alphapulse check --repair` moves it to damaged/."
                yield Problem(path, told, advice, partial(repairs.move_aside, root, path))


def _file(root: PurePath, path: PurePath, second: str, index: Index) -> Iterator[Problem]:
    table = whole(path)
    named = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    lacking = [name for name in ("ts_event", second, "available_at", "recorded_at") if name not in table.schema.names]
    if lacking or "instrument_id" not in named:
        told = f"lacks {', '.join(lacking)}" if lacking else "does not say whose ticks it holds"
        yield Problem(path, told, REPLACE, partial(repairs.move_aside, root, path))
        return
    identity, instrument = named["instrument_id"], index.get(named["instrument_id"])
    if identity.replace("/", "") != path.parent.name:
        told = f"holds ticks of {identity}, not what its folder says"
        yield Problem(path, told, REPLACE, partial(repairs.move_aside, root, path))
    if instrument is None:
        yield Problem(path, f"holds ticks of {identity}, which the index does not know", REPLACE)
    elif named.get("price_precision") != str(instrument.price_precision):
        told = f"has price precision {named.get('price_precision')}, its instrument {instrument.price_precision}"
        yield Problem(path, told, "NautilusTrader rejects every order on it: import it again.")
    stamps = table["ts_event"].cast(pa.int64()).to_numpy()
    if (np.diff(stamps) < 0).any():
        yield Problem(path, "holds ticks out of order", REPLACE)
    names = ["ts_event", second]
    if twice := table.num_rows - table.group_by(names).aggregate([]).num_rows:
        yield Problem(path, f"holds {twice} ticks twice", REPLACE)
    if early := pc.sum(pc.less(table["available_at"], table["ts_event"])).as_py():
        yield Problem(path, f"holds {early} ticks that were available before they happened", REPLACE)
