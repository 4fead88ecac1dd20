"""Bar files that stay open from one question to the next: a year of minutes is sooner read than opened.

Each is lent to one reader at a time. What is lent is the file that has the path's name now, which is asked each time:
a file that is open keeps its inode, so whatever took its name since is another (`kept`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from threading import Lock

import pyarrow.parquet as pq

from alphapulse_lib.catalog import storage
from alphapulse_lib.catalog.parquet import opened, reading, shown

__all__ = ["lent"]

#: Files that stay open: thirty years of one instrument's minutes. Of more, the one goes that was read longest ago.
_MOST = 32

_open: dict[PurePath, tuple[Hashable, pq.ParquetFile]] = {}
_lock = Lock()


@contextmanager
def lent(path: PurePath) -> Iterator[pq.ParquetFile]:
    """A file, to read rows of; an object of a store is opened anew.

    Raises
    ------
    CatalogDamaged
        It cannot be read, now or inside of this.
    """
    place = shown(path)
    if not isinstance(place, Path):
        with reading(path):
            yield opened(path)
        return
    with reading(path):
        with _lock:
            identity, file = _open.pop(place, (None, None))
        if file is None or identity != storage.of(place).identity(place):
            identity, source = storage.of(place).pinned(place)
            file = pq.ParquetFile(source, page_checksum_verification=True)
        yield file
    with _lock:
        _open[place] = identity, file
        for oldest in list(_open)[:-_MOST]:
            del _open[oldest]
