"""Many small bar files, read at once by Polars' own reader: what a universe of daily bars lies in.

Of such a file its rows are soon read: it is opening one after the other that takes the time. What is read here is what
`reader` reads of each file alone, and what cannot be read here is left to it: a file that lacks a column or is damaged,
of which it tells what to do, and one whose rows do not all belong to today's view. Polars holds no page against its
checksum, so that is done before it reads a file for the first time.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from functools import lru_cache
from itertools import batched
from pathlib import Path, PurePath

import numpy as np
import pyarrow as pa

from alphapulse_lib import clock
from alphapulse_lib.catalog import storage
from alphapulse_lib.catalog.parquet import shown, whole
from alphapulse_lib.catalog.reader import MOMENTS
from alphapulse_lib.errors import CatalogDamaged

__all__ = ["read"]

#: Of fewer files opening each alone takes less than loading Polars.
_FEW = 32
#: Files whose further columns are held at a time, until it is known that none of their rows lies after now.
_AT_ONCE = 256
_FILE = "file"
#: A process that was forked from one whose Polars had begun to read would wait forever for threads that it lacks.
_PROCESS = os.getpid()


def read(paths: Sequence[PurePath], columns: Sequence[str]) -> dict[PurePath, pa.Table]:
    """The rows of many files as today's reader sees them, by file; of those that are not among them ask `reader`.

    Parameters
    ----------
    paths : sequence of PurePath
        Published files of bars, each once.
    columns : sequence of str
        What is wanted of them, as the files call it.
    """
    if len(paths) < _FEW or os.getpid() != _PROCESS or not all(isinstance(each, Path) for each in paths):
        return {}
    found: dict[PurePath, pa.Table] = {}
    sound = [each for each in paths if _is_sound(each, (*columns, *MOMENTS))]
    for some in batched(sound, _AT_ONCE, strict=False):
        found |= _read(some, list(columns))
    return found


def _is_sound(path: PurePath, columns: tuple[str, ...]) -> bool:
    place = shown(path)
    try:
        _hold(path, storage.of(place).identity(place), columns)
    except (CatalogDamaged, OSError):
        return False
    return True


@lru_cache(maxsize=65_536)
def _hold(path: PurePath, _identity: Hashable, columns: tuple[str, ...]) -> None:
    """Hold the pages of some columns against their checksums: once of each file, as long as it is the same.

    Raises
    ------
    CatalogDamaged
        One differs, or the file cannot be read.
    """
    whole(path, columns)


def _read(paths: Sequence[PurePath], columns: list[str]) -> dict[PurePath, pa.Table]:
    import polars

    now = clock.now_ns()
    by_name = {str(shown(path)): path for path in paths}
    scan = polars.scan_parquet(
        list(by_name),
        include_file_paths=_FILE,
        extra_columns="ignore",
        # A name is a file's, whatever it looks like.
        glob=False,
        hive_partitioning=False,
    )
    try:
        rows = scan.select(*columns, *(polars.col(each).cast(polars.Int64).alias(each) for each in MOMENTS), _FILE)
        frame = rows.collect()
    # Of one of them; which, and what to do, is told by who reads it. A panic, over a page's head, is no `Exception`.
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException, OSError):
        return {}
    if not frame.height:
        return {}
    runs = frame[_FILE].rle().struct.unnest()
    lengths = runs["len"].cast(polars.Int64).to_numpy()
    starts = np.cumsum(lengths) - lengths
    known = np.logical_and.reduce([np.maximum.reduceat(frame[each].to_numpy(), starts) <= now for each in MOMENTS])
    table = frame.select(columns).rechunk().to_arrow()
    told = zip(runs["value"], starts.tolist(), lengths.tolist(), known.tolist(), strict=True)
    return {by_name[name]: table.slice(start, length) for name, start, length, is_known in told if is_known}
