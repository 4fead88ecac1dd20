"""The jobs of one server: started once, ended at their limit, on request or with the server."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alphapulse_jobs import publish
from alphapulse_jobs.folder import JobFolder, Refused, now
from alphapulse_jobs.processes import MARK, end, end_with_parent

__all__ = ["Jobs"]

_log = logging.getLogger("alphapulse.jobs")
_LONGEST = 7 * 86_400


@dataclass
class _Running:
    """A job whose process this server started."""

    folder: JobFolder
    task: asyncio.Task[None] | None = None
    cancelled: bool = field(default=False)


class Jobs:
    """The jobs of the server of one workspace.

    Parameters
    ----------
    root : Path
        The workspace.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._running: dict[str, _Running] = {}

    async def start(self, asked: Any) -> tuple[dict[str, Any], bool]:
        """Run a notebook, unless a job of its id is known.

        Parameters
        ----------
        asked : dict
            ``id``, ``notebook`` and ``output`` (paths in the workspace), ``parameters``, ``timeout`` in seconds.

        Returns
        -------
        tuple of dict and bool
            The job's state, and whether it was started now.

        Raises
        ------
        Refused
            400: something asked cannot be understood, or leads out of the workspace.
        """
        folder, first = self._checked(asked)
        lock = folder.make(first)
        if lock is None:
            return self.state(folder.id), False
        try:
            folder.forget_old()
            with folder.log.open("wb") as log:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", "alphapulse_jobs", str(self._root), folder.id, str(lock)),
                    env=os.environ | {MARK: folder.id},
                    cwd=folder.path,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[lock],
                    preexec_fn=end_with_parent,
                )
        finally:
            os.close(lock)  # the process holds it now
        running = self._running[folder.id] = _Running(folder)
        running.task = asyncio.get_running_loop().create_task(self._watch(running, process, float(first["timeout"])))
        return self.state(folder.id), True

    def state(self, job_id: str) -> dict[str, Any]:
        """A job's state, whichever server of the workspace runs it."""
        state = JobFolder(self._root, job_id).read()
        if state["state"] == "lost" and job_id in self._running:  # its process is gone and its end is being written
            state |= {"state": "running", "error": ""}
        return state

    async def cancel(self, job_id: str) -> dict[str, Any]:
        """End a job of this server, and answer its state.

        Raises
        ------
        Refused
            409: another server runs it.
        """
        state = self.state(job_id)
        running = self._running.get(job_id)
        if running is None and state["state"] == "running":
            raise Refused(409, f"The job {job_id!r} runs in another server of this workspace.")
        if running is not None and running.task is not None:
            running.cancelled = True
            await asyncio.get_running_loop().run_in_executor(None, end, job_id)
            await asyncio.shield(running.task)
        return self.state(job_id)

    async def _watch(self, running: _Running, process: asyncio.subprocess.Process, limit: float) -> None:
        folder, ended = running.folder, ("failed", "")
        try:
            await asyncio.wait_for(process.wait(), limit)
        except TimeoutError:
            ended = ("timed-out", f"It still ran after {limit:g} s and was ended.")
        try:
            await asyncio.get_running_loop().run_in_executor(None, end, folder.id)
            await process.wait()
            if running.cancelled:
                ended = ("cancelled", "It was cancelled.")
            # The runner says itself how the notebook ended, unless it was ended first.
            if folder.read()["state"] in ("running", "lost"):
                state, why = ended
                why = why or f"Its process ended by itself ({process.returncode}); see {folder.log}."
                published = await asyncio.get_running_loop().run_in_executor(None, publish.publish, folder, why)
                folder.write(state=state, error=why + published, ended_at=now())
        except OSError:
            _log.exception("The end of job %s could not be written", folder.id)
        finally:
            self._running.pop(folder.id, None)

    def _checked(self, asked: Any) -> tuple[JobFolder, dict[str, Any]]:
        if not isinstance(asked, dict):
            raise Refused(400, "The body must be an object: {id, notebook, output, parameters, timeout}.")
        unknown = asked.keys() - {"id", "notebook", "output", "parameters", "timeout"}
        if unknown:
            raise Refused(400, f"{sorted(unknown)} is not understood; send id, notebook, output, parameters, timeout.")
        folder = JobFolder(self._root, asked.get("id", ""))
        parameters, timeout = asked.get("parameters", {}), asked.get("timeout", 3600)
        if not isinstance(parameters, dict) or not all(name.isidentifier() for name in parameters):
            raise Refused(400, "parameters must be an object whose keys are names as in Python.")
        if type(timeout) not in (int, float) or not 0 < timeout <= _LONGEST:
            raise Refused(400, f"timeout={timeout!r} is no count of seconds up to {_LONGEST}.")
        notebook, output = self._inside("notebook", asked), self._inside("output", asked)
        if not folder.path.exists() and not notebook.is_file():
            raise Refused(400, f"There is no notebook {asked['notebook']!r} in this workspace.")
        if notebook == output:
            raise Refused(400, f"output={asked['output']!r} would replace the notebook itself.")
        first = {"id": folder.id, "state": "running", "error": "", "cells": None, "cells_done": None}
        paths = {"notebook": asked["notebook"], "output": asked["output"], "parameters": parameters, "timeout": timeout}
        return folder, {**first, **paths, "started_at": now(), "ended_at": None}

    def _inside(self, name: str, asked: dict[str, Any]) -> Path:
        given = asked.get(name)
        if not isinstance(given, str) or not given.endswith(".ipynb") or "\0" in given:
            raise Refused(400, f"{name}={given!r} is no path of a notebook; its name must end in .ipynb.")
        path = (self._root / given).resolve()
        if Path(given).is_absolute() or not path.is_relative_to(self._root):
            raise Refused(400, f"{name}={given!r} leads out of the workspace.")
        return path
