"""The end of a job: its notebook so far takes its own name, whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat

from alphapulse_jobs.folder import JobFolder

__all__ = ["publish"]


def publish(folder: JobFolder, state: dict[str, Any], why: str = "", cell: int | None = None) -> str:
    """Give a job's notebook its name; a reader sees the one before or this one, never a part.

    Parameters
    ----------
    folder : JobFolder
        The job.
    state : dict
        Its state, for the names of both notebooks.
    why : str
        Why the job was ended from outside; written into the cell that ran, or would have run next.
    cell : int, optional
        Which one that was, where the notebook does not say it.

    Returns
    -------
    str
        Empty, or where the notebook is instead and why it has not its name.
    """
    if not folder.partial.exists():
        return ""
    target = folder.path.parent.parent / state["output"]
    source = folder.path / "whole.ipynb"
    try:
        _finish(folder.partial, source, state, why, cell)
    except OSError:  # no room for another copy: what was saved last is whole, too
        source.unlink(missing_ok=True)
        source = folder.partial
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
    except OSError as refused:
        kept = Path(".jobs", folder.id, source.name)
        return f"The notebook could not be saved as {state['output']} ({_said(refused)}); it is {kept}."
    folder.partial.unlink(missing_ok=True)
    return ""


def _finish(partial: Path, whole: Path, state: dict[str, Any], why: str, cell: int | None) -> None:
    notebook = nbformat.read(partial, as_version=4)
    notebook.metadata.papermill |= {"input_path": state["notebook"], "output_path": state["output"]}
    if why and (stopped := _stopped(notebook, cell)) is not None:
        stopped.metadata.papermill |= {"status": "failed", "exception": True}
        stopped.outputs.append(nbformat.v4.new_output("error", ename="JobEnded", evalue=why, traceback=[why]))
    with whole.open("w", encoding="utf-8") as file:
        nbformat.write(notebook, file)
        file.flush()
        os.fsync(file.fileno())


def _stopped(notebook: nbformat.NotebookNode, cell: int | None) -> nbformat.NotebookNode | None:
    """The cell that ran; between two of them the one that would have come, after all of them the last."""
    code = [(number, each) for number, each in enumerate(notebook.cells) if each.cell_type == "code"]
    running = [each for number, each in code if number == cell or _status(each) == "running"]
    pending = [each for _, each in code if _status(each) == "pending"]
    return next(iter([*running, *pending, *(each for _, each in code[-1:])]), None)


def _status(cell: nbformat.NotebookNode) -> str | None:
    status: str | None = cell.metadata.get("papermill", {}).get("status")
    return status


def _said(refused: OSError) -> str:
    return (refused.strerror or str(refused)).lower()
