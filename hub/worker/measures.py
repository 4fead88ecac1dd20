"""What the worker tells the API: which vendors it knows; for Prometheus their budgets, and what the catalog lacks."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict

from sqlalchemy import Connection, Engine, delete, func, insert, select

from alphapulse_lib import clock
from alphapulse_lib.catalog.coverage import coverage
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import AlphaPulseError
from alphapulse_lib.model.period import Period
from alphapulse_lib.providers import registry
from alphapulse_lib.providers.budget import shared
from hub.api.metrics.schema import EVERYBODY, KNOWN, MEASURES

__all__ = ["Measures"]

_log = logging.getLogger("alphapulse.worker")

_OFTEN = 300  # seconds between two counts of the catalog, by whichever worker
_LOOK = 10.0  # seconds between two looks at whether another worker has counted
_REST = 9  # times as long as a count took it waits at least: nine tenths of a core stay for others

type Values = dict[tuple[str, str], float]


class Measures:
    """This worker's measures.

    Parameters
    ----------
    engine : Engine
        The API's database.
    worker : str
        This worker's id.
    roots : Roots
        The team's catalog.
    """

    def __init__(self, engine: Engine, worker: str, roots: Roots) -> None:
        self._reading, self._engine = engine, engine.execution_options(writes=True)
        self._worker, self._roots = worker, roots
        self._known: Values = {(KNOWN, each): 1.0 for each in registry.vendors()}
        self._told: Values = {}

    def vendors(self) -> None:
        """Tell which vendors this worker knows, and how much of their budgets it has used, where that has changed."""
        found: Values = defaultdict(float, self._known)
        for vendor, budget in shared():
            found["provider_calls_made", vendor] += budget.made
            found["provider_calls_allowed", vendor] += budget.allowed
        if found != self._told:
            with self._engine.begin() as connection:
                _replace(connection, self._worker, found)
            self._told = dict(found)

    def begin(self, stopping: threading.Event) -> None:
        """Count the catalog now and then, beside whatever else the worker does."""
        threading.Thread(target=self._count_again_and_again, args=(stopping,), daemon=True).start()

    def count(self) -> bool:
        """Count what the catalog holds and lacks, unless a worker has of late; whether it was counted."""
        newest = select(func.max(MEASURES.c.measured_at)).where(MEASURES.c.worker == EVERYBODY)
        with self._reading.begin() as connection:
            if (connection.execute(newest).scalar() or 0) > clock.now_ns() - _OFTEN * 10**9:
                return False
        found = _counted(self._roots)
        with self._engine.begin() as connection:
            _replace(connection, EVERYBODY, found)
        return True

    def _count_again_and_again(self, stopping: threading.Event) -> None:
        wait = 0.0
        while not stopping.wait(wait):
            began = time.monotonic()
            try:
                self.count()
            except Exception:  # noqa: BLE001  the edge of the service: it is logged, and counted again
                _log.exception("The catalog could not be counted for the metrics; it is tried again")
            wait = max(_LOOK, _REST * (time.monotonic() - began))


def _counted(roots: Roots) -> Values:
    found: Values = defaultdict(float)
    instruments = {each.id: each for each in Index.shared(roots).instruments()}
    for instrument_id, period in _series(roots, list(instruments)):
        try:
            held = coverage(roots, instruments[instrument_id], period)
        except AlphaPulseError as refused:  # a damaged file is told by `ap.check`; the others are counted
            _log.warning("The bars of %s cannot be counted for the metrics: %s", instrument_id, refused.message)
            continue
        if held.last is None:
            continue
        told = str(period)
        found["catalog_series", told] += 1
        found["catalog_gaps", told] += held.gaps.num_rows
        found["catalog_missing_sessions", told] += sum(held.gaps["sessions"].to_pylist())
        newest = found["catalog_newest_bar_timestamp_seconds", told]
        found["catalog_newest_bar_timestamp_seconds", told] = max(newest, held.last / 1e9)
    return found


def _series(roots: Roots, instruments: list[str]) -> list[tuple[str, Period]]:
    """Each series of bars whose instrument the catalog knows."""
    folders = {each.replace("/", ""): each for each in instruments}
    held = ((bar_type.rsplit("-", 4)[0], Period.of_bar_type(bar_type)) for bar_type, *_ in roots.all_series())
    return [(folders[folder], period) for folder, period in held if folder in folders]


def _replace(connection: Connection, worker: str, values: Values) -> None:
    now = clock.now_ns()
    connection.execute(delete(MEASURES).where(MEASURES.c.worker == worker))
    rows = [
        {"worker": worker, "name": name, "label": label[:64], "value": value, "measured_at": now}
        for (name, label), value in values.items()
    ]
    if rows:
        connection.execute(insert(MEASURES), rows)
