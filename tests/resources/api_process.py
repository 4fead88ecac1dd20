"""The REST API in a process of its own, which may be killed: ``python -m tests.resources.api_process PORT``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import httpx
import uvicorn

from alphapulse_lib.settings import Settings, settings
from hub.api.app import PREFIX, create
from tests.resources.api_server import KnownTokens
from tests.resources.ports import free_port

__all__ = ["ApiProcess"]


class ApiProcess:
    """The API as the settings say, at one address however often it is killed and started again."""

    def __init__(self, chosen: Settings) -> None:
        self._port = free_port()  # that nobody else is given while it is down
        given = {"HOME": chosen.home_root, "CATALOG": chosen.catalog_root, "API_DATABASE": chosen.api_database}
        self._environment = os.environ | {f"ALPHAPULSE_{name}": str(value) for name, value in given.items()}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}{PREFIX}"

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.resources.api_process", str(self._port)]
        self._process = subprocess.Popen(command, env=self._environment)
        deadline = time.monotonic() + 120
        while True:
            try:
                httpx.get(f"{self.url}/health", timeout=5).raise_for_status()
                return
            except httpx.TransportError:
                assert self._process.poll() is None and time.monotonic() < deadline, "the API did not start"
                time.sleep(0.05)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


if __name__ == "__main__":
    uvicorn.run(create(settings(), KnownTokens()), host="127.0.0.1", port=int(sys.argv[1]), log_config=None)
