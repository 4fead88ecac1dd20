"""The processes that trials run in: on this machine's cores, or a Dask cluster that is there already.

On this machine they end with the process that asked for them, of whatever that dies: each watches who started it. They
lead a session of their own, so an interrupt reaches the asking process alone. What is said between them is encrypted
with keys that exist as long as they do, since whoever can speak to a Dask scheduler can run code.

Dask starts a worker anew that dies, and gives what it was at to another. Where none can come any more it would wait for
ever: so a thread looks after that, and whoever waits is told.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import dask
from distributed import Client, Future, LocalCluster
from distributed.comm.core import CommClosedError
from distributed.security import Security

from alphapulse_lib.engine.leftovers import held, remove_leftovers
from alphapulse_lib.engine.process import end_with_its_own, search_path
from alphapulse_lib.engine.room import told_where_full
from alphapulse_lib.engine.runner import death
from alphapulse_lib.errors import AlphaPulseError, SweepError, WorkerDied

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
    "from alphapulse_lib.engine.descendants import die_with; die_with(int(sys.argv.pop(1))); "
    "from distributed.cli.dask_worker import main; main()"
)
_PREFIX = "alphapulse-dask-"
#: Seconds within which a first worker is there, or another one where all are gone; importing what it needs takes two of
#: them on a quiet machine.
PATIENCE = 120
#: Seconds between two looks at whether workers can still come.
_LOOK = 0.5
#: Seconds within which a scheduler answers.
ANSWERS_WITHIN = 20
_GO_ON = "What ended until then is in the ledger: the same call goes on from there."


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
        Nobody answers at the address, or no longer, or it has no workers, or lost them all.
    WorkerDied
        What starts the workers of this machine's own cluster was killed.
    RunError
        A disk is full.
    """
    with told_where_full(), _theirs(address) if address else _ours(workers) as client:
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
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise SweepError(f"The Dask cluster at {address} has no workers.", "Start some.") from None
        try:
            with _attended(client, _deserted(client, address)):
                yield client
        except (CancelledError, OSError):
            if client.status == "running":
                raise
            raise SweepError(f"The Dask scheduler at {address} does not answer any more.", _GO_ON) from None


@contextlib.contextmanager
def _ours(workers: int) -> Iterator[Client]:
    security = Security.temporary()
    with contextlib.ExitStack() as ending:
        ending.enter_context(_silence)
        ending.enter_context(dask.config.set(_QUIET))
        place = ending.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True))
        ending.enter_context(held(Path(place)))
        remove_leftovers(Path(place).parent, f"{_PREFIX}*")
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
            silence_logs=False,
        )
        ending.enter_context(scheduler)
        started.append(_start(scheduler.scheduler_address, security, workers, place))
        client = ending.enter_context(Client(scheduler, set_as_default=False, security=security))
        _await(client, started[0])
        with _attended(client, lambda: _killed(started[0])):
            yield client


class _Silence:
    """What Dask's own log says to whoever looks on is left out while any cluster of this process is there.

    Dask's own way puts back what it found as a cluster ends, though another one, of another thread, is there still.
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._before: list[tuple[logging.Handler, int]] = []

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                logging.getLogger("asyncio").addFilter(_is_no_farewell)
                self._before = [(each, each.level) for each in logging.getLogger("distributed").handlers]
                for handler, _ in self._before:
                    handler.setLevel(logging.CRITICAL)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                for handler, level in self._before:
                    handler.setLevel(level)


def _is_no_farewell(said: logging.LogRecord) -> bool:
    """Whether it is not of a task of Dask's whose other end went first, as where workers are stopped while they start.

    Python tells of such a task once nobody can ask for its answer any more: it may be after the cluster has ended.
    """
    return not (said.exc_info and isinstance(said.exc_info[1], CommClosedError))


_silence = _Silence()


@contextlib.contextmanager
def _attended(client: Client, lost: Callable[[], AlphaPulseError | None]) -> Iterator[None]:
    """Let nobody inside wait for workers that cannot come any more: raise what is told of their loss."""
    leaving = threading.Event()
    found: list[AlphaPulseError] = []

    def attend() -> None:
        while not leaving.wait(_LOOK):
            if not found and (error := lost()) is not None:
                found.append(error)
            if found:  # each time: something may just have been asked for
                client.cancel([Future(key, client) for key in list(client.futures)])

    attending = threading.Thread(target=attend, name="alphapulse-workers", daemon=True)
    attending.start()
    try:
        yield
    except CancelledError:
        if found:
            raise found[0] from None
        raise
    finally:
        leaving.set()
        attending.join()


def _killed(process: subprocess.Popen[bytes]) -> WorkerDied | None:
    code = process.poll()
    if code is None:
        return None
    return WorkerDied(f"The sweep's workers are gone: the process that starts them {death(code)}.", _GO_ON)


def _deserted(client: Client, address: str) -> Callable[[], SweepError | None]:
    """What tells whether a cluster has had no workers for too long."""
    seen = time.monotonic()

    def lost() -> SweepError | None:
        nonlocal seen
        with contextlib.suppress(OSError):  # its scheduler does not answer just now
            if client.nthreads():
                seen = time.monotonic()
        if time.monotonic() - seen < PATIENCE:
            return None
        told = f"The Dask cluster at {address} has had no workers for {PATIENCE} s."
        return SweepError(told, f"Start some. {_GO_ON}")

    return lost


def _start(address: str, security: Security, workers: int, place: str) -> subprocess.Popen[bytes]:
    """As many workers, each watched by Dask, which starts another where one dies."""
    options = ["--nworkers", str(workers), "--nthreads", "1", "--memory-limit", "0", "--no-dashboard"]
    options += ["--host", "127.0.0.1", "--local-directory", place, "--death-timeout", str(PATIENCE)]
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _START, search_path(), str(os.getpid()), address, *options],
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
    for _ in range(PATIENCE):
        with contextlib.suppress(TimeoutError):
            client.wait_for_workers(1, timeout=1)
            return
        if process.poll() is not None:
            break
    raise WorkerDied("The processes that trials run in did not start.", "Is there memory left?")
