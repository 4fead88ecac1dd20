"""What a card takes of a run's files. The record stands without one that cannot be read, and says which one it is."""

from __future__ import annotations

from typing import Any

from alphapulse_lib.errors import LedgerError

__all__ = ["spark", "warned"]


def spark(run: Any) -> tuple[str, tuple[tuple[str, bool], ...]]:
    """The equity as a small line; where it cannot be read none, and a note of a card that says so."""
    from alphapulse_lib.views import drawing

    try:
        return drawing.spark(run.equity.to_numpy()), ()
    except LedgerError as unread:
        return "", ((unread.message, True),)


def warned(run: Any) -> tuple[tuple[str, bool], ...]:
    """What the engine warned of, as notes of a card; where that cannot be read, the note that says so."""
    try:
        return tuple((each, True) for each in run.warnings)
    except LedgerError as unread:
        return ((unread.message, True),)
