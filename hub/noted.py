"""Sign-ins and sign-outs for the audit log: who was let in, refused, or left, and from where; never what they typed."""

from __future__ import annotations

import logging
from typing import Any

from jupyterhub.handlers.login import LogoutHandler
from jupyterhub.orm import User
from jupyterhub.utils import maybe_future
from tornado.web import HTTPError

from alphapulse_lib.settings import settings
from hub import deeds
from hub.guesses import HeldBackError

__all__ = ["Noted"]

_log = logging.getLogger("alphapulse.hub")


class Noted:
    """An authenticator that has each sign-in noted; it stands before the one that decides."""

    def get_handlers(self, app: Any) -> list[Any]:
        """What the hub asks once, as it starts: from then on it sends what there is to tell, an earlier hub's too."""
        deeds.tell_settings(settings())
        # JupyterHub's own is there as well; of two of a path the first answers.
        given = [*super().get_handlers(app), (r"/logout", LogoutHandler)]  # type: ignore[misc]
        return [(path, _noting(page), *more) for path, page, *more in given]

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
                _keep(deeds.deed(f"sign-in.{'accepted' if found else outcome}", who, handler.request))

    def _known(self, data: Any) -> str:
        """The name that was refused, where it is somebody's: who mistakes the field has typed a password."""
        said = data.get("username") if isinstance(data, dict) else None
        if not isinstance(said, str) or not said:
            return ""
        name: str = self.normalize_username(said)  # type: ignore[attr-defined]
        named = self.allowed_users | self.admin_users  # type: ignore[attr-defined]
        return name if name in named or User.find(self.db, name) is not None else ""  # type: ignore[attr-defined]


def _noting(page: Any) -> Any:
    """A page of the hub's; the one that signs people out has that noted, whatever else it does."""
    if not (isinstance(page, type) and issubclass(page, LogoutHandler)):
        return page

    class Noting(page):  # type: ignore[misc]
        async def handle_logout(self) -> None:
            """What JupyterHub asks once it has signed somebody out, before it forgets who they were."""
            await maybe_future(super().handle_logout())
            if (person := self.current_user) is not None:
                try:
                    deeds.outbox().put(deeds.deed("sign-out.done", person.name, self.request))
                except OSError:
                    _log.exception("The audit log is not told that %s has signed out", person.name)

    return Noting


def _keep(told: dict[str, Any]) -> None:
    """Have it noted; nobody comes in of whom that cannot be noted."""
    try:
        deeds.outbox().put(told)
    except OSError as refused:
        _log.error("No sign-in can be noted, so nobody is signed in: %s", refused)
        raise HTTPError(
            503, "Nobody can be signed in now: the hub cannot write. An administrator sees why in its log; try again."
        ) from None
