"""What was made of a catalog's small files, kept in memory until one of them is replaced.

A question reads the same few files as the one before it: the index, the corporate actions, a series' own. That nobody
replaced them since is asked of what holds them, each time, so another process's publish is seen by the very next
question. What a file's identity is made of could come again once the file is gone: therefore it is kept open.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from pathlib import PurePath
from threading import Lock
from typing import NamedTuple

import pyarrow as pa

from alphapulse_lib.catalog import storage

__all__ = ["Kept"]


class Kept[T]:
    """The newest few things that were made of files.

    Parameters
    ----------
    most : int
        How many are kept; of more, the one goes that was made first.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: dict[Hashable, _Made[T]] = {}
        self._lock = Lock()

    def of(self, key: Hashable, paths: Sequence[PurePath], make: Callable[[], T]) -> T:
        """What is kept under a key, where the files are those it was made of; else it is made.

        Parameters
        ----------
        key : hashable
            What else it depends on than the files.
        paths : sequence of PurePath
            The files, also those that are not there: one that comes is seen.
        make : callable
            Reads them.
        """
        with self._lock:
            found = self._made.get(key)
        if found and found.identities == [_identity(path) for path in paths]:
            return found.value
        # Before anything is read: of a file replaced meanwhile the next question finds another identity.
        pins = [_pinned(path) for path in paths]
        made = _Made([identity for identity, _ in pins], [file for _, file in pins], make())
        with self._lock:
            self._made.pop(key, None)
            self._made[key] = made
            for oldest in list(self._made)[: -self._most]:
                del self._made[oldest]
        return made.value


class _Made[T](NamedTuple):
    identities: list[Hashable]
    #: For as long as they are held, no other file has their identities.
    files: list[pa.NativeFile | None]
    value: T


def _identity(path: PurePath) -> Hashable:
    try:
        return storage.of(path).identity(path)
    except OSError:  # whoever reads it tells why
        return None


def _pinned(path: PurePath) -> tuple[Hashable, pa.NativeFile | None]:
    try:
        return storage.of(path).pinned(path)
    except OSError:
        return None, None
