"""Where an OpenID provider has its doors: asked of the provider, and remembered for when it does not answer."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import httpx

from alphapulse_lib.errors import SettingsError
from alphapulse_lib.settings import Settings

__all__ = ["Doors", "discover", "remember"]

_PATIENCE = 5.0  # seconds


@dataclass(frozen=True)
class Doors:
    """An OpenID provider's addresses, named as in its own document (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str
    end_session_endpoint: str = ""


def discover(chosen: Settings) -> Doors:
    """Ask the issuer of the settings; where it does not answer, what it said last.

    Raises
    ------
    SettingsError
        It does not answer and never did, is another, or lacks an address.
    """
    address = f"{chosen.auth_issuer.rstrip('/')}/.well-known/openid-configuration"
    try:
        answer = httpx.get(address, timeout=_PATIENCE, follow_redirects=True)
        answer.raise_for_status()
        told = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as refused:
        kept = _remembered(chosen)
        if kept is not None:
            return kept
        raise SettingsError(
            f"ALPHAPULSE_AUTH_ISSUER={chosen.auth_issuer!r} does not answer as an OpenID provider: "
            f"{str(refused).splitlines()[0] if str(refused) else type(refused).__name__}",
            f"Its document is expected at: curl {address}",
        ) from None
    return _read(chosen, told, address)


def remember(chosen: Settings, doors: Doors) -> None:
    """Keep what a provider said, so that the hub also starts while the provider is away."""
    _file(chosen).write_text(json.dumps(asdict(doors)) + "\n", encoding="utf-8")


def _read(chosen: Settings, told: Any, address: str) -> Doors:
    names = [each.name for each in fields(Doors)]
    held = {name: told[name] for name in names if isinstance(told, dict) and isinstance(told.get(name), str)}
    missing = [name for name in names[:-1] if name not in held]
    if missing:
        raise SettingsError(
            f"ALPHAPULSE_AUTH_ISSUER={chosen.auth_issuer!r}: its document names no {', '.join(missing)}.",
            f"An OpenID provider's does; look at: curl {address}",
        )
    if held["issuer"].rstrip("/") != chosen.auth_issuer.rstrip("/"):
        raise SettingsError(
            f"ALPHAPULSE_AUTH_ISSUER={chosen.auth_issuer!r} calls itself {held['issuer']!r}.",
            f"Set ALPHAPULSE_AUTH_ISSUER={held['issuer']}, if that is the provider you mean.",
        )
    return Doors(**held)


def _remembered(chosen: Settings) -> Doors | None:
    try:
        kept = Doors(**json.loads(_file(chosen).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return kept if kept.issuer.rstrip("/") == chosen.auth_issuer.rstrip("/") else None


def _file(chosen: Settings) -> Path:
    return chosen.home_root / "hub" / "identity-provider.json"
