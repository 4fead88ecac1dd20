"""DBOS, which remembers how far each firing and fetch is: its database, its queues, and what dead workers had begun."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url

from alphapulse_lib.settings import Settings
from hub.worker.fetching import FetchRunner
from hub.worker.firing import FiringRunner

__all__ = ["enqueue", "enqueue_fetch", "launch", "sweep", "take_over", "under_way"]

_QUEUE = "firings"
#: Partitioned by vendor: of each, one fetch at a time over all workers, so that nobody asks what another one is asking.
_FETCHES = "fetches"
#: Seconds between two looks into each queue. A look is several queries: five a second took four hundredths of a core.
#: Who waits for a firing waits for a server's start besides; who waits for a fetch, for a vendor.
_LOOK, _LOOK_FETCHES = 0.5, 1.0
#: What DBOS calls the version of the steps: one that changes would strand the firings begun before it.
_STEPS = "1"
#: DBOS's words for a workflow that goes on.
_UNDER_WAY = ("PENDING", "ENQUEUED", "DELAYED")
_PORTION = 500  # workflows that are asked for at once
_LEAST_SQLITE = (3, 42)  # that DBOS's tables need


def launch(chosen: Settings, worker_id: str) -> None:
    """Open DBOS's database and begin to work its queue.

    Parameters
    ----------
    chosen : Settings
        Names the database, and how many firings one worker runs at once.
    worker_id : str
        This worker's own id.
    """
    config: DBOSConfig = {
        "name": "alphapulse",
        "application_version": _STEPS,
        "executor_id": worker_id,
        "system_database_engine": _engine(chosen.worker_database_url),
        "log_level": "WARNING",
    }
    DBOS(config=config)
    DBOS.launch()
    DBOS.register_queue(_QUEUE, worker_concurrency=chosen.worker_firings, polling_interval_sec=_LOOK)
    DBOS.register_queue(_FETCHES, partition_concurrency=1, polling_interval_sec=_LOOK_FETCHES)


def enqueue(runner: FiringRunner, firing_id: str) -> None:
    """Queue a firing; nothing happens when it was queued before, by this or another worker."""
    with SetWorkflowID(firing_id):
        DBOS.enqueue_workflow(_QUEUE, runner.fire, firing_id)


def enqueue_fetch(runner: FetchRunner, fetch_id: str, turn: str, vendor: str) -> None:
    """Queue a fetch's turn behind the others of its vendor; nothing happens when it was queued before."""
    with SetWorkflowID(turn), SetEnqueueOptions(queue_partition_key=vendor):
        DBOS.enqueue_workflow(_FETCHES, runner.fetch, fetch_id)


def sweep(runner: FiringRunner, firing_id: str) -> None:
    """Queue that a firing's server is taken away, beside the firing's own workflow, which is over."""
    with SetWorkflowID(f"{firing_id}-sweep"):
        DBOS.enqueue_workflow(_QUEUE, runner.sweep, firing_id)


def under_way(ids: list[str]) -> dict[str, bool]:
    """Of each firing and fetch that DBOS knows, whether its workflow goes on; otherwise it has ended, somehow."""
    found: dict[str, bool] = {}
    for first in range(0, len(ids), _PORTION):
        asked = ids[first : first + _PORTION]
        for each in DBOS.list_workflows(workflow_ids=asked, load_input=False, load_output=False):
            found[each.workflow_id] = each.status in _UNDER_WAY
    return found


def take_over(worker_id: str) -> None:
    """Queue again what a worker that died had begun; each firing goes on from its last step."""
    # Not in DBOS's documentation but made for this: its own service for several workers calls it. Unlike
    # `resume_workflow` it leaves alone what another worker has taken over already.
    DBOS._recover_pending_workflows([worker_id])


def _engine(url: str) -> Engine:
    at = make_url(url)
    if at.get_backend_name() != "sqlite":
        return create_engine(at, pool_pre_ping=True)
    Path(at.database or "").parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    module: Any = sqlite3
    if sqlite3.sqlite_version_info < _LEAST_SQLITE:
        import pysqlite3

        module = pysqlite3.dbapi2
    engine = create_engine(at, module=module)
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    """What DBOS does to a connection that it makes itself, and readers that do not wait for a writer."""
    connection.isolation_level = "IMMEDIATE"
    for pragma in ("busy_timeout = 30000", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
