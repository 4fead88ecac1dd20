"""Folders that live as long as whoever made them, and what becomes of those whose maker was killed.

A maker holds a lock on its folder. The system lets go of it when the maker dies, of whatever: so a folder that nobody
holds is left over. A process' number would not do: it is given to another one, and another container counts its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["held", "remove_leftovers"]

#: Seconds after which a folder that nobody holds is left over: one that was just made is about to be held.
_YOUNG = 60.0


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder for as long as the block lasts."""
    door = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks: nothing is ever taken for left over there
            fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(door)


def remove_leftovers(parent: Path, pattern: str) -> None:
    """Remove the folders whose maker is dead.

    Parameters
    ----------
    parent : Path
        Where they are.
    pattern : str
        What they are called, such as ``alphapulse-run-*``.
    """
    for folder in parent.glob(pattern):
        if _is_left_over(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_left_over(folder: Path) -> bool:
    try:
        found = folder.lstat()
        if found.st_uid != os.geteuid() or found.st_mtime > time.time() - _YOUNG:
            return False
        door = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # gone meanwhile, or none of ours
        return False
    try:
        fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
    finally:
        os.close(door)
