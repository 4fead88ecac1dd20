"""The job whose notebook this process runs, if it is one's: it reads from a small file how far its work is."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Literal

from alphapulse_lib.settings import settings

__all__ = ["Job"]

#: Seconds between two times that a job is told.
_PACE = 0.5


class Job:
    """Tells a job how far a backtest is, or a sweep, whatever of it is shown.

    The file holds an object of JSON: how many ``bars`` or ``trials`` there are, how many of them are done
    (``bars_done`` or ``trials_done``), and ``seconds_left``, which is null before there is a pace; ``trials_slow``
    where trials that are under way have taken far longer than the others, and may never end.

    Parameters
    ----------
    unit : {"bars", "trials"}
        What is counted.
    """

    def __init__(self, unit: Literal["bars", "trials"]) -> None:
        self._unit, self._file = unit, settings().progress_file
        self._since, self._before, self._told, self._slow = 0.0, 0, 0.0, 0

    @property
    def listens(self) -> bool:
        """Whether there is one."""
        return self._file is not None

    def tell(self, done: int, total: int, slow: int = 0) -> None:
        """Say how much is done, and how long the rest will take at the pace since this was said first.

        Parameters
        ----------
        slow : int
            How many of those under way have taken far longer than the others.
        """
        now = time.monotonic()
        if self._file is None or (now - self._told < _PACE and slow == self._slow):
            return
        if not self._told:
            self._since, self._before = now, done
        passed = done - self._before
        left = (now - self._since) * (total - done) / passed if passed else None
        self._told, self._slow = now, slow
        beside = self._file.with_suffix(".partial")
        told = {self._unit: total, f"{self._unit}_done": done, "seconds_left": left}
        told |= {f"{self._unit}_slow": slow} if slow else {}
        with suppress(OSError):  # a full disk, or a folder that is gone: no run ends of it
            beside.write_text(json.dumps(told), encoding="utf-8")
            beside.replace(self._file)

    def forget(self) -> None:
        """It is over."""
        if self._file is not None and self._told:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)
