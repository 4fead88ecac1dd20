"""One import in a process of its own: ``python -m tests.resources.measured_ingest ROOT FILES REQUEST``.

``REQUEST`` is JSON: what `Request` takes besides the target. The last line that it prints is JSON: ``rows`` written,
``seconds``, and ``peak``, the most memory in bytes that the process held on its way.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import perf_counter
from typing import Any

__all__ = ["measured"]


def measured(root: Path, target: Path, **request: Any) -> dict[str, float]:
    """Import a file or a folder into a new catalog, in a process of its own."""
    command = [sys.executable, "-m", __name__, str(root), str(target), json.dumps(request)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1200)
    assert not done.returncode, done.stderr
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def main(root: str, target: str, request: str) -> None:
    """Import, and tell what it took. ``held`` in the request lowers what is held in memory, in bytes."""
    from alphapulse_lib.catalog.roots import Roots
    from alphapulse_lib.ingestion import importer, spool
    from alphapulse_lib.providers import files, pieces
    from alphapulse_lib.providers.contract import Request
    from alphapulse_lib.providers.files import FilesProvider

    options = json.loads(request)
    if held := options.pop("held", None):
        spool.HELD, pieces.PIECE, files.ROWS = held, held // 8, held // 256
    start = perf_counter()
    report = importer.ingest(FilesProvider(), [Request(Path(target), **options)], Roots(Path(root)))
    told = {"rows": report.written, "seconds": perf_counter() - start, "peak": getrusage(RUSAGE_SELF).ru_maxrss * 1024}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
