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

    def make(self, state: dict[str, Any]) -> int | None:
        """Make the folder with its first state, at once.

        Returns
        -------
        int or None
            The job's lock, which whoever runs it holds open while it runs. ``None``: the folder was there already.
        """
        self.path.parent.mkdir(exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".new-", dir=self.path.parent))
        held = os.open(beside / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(held, fcntl.LOCK_EX)
        _write(beside / "state.json", state)
        try:
            beside.rename(self.path)
        except OSError:
            os.close(held)
            shutil.rmtree(beside)
            if not self.path.is_dir():
                raise
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
        if state["state"] == "running" and not running:
            state |= {"state": "lost", "error": "Its server ended while it ran."}
        return state

    def write(self, **changed: Any) -> None:
        """Change the job's state."""
        held = json.loads((self.path / "state.json").read_text(encoding="utf-8"))
        _write(self.path / "state.json", held | changed)

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
            with suppress(OSError):
                age = datetime.now(UTC).timestamp() - (each / "state.json").stat().st_mtime
                if (
                    age > _KEPT_DAYS * 86_400
                    and JobFolder(self.path.parent.parent, each.name).read()["state"] != "running"
                ):
                    shutil.rmtree(each)


def _write(path: Path, state: dict[str, Any]) -> None:
    beside = path.with_suffix(".partial")
    with beside.open("w", encoding="utf-8") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
