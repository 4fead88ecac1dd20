"""Servers whose owner may have none any more: they end, however the role that had one was lost.

Settings give roles at the hub's start, and find servers that an earlier hub left; groups of an identity provider give
and take them at any time.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from jupyterhub.scopes import get_scopes_for
from tornado.ioloop import PeriodicCallback

__all__ = ["watch"]

_log = logging.getLogger("alphapulse.hub")

_LOOKED_AT = 20.0  # seconds between two looks


def watch(app: Any, end_servers: Callable[[Any], Awaitable[None]]) -> PeriodicCallback:
    """Look again and again, for as long as the hub runs.

    Parameters
    ----------
    app : jupyterhub.app.JupyterHub
        The hub, which has all at hand who have a server.
    end_servers : callable
        Ends all that somebody has running.
    """

    async def look() -> None:
        for user in list(app.users.values()):
            if any(spawner.active for spawner in user.spawners.values()) and not _may_have_one(user):
                _log.warning("%s has no role with a workspace any more: what they have running ends", user.name)
                try:
                    await end_servers(user)
                except Exception:  # noqa: BLE001  the others' are still to be looked at, and this one's again
                    _log.exception("A server of %s could not be ended", user.name)

    looking = PeriodicCallback(look, _LOOKED_AT * 1000)
    looking.start()
    return looking


def _may_have_one(user: Any) -> bool:
    """Whether somebody may start servers of their own, by all the roles that they and their groups have."""
    return bool({"servers", f"servers!user={user.name}"} & set(get_scopes_for(user.orm_user)))
