"""What a job's own process does: run the notebook, save it after each cell, say how it ended."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from types import FrameType
from typing import Any

import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpecManager
from papermill.exceptions import PapermillExecutionError
from papermill.iorw import papermill_io

from alphapulse_jobs.folder import JobFolder, now
from alphapulse_jobs.processes import end
from alphapulse_jobs.publish import publish

__all__ = ["run"]

#: The kernel of a notebook that names none that is here.
_KERNEL = "alphapulse"


class _Saver:
    """How papermill saves the notebook after each cell: beside it first, so that a killed process leaves no half."""

    def __init__(self, folder: JobFolder) -> None:
        self._folder = folder

    def write(self, text: str, path: str) -> None:
        """Save the notebook and say how far it is."""
        beside = Path(path).with_suffix(".partial")
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        ended = [
            cell for cell in cells if cell["metadata"].get("papermill", {}).get("status") in ("completed", "failed")
        ]
        self._folder.write(cells=len(cells), cells_done=len(ended))

    def pretty_path(self, path: str) -> str:
        """The path for papermill's log."""
        return path


def run(root: Path, job_id: str, lock: int) -> None:
    """Run a job's notebook, say how it ended.

    Parameters
    ----------
    root : Path
        The workspace.
    job_id : str
        The job's id.
    lock : int
        The descriptor of its lock, which is held as long as this process lives.
    """
    os.set_inheritable(lock, False)  # the lock is this process's alone, not its kernel's
    signal.signal(signal.SIGTERM, _leave(job_id))
    folder = JobFolder(root, job_id)
    state = folder.read()
    try:
        _execute(root, folder, state)
        ended, error = "done", ""
    except PapermillExecutionError as raised:
        ended, error = "failed", f"{raised.ename}: {raised.evalue} (cell {raised.exec_count})"
    except Exception as raised:  # noqa: BLE001  whatever papermill or the kernel raises is how this job ended
        ended, error = "failed", f"{type(raised).__name__}: {raised}"
    folder.write(state=ended, error=error + publish(folder), ended_at=now())


def _execute(root: Path, folder: JobFolder, state: dict[str, Any]) -> None:
    source = root / state["notebook"]
    notebook = nbformat.read(source, as_version=4)
    papermill_io.register(str(folder.path), _Saver(folder))
    papermill.execute_notebook(
        _plain(source),
        _plain(folder.partial),
        parameters=state["parameters"],
        kernel_name=_kernel(notebook),
        language=notebook.metadata.get("kernelspec", {}).get("language") or "python",
        progress_bar=False,
        log_output=True,
        cwd=str(source.parent),
    )


def _plain(path: Path) -> str:
    """A path that papermill, which takes paths for templates, leaves as it is."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _kernel(notebook: nbformat.NotebookNode) -> str:
    named = notebook.metadata.get("kernelspec", {}).get("name", "")
    there = KernelSpecManager().find_kernel_specs()
    return named if named in there or _KERNEL not in there else _KERNEL


def _leave(job_id: str) -> Any:
    def leave(_number: int, _frame: FrameType | None) -> None:
        end(job_id)  # the kernel goes with the server, too
        os._exit(128 + signal.SIGTERM)

    return leave
