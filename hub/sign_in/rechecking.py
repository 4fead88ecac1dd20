"""Whether the provider still knows somebody who is signed in, asked again and again while they are at work."""

from __future__ import annotations

import asyncio
import time
from contextvars import ContextVar
from typing import Any, Literal
from weakref import WeakValueDictionary

from jupyterhub.crypto import EncryptionUnavailable, InvalidToken, decrypt
from jupyterhub.orm import User
from jupyterhub.utils import maybe_future
from oauthenticator.oauth2 import OAuthenticator
from tornado.httpclient import HTTPClientError, HTTPResponse
from tornado.web import HTTPError
from traitlets import Bool, Set, Unicode

from hub.authenticator import end_servers

__all__ = ["PATIENCE", "Rechecking"]

#: Seconds that those who are signed in stay so while the provider does not answer.
PATIENCE = 600

#: What in somebody's state tells at which provider they have the account that it is of.
_PROVIDER = "provider"

#: Set where the provider gave no answer while somebody was asked for again: that is no refusal.
_unanswered: ContextVar[bool] = ContextVar("unanswered", default=False)


class Rechecking(OAuthenticator):  # type: ignore[misc]
    """What every provider's sign-in does beside oauthenticator's own.

    oauthenticator asks the provider for a person anew. This judges the answer as at the sign-in: it must be about the
    same person, who must still be allowed. Whom the provider refuses loses their servers too, whose pages would stay
    open; where it merely does not answer, people stay signed in for a while. Questions about one person go one by one,
    or two at once would use one refresh token twice, which a provider takes for a theft.
    """

    #: What of a person tells the domain that they are of; empty where nothing does.
    domain_claim = ""

    anybody = Bool(False, config=True, help="Whether every account of the provider may sign in.")
    domains = Set(Unicode(), config=True, help="Who is of these domains may sign in.")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._known_at: dict[str, float] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def get_authenticated_user(self, handler: Any, data: Any) -> Any:
        """Who signs in; where the provider gives no answer, that is told, and not called a fault of the hub's."""
        try:
            found = await super().get_authenticated_user(handler, data)
        except (HTTPClientError, OSError) as error:
            self.log.warning("The provider gave no answer at a sign-in: %s", error)
            raise HTTPError(
                503, f"{self.login_service} does not answer the hub as it should, so nobody can sign in. Try again."
            ) from None
        if found:
            await self._require_the_same_account(found)
        return found

    def build_auth_state_dict(self, token_info: dict[str, Any], user_info: dict[str, Any]) -> dict[str, Any]:
        """What is kept of a sign-in, and by which provider it was."""
        return {**super().build_auth_state_dict(token_info, user_info), _PROVIDER: self.userdata_url}

    async def _require_the_same_account(self, found: dict[str, Any]) -> None:
        """Refuse a name that was another account's: names are given anew, and whoever has one now is not who had it.

        GitHub gives the old login of somebody who was renamed to whoever asks, a company an address to a successor.
        """
        known = User.find(self.db, found["name"])
        if known is None or known.encrypted_auth_state is None:
            return
        try:
            held = await decrypt(known.encrypted_auth_state) or {}
        except (ValueError, InvalidToken, EncryptionUnavailable) as lost:
            self.log.warning("Whose the name %s was before cannot be read: %s", found["name"], lost)
            return
        before, now = self._account(held), self._account(found["auth_state"])
        if held.get(_PROVIDER, self.userdata_url) == self.userdata_url and before and before != now:
            self.log.warning("%s is another account of the provider's than it was", found["name"])
            raise HTTPError(
                403,
                f"The name {found['name']} is that of another account here: whoever had it at {self.login_service} "
                "before has a workspace under it. An administrator can delete that person on the hub's admin page; "
                "then the name is free.",
            )

    def _account(self, state: dict[str, Any]) -> str:
        """By what the provider itself knows an account, which it gives to nobody else."""
        person = state.get(self.user_auth_state_key) or {}
        return str(person.get("sub") or person.get("id") or "")

    async def check_allowed(self, username: str, auth_model: dict[str, Any]) -> bool:
        """Whether somebody may sign in. JupyterHub's ``allow_all`` would leave out what is asked here."""
        if await super().check_allowed(username, auth_model) or self.anybody:
            return True
        said = auth_model["auth_state"][self.user_auth_state_key].get(self.domain_claim)
        return str(said or "").rpartition("@")[2].lower() in self.domains

    async def get_user_groups(self, auth_state: dict[str, Any]) -> set[str]:
        """Somebody's groups; of one name alone, the group of that name."""
        person, _, claim = str(self.auth_state_groups_key).partition(".")
        claimed: Any = auth_state.get(person) or {}
        # As of Auth0, whose own claims are named by addresses; else one within others, as of Keycloak's roles.
        for key in [claim] if claim in claimed else claim.split("."):
            claimed = claimed.get(key) if isinstance(claimed, dict) else None
        if isinstance(claimed, str):
            return {claimed}
        return {str(each) for each in claimed} if isinstance(claimed, list) else set()

    async def httpfetch(self, *words: Any, **kwargs: Any) -> Any:
        """Ask the provider; that it gave no answer is noted, for not all of oauthenticator tells it from a refusal."""
        try:
            told = await super().httpfetch(*words, **kwargs)
        except (HTTPClientError, OSError) as error:
            if not isinstance(error, HTTPClientError) or _is_trouble(error.code, error.response):
                _unanswered.set(True)
            raise
        if isinstance(told, HTTPResponse) and _is_trouble(told.code, told):
            _unanswered.set(True)
        return told

    async def refresh_user(self, user: Any, handler: Any = None, **kwargs: Any) -> bool | dict[str, Any]:
        """Ask the provider for somebody again; ``False``: they must sign in."""
        asked = time.monotonic()
        lock = self._locks.setdefault(user.name, asyncio.Lock())
        async with lock:
            if self._known_at.get(user.name, -1.0) >= asked:
                return True  # another request asked meanwhile
            before = _unanswered.set(False)
            try:
                found = await self._asked_again(user, handler, **kwargs)
                if not found and _unanswered.get():
                    return self._patient(user)
            finally:
                _unanswered.reset(before)
            if found:
                await user.save_auth_state(found["auth_state"])  # before another request uses a token that is used up
                self._known_at[user.name] = time.monotonic()
            elif found is None or not _may_have_ended(await user.get_auth_state() or {}):
                self._refused(user)
            return found or False

    async def _asked_again(self, user: Any, handler: Any, **kwargs: Any) -> dict[str, Any] | Literal[False] | None:
        """What the provider says now; ``False`` where it cannot be asked, ``None`` where it refuses the person."""
        held = await user.get_auth_state() or {}
        try:
            found = await super().refresh_user(user, handler, **kwargs)
            return dict(found) if found and await self._is_the_same(user, held, found) else (None if found else False)
        except HTTPError as refused:  # ours, of what the answer must hold
            self.log.warning("The provider's answer about %s is refused: %s", user.name, refused.log_message)
            return None
        except (HTTPClientError, OSError) as error:
            self.log.warning("The provider was not reached about %s: %s", user.name, error)
            return False

    async def _is_the_same(self, user: Any, held: dict[str, Any], found: dict[str, Any]) -> bool:
        if found["name"] != user.name or self._account(held) != self._account(found["auth_state"]):
            self.log.warning("The provider answers about %s with another person", user.name)
            return False
        blocked = not await maybe_future(self.check_blocked_users(user.name, found))
        if blocked or not await self.check_allowed(user.name, found):
            self.log.warning("%s may not sign in any more", user.name)
            return False
        return True

    def _patient(self, user: Any) -> bool:
        """Whether somebody stays signed in though the provider does not answer."""
        since = time.monotonic() - self._known_at.setdefault(user.name, time.monotonic())
        self.log.warning("The provider does not answer about %s; it last did %.0f s ago", user.name, since)
        return since < PATIENCE

    def _refused(self, user: Any) -> None:
        """End what somebody has running whom the provider does not know any more."""
        self.log.warning("%s is signed out: the provider knows them no more, or they may not sign in", user.name)
        task = asyncio.ensure_future(end_servers(user))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _may_have_ended(held: dict[str, Any]) -> bool:
    """Whether a token that the provider does not take may have just ended by itself, and could not be renewed."""
    return not held or ("expires_in" in held.get("token_response", {}) and not held.get("refresh_token"))


def _is_trouble(code: int, answer: HTTPResponse | None) -> bool:
    """Whether that is no answer about a person: the provider's own trouble, or too many questions."""
    spent = answer is not None and answer.headers.get("X-RateLimit-Remaining") == "0"
    return code >= 500 or code == 429 or (code == 403 and spent)
