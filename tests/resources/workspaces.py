"""Somebody's workspace, as tests look into it from outside: a folder of this machine, or a container's volume."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Protocol

from docker_engine import NOTHING, WORKSPACE, Docker

__all__ = ["Folder", "Volume", "Workspace"]


class Workspace(Protocol):
    """What a journey asks of it, wherever its owner's server runs.

    Attributes
    ----------
    place : str
        The folder, as its owner sees it.
    alphapulse : str
        The command that a terminal there finds.
    """

    place: str
    alphapulse: str

    def text(self, path: str) -> str:
        """What a file says; empty where there is none."""

    def named(self, name: str) -> list[str]:
        """Where in it there are files of a name."""

    def run(self, *arguments: str) -> str:
        """What the command ``alphapulse`` printed there."""


class Folder:
    """Of somebody whose server is a process."""

    def __init__(self, place: Path, environment: dict[str, str]) -> None:
        self.place, self._folder = str(place), place
        self.alphapulse = str(Path(sys.executable).with_name("alphapulse"))
        self._environment = environment | {"ALPHAPULSE_LEDGER": str(place / "ledger")}

    def text(self, path: str) -> str:
        file = self._folder / path
        return file.read_text() if file.exists() else ""

    def named(self, name: str) -> list[str]:
        return [str(each.relative_to(self._folder)) for each in self._folder.rglob(name)]

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.alphapulse, *arguments], env=self._environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


class Volume:
    """Of somebody whose server is a container: also read while no server of theirs runs."""

    place = "/home/researcher"
    alphapulse = "/opt/alphapulse/.venv/bin/alphapulse"

    def __init__(self, docker: Docker, name: str) -> None:
        self._docker, self._name = docker, name

    def text(self, path: str) -> str:
        return self._looked("sh", "-c", f'test ! -e "{path}" || cat "{path}"')

    def named(self, name: str) -> list[str]:
        return [each.removeprefix("./") for each in self._looked("find", ".", "-name", name).splitlines()]

    def run(self, *arguments: str) -> str:
        return self._docker("exec", self._name, self.alphapulse, *arguments)

    def _looked(self, *command: str) -> str:
        seen = ("--volume", f"{self._name}:{self.place}:ro", "--workdir", self.place)
        return self._docker.run(WORKSPACE, *command, options=(*NOTHING, *seen))
