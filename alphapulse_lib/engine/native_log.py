"""What NautilusTrader's own components say of a run, in a file of theirs: warnings, errors.

An error there ends nothing, as on a bare engine: one of them logs it where a strategy asks for the exposure of an
instrument that it does not know. The first two megabytes are kept, and every error is counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nautilus_trader.common import logging_sync_to_disk

from alphapulse_lib.engine.fills import LEFT_OUT

__all__ = ["NativeLog"]

#: Characters that are kept, and all lines that tell of a fill left out.
_MOST = 2_000_000
_ERROR = re.compile(r"\S+ \[ERROR\] [^.]*\.(.*)")


@dataclass(frozen=True)
class NativeLog:
    """The lines that are kept, how many errors there were, and the first one's component and message."""

    lines: list[str]
    errors: int
    first: str

    @classmethod
    def of(cls, folder: Path) -> NativeLog:
        """Read what was written to a run's folder so far."""
        logging_sync_to_disk()  # the log is written by a thread of its own
        kept: list[str] = []
        errors, first, size, left_out = 0, "", 0, 0
        for line in _lines(folder):
            if error := _ERROR.match(line):
                errors += 1
                first = first or error[1]
            size += len(line) + 1
            if size <= _MOST or LEFT_OUT in line:
                kept.append(line)
            else:
                left_out += 1
        if left_out:
            kept.append(f"... {left_out:,} more lines of NautilusTrader's are left out here ...")
        return cls(kept, errors, first)

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


def _lines(folder: Path) -> Iterator[str]:
    # Not by a pattern, which each trial would translate and compile anew.
    paths = [path for path in folder.iterdir() if path.name.startswith("nautilus") and path.suffix == ".log"]
    for path in sorted(paths):
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                yield line.rstrip("\n")
