"""An evening's imports in a process of their own, which dies where it is told to: the product's own code, and no mercy.

``python doomed_import.py FOLDER DEATH``; the catalog is the settings'. It says ``ready``, and begins when it is told a
line. ``DEATH`` is ``{}`` (none), ``{"operation": 7}`` (SIGKILL just before its seventh step on the disk inside the
catalog, such as a rename) or ``{"byte": 900}`` (the kernel ends it in the middle of a write, at byte 900 of a file). At
its end it tells how many steps there were, and how long they took.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

import alphapulse_lib as ap

_STEPS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"}


def imports(folder: Path) -> None:
    """Four imports, as somebody does them in the evening; run again, they change nothing."""
    ap.ingest("files", folder / "daily.csv", period="1d")
    ap.ingest("files", folder / "minute.csv", period="1m", stamps="close", timezone="UTC")
    ap.ingest("files", folder / "actions.csv", kind="actions")
    ap.ingest("files", folder / "news.csv", kind="articles", timezone="UTC")


class Steps:
    """Counts the steps on the disk inside of a folder, and dies before one of them."""

    def __init__(self, folder: str, last: int | None) -> None:
        self.folder, self.last, self.count, self.watching = folder, last, 0, False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.watching and event in _STEPS and str(arguments[0]).startswith(self.folder):
            self.count += 1
            if self.count == self.last:
                os.kill(os.getpid(), signal.SIGKILL)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(folder: Path, death: dict[str, int]) -> None:
    from alphapulse_lib import scoring
    from alphapulse_lib.articles import mentions  # noqa: F401
    from alphapulse_lib.catalog.sessions import sessions
    from alphapulse_lib.ingestion import importer  # noqa: F401
    from alphapulse_lib.settings import settings

    sessions("XNAS")
    scoring.find()
    steps = Steps(str(settings().catalog_root), death.get("operation"))
    sys.addaudithook(steps)
    say("ready")
    sys.stdin.readline()
    if "byte" in death:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (death["byte"], death["byte"]))
    steps.watching, began = True, time.monotonic()
    imports(folder)
    say(json.dumps({"steps": steps.count, "seconds": time.monotonic() - began}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
