"""A job on disk: its folder ``.jobs/<id>`` in the workspace, with its state, its lock and its notebook so far."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["JobFolder", "Refused", "now"]

_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}")
_KEPT_DAYS = 30
#: How the name of a folder begins that is being made.
_NEW = ".new-"
_UNKNOWN = {"cells": None, "cells_done": None, "progress": None}
#: More bars, trials or seconds are nobody's.
_MOST = 10**12


class Refused(Exception):
    """What was asked cannot be done; ``status`` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def now() -> str:
    """The time as it is written into a job's state."""
    return datetime.now(UTC).isoformat()


class JobFolder:
    """The folder of one job.

    Parameters
    ----------
    root : Path
        The workspace.
    job_id : str
        The job's id.

    Raises
    ------
    Refused
        400: no folder can have that name.
    """

    def __init__(self, root: Path, job_id: str) -> None:
        if not isinstance(job_id, str) or not _ID.fullmatch(job_id):
            raise Refused(400, f"id={job_id!r} is no id of a job: 1 to 80 letters, digits, '.', '_' and '-'.")
        self.id, self.path = job_id, root / ".jobs" / job_id
        self.partial = self.path / "output.ipynb"
        self.log = self.path / "log.txt"
        self.progress = self.path / "progress.json"

    def make(self, state: dict[str, Any]) -> int | None:
        """Make the folder with its first state, at once.

        Returns
        -------
        int or None
            The job's lock, which whoever runs it holds open while it runs. ``None``: the folder was there already.

        Raises
        ------
        Refused
            507: the workspace takes no folder, as when its disk is full.
        """
        try:
            self.path.parent.mkdir(exist_ok=True)
            beside = Path(tempfile.mkdtemp(prefix=_NEW, dir=self.path.parent))
        except OSError as refused:
            raise _not_kept(refused) from None
        held = os.open(beside / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(held, fcntl.LOCK_EX)
        try:
            _write(beside / "state.json", state)
            beside.rename(self.path)
        except OSError as refused:
            os.close(held)
            shutil.rmtree(beside, ignore_errors=True)
            if not self.path.is_dir():
                raise _not_kept(refused) from None
            return None
        return held

    def read(self) -> dict[str, Any]:
        """The job's state; ``lost`` when it should run and nobody holds its lock.

        Raises
        ------
        Refused
            404: there is no such job.
        """
        running = self._is_held()
        try:
            state: dict[str, Any] = json.loads((self.path / "state.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise Refused(404, f"There is no job {self.id!r} in this workspace.") from None
        except (OSError, ValueError) as wrong:
            return {"id": self.id, "state": "lost", "error": f"Its state cannot be read: {wrong}.", **_UNKNOWN}
        if state["state"] == "running" and not running:
            state |= {"state": "lost", "error": "Its server, or its container, was ended while it ran."}
        return state | {"progress": self._far() if state["state"] == "running" else None}

    def write(self, **changed: Any) -> None:
        """Change the job's state."""
        held = json.loads((self.path / "state.json").read_text(encoding="utf-8"))
        _write(self.path / "state.json", held | changed)

    def _far(self) -> dict[str, Any] | None:
        """How far the backtest or the sweep is that its notebook runs; none where it wrote something else."""
        try:
            told = json.loads(self.progress.read_text(encoding="utf-8"))
            counted = ["trials", "trials_done"] if "trials" in told else ["bars", "bars_done"]
            counted += ["trials_slow"] if "trials_slow" in told else []
            far = {name: told[name] for name in (*counted, "seconds_left")}
        except (OSError, ValueError, TypeError, LookupError, RecursionError):
            return None
        whole = all(type(far[name]) is int and 0 <= far[name] <= _MOST for name in counted)
        left = far["seconds_left"]
        return far if whole and (left is None or (type(left) is float and 0 <= left <= _MOST)) else None

    def _is_held(self) -> bool:
        try:
            asked = os.open(self.path / "lock", os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(asked, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
        except BlockingIOError:
            return True
        finally:
            os.close(asked)

    def forget_old(self) -> None:
        """Remove the folders of jobs that were over long ago; their notebooks have their own names since."""
        for each in self.path.parent.iterdir():
            with suppress(OSError):  # of another server that removes it, too
                age = datetime.now(UTC).timestamp() - each.stat().st_mtime
                if age > _KEPT_DAYS * 86_400 and (each.name.startswith(_NEW) or self._is_over(each.name)):
                    shutil.rmtree(each)

    def _is_over(self, job_id: str) -> bool:
        try:
            return bool(JobFolder(self.path.parent.parent, job_id).read()["state"] != "running")
        except Refused:  # no job's folder: somebody else's, and not ours to remove
            return False


def _not_kept(refused: OSError) -> Refused:
    said = (refused.strerror or str(refused)).lower()
    return Refused(507, f"The workspace takes no job: in its folder .jobs nothing can be written ({said}).")


def _write(path: Path, state: dict[str, Any]) -> None:
    beside = path.with_suffix(".partial")
    try:
        with beside.open("w", encoding="utf-8") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
