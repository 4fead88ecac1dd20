"""A budget of calls: how fast a vendor may be asked by everybody who shares a key."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from threading import Lock

__all__ = ["Budget", "budget_of", "shared"]

#: The part of what is allowed that is used: calls bunch up on their way.
_USED = 0.95
_shared: dict[tuple[str, str], Budget] = {}
_sharing = Lock()


class Budget:
    """So many calls in any stretch of so many seconds, for all threads together.

    Parameters
    ----------
    calls : int
        What the vendor allows; a little less is used. Its answers may say otherwise later: see `learn`.
    window : float
        Seconds.
    """

    def __init__(self, calls: int = 200, window: float = 60.0) -> None:
        self._window = window
        self._calls = self._below(calls)
        self._made: deque[float] = deque()
        self._closed_until = 0.0
        self._lock = Lock()

    def take(self) -> float:
        """Wait until a call may be made, and count it; returns the seconds waited."""
        began = time.monotonic()
        while True:
            with self._lock:
                wait = self._wait(time.monotonic())
                if wait <= 0:
                    self._made.append(time.monotonic())
                    return time.monotonic() - began
            time.sleep(wait)

    def seconds_for(self, calls: int) -> float:
        """Seconds until so many more calls can have been made, if nothing else takes time."""
        with self._lock:
            now = time.monotonic()
            wait = self._wait(now)
            made = list(self._made)[-self._calls :]
        beyond = calls - (self._calls - len(made))  # what is left is called now
        if beyond <= 0:
            return max(wait, 0.0)
        # Each call of a window comes free again a window after it was made.
        windows, place = divmod(beyond - 1, self._calls)
        first = made[place] if place < len(made) else now
        return max(wait, first + (windows + 1) * self._window - now, 0.0)

    @property
    def allowed(self) -> int:
        """How many calls it allows in a window."""
        return self._calls

    @property
    def made(self) -> int:
        """How many calls of the last window count against it."""
        with self._lock:
            self._wait(time.monotonic())  # forgets what is older than a window
            return len(self._made)

    def learn(self, headers: Mapping[str, str]) -> float:
        """Take what an answer says of the limit (``X-RateLimit-Limit``, ``-Remaining``, ``-Reset``).

        Others may use the key elsewhere, or a process that died has used it: where less remains than is left here, the
        difference counts as calls of ours until the reset; when nothing remains, nobody calls before that.

        Returns
        -------
        float
            Seconds until the reset, at most a window.
        """
        limit, remaining, reset = (_number(headers.get(f"X-RateLimit-{n}")) for n in ("Limit", "Remaining", "Reset"))
        wait = 0.0 if reset is None else min(max(reset - time.time(), 0.0), self._window)
        with self._lock:
            if limit:
                self._calls = self._below(int(limit))
            now = time.monotonic()
            if remaining == 0:
                self._closed_until = max(self._closed_until, now + wait)
            self._wait(now)  # forgets what is older than a window
            elsewhere = 0 if remaining is None else self._calls - len(self._made) - int(remaining)
            if elsewhere > 0:
                made = now if reset is None else now + wait - self._window
                self._made = deque(sorted([*self._made, *[made] * elsewhere]))
        return wait

    def _wait(self, now: float) -> float:
        while self._made and self._made[0] <= now - self._window:
            self._made.popleft()
        wait = self._closed_until - now
        if len(self._made) >= self._calls:
            wait = max(wait, self._made[len(self._made) - self._calls] + self._window - now)
        return wait

    @staticmethod
    def _below(calls: int) -> int:
        return max(1, int(calls * _USED))


def budget_of(vendor: str, key: str) -> Budget:
    """The one budget of a vendor's key in this process."""
    with _sharing:
        return _shared.setdefault((vendor, key), Budget())


def shared() -> list[tuple[str, Budget]]:
    """Each budget of this process with its vendor; nothing of the keys."""
    with _sharing:
        return [(vendor, budget) for (vendor, _), budget in _shared.items()]


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
