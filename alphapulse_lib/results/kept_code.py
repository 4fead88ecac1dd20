"""The strategies' code beside a ledger: one file for each digest, so that a thousand trials of one class keep it once.

It is what runs a strategy again when its notebook is gone. Loading it runs what it holds, so it never travels: no
record names it, no hub is handed it, and only a file that this very account wrote is read.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from alphapulse_lib.errors import LedgerError

__all__ = ["keep_code", "kept_code"]

_DIGEST = re.compile("[0-9a-f]{64}")


def keep_code(root: Path, digest: str, made: Callable[[], bytes]) -> None:
    """Keep a strategy's code beside a ledger, unless it is there.

    Parameters
    ----------
    root : Path
        The ledger's folder.
    digest : str
        Of the strategy, as its spec has it.
    made : callable
        Gives what is to be kept, nothing where it cannot be; not asked where it is there.

    Raises
    ------
    LedgerError
        The folder cannot be written.
    """
    path = _path(root, digest)
    if path.exists() or not (data := made()):
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, beside = tempfile.mkstemp(prefix=".", dir=path.parent)  # readable by this account alone
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(path)
    except OSError as refused:
        raise LedgerError(
            f"A strategy's code cannot be written to {path.parent}: {refused}.",
            "Look at the folder's rights and free space; ALPHAPULSE_LEDGER names another folder.",
        ) from None


def kept_code(root: Path, digest: str) -> bytes | None:
    """What was kept of a strategy by this account, nothing where there is none.

    Raises
    ------
    LedgerError
        Another account wrote it, or may write it.
    """
    path = _path(root, digest)
    try:
        with path.open("rb") as file:
            seen = os.fstat(file.fileno())
            if seen.st_uid != os.geteuid() or seen.st_mode & 0o022:
                raise LedgerError(
                    f"{path} could have been written by another account, and loading it would run what it holds.",
                    "Run the strategy from its source instead: ap.rerun(run, strategy=Class).",
                )
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as refused:
        raise LedgerError(f"{path} cannot be read: {refused}.", "Look at the folder's rights.") from None


def _path(root: Path, digest: str) -> Path:
    if not _DIGEST.fullmatch(digest):  # a record that came from elsewhere names no path
        raise LedgerError(
            f"{digest[:80]!r} is no digest of a strategy.", "The record is not one that AlphaPulse wrote."
        )
    return root / "code" / f"{digest}.pickle"
