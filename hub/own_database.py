"""JupyterHub's own database, which no other part writes to."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import make_url

from alphapulse_lib.settings import Settings

__all__ = ["configure"]

#: Seconds that a lock on SQLite's file is waited for, as while it is copied.
_PATIENCE = 30


def configure(c: Any, chosen: Settings) -> None:
    """Tell JupyterHub of it; ``c`` is its configuration object."""
    c.JupyterHub.db_url = chosen.hub_database_url
    if make_url(chosen.hub_database_url).get_backend_name() == "sqlite":
        # These replace JupyterHub's own, of which the second is one.
        c.JupyterHub.db_kwargs = {"connect_args": {"timeout": _PATIENCE, "check_same_thread": False}}
