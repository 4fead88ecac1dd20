"""Processes as a test looks at them: any of them may end while it is looked at, which is nothing wrong."""

from __future__ import annotations

import psutil

__all__ = ["command", "lives", "variables"]


def command(process: psutil.Process) -> str:
    """Its command line; empty when it has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # or is somebody else's
        return ""


def variables(process: psutil.Process) -> dict[str, str]:
    """Its variables; none when it has just ended."""
    try:
        return process.environ()
    except psutil.Error:  # or is somebody else's
        return {}


def lives(process: psutil.Process) -> bool:
    """Whether it does anything still; the number of one that ended stays until whoever adopted it asks after it."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:  # or is somebody else's
        return False
