"""``python -m alphapulse_jobs ROOT ID LOCK``: the process of one job."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Run the job that the arguments name."""
    # nbformat loads a checker of addresses that takes a second to compile its grammar; no notebook needs it, and each
    # firing would wait for it.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    from alphapulse_jobs.runner import run

    run(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))


if __name__ == "__main__":
    main()
