"""A strategy's own log lines, of every level from information on, for its run's log.

NautilusTrader's file takes all components' lines down to one level; were that information, every order and fill would
write a dozen; and an error there stops the engine, whoever told it. So what a strategy logs is written beside it, and
put in its place by its moment.

Of what a strategy logs the first two megabytes are kept: one that logs each of a million bars fills no disk.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from heapq import merge
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["logging_to", "together"]

_FILE = "own.log"
#: Bytes that are kept of all that a strategy logs.
_MOST = 2_000_000
#: Characters that are kept of one message: a strategy that logs a whole frame once loses no other line by it.
_LONGEST = 100_000
#: Bytes that a line has beside its message, about.
_HEAD = 70
#: How long the moment is that a line begins with.
_STAMP = len("2012-01-03T14:30:00.000000001Z")


def logging_to(folder: Path) -> property:
    """What a strategy's ``log`` becomes: its logger, whose lines are written to a file there."""

    def log(self: Any) -> Any:
        if folder not in _made:  # a run has one strategy
            _made[folder] = _OwnLog(self, super(type(self), self).log, folder / _FILE)
        return _made[folder]

    return property(log)


#: By its folder, the log of the run that this process makes.
_made: dict[Path, _OwnLog] = {}


class _OwnLog:
    """NautilusTrader's logger, but for what it keeps."""

    def __init__(self, strategy: Any, logger: Any, path: Path) -> None:
        self._strategy, self._logger = strategy, logger
        self._file = path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
        self._kept = self._lines = self._bytes = 0

    @property
    def left_out(self) -> list[str]:
        """One line that says how much was logged and not kept; none where all was."""
        if not self._lines:
            return []
        return [
            f"... {self._lines:,} more messages of {self._bytes:,} bytes that the strategy logged are left out here: "
            f"of a run's log the first {_MOST:,} bytes are kept. The run itself went on."
        ]

    def info(self, message: str, color: Any = None) -> None:
        """Write a line."""
        self._write("INFO", message, self._logger.info, color)

    def warning(self, message: str, color: Any = None) -> None:
        """Write a line."""
        self._write("WARN", message, self._logger.warning, color)

    def error(self, message: str, color: Any = None) -> None:
        """Write a line. Of NautilusTrader's logger it would end the run, as what a strategy raises does."""
        self._write("ERROR", message, self._logger.error, color)

    def exception(self, message: str = "", color: Any = None) -> None:
        """Write a line, and below it where what is just being handled was raised."""
        raised = traceback.format_exc().rstrip() if sys.exception() else ""
        self.error("\n".join(filter(None, (str(message), raised))), color)

    def _write(self, level: str, message: str, before: Callable[[str, Any], None], color: Any) -> None:
        """Write a line; before the strategy is an engine's it has no moment, and NautilusTrader's logger takes it."""
        message = _cut(str(message))
        if not self._has_room(message):
            return
        if self._strategy.trader_id is None:
            before(message, color)
            return
        moment = np.datetime64(self._strategy.clock.timestamp_ns(), "ns")
        name = f"{self._strategy.trader_id}.{self._strategy.strategy_id}"
        self._file.write(f"{moment}Z [{level}] {name}: {message}\n")

    def _has_room(self, message: str) -> bool:
        size = len(message.encode(errors="replace")) + _HEAD
        if self._lines or self._kept + size > _MOST:  # what comes after the first that is left out is, too
            self._lines += 1
            self._bytes += size
            return False
        self._kept += size
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._logger, name)


def _cut(message: str) -> str:
    left_out = len(message) - _LONGEST
    if left_out <= 0:
        return message
    return f"{message[:_LONGEST]} ... {left_out:,} more characters of this message are left out here"


def together(native: list[str], folder: Path) -> list[str]:
    """NautilusTrader's lines with the strategy's own between them, each at its moment."""
    path = folder / _FILE
    left_out = _made[folder].left_out if folder in _made else []
    if not path.exists():
        return native + left_out
    own = path.read_text(encoding="utf-8", errors="replace").splitlines()
    both = merge(_entries(native), _entries(own), key=lambda each: each[0][:_STAMP])
    return [line for entry in both for line in entry] + left_out


def _entries(lines: list[str]) -> list[list[str]]:
    """Lines by what they belong to: one without a moment goes on with the line before it."""
    found: list[list[str]] = []
    for line in lines:
        if found and not line[:4].isdigit():
            found[-1].append(line)
        else:
            found.append([line])
    return found
