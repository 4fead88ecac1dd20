"""Sign-ins for the audit log: who was let in, who was refused, and from where; never with what they typed."""

from __future__ import annotations

import logging
import re
import secrets
from functools import cache
from typing import Any

from jupyterhub.orm import User
from tornado.web import HTTPError

from alphapulse_lib import clock
from alphapulse_lib.settings import settings
from hub import keys, network
from hub.guesses import HeldBackError, came_from
from hub.logs import HEADER
from hub.outbox import Outbox

__all__ = ["Noted"]

_log = logging.getLogger("alphapulse.hub")

_REQUEST = re.compile(r"[A-Za-z0-9._-]{1,64}")


@cache
def _outbox() -> Outbox:
    home = settings().home_root
    api = network.read(home / "run" / "network.json").api
    return Outbox(home / "hub" / "outbox", f"{api}/services/api/v1/audit/sign-ins", keys.keys(home).audit_token)


class Noted:
    """An authenticator that has each sign-in noted; it stands before the one that decides."""

    def get_handlers(self, app: Any) -> list[Any]:
        """What the hub asks once, as it starts: what an earlier hub could not send any more is sent from then on."""
        _outbox()
        return list(super().get_handlers(app))  # type: ignore[misc]

    async def get_authenticated_user(self, handler: Any, data: Any) -> Any:
        """What JupyterHub asks at each sign-in: the person, or nothing where they are refused."""
        found, outcome = None, "refused"
        try:
            found = await super().get_authenticated_user(handler, data)  # type: ignore[misc]
            return found
        except HeldBackError as held:  # once for each wait: they may come as quickly as they like
            outcome = "held-back" if held.first else ""
            raise
        finally:
            who = found["name"] if found else self._known(data)
            if outcome:
                _keep(_told(handler.request, who, "accepted" if found else outcome))

    def _known(self, data: Any) -> str:
        """The name that was refused, where it is somebody's: who mistakes the field has typed a password."""
        said = data.get("username") if isinstance(data, dict) else None
        if not isinstance(said, str) or not said:
            return ""
        name: str = self.normalize_username(said)  # type: ignore[attr-defined]
        named = self.allowed_users | self.admin_users  # type: ignore[attr-defined]
        return name if name in named or User.find(self.db, name) is not None else ""  # type: ignore[attr-defined]


def _keep(told: dict[str, Any]) -> None:
    """Have it noted; nobody comes in of whom that cannot be noted."""
    try:
        _outbox().put(told)
    except OSError as refused:
        _log.error("No sign-in can be noted, so nobody is signed in: %s", refused)
        raise HTTPError(
            503, "Nobody can be signed in now: the hub cannot write. An administrator sees why in its log; try again."
        ) from None


def _told(request: Any, who: str, outcome: str) -> dict[str, Any]:
    named = request.headers.get(HEADER, "")
    return {
        "id": secrets.token_hex(16),
        "at": clock.now().isoformat(),
        "who": who,
        "action": f"sign-in.{outcome}",
        "request": named if _REQUEST.fullmatch(named) else "",
        "origin": came_from(request),
    }
