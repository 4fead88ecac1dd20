"""The hub this session belongs to: in a workspace its own, elsewhere the one that the settings name, or none."""

from __future__ import annotations

import os
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import alphapulse_lib
from alphapulse_lib.errors import HubError, NotSignedIn
from alphapulse_lib.settings import settings

if TYPE_CHECKING:
    from alphapulse_lib.hub_client import Client, Health

__all__ = ["RunWarning", "client", "client_if_any", "health", "token", "warn"]

_LIBRARY = str(Path(alphapulse_lib.__file__).parent)


def client() -> Client:
    """A client of the hub.

    Raises
    ------
    HubError
        There is no hub, or no token for it; the hint says how to get one.
    """
    found = client_if_any()
    if found is None:
        raise HubError(
            "This needs a hub, and none is known here.",
            "Start one with `make up` and work in its JupyterLab, or set ALPHAPULSE_API_URL and ALPHAPULSE_API_TOKEN.",
        )
    if not token():
        raise NotSignedIn(
            f"There is no token for the hub at {found.url}.",
            "Set ALPHAPULSE_API_TOKEN; `alphapulse token` says how to get one.",
        )
    return found


def client_if_any() -> Client | None:
    """A client of the hub, or ``None`` where there is no hub."""
    url = settings().api_url
    return _client(url, token()) if url else None


def health() -> Health:
    """What the hub's API says of itself; needs no token.

    Raises
    ------
    HubError
        There is no hub, or it is away.
    """
    found = client_if_any()
    return found.health() if found else client().health()


def token() -> str:
    """Whose rights this session has at the hub: those of the setting, else the workspace's own; empty for none."""
    return settings().api_token or os.environ.get("JUPYTERHUB_API_TOKEN", "")


class RunWarning(UserWarning):
    """What a run's record says, too, and so its card."""


def warn(text: str, kind: type[UserWarning] = UserWarning) -> None:
    """Warn at the line of whoever called the library."""
    warnings.warn(text, kind, stacklevel=2, skip_file_prefixes=(_LIBRARY,))


@cache
def _client(url: str, held: str) -> Client:  # connections are kept for the next request
    from alphapulse_lib.hub_client import Client

    return Client(url, held)
