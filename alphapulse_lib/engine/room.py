"""What is said where a disk has no room for a run, in place of a traceback from deep within."""

from __future__ import annotations

import contextlib
import errno
import tempfile
from collections.abc import Iterator

from alphapulse_lib.errors import RunError

__all__ = ["NO_ROOM", "is_full", "told_where_full"]

#: The code with which a run's process ends that finds no room for what it did.
NO_ROOM = 74


def is_full(refused: BaseException | None) -> bool:
    """Whether what was raised says that a disk, or somebody's share of it, is full."""
    return isinstance(refused, OSError) and refused.errno in (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def told_where_full() -> Iterator[None]:
    """Within, a full disk ends a run or a sweep with an error of ours.

    Raises
    ------
    RunError
        There was no room.
    """
    try:
        yield
    except (OSError, RuntimeError) as refused:  # Dask tells what its cluster could not write by another error
        if not is_full(refused) and not is_full(refused.__cause__):
            raise
        raise RunError(
            f"The disk is full that a run needs for itself: {refused}.",
            f"Make room in {tempfile.gettempdir()}, or name another folder by TMPDIR. What is in the ledger stays, and "
            "a sweep goes on from there.",
        ) from None
