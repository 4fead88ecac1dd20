"""Firings as counters: each that is over is read once, however many there are, and counted for good."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from threading import Lock
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from sqlalchemy import Connection, Row, or_, select

from alphapulse_lib import clock
from hub.api.schedules.schema import ENDED, FIRINGS

__all__ = ["FiringCounts"]

_BUCKETS = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 86_400.0)
#: Nanoseconds within which a row of a lower place may still be committed.
_SETTLED = 120 * 10**9
_AT_ONCE = 10_000  # rows that are held: the first reading is of all that there ever were


class _Counts:
    """How firings ended, and how long after their slots they began."""

    def __init__(self) -> None:
        self.ended: Counter[str] = Counter(dict.fromkeys(ENDED, 0))
        self.lags, self.seconds = [0] * (len(_BUCKETS) + 1), 0.0

    def count(self, row: Row[Any]) -> None:
        """Count a firing, as far as it is."""
        if row.state in ENDED:
            self.ended[row.state] += 1
        if row.kind == "slot" and row.started_at is not None and row.slot is not None:
            lag = max(0.0, (row.started_at - row.slot) / 1e9)
            self.lags[bisect_left(_BUCKETS, lag)] += 1
            self.seconds += lag

    def and_those_of(self, other: _Counts) -> _Counts:
        """The sum of both."""
        both = _Counts()
        both.ended = Counter({state: self.ended[state] + other.ended[state] for state in ENDED})
        both.lags = [one + two for one, two in zip(self.lags, other.lags, strict=True)]
        both.seconds = self.seconds + other.seconds
        return both


class FiringCounts:
    """The firings of one database; what is over and settled is read from it no more."""

    def __init__(self) -> None:
        self._settled, self._until, self._lock = _Counts(), 0, Lock()
        #: Up to there, those that were not over: one that waits for days must not have all after it read again.
        self._open: set[int] = set()

    def read(self, connection: Connection) -> Iterator[Metric]:
        """The counters as they are now."""
        with self._lock:
            newer = self._newer(connection)
            found = self._settled.and_those_of(newer)
        ended = CounterMetricFamily("alphapulse_firings", "Firings that are over, by their end.", labels=["state"])
        for state, count in found.ended.items():
            ended.add_metric([state], count)
        yield ended
        bounds = [*map(str, _BUCKETS), "+Inf"]
        lags = HistogramMetricFamily("alphapulse_firing_lag_seconds", "From a slot to its firing's beginning.")
        lags.add_metric([], list(zip(bounds, accumulate(found.lags), strict=True)), found.seconds)
        yield lags

    def _newer(self, connection: Connection) -> _Counts:
        columns = [FIRINGS.c[name] for name in ("sequence", "state", "kind", "slot", "started_at", "created_at")]
        unread = or_(FIRINGS.c.sequence > self._until, FIRINGS.c.sequence.in_(self._open))
        query = select(*columns).where(unread).order_by(FIRINGS.c.sequence).execution_options(yield_per=_AT_ONCE)
        newer, settled, still = _Counts(), _Counts(), set[int]()
        until, settling, old = self._until, True, clock.now_ns() - _SETTLED
        for row in connection.execute(query):
            settling = row.sequence in self._open or (settling and row.created_at < old)
            if settling:
                until = max(until, row.sequence)
            if settling and row.state not in ENDED:
                still.add(row.sequence)
            (settled if settling and row.state in ENDED else newer).count(row)
        # All of it together: the database may go away in the middle.
        self._settled, self._until, self._open = self._settled.and_those_of(settled), until, still
        return newer
