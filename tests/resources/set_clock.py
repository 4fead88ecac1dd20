"""The worker by a clock that a test sets: ``python -m tests.resources.set_clock FILE``.

The file says how many seconds the clock is on; from there it goes on as any other. What passes by itself, such as the
time a worker waits, passes as before: so it is on a machine whose clock is set.
"""

from __future__ import annotations

import sys
import time
from datetime import datetime
from pathlib import Path

from alphapulse_lib import clock

__all__ = ["SetClock"]


class SetClock:
    """A clock that processes read from a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.command = (sys.executable, "-m", "tests.resources.set_clock", str(file))

    def set(self, moment: str) -> None:
        """Set it to a moment of UTC."""
        beside = self._file.with_suffix(".new")
        beside.write_text(str(datetime.fromisoformat(f"{moment}+00:00").timestamp() - time.time()))
        beside.replace(self._file)

    def now_ns(self) -> int:
        return time.time_ns() + int(float(self._file.read_text()) * 1e9)


if __name__ == "__main__":
    from hub.worker import __main__ as worker

    clock._source = SetClock(Path(sys.argv[1])).now_ns
    worker.main()
