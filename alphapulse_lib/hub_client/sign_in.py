"""The hub's own API, for the one thing that ours does not do: making a token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import httpx
from pydantic import TypeAdapter, ValidationError

from alphapulse_lib.errors import HubFault, NotAllowed
from alphapulse_lib.hub_client.paths import part
from alphapulse_lib.hub_client.transport import Transport

__all__ = ["API_SCOPES", "READING_SCOPES", "Made", "make_token"]

#: What a token for the REST API may do: what its owner may there, and nothing else at the hub.
API_SCOPES = (
    "access:services!service=api",
    "custom:catalog:read",
    "custom:comments:write",
    "custom:ingests:write",
    "custom:ledger:write",
    "custom:notifications:read",
    "custom:schedules:write",
    "custom:shares:write",
)

#: The same of somebody who may only read: the hub makes no token that may do more than its owner.
READING_SCOPES = tuple(scope.replace(":write", ":read") for scope in API_SCOPES)

_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Made:
    """A token as the hub tells of it, once."""

    token: str
    expires_at: datetime


def make_token(hub_api: str, user: str, days: int, note: str, *, held: str = "", password: str = "") -> Made | None:
    """Make a token for the REST API.

    Parameters
    ----------
    hub_api : str
        Where the hub's own API is, such as ``http://127.0.0.1:8000/hub/api``.
    held : str
        A token that may make others.
    password : str
        The person's password, where the hub has passwords.

    Returns
    -------
    Made or None
        ``None`` when neither is good enough for the hub.

    Raises
    ------
    HubError
        The hub is away, or refused for another reason.
    """
    wanted: dict[str, object] = {"note": note, "expires_in": days * 86_400}
    if password:
        wanted["auth"] = {"username": user, "password": password}
    transport = Transport(hub_api, held, timeout=_TIMEOUT, retries=0)
    try:
        for scopes in (API_SCOPES, READING_SCOPES):
            answer = transport.post_plainly(f"/users/{part(user)}/tokens", wanted | {"scopes": list(scopes)})
            if answer.status_code != 400:
                break
    finally:
        transport.close()
    if answer.status_code in (401, 403, 404):
        return None
    if answer.status_code != 201:
        raise (NotAllowed if answer.status_code == 400 else HubFault)(
            f"The hub at {urlsplit(hub_api).netloc} made no token: {_said(answer)}."
        )
    try:
        return TypeAdapter(Made).validate_json(answer.content)
    except ValidationError:
        raise HubFault(f"The hub at {urlsplit(hub_api).netloc} answered something that is no token.") from None


def _said(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"]).rstrip(".")
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"status {answer.status_code}"
