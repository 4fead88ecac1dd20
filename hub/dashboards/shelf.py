"""Answers that are kept for a moment, made once however many ask."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Any

__all__ = ["Shelf"]


class Shelf:
    """Keeps what a slow function returned. The functions run in threads; the shelf belongs to one event loop.

    Parameters
    ----------
    most : int
        Answers kept at most; the oldest go first.
    """

    def __init__(self, most: int = 512) -> None:
        self._most = most
        self._held: dict[Hashable, tuple[float, asyncio.Future[Any]]] = {}

    async def get[**P, T](self, seconds: float, make: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """What ``make`` returns, or returned up to so many seconds ago for the same arguments."""
        key = (make, given, tuple(sorted(named.items())))
        now = time.monotonic()
        held = self._held.get(key)
        if held is None or now - held[0] > seconds or _failed(held[1]):
            held = (now, asyncio.ensure_future(asyncio.to_thread(make, *given, **named)))
            self._held.pop(key, None)
            self._held[key] = held
            while len(self._held) > self._most:
                self._held.pop(next(iter(self._held)))
        # One visitor who leaves does not end the work that others wait for.
        result: T = await asyncio.shield(held[1])
        return result


def _failed(made: asyncio.Future[Any]) -> bool:
    return made.done() and (made.cancelled() or made.exception() is not None)
