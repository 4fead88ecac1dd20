"""A real hub for tests: the command a person types, in a home and on a port of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import canaries
from workspaces import Folder, Workspace

from tests.resources.ports import free_port

PROJECT = Path(__file__).parents[2]


def environment(home: Path, port: int, **more: str) -> dict[str, str]:
    """This process's variables without any setting of the developer's, and with these."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("ALPHAPULSE_", "MAKE"))}
    return plain | {"ALPHAPULSE_HOME": str(home), "ALPHAPULSE_PORT": str(port)} | more


class RunningHub:
    """`make up` in the background, as if in a terminal of its own."""

    def __init__(self, home: Path, **more: str) -> None:
        self.home, self.port = home, free_port()
        self.environment = environment(home, self.port, **more)
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = home.with_name(f"{home.name}-output.txt")
        #: People's tokens and cookies, of which none may lie open afterwards either; a test puts in what it was given.
        self.handed: dict[str, str] = {}

    def start(self, within: float = 400) -> RunningHub:
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                ["make", "up"],
                cwd=PROJECT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + within
        while "Ctrl-C" not in self.said:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"`make up` did not come up: {self.said}")
            time.sleep(0.1)
        return self

    @property
    def said(self) -> str:
        return self.output.read_text()

    def credentials(self) -> list[tuple[str, str]]:
        """The user names and passwords that it printed."""
        return re.findall(r"user +(\S+).*?\n +password +(\S+)", self.said)

    def workspace(self, name: str) -> Workspace:
        """Somebody's own, wherever their server runs."""
        return Folder(self.home / "users" / name, self.environment)

    def make(self, target: str, answer: str | None = None) -> subprocess.CompletedProcess[str]:
        """Another command of the Makefile, on the same home."""
        how = {"stdin": subprocess.DEVNULL} if answer is None else {"input": answer}
        return subprocess.run(
            ["make", target], cwd=PROJECT, env=self.environment, capture_output=True, text=True, timeout=120, **how
        )

    def interrupt(self, within: float = 120) -> int:
        """Ctrl-C: the signal goes to the terminal's whole process group. No secret of the hub lies open afterwards."""
        os.killpg(self.process.pid, signal.SIGINT)
        ended = self.process.wait(timeout=within)
        planted = canaries.secrets(self.home, self.environment) | self.handed
        open_secrets = canaries.found(self.home, planted)
        assert not open_secrets, f"secrets of the hub lie open in its home folder: {open_secrets}"
        return ended
