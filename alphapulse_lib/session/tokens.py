"""Tokens of the REST API, for scripts outside of a workspace."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from alphapulse_lib.errors import HubError, InputError, NotAllowed
from alphapulse_lib.session import hub
from alphapulse_lib.settings import settings

__all__ = ["Token", "make"]

_API = "/services/api"


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and where it is good.

    Attributes
    ----------
    url : str
        The REST API's address: the setting ``ALPHAPULSE_API_URL``.
    token : str
        The setting ``ALPHAPULSE_API_TOKEN``.
    expires_at : datetime
        UTC.
    """

    user: str
    url: str
    token: str
    expires_at: datetime


def make(user: str, days: int, note: str, ask_password: Callable[[str], str]) -> Token:
    """Make a token: with the rights of a token that is held already, else with the person's password.

    Parameters
    ----------
    user : str
        Whose; empty for the owner of this workspace.
    ask_password : callable
        Given the name, returns the person's password.

    Raises
    ------
    InputError
        Nobody was named.
    HubError
        No hub is known, or it is away.
    NotAllowed
        The hub will not make one; the hint says where a person does.
    """
    from alphapulse_lib.hub_client.sign_in import make_token

    name = user or os.environ.get("JUPYTERHUB_USER", "")
    public = _public()
    page = f"Sign in at {public}/hub/token in a browser and make one there."
    if not name:
        raise InputError("Whose token? Nobody was named.", f"Give --user NAME. Or: {page}")
    own_api = os.environ.get("JUPYTERHUB_API_URL") or f"{public}/hub/api"
    made = make_token(own_api, name, days, note, held=hub.token()) if hub.token() else None
    if made is None and "JUPYTERHUB_API_TOKEN" in os.environ:
        raise NotAllowed("A workspace's own token makes no others.", page)
    if made is None:
        password = ask_password(name)
        made = make_token(own_api, name, days, note, password=password) if password else None
    if made is None:
        raise NotAllowed(f"The hub did not take the password of {name!r}, or signs in without one.", page)
    return Token(name, f"{public}{_API}", made.token, made.expires_at)


def _public() -> str:
    """Where people reach the hub.

    Raises
    ------
    HubError
        No hub is known here.
    """
    chosen = settings()
    places = chosen.home_root / "run" / "network.json"
    if places.exists():
        held = json.loads(places.read_text(encoding="utf-8"))
        host = "127.0.0.1" if held["address"] in ("", "0.0.0.0", "::") else held["address"]  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{held['port']}"
    if chosen.api_url.rstrip("/").endswith(_API):
        return chosen.api_url.rstrip("/").removesuffix(_API)
    raise HubError(
        "No hub is known here.", "Start one with `make up`, or set ALPHAPULSE_API_URL to http://.../services/api."
    )
