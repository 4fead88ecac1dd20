"""The process of a run, from its start to its end; light, so that it starts before anything heavy is imported."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alphapulse_lib.engine.leftovers import held, remove_leftovers

__all__ = ["Worker", "worker"]

_PREFIX = "alphapulse-run-"

_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from pathlib import Path; "
    "from alphapulse_lib.engine.worker import main; main(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))"
)


@dataclass(frozen=True, eq=False)
class Worker:
    """The process of a run, which waits for its request in ``folder``."""

    folder: Path
    process: subprocess.Popen[bytes]
    told: int


@contextlib.contextmanager
def worker() -> Iterator[Worker]:
    """Start the process of a run, so that it imports what it needs while its request is still being made.

    It leads a session of its own: an interrupt reaches this process alone, which then stops all of that one. Whatever
    happens inside the context, nothing of it is left afterwards; what a killed owner left is removed by the next.
    """
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as place, held(Path(place)):
        told, tell = os.pipe()
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, json.dumps([*sys.path]), place, str(os.getpid()), str(tell)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[tell],
            start_new_session=True,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        os.close(tell)
        try:
            remove_leftovers(Path(place).parent, f"{_PREFIX}*")
            yield Worker(Path(place), process, told)
        finally:
            # The whole group: a strategy may have started processes of its own.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()  # type: ignore[union-attr]
            os.close(told)
