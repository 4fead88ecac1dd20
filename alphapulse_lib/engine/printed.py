"""What a strategy prints and raises, kept at its two ends: what has no end fills neither memory nor ledger."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Printed", "ends_of", "shortened", "unlogged"]

#: Bytes that are kept of the start, and as many of the end.
_END = 1_000_000
#: How a line of NautilusTrader's begins; errors are written to its file, and here.
_LOGGED = re.compile(rb"\d{4}-\d\d-\d\dT[0-9:.]+Z \[ERROR\] ")


class Printed:
    """The first and the last megabyte of what is heard.

    Parameters
    ----------
    echo : callable, optional
        Called with what is heard, until the first megabyte is over.
    """

    def __init__(self, echo: Callable[[str], Any] | None = None) -> None:
        self._echo = echo
        # A pipe gives what it has: of a character perhaps the first byte.
        self._decoded = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._first = bytearray()
        self._last = bytearray()
        self._heard = 0

    def hear(self, data: bytes) -> None:
        """Keep what was heard, or as much of it as there is room for."""
        self._heard += len(data)
        room = _END - len(self._first)
        first, rest = data[:room], data[room:]
        self._first += first
        if self._echo and (told := self._decoded(first)):
            self._echo(told)
        if not rest:
            return
        if self._echo and not self._last:
            self._echo("\n... it prints more than is shown here: run.log has the start and the end\n")
        self._last += rest
        if len(self._last) > 2 * _END:
            del self._last[:-_END]

    def text(self) -> str:
        """What is kept, with a line between that says how much was left out."""
        return _joined(bytes(self._first), bytes(self._last[-_END:]), self._heard)


def ends_of(path: Path) -> str:
    """The first and the last megabyte of a file, with a line between that says how much was left out."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        first = file.read(_END)
        file.seek(max(len(first), size - _END))
        return _joined(first, file.read(_END), size)


def unlogged(path: Path, log: str) -> str:
    """The ends of a file, but for what NautilusTrader writes into its own log as well: errors, with what lies below.

    Parameters
    ----------
    log : str
        What is kept of that log.
    """
    printed = Printed()
    if path.exists():
        known, is_below = set(log.encode().split(b"\n")), False
        with path.open("rb") as file:
            for line in file:
                if _LOGGED.match(line):
                    is_below = True
                elif not (is_below and line.rstrip(b"\n") in known):
                    is_below = False
                    printed.hear(line)
    return printed.text()


def shortened(text: str, most: int, more: str = "") -> str:
    """A text of more characters than that as its two ends, with words between that say how many were left out.

    Examples
    --------
    >>> shortened("a" * 10, 4, ", and lost")
    'aa ... 6 characters are left out here, and lost ... aa'
    """
    left_out = len(text) - most
    if left_out <= 0:
        return text
    return f"{text[: most // 2]} ... {left_out:,} characters are left out here{more} ... {text[-(most // 2) :]}"


def _joined(first: bytes, last: bytes, size: int) -> str:
    left_out = size - len(first) - len(last)
    between = f"\n... {left_out:,} bytes are left out here ...\n".encode() if left_out > 0 else b""
    return (first + between + last).decode(errors="replace")
