"""The end of a job: its notebook so far takes its own name, whole."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat

from alphapulse_jobs.folder import JobFolder

__all__ = ["publish"]


def publish(folder: JobFolder, why: str = "") -> str:
    """Give a job's notebook its name; a reader sees the one before or this one, never a part.

    Parameters
    ----------
    folder : JobFolder
        The job.
    why : str
        Why the job was ended from outside; written into the cell that ran.

    Returns
    -------
    str
        Empty, or where the notebook is instead and why it could not be renamed.
    """
    if not folder.partial.exists():
        return ""
    state = folder.read()
    target = folder.path.parent.parent / state["output"]
    notebook = nbformat.read(folder.partial, as_version=4)
    notebook.metadata.papermill |= {"input_path": state["notebook"], "output_path": state["output"]}
    for cell in notebook.cells if why else ():
        if cell.metadata.get("papermill", {}).get("status") == "running":
            cell.metadata.papermill |= {"status": "failed", "exception": True}
            cell.outputs.append(nbformat.v4.new_output("error", ename="JobEnded", evalue=why, traceback=[why]))
    whole = folder.path / "whole.ipynb"
    with whole.open("w", encoding="utf-8") as file:
        nbformat.write(notebook, file)
        file.flush()
        os.fsync(file.fileno())
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        whole.replace(target)
    except OSError as refused:
        kept = Path(".jobs", folder.id, whole.name)
        return f" The notebook could not be saved as {state['output']} ({refused.strerror}); it is {kept}."
    folder.partial.unlink()
    return ""
