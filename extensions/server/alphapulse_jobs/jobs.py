"""The jobs of one server: started once, ended at their limit, on request or with the server."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alphapulse_jobs import memory, publish
from alphapulse_jobs.folder import JobFolder, Refused, now
from alphapulse_jobs.processes import MARK, adopt, end_descendants, end_marked, end_with_parent

__all__ = ["Jobs"]

_log = logging.getLogger("alphapulse.jobs")
_LONGEST = 7 * 86_400
_PATIENCE = 15.0  # seconds for a job's guard to end it
_TOLD = 65_536  # bytes that a pipe holds


@dataclass
class _Running:
    """A job whose process this server started."""

    folder: JobFolder
    state: dict[str, Any]
    process: asyncio.subprocess.Process
    told: int
    killed: int = field(default_factory=memory.kills)
    task: asyncio.Task[None] | None = None
    cancelled: bool = field(default=False)


class Jobs:
    """The jobs of the server of one workspace.

    Parameters
    ----------
    root : Path
        The workspace.
    alone : bool
        Whether the server runs jobs and nothing else: then all that descends from it is theirs.
    activity : dict
        What the server reads its last activity from; one that does nothing for long may end by itself.
    """

    def __init__(self, root: Path, alone: bool, activity: dict[str, datetime]) -> None:
        self._root, self._alone = root.resolve(), alone
        self._running: dict[str, _Running] = {}
        #: How the jobs of this server ended; the disk may be full, and a notebook may remove its job's folder.
        self._ended: dict[str, dict[str, Any]] = {}
        self._activity = activity
        if alone:
            adopt()

    @property
    def count(self) -> int:
        """How many run."""
        return len(self._running)

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
            400: something asked cannot be understood, or leads out of the workspace. 507: nothing can be written.
        """
        folder, first = self._checked(asked)
        if folder.id in self._running or folder.id in self._ended:
            return self.state(folder.id), False
        lock = folder.make(first)
        if lock is None:
            return self.state(folder.id), False
        told, tell = os.pipe()
        try:
            folder.forget_old()
            process = await self._begin(folder, lock, tell)
        except OSError as refused:
            os.close(told)
            said = f"Its process could not be started: {(refused.strerror or str(refused)).lower()}."
            self._keep(folder, first, {"state": "failed", "error": said, "ended_at": now()})
            return self.state(folder.id), True
        finally:
            os.close(lock)  # the process holds it now
            os.close(tell)
        running = self._running[folder.id] = _Running(folder, first, process, told)
        self._activity[folder.id] = datetime.now(UTC) + timedelta(seconds=float(first["timeout"]))  # it ends by then
        running.task = asyncio.get_running_loop().create_task(self._watch(running))
        return self.state(folder.id), True

    def state(self, job_id: str) -> dict[str, Any]:
        """A job's state, whichever server of the workspace runs it."""
        if job_id in self._ended:
            return self._ended[job_id]
        running = self._running.get(job_id)
        if running is None:
            return JobFolder(self._root, job_id).read()
        state = running.state
        with suppress(Refused):  # its notebook may have removed the folder
            state = running.folder.read()
        # It is over when its end is written and all of its processes are gone.
        over = state["state"] != "running"
        return running.state | {name: state[name] for name in ("cells", "cells_done")} if over else state

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
            with suppress(ProcessLookupError):
                running.process.terminate()
            await asyncio.shield(running.task)
        return self.state(job_id)

    async def _begin(self, folder: JobFolder, lock: int, tell: int) -> asyncio.subprocess.Process:
        with folder.log.open("wb") as log:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "alphapulse_jobs", str(self._root), folder.id, str(lock), str(tell)),
                env=os.environ | {MARK: folder.id, "ALPHAPULSE_PROGRESS_FILE": str(folder.progress)},
                cwd=self._root,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock, tell],
                preexec_fn=end_with_parent,
            )

    async def _watch(self, running: _Running) -> None:
        folder, process, limit = running.folder, running.process, float(running.state["timeout"])
        ended = ("failed", "")
        try:
            await asyncio.wait_for(process.wait(), limit)
        except TimeoutError:
            ended = ("timed-out", f"It still ran after {limit:g} s and was ended.")
        try:
            await self._end(running)
            if running.cancelled:
                ended = ("cancelled", "It was cancelled.")
            end = _said(running.told)
            if end is None:  # it was ended before it said anything
                state, why = ended
                why = why or _fate(process.returncode, folder, memory.ran_out(running.killed))
                unsaved = await _aside(lambda: publish.publish(folder, running.state, why))
                end = {"state": state, "error": " ".join(part for part in (why, unsaved) if part), "ended_at": now()}
        except Exception as fault:  # noqa: BLE001  a job must end: what we did not foresee is its end, and in our log
            _log.exception("The end of job %s could not be told", folder.id)
            end = {"state": "failed", "error": f"{type(fault).__name__}: {fault}", "ended_at": now()}
        os.close(running.told)
        self._keep(folder, running.state, end)
        self._running.pop(folder.id, None)
        self._activity[folder.id] = datetime.now(UTC)

    async def _end(self, running: _Running) -> None:
        """End all of a job's processes: its guard does, and what a killed guard left is found here."""
        with suppress(ProcessLookupError):
            running.process.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(running.process.wait(), _PATIENCE)
        await _aside(lambda: end_marked(running.folder.id))
        await running.process.wait()
        if self._alone:
            others = [each.process.pid for each in self._running.values() if each is not running]
            await _aside(lambda: end_descendants(but=others))

    def _keep(self, folder: JobFolder, first: dict[str, Any], end: dict[str, Any]) -> None:
        try:
            folder.write(**end)
            self._ended[folder.id] = folder.read()
        except (OSError, ValueError, Refused) as refused:
            _log.error("The end of job %s is kept in memory alone: %s", folder.id, refused)
            held = first
            with suppress(OSError, Refused):
                held = folder.read()
            self._ended[folder.id] = held | end

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
        if not self._is_known(folder) and not notebook.is_file():
            raise Refused(400, f"There is no notebook {asked['notebook']!r} in this workspace.")
        if notebook == output:
            raise Refused(400, f"output={asked['output']!r} would replace the notebook itself.")
        first = {"id": folder.id, "state": "running", "error": "", "cells": None, "cells_done": None}
        paths = {"notebook": asked["notebook"], "output": asked["output"], "parameters": parameters, "timeout": timeout}
        return folder, {**first, **paths, "started_at": now(), "ended_at": None}

    def _is_known(self, folder: JobFolder) -> bool:
        return folder.id in self._running or folder.id in self._ended or folder.path.exists()

    def _inside(self, name: str, asked: dict[str, Any]) -> Path:
        given = asked.get(name)
        if not isinstance(given, str) or not given.endswith(".ipynb") or "\0" in given:
            raise Refused(400, f"{name}={given!r} is no path of a notebook; its name must end in .ipynb.")
        path = (self._root / given).resolve()
        if Path(given).is_absolute() or not path.is_relative_to(self._root):
            raise Refused(400, f"{name}={given!r} leads out of the workspace.")
        return path


async def _aside[T](act: Callable[[], T]) -> T:
    """Do it in a thread: the server answers meanwhile."""
    return await asyncio.get_running_loop().run_in_executor(None, act)


def _said(told: int) -> dict[str, Any] | None:
    """What the runner said of its end; nothing where it was ended before."""
    os.set_blocking(told, False)
    try:
        said: dict[str, Any] = json.loads(os.read(told, _TOLD))
    except (ValueError, BlockingIOError):
        return None
    return said


def _fate(code: int | None, folder: JobFolder, ran_out: str) -> str:
    if ran_out:
        return f"{ran_out}; see {Path('.jobs', folder.id, folder.log.name)}."
    killed = "; it was killed, as the system does where memory runs out" if code == -9 else ""
    return f"Its process ended by itself ({code}){killed}; see {Path('.jobs', folder.id, folder.log.name)}."
