"""``python -m alphapulse_jobs ROOT ID LOCK TOLD``: the guard of one job, and under it the process that runs it."""

from __future__ import annotations

import sys
from pathlib import Path

from alphapulse_jobs.processes import guarded


def main() -> None:
    """Run the job that the arguments name."""
    # nbformat loads a checker of addresses that takes a second to compile its grammar; no notebook needs it, and each
    # firing would wait for it.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    from alphapulse_jobs.runner import run

    run(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))


if __name__ == "__main__":
    guarded(main)
