"""What a job's own process does: run the notebook, save it after each cell, say how it ended."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpecManager
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError
from papermill.iorw import papermill_io

from alphapulse_jobs import memory
from alphapulse_jobs.folder import JobFolder, now
from alphapulse_jobs.outputs import ENGINE
from alphapulse_jobs.publish import publish

__all__ = ["run"]

#: The kernel of a notebook that names none that is here.
_KERNEL = "alphapulse"
_LONGEST = 4_000  # characters of an error; with the rest it must go into a pipe's first 64 KiB


class _NotRunError(Exception):
    """The notebook could not be run, or not to its end; the words say why."""


class _Saver:
    """How papermill saves the notebook after each cell: beside it first, so that a killed process leaves no half.

    Attributes
    ----------
    cell : int or None
        The cell that runs, or ran last.
    """

    def __init__(self, folder: JobFolder) -> None:
        self._folder = folder
        self.cell: int | None = None

    def write(self, text: str, path: str) -> None:
        """Save the notebook and say how far it is."""
        states = [
            (number, cell["metadata"].get("papermill", {}).get("status"))
            for number, cell in enumerate(json.loads(text)["cells"])
            if cell["cell_type"] == "code"
        ]
        self.cell = next((number for number, state in states if state == "running"), self.cell)
        beside = Path(path).with_suffix(".partial")
        try:
            beside.write_text(text, encoding="utf-8")
            beside.replace(path)
            ended = sum(state in ("completed", "failed") for _, state in states)
            self._folder.write(cells=len(states), cells_done=ended)
        except OSError as refused:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            said = (refused.strerror or str(refused)).lower()
            where = Path(".jobs", self._folder.id)
            raise _NotRunError(f"The notebook could not be saved in {where} while it ran: {said}.") from None

    def pretty_path(self, path: str) -> str:
        """The path for papermill's log."""
        return path


def run(root: Path, job_id: str, lock: int, told: int) -> None:
    """Run a job's notebook, say how it ended.

    Parameters
    ----------
    root : Path
        The workspace.
    job_id : str
        The job's id.
    lock : int
        The descriptor of its lock, which is held as long as this process lives.
    told : int
        The descriptor of a pipe to the job's server, which is told the end, too: a full disk keeps no state.
    """
    for descriptor in (lock, told):  # this process's alone, not its kernel's
        os.set_inheritable(descriptor, False)
    folder = JobFolder(root, job_id)
    state = folder.read()
    saver = _Saver(folder)
    ended, error, inside = _run(root, folder, state, saver)
    unsaved = publish(folder, state, "" if inside else error, saver.cell)
    end = {
        "state": "failed" if unsaved else ended,
        "error": " ".join(part for part in (error[:_LONGEST], unsaved) if part),
        "ended_at": now(),
    }
    os.write(told, json.dumps(end).encode())
    with suppress(OSError, ValueError):  # a full disk, or a folder that the notebook removed
        folder.write(**end)


def _run(root: Path, folder: JobFolder, state: dict[str, Any], saver: _Saver) -> tuple[str, str, bool]:
    """How it ended, its error, and whether the notebook itself shows that."""
    killed = memory.kills()
    try:
        _execute(root, folder, state, saver)
    except PapermillExecutionError as raised:
        return "failed", f"{raised.ename}: {raised.evalue} (cell {raised.exec_count})", True
    except DeadKernelError:
        log = Path(".jobs", folder.id, folder.log.name)
        why = memory.ran_out(killed) or "The kernel died: it was killed, as where memory runs out, or ended itself"
        return "failed", f"{why} (cell {(saver.cell or 0) + 1} of the notebook); what it said is in {log}.", False
    except _NotRunError as raised:
        return "failed", str(raised), False
    except Exception as raised:  # noqa: BLE001  whatever papermill or the kernel raises is how this job ended
        return "failed", f"{type(raised).__name__}: {raised}", False
    return "done", "", True


def _execute(root: Path, folder: JobFolder, state: dict[str, Any], saver: _Saver) -> None:
    source = root / state["notebook"]
    kernel, language = _kernel(_read(source, state["notebook"]))
    papermill_io.register(str(folder.path), saver)
    papermill.execute_notebook(
        _plain(source),
        _plain(folder.partial),
        parameters=state["parameters"],
        engine_name=ENGINE,
        kernel_name=kernel,
        language=language,
        progress_bar=False,
        log_output=True,
        cwd=str(source.parent),
    )


def _read(source: Path, name: str) -> nbformat.NotebookNode:
    try:
        notebook: nbformat.NotebookNode = nbformat.read(source, as_version=4)
        if not isinstance(notebook.cells, list):
            raise TypeError("its cells are no list")
    except OSError as refused:
        said = (refused.strerror or str(refused)).lower()
        raise _NotRunError(f"The notebook {name!r} could not be read: {said}.") from None
    except Exception as wrong:  # noqa: BLE001  nbformat raises what it stumbles over, an AttributeError for a list
        first = str(wrong).partition("\n")[0][:200]
        raise _NotRunError(f"{name!r} is no notebook: {type(wrong).__name__}: {first}") from None
    return notebook


def _plain(path: Path) -> str:
    """A path that papermill, which takes paths for templates, leaves as it is."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _kernel(notebook: nbformat.NotebookNode) -> tuple[str, str]:
    """The kernel to run it with, and its language: AlphaPulse's for one of Python whose own is not here."""
    asked = notebook.metadata.get("kernelspec", {})
    named = str(asked.get("name", ""))
    language = asked.get("language") or notebook.metadata.get("language_info", {}).get("name") or "python"
    there = KernelSpecManager().find_kernel_specs()
    if named in there:
        return named, language
    if str(language).lower() not in ("python", "python3", "ipython") or _KERNEL not in there:
        known = ", ".join(sorted(there))
        raise _NotRunError(f"Its kernel {named!r} ({language}) is not installed here; there are {known}.")
    return _KERNEL, "python"
