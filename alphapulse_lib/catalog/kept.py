"""What was made of a catalog's small files, kept in memory until one of them is replaced.

A question reads the same few files as the one before it: the index, the corporate actions. That nobody replaced them
since is asked of what holds them, each time, so another process's publish is seen by the very next question.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from pathlib import PurePath
from threading import Lock
from typing import NamedTuple

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
        # Before anything is read: of a file replaced meanwhile the next question finds another identity.
        identities = [_identity(path) for path in paths]
        with self._lock:
            found = self._made.get(key)
        if found and found.identities == identities:
            return found.value
        settled = all(storage.of(path).is_settled(path) for path in paths)
        made = make()
        with self._lock:
            self._made.pop(key, None)
            if settled:
                self._made[key] = _Made(identities, made)
            for oldest in list(self._made)[: -self._most]:
                del self._made[oldest]
        return made


class _Made[T](NamedTuple):
    identities: list[Hashable]
    value: T


def _identity(path: PurePath) -> Hashable:
    try:
        return storage.of(path).identity(path)
    except OSError:  # whoever reads it tells why
        return None
