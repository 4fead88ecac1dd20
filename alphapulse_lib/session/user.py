"""Who is at work."""

from __future__ import annotations

import getpass
import os

__all__ = ["user"]


def user() -> str:
    """The hub's name for the person, for whom all workspaces may be one system account; else the account's."""
    return os.environ.get("JUPYTERHUB_USER") or getpass.getuser()
