"""The processes that trials run in: on this machine's cores, or a Dask cluster that is there already.

On this machine they end with the process that asked for them, of whatever that dies: each watches who started it. They
lead a session of their own, so an interrupt reaches the asking process alone. What is said between them is encrypted
with keys that exist as long as they do, since whoever can speak to a Dask scheduler can run code.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import dask
from distributed import Client, LocalCluster
from distributed.security import Security

from alphapulse_lib.engine.process import end_with_its_own
from alphapulse_lib.errors import SweepError, WorkerDied

__all__ = ["cluster", "cores"]

#: What Dask does besides, a hundred and fifty times a second in each process: look at what it is busy with, and whether
#: it still answers.
_QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.admin.tick.interval": "1s",
}
_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv.pop(1)); "
    "from alphapulse_lib.engine.worker import die_with; die_with(int(sys.argv.pop(1))); "
    "from distributed.cli.dask_worker import main; main()"
)
#: Seconds within which a first worker is there; importing what it needs takes two of them on a quiet machine.
_PATIENCE = 120
#: Seconds within which a scheduler answers.
ANSWERS_WITHIN = 20


def cores() -> int:
    """How many trials this machine runs at once."""
    return os.process_cpu_count() or 1


@contextlib.contextmanager
def cluster(address: str, workers: int) -> Iterator[Client]:
    """A client of the cluster at an address, or of one that lives as long as the block.

    Parameters
    ----------
    address : str
        Such as ``"tls://scheduler:8786"``; empty for a cluster of this machine's own.
    workers : int
        Processes of the latter.

    Raises
    ------
    SweepError
        Nobody answers at the address, or it has no workers.
    """
    with _theirs(address) if address else _ours(workers) as client:
        yield client


@contextlib.contextmanager
def _theirs(address: str) -> Iterator[Client]:
    try:
        client = Client(address, timeout=ANSWERS_WITHIN, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as refused:
        raise SweepError(
            f"No Dask scheduler answers at {address}: {refused}.",
            "ALPHAPULSE_DASK names it; unset it to use this machine's cores.",
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError:
            raise SweepError(f"The Dask cluster at {address} has no workers.", "Start some.") from None
        yield client


@contextlib.contextmanager
def _ours(workers: int) -> Iterator[Client]:
    security = Security.temporary()
    with contextlib.ExitStack() as ending:
        ending.enter_context(dask.config.set(_QUIET))
        place = ending.enter_context(tempfile.TemporaryDirectory(prefix="alphapulse-dask-", ignore_cleanup_errors=True))
        # Killed after the scheduler has said goodbye to them: those that are gone before, it tells of with a traceback.
        started: list[subprocess.Popen[bytes]] = []
        ending.callback(_end, started)
        scheduler = LocalCluster(
            n_workers=0,
            host="127.0.0.1",
            protocol="tls://",
            security=security,
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        )
        ending.enter_context(scheduler)
        started.append(_start(scheduler.scheduler_address, security, workers, place))
        client = ending.enter_context(Client(scheduler, set_as_default=False, security=security))
        _await(client, started[0])
        yield client


def _start(address: str, security: Security, workers: int, place: str) -> subprocess.Popen[bytes]:
    """As many workers, each watched by Dask, which starts another where one dies."""
    options = ["--nworkers", str(workers), "--nthreads", "1", "--memory-limit", "0", "--no-dashboard"]
    options += ["--host", "127.0.0.1", "--local-directory", place, "--death-timeout", str(_PATIENCE)]
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _START, json.dumps([*sys.path]), str(os.getpid()), address, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, **_variables(security)},
    )


def _end(started: list[subprocess.Popen[bytes]]) -> None:
    for process in started:
        end_with_its_own(process)


def _variables(security: Security) -> dict[str, str]:
    """The keys, where other accounts cannot read them."""
    found: dict[str, Any] = security.get_tls_config_for_role("worker")
    prefix = "DASK_DISTRIBUTED__COMM__TLS__"
    return {
        "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True",
        f"{prefix}CA_FILE": found["ca_file"],
        f"{prefix}WORKER__CERT": found["cert"],
        f"{prefix}WORKER__KEY": found["key"],
        "DASK_LOGGING__DISTRIBUTED": "critical",
    } | {f"DASK_{name.upper().replace('.', '__')}": str(value) for name, value in _QUIET.items()}


def _await(client: Client, process: subprocess.Popen[bytes]) -> None:
    for _ in range(_PATIENCE):
        with contextlib.suppress(TimeoutError):
            client.wait_for_workers(1, timeout=1)
            return
        if process.poll() is not None:
            break
    raise WorkerDied("The processes that trials run in did not start.", "Is there memory left?")
