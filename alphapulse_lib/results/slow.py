"""Trials that take far longer than the others: one that never ends would hold a sweep up without a word.

Each worker tells the scheduler which trial it begins, and the scheduler tells who sweeps: nobody is asked, so a worker
that does not answer holds nothing up.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from statistics import median
from typing import Any, Self

from distributed import Client, get_worker

__all__ = ["Slow", "SlowTrials", "tell_begun"]

#: From how many times the others' median on a trial is told, how many seconds it has taken then at least, and how many
#: where none has ended that it could be held against.
_TIMES, _LEAST, _ALONE = 20.0, 30.0, 300.0
#: Of how many trials, the last ones that ended, the median is taken.
_OTHERS = 200


@dataclass(frozen=True, slots=True)
class Slow:
    """A trial that has taken long.

    Attributes
    ----------
    seconds : float
        Until now.
    others : float, optional
        What the others took, their median; ``None`` where none has ended.
    """

    run_id: str
    seconds: float
    others: float | None


def tell_begun(topic: str, run_id: str) -> None:
    """Tell whoever sweeps that this worker begins a trial."""
    worker = get_worker()
    worker.log_event(topic, [worker.address, run_id])


class SlowTrials:
    """Knows which trials are under way, and since when.

    Parameters
    ----------
    topic : str
        Under which the workers tell what they begin.
    """

    def __init__(self, client: Client, topic: str) -> None:
        self._client, self._topic = client, topic
        self._begun: dict[str, tuple[str, float]] = {}
        self._took: deque[float] = deque(maxlen=_OTHERS)
        self._told: set[str] = set()

    def __enter__(self) -> Self:
        self._client.subscribe_topic(self._topic, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.unsubscribe_topic(self._topic)

    def ended(self, seconds: float) -> None:
        """A trial took so long."""
        self._took.append(seconds)

    def among(self, under_way: Collection[str]) -> list[Slow]:
        """Those of some trials that have taken too long to be let pass without a word; each is told once."""
        others = median(self._took) if self._took else None
        most = _ALONE if others is None else max(_TIMES * others, _LEAST)
        now = time.monotonic()
        found = [Slow(run_id, now - since, others) for run_id, since in [*self._begun.values()]]
        slow = [each for each in found if each.seconds > most and each.run_id in under_way]
        new = [each for each in slow if each.run_id not in self._told]
        self._told.update(each.run_id for each in new)
        return new

    def _hear(self, event: tuple[float, Any]) -> None:
        worker, run_id = event[1]
        self._begun[worker] = (run_id, time.monotonic())
