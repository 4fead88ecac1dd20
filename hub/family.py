"""The processes of one hub, found by a mark in their environment that each child inherits.

A process group or a parent's id would not do: JupyterHub and Jupyter start servers, kernels and terminals in sessions
of their own, and a killed parent's children are handed to init.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

import psutil

__all__ = ["MARK", "end", "end_with_parent", "mark", "members"]

#: The variable that marks a hub's processes; it holds the hub's home folder.
MARK = "ALPHAPULSE_FAMILY"

_PR_SET_PDEATHSIG = 1


def mark(home: Path) -> dict[str, str]:
    """The environment of this process with the mark of a hub added."""
    return {**os.environ, MARK: str(home)}


def end_with_parent() -> None:
    """Ask Linux to send this process SIGTERM when its parent dies, even of SIGKILL. Call it in the child."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def members(home: Path) -> list[psutil.Process]:
    """The living processes of a hub, apart from this one and those it descends from."""
    this = psutil.Process()
    spared = {this.pid, *(parent.pid for parent in this.parents())}
    return [process for process in psutil.process_iter() if process.pid not in spared and _bears(process, str(home))]


def end(home: Path, patience: float = 5.0) -> int:
    """End whatever still lives of a hub: politely, then for certain.

    Parameters
    ----------
    home : Path
        The hub's home folder.
    patience : float
        Seconds between SIGTERM and SIGKILL.

    Returns
    -------
    int
        How many processes were ended.
    """
    ended = 0
    while found := members(home):  # again: one of them may have been starting another
        for process in found:
            _signal(process, signal.SIGTERM)
        _, stubborn = psutil.wait_procs(found, timeout=patience)
        for process in stubborn:
            _signal(process, signal.SIGKILL)
        psutil.wait_procs(stubborn, timeout=patience)
        ended += len(found)
    return ended


def _bears(process: psutil.Process, home: str) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == home)
    except psutil.Error:  # gone meanwhile, or somebody else's
        return False


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
