"""The worker in a process of its own, which may be killed: beside an API on the same home, with no hub to speak to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from alphapulse_lib.settings import Settings
from hub.keys import keys
from hub.network import Network
from hub.programs import environment

__all__ = ["WorkerProcess"]


class WorkerProcess:
    """`python -m hub.worker`, with the settings as the supervisor hands them on and what else is given."""

    def __init__(self, chosen: Settings, name: str = "worker", command: Sequence[str] = (), **more: str) -> None:
        self._home = chosen.home_root
        for folder in ("run", "hub", "logs"):
            (self._home / folder).mkdir(parents=True, exist_ok=True)
        nobody = Network("127.0.0.1", 1, 1, 1, 1, 1)  # no hub: firings of notebooks wait, fetches need none
        nobody.write(self._home / "run" / "network.json")
        keys(self._home)
        plain = {each: value for each, value in os.environ.items() if not each.startswith("ALPHAPULSE_")}
        self._command = command or (sys.executable, "-m", "hub.worker")
        self._environment = plain | environment(chosen) | more
        self._log = self._home / "logs" / f"{name}.log"

    def start(self) -> WorkerProcess:
        before = self.said.count("is ready")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 120
        while self.said.count("is ready") == before:
            assert self._process.poll() is None and time.monotonic() < deadline, self.said
            time.sleep(0.05)
        return self

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
