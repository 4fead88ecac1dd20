"""The processes of one job, found by a mark in their environment that each child inherits.

Kernels start in sessions of their own and outlive their parents: neither a process group nor a parent's id finds them.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

import psutil

__all__ = ["MARK", "end", "end_with_parent"]

#: The variable that marks a job's processes; it holds the job's id, which is a firing's.
MARK = "ALPHAPULSE_FIRING"

_PR_SET_PDEATHSIG = 1
_PATIENCE = 5.0  # seconds for the system to take a killed process away


def end_with_parent() -> None:
    """Ask Linux to send this process SIGTERM when its parent dies, even of SIGKILL. Call it in the child."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def end(job_id: str) -> None:
    """Kill every process of a job but this one: its notebook is saved after each cell, nothing else is lost."""
    while found := [each for each in psutil.process_iter() if each.pid != os.getpid() and _bears(each, job_id)]:
        for each in found:  # again until none is left: one of them may have been starting another
            try:
                each.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(found, timeout=_PATIENCE)


def _bears(process: psutil.Process, job_id: str) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == job_id)
    except psutil.Error:  # gone meanwhile, or somebody else's
        return False
