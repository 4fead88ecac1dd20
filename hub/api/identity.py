"""Who is calling, and what the hub lets them do."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol
from urllib.parse import quote

import httpx
from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from jupyterhub.services.auth import HubAuth, check_scopes
from tornado.web import HTTPError

from hub.api.audit.actor import acting, origin
from hub.api.problems import ProblemError

__all__ = ["BELIEVED", "Caller", "Calling", "Door", "HubDoor", "needs"]

#: Seconds that an answer about a token is believed: how long a lost role, or a revoked token, goes on to work.
BELIEVED = 10

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,512}")
_SHOWN = HTTPBearer(auto_error=False, description="A token of JupyterHub: a workspace's, a page visitor's or your own.")


@dataclass(frozen=True)
class Caller:
    """Who holds the token.

    Attributes
    ----------
    name : str
        A person's name, or a service's.
    is_service : bool
        Whether it is a service.
    is_admin : bool
        Whether it is an administrator.
    scopes : frozenset of str
        What the token may do.
    token : str
        The token itself, to act further in the caller's name.
    """

    name: str
    is_service: bool
    is_admin: bool
    scopes: frozenset[str]
    token: str

    def may(self, scope: str) -> bool:
        """Whether the token has that scope."""
        return bool(check_scopes({scope}, set(self.scopes)))

    def owns(self, name: str) -> bool:
        """Whether something of that person's may be changed by this caller."""
        return self.is_admin or (self.name == name and not self.is_service)


class Door(Protocol):
    """Tells who a token belongs to; ``None`` for nobody."""

    async def model(self, token: str) -> dict[str, Any] | None:
        """JupyterHub's model of the token's holder: ``name``, ``kind``, ``admin``, ``scopes``."""
        ...

    async def groups(self) -> Mapping[str, frozenset[str]]:
        """Who is in each group."""
        ...

    async def knows(self, name: str) -> bool:
        """Whether there is a person of that name."""
        ...


class HubDoor:
    """Asks the hub.

    Parameters
    ----------
    hub_api : str
        Such as ``http://127.0.0.1:8081/hub/api``.
    token : str
        The service's own token.
    """

    def __init__(self, hub_api: str, token: str) -> None:
        self._hub = HubAuth(api_url=hub_api, api_token=token, cache_max_age=BELIEVED)
        headers = {"Authorization": f"token {token}", "Accept": "application/jupyterhub-pagination+json"}
        self._http = httpx.AsyncClient(base_url=hub_api, headers=headers, timeout=10, trust_env=False)
        self._groups: dict[str, frozenset[str]] | None = None
        self._asked_at, self._asking = 0.0, asyncio.Lock()

    async def model(self, token: str) -> dict[str, Any] | None:
        """The model of the token's holder."""
        try:
            found: dict[str, Any] | None = await self._hub.user_for_token(token, sync=False)
        except HTTPError:  # the hub is away: the token is neither good nor bad
            raise _away() from None
        return found

    async def groups(self) -> Mapping[str, frozenset[str]]:
        """Who is in each group, as the hub said within the last seconds."""
        async with self._asking:
            if self._groups is None or time.monotonic() - self._asked_at > BELIEVED:
                self._asked_at, self._groups = time.monotonic(), await self._all_groups()
            return self._groups

    async def _all_groups(self) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        offset: int | None = 0
        while offset is not None:
            told = (await self._ask("/groups", offset=offset)).json()
            found |= {each["name"]: frozenset(each["users"]) for each in told["items"]}
            following = told["_pagination"]["next"]
            offset = following["offset"] if following else None
        return found

    async def knows(self, name: str) -> bool:
        """Whether there is a person of that name."""
        return (await self._ask(f"/users/{quote(name, safe='')}")).status_code == 200

    async def _ask(self, path: str, **query: int) -> httpx.Response:
        try:
            answer = await self._http.get(path, params=query)
        except httpx.RequestError:
            raise _away() from None
        if answer.status_code not in (200, 404):
            raise _away()
        return answer


def _away() -> ProblemError:
    return ProblemError(503, "The hub does not answer.", "Try again in a moment.", {"Retry-After": "2"})


async def _caller(request: Request, _: Annotated[Any, Depends(_SHOWN)]) -> Caller:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if kind.lower() not in ("bearer", "token") or not _TOKEN.fullmatch(token):
        raise ProblemError(
            401,
            "No token was sent.",
            "Send 'Authorization: Bearer <token>'; `alphapulse token` or the hub's token page makes one.",
            {"WWW-Authenticate": "Bearer"},
        )
    model = await request.app.state.door.model(token)
    if not model:
        raise ProblemError(
            401,
            "The hub does not know this token.",
            "It may have ended; make a new one.",
            {"WWW-Authenticate": "Bearer"},
        )
    scopes = frozenset(model.get("scopes", ()))
    if not check_scopes({"access:services!service=api"}, set(scopes)):
        raise ProblemError(403, "This token may not use the API.", "It lacks access:services!service=api.")
    is_service = model.get("kind") == "service"
    acting(f"service {model['name']}" if is_service else str(model["name"]), origin(request))
    return Caller(
        name=str(model["name"]),
        is_service=is_service,
        is_admin=bool(model.get("admin")),
        scopes=scopes,
        token=token,
    )


#: Whoever holds the token of a request, as a dependency of what itself asks for no scope.
Calling = Annotated[Caller, Depends(_caller)]


def needs(scope: str) -> Callable[..., Coroutine[Any, Any, Caller]]:
    """The caller, as a dependency of a route; refused without that scope."""

    async def allowed(caller: Calling) -> Caller:
        if not caller.may(scope):
            raise ProblemError(403, f"This token lacks {scope}.", "Ask an administrator, or take another token.")
        return caller

    return allowed
