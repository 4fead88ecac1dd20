"""A strategy's own log lines, of every level from information on, for its run's log.

NautilusTrader's file takes all components' lines down to one level; were that information, every order and fill would
write a dozen. So what a strategy logs as information is written beside it, and put in its place by its moment.
"""

from __future__ import annotations

from heapq import merge
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["logging_to", "together"]

_FILE = "own.log"
#: How long the moment is that a line begins with.
_STAMP = len("2012-01-03T14:30:00.000000001Z")


def logging_to(folder: Path) -> property:
    """What a strategy's ``log`` becomes: its logger, whose lines of information are written to a file there."""
    made: list[_OwnLog] = []  # a run has one strategy

    def log(self: Any) -> Any:
        if not made:
            made.append(_OwnLog(self, super(type(self), self).log, folder / _FILE))
        return made[0]

    return property(log)


class _OwnLog:
    """NautilusTrader's logger, which keeps one level more."""

    def __init__(self, strategy: Any, logger: Any, path: Path) -> None:
        self._strategy, self._logger = strategy, logger
        self._file = path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)

    def info(self, message: str, color: Any = None) -> None:
        """Write a line; before the strategy is an engine's it has no moment."""
        if self._strategy.trader_id is None:
            self._logger.info(message, color)
            return
        moment = np.datetime64(self._strategy.clock.timestamp_ns(), "ns")
        name = f"{self._strategy.trader_id}.{self._strategy.strategy_id}"
        self._file.write(f"{moment}Z [INFO] {name}: {message}\n")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._logger, name)


def together(native: list[str], folder: Path) -> list[str]:
    """NautilusTrader's lines with the strategy's own between them, each at its moment."""
    path = folder / _FILE
    if not path.exists():
        return native
    own = path.read_text(encoding="utf-8", errors="replace").splitlines()
    both = merge(_entries(native), _entries(own), key=lambda each: each[0][:_STAMP])
    return [line for entry in both for line in entry]


def _entries(lines: list[str]) -> list[list[str]]:
    """Lines by what they belong to: one without a moment goes on with the line before it."""
    found: list[list[str]] = []
    for line in lines:
        if found and not line[:4].isdigit():
            found[-1].append(line)
        else:
            found.append([line])
    return found
