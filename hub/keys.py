"""The hub's secrets, made once at the first start and kept in one file that its owner alone can read."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from alphapulse_lib.errors import HubError

__all__ = ["Keys", "keys", "token", "write"]

#: The least length of each secret: JupyterHub refuses to start with shorter passwords.
_LEAST = {
    "admin_password": 32,
    "user_password": 8,
    "proxy_token": 32,
    "cookie_secret": 64,
    "provider_key": 64,
    "api_token": 32,
    "worker_token": 32,
    "dashboards_token": 32,
    "metrics_token": 32,
    "audit_token": 32,
}

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # no character that is taken for another


def _password(groups: int) -> str:
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(groups))


@dataclass(frozen=True)
class Keys:
    """What must stay secret. JupyterHub asks 32 characters of an administrator's password and 8 of everybody else's."""

    admin_password: str = field(default_factory=lambda: _password(7), repr=False)
    user_password: str = field(default_factory=lambda: _password(4), repr=False)
    proxy_token: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    cookie_secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    provider_key: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    api_token: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    worker_token: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    dashboards_token: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    metrics_token: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    audit_token: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)


def keys(home: Path) -> Keys:
    """Read the secrets in ``<home>/keys.json``, making the ones that are missing.

    Parameters
    ----------
    home : Path
        The home folder; it must exist.

    Raises
    ------
    HubError
        The file is there and is not ours, or holds a secret that JupyterHub would refuse.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> keys(folder) == keys(folder)
    True
    """
    path = home / "keys.json"
    held: dict[str, str] = {}
    if path.exists():
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            raise HubError(f"{path} is damaged.", "Remove it; the next start makes new passwords.") from None
    if not isinstance(held, dict):
        raise HubError(f"{path} is damaged.", "Remove it; the next start makes new passwords.")
    known = {name.name for name in fields(Keys)}
    made = Keys(**{name: value for name, value in held.items() if name in known})
    for name, secret in asdict(made).items():
        if not isinstance(secret, str) or len(secret) < _LEAST[name]:
            raise HubError(
                f"{path}: {name} is not a text of {_LEAST[name]} characters or more.",
                "Choose a longer one, or remove the line; the next start makes a new one.",
            )
    if held != asdict(made):
        write(path, json.dumps(asdict(made), indent=2) + "\n")
    return made


def token(home: Path, name: str) -> str:
    """One secret of ``<home>/keys.json``, which a part that is a container of its own has no other of.

    Raises
    ------
    HubError
        The file is missing or damaged, or lacks it.
    """
    path = home / "keys.json"
    try:
        held = json.loads(path.read_text(encoding="utf-8"))[name]
    except (OSError, ValueError, KeyError, TypeError):
        raise HubError(f"{path} has no {name}.", "Start the hub with make up, or make compose-up.") from None
    if not isinstance(held, str) or len(held) < _LEAST[name]:
        raise HubError(f"{path}: {name} is not a text of {_LEAST[name]} characters or more.", "Remove the line.")
    return held


def write(path: Path, text: str) -> None:
    """Write a file whole, durably, and for its owner alone to read."""
    beside = path.with_name(f"{path.name}.partial")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
