"""Which workers live. Each says so every few seconds; what a dead one had begun is taken over by another."""

from __future__ import annotations

import os
import socket
import time
from typing import Any

import psutil
from sqlalchemy import BigInteger, Column, Engine, Integer, Row, String, Table, delete, insert, select, update

from alphapulse_lib import clock
from hub.api.database import METADATA
from hub.api.metrics.schema import MEASURES
from hub.api.schedules.store import new_id

__all__ = ["SILENCE", "WORKERS", "Presence"]

#: Nanoseconds of silence after which a worker is taken for dead.
SILENCE = 15 * 10**9

WORKERS = Table(
    "workers",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("host", String(255), nullable=False),
    Column("process", Integer, nullable=False),
    Column("born", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
)


class Presence:
    """This worker among the others.

    Attributes
    ----------
    id : str
        The worker's own id; another one after each start.
    """

    def __init__(self, engine: Engine) -> None:
        self.id = new_id()
        self._engine = engine.execution_options(writes=True)
        #: Of each other worker, its newest sign of life and when that was first seen here.
        self._heard: dict[str, tuple[int, int]] = {}
        self._row = {"id": self.id, "host": socket.gethostname(), "process": os.getpid(), "born": _born(os.getpid())}

    def beat(self) -> None:
        """Say that this worker lives."""
        with self._engine.begin() as connection:
            mine = update(WORKERS).where(WORKERS.c.id == self.id).values(seen_at=clock.now_ns())
            if not connection.execute(mine).rowcount:
                connection.execute(insert(WORKERS).values(**self._row, seen_at=clock.now_ns()))

    def dead(self) -> list[str]:
        """The ids of workers that live no more: silent for long, or of this machine and not running."""
        with self._engine.begin() as connection:
            others = connection.execute(select(WORKERS).where(WORKERS.c.id != self.id)).all()
        return [other.id for other in others if self._is_silent(other) or self._has_ended(other)]

    def _is_silent(self, other: Row[Any]) -> bool:
        """Whether it has given no sign for long, by the time that passes here.

        Clocks are set, and those of two machines differ: what one of them reads says nothing of how long ago it was.
        """
        now = time.monotonic_ns()
        sign, heard_at = self._heard.get(other.id, (0, now))
        if other.seen_at != sign:
            heard_at = now
        self._heard[other.id] = other.seen_at, heard_at
        return other.seen_at == 0 or now - heard_at > SILENCE

    def _has_ended(self, other: Row[Any]) -> bool:
        return bool(other.host == self._row["host"] and _born(other.process) != other.born)

    def leave(self) -> None:
        """Say that this worker is about to end: another may take over at once."""
        with self._engine.begin() as connection:
            connection.execute(update(WORKERS).where(WORKERS.c.id == self.id).values(seen_at=0))

    def forget(self, worker_id: str) -> None:
        """Take a worker from the list, once all that it had begun is taken over."""
        self._heard.pop(worker_id, None)
        with self._engine.begin() as connection:
            connection.execute(delete(MEASURES).where(MEASURES.c.worker == worker_id))
            connection.execute(delete(WORKERS).where(WORKERS.c.id == worker_id))


def _born(process: int) -> int:
    """How long after this machine a process of it started, in milliseconds; 0 when there is none of that number.

    By the clock it would have started at another moment each time that the clock is set.
    """
    try:
        return round((psutil.Process(process).create_time() - psutil.boot_time()) * 1000)
    except psutil.Error:
        return 0
