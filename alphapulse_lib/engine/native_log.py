"""What NautilusTrader's own components say of a run, in a file of theirs: warnings, errors.

An error there ends nothing, as on a bare engine: one of them logs it where a strategy asks for the exposure of an
instrument that it does not know. The first two megabytes are kept, and every error is counted.

One kind of them is the strategy's own: what was raised by something of it that NautilusTrader called while the
strategy's own code waited for it, or that has no line of Python, such as a builtin that a timer calls or a function
that takes other arguments. Nothing but this log ever tells that.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nautilus_trader.common import logging_sync_to_disk

from alphapulse_lib.engine.fills import LEFT_OUT
from alphapulse_lib.engine.watch import HERE

__all__ = ["NativeLog"]

#: What NautilusTrader raises for an order, or a subscription, that it cannot take now; and what that means.
_BUSY = "RuntimeError: Already borrowed"
_LATER = (
    "NautilusTrader takes no order and no subscription while it hands on what a strategy published: do it where that "
    "is published, or in the next on_bar"
)
#: Why what was raised has no line of Python.
_NO_LINE = (
    "raised this before any line of Python in it: it is a builtin, is not there, or takes other arguments than "
    "NautilusTrader gives it.\n"
)
_AROUND = (
    "was called again and again inside itself, as deep as Python goes: it publishes what it is itself told of, and "
    "NautilusTrader hands that on at once.\n"
)
#: Characters that are kept, and all lines that tell of a fill left out.
_MOST = 2_000_000
#: Lines of what was raised that are read.
_LONGEST = 1_000
_ERROR = re.compile(r"\S+ \[ERROR\] [^.]*\.(.*)")
#: That something of the strategy raised: when, what was called, what it raised where the next lines do not say it.
_RAISED = re.compile(r"(\S+) \[ERROR\] .*?: Python (.+?) (?:raised exception|failed)\b[^:]*:\s*(.*)")
#: The same of what it gave to be called, an indicator.
_GIVEN = re.compile(r"(\S+) \[ERROR\] \S*nautilus_common::actor\S*: ()(\w+(?:Error|Exception): .*)")


@dataclass(frozen=True)
class NativeLog:
    """The lines that are kept, how many errors there were, and the first one's component and message.

    Attributes
    ----------
    raised : str
        What something of the strategy raised first: its kind and message; empty where nothing did.
    where : str
        Its traceback, or else of what it was, and when.
    """

    lines: list[str]
    errors: int
    first: str
    raised: str = ""
    where: str = ""

    @classmethod
    def of(cls, folder: Path) -> NativeLog:
        """Read what was written to a run's folder so far.

        Raises
        ------
        OSError
            The disk is full.
        """
        try:
            logging_sync_to_disk()  # the log is written by a thread of its own
        except ValueError as refused:  # what the system said, as NautilusTrader tells it
            if f"(os error {errno.ENOSPC})" not in str(refused):
                raise
            raise OSError(errno.ENOSPC, "the log of the run could not be written") from None
        kept: list[str] = []
        errors, first, size, left_out = 0, "", 0, 0
        entry, told = list[str](), False  # what was raised first, and whether all of it was seen
        for line in _lines(folder):
            if error := _ERROR.match(line):
                errors += 1
                first = first or error[1]
                told = told or bool(entry)
                if not entry and (own := _RAISED.match(line) or _GIVEN.match(line)):
                    entry = [_where(own[2], own[1]), own[3]]
            elif entry and not told:
                told = line[:4].isdigit() or len(entry) > _LONGEST  # another line has its moment before it
                entry += [] if told else [line]
            size += len(line) + 1
            if size <= _MOST or LEFT_OUT in line:
                kept.append(line)
            else:
                left_out += 1
        if left_out:
            kept.append(f"... {left_out:,} more lines of NautilusTrader's are left out here ...")
        return cls(kept, errors, first, *_raised(entry))

    @property
    def warnings(self) -> list[str]:
        """The errors in one sentence; empty where there was none."""
        if not self.errors:
            return []
        many = "an error" if self.errors == 1 else f"{self.errors:,} errors, the first"
        return [
            f"NautilusTrader logged {many}: {self.first.rstrip('.')}. The run went on, as it does without AlphaPulse; "
            "run.log has the line."
        ]


def _raised(entry: list[str]) -> tuple[str, str]:
    """What was raised, and its traceback or else where that was."""
    if not entry:
        return "", ""
    where, *lines = entry[:1] + _without_ours(entry[1:])
    starts = [at for at, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    said = next((line for line in lines[starts[-1] + 1 if starts else 0 :] if line and not line.startswith(" ")), "")
    where += _AROUND if said.startswith("RecursionError") else _NO_LINE
    said = f"{said}. {_LATER}" if said == _BUSY else said
    return said, "\n".join(lines).strip() + "\n" if starts else where


def _without_ours(lines: list[str]) -> list[str]:
    """The lines of a traceback but for the frames around NautilusTrader's methods that are ours."""
    kept, is_ours = [], False
    for line in lines:
        if line.startswith('  File "'):
            is_ours = line.removeprefix('  File "').startswith(HERE)
        elif not line.startswith(" "):
            is_ours = False
        kept += [] if is_ours else [line]
    return kept


def _where(called: str, moment: str) -> str:
    what = "A timer's callback" if called.startswith("time event") else f"Its {called or 'indicator'}"
    return f"{what}, called at {moment}, "


def _lines(folder: Path) -> Iterator[str]:
    # Not by a pattern, which each trial would translate and compile anew.
    paths = [path for path in folder.iterdir() if path.name.startswith("nautilus") and path.suffix == ".log"]
    for path in sorted(paths):
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                yield line.rstrip("\n")
