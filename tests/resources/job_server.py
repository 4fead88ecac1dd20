"""A job's server, or a workspace's, for tests: a Jupyter server over one folder, its notebooks, its processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import nbformat
import psutil
from running_hub import PROJECT, environment, free_port

TOKEN = "a-token-for-this-test"
#: Options of a person's server without the screens, which take half a minute to load on a busy machine.
LEAN = [
    f"--ServerApp.jpserver_extensions={name}={wanted}"
    for name, wanted in {
        **dict.fromkeys(("jupyterlab", "jupyter_lsp", "notebook_shim", "voila.server_extension"), False),
        "panel.io.jupyter_server_extension": False,
        "jupyter_server_terminals": True,
        "alphapulse_jobs": True,
    }.items()
]


class Server:
    """A Jupyter server over one workspace, as the hub starts it: lean for a job, or with all that a person sees."""

    def __init__(
        self, root: Path, *options: str, kind: str = "job", before: Sequence[str] = (), **variables: str
    ) -> None:
        self.root, self.port, self.options, self.before = root, free_port(), options, before
        self.variables = {"ALPHAPULSE_SERVER": kind, **variables}
        self.start()

    def start(self) -> None:
        lean = {
            "JUPYTER_CONFIG_PATH": str(PROJECT / "hub" / "jupyter"),
            "JUPYTER_PATH": f"{PROJECT}:{self.root / 'jupyter'}",
        }
        command = [
            *self.before,
            sys.executable,
            "-m",
            "jupyter_server",
            "--no-browser",
            "--allow-root",
            f"--port={self.port}",
        ]
        self.process = subprocess.Popen(
            [*command, f"--ServerApp.root_dir={self.root}", f"--IdentityProvider.token={TOKEN}", *self.options],
            env=environment(self.root / "home", 1, **self.variables) | lean,
            stdout=subprocess.DEVNULL,
            stderr=self.root.with_name("server.log").open("ab"),
        )
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"token {TOKEN}"},
            timeout=60,
            trust_env=False,
        )
        deadline = time.monotonic() + 240
        while True:
            try:
                self.http.get("/api/status").raise_for_status()
                return
            except httpx.HTTPError:
                assert time.monotonic() < deadline, self.root.with_name("server.log").read_text()
                time.sleep(0.1)

    def stop(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(timeout=60)

    def post(self, job_id: str, notebook: str, **more: Any) -> httpx.Response:
        body = {"id": job_id, "notebook": notebook, "output": f"out/{job_id}.ipynb", **more}
        return self.http.post("/alphapulse/jobs", json=body)

    def state(self, job_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/alphapulse/jobs/{job_id}")
        answer.raise_for_status()
        return answer.json()

    def ended(self, job_id: str, within: float = 90) -> dict[str, Any]:
        deadline = time.monotonic() + within
        while (state := self.state(job_id))["state"] == "running":
            assert time.monotonic() < deadline, state
            time.sleep(0.1)
        return state

    def notebook(self, job_id: str) -> Any:
        return nbformat.read(self.root / "out" / f"{job_id}.ipynb", as_version=4)


def lasted(state: dict[str, Any]) -> float:
    """Seconds that a job which is over took, by its own state."""
    began, ended = (datetime.fromisoformat(state[name]) for name in ("started_at", "ended_at"))
    return (ended - began).total_seconds()


def write(root: Path, name: str, *cells: str, parameters: str = "") -> str:
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python"}})
    if parameters:
        notebook.cells.append(nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    notebook.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return name


def of_job(job_id: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("ALPHAPULSE_FIRING") == job_id and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found
