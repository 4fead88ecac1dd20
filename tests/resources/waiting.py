"""Waiting for what comes true in its own time, in another thread, process or container."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["until"]


def until(
    true: Callable[[], object],
    within: float = 120,
    said: Callable[[], object] = lambda: "it did not happen in time",
    pause: float = 0.05,
) -> None:
    """Wait until something is true; fail with what ``said`` tells once so many seconds are over.

    Who asks something costly takes a longer ``pause`` between two looks.
    """
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, said()
        time.sleep(pause)
