"""The `alphapulse` command: `alphapulse_lib.cli.commands` is what it can do.

What that is made of takes a fifth of a second to import, and who interrupts it then need not read of Python's imports.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

__all__ = ["app", "main"]

_INTERRUPTED = 130


def main() -> None:
    """Run the command."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # and not where it is to be ignored, as in a shell's background
        signal.signal(signal.SIGINT, _leave)
    from alphapulse_lib.cli.commands import run

    signal.signal(signal.SIGINT, before)
    for number in (signal.SIGTERM, signal.SIGHUP):  # a run that is stopped by `kill`, or by its terminal's end, is told
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    run()


def _leave(*_: object) -> None:
    """End at once: nothing was begun, and an exception in the midst of an import may be taken for another."""
    sys.stderr.write("Interrupted.\n")
    sys.stderr.flush()
    os._exit(_INTERRUPTED)


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from alphapulse_lib.cli.commands import app

    return app
