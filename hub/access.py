"""Who may sign in, and how."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from alphapulse_lib.errors import SettingsError, did_you_mean
from alphapulse_lib.settings import Settings
from hub.keys import Keys

__all__ = ["admins", "check", "configure", "publishers", "users"]


def _names(listed: str) -> set[str]:
    return {name.strip().lower() for name in listed.split(",") if name.strip()}


def admins(chosen: Settings) -> set[str]:
    """The administrators' names, in the lower case that JupyterHub gives every name."""
    return _names(chosen.admins)


def users(chosen: Settings) -> set[str]:
    """The other names that may sign in; empty when any name may."""
    return set() if chosen.users.strip() == "*" else _names(chosen.users) - admins(chosen)


def publishers(chosen: Settings) -> set[str]:
    """The names of who may publish into the team's catalog: administrators, and those that are named for it."""
    return admins(chosen) | _names(chosen.publishers)


def check(chosen: Settings) -> None:
    """Refuse settings that would leave nobody able to sign in, or let somebody publish who may not.

    Raises
    ------
    SettingsError
        No name may sign in, a publisher may not, or JupyterHub knows no such authenticator.
    """
    if not admins(chosen) and not chosen.users.strip():
        raise SettingsError("ALPHAPULSE_ADMINS and ALPHAPULSE_USERS are both empty.", "Name one who may sign in.")
    strangers = publishers(chosen) - admins(chosen) - users(chosen)
    if strangers and chosen.users.strip() != "*":
        raise SettingsError(
            f"ALPHAPULSE_PUBLISHERS names {', '.join(sorted(strangers))}, who may not sign in.",
            "Name them in ALPHAPULSE_USERS too.",
        )
    known = {"password", *(point.name for point in entry_points(group="jupyterhub.authenticators"))}
    if chosen.auth not in known and "." not in chosen.auth:
        raise SettingsError(
            f"ALPHAPULSE_AUTH={chosen.auth!r}: JupyterHub knows no such authenticator.",
            did_you_mean(chosen.auth, known, "ALPHAPULSE_AUTH=password is the one that needs nothing else."),
        )


def configure(c: Any, chosen: Settings, held: Keys) -> None:
    """Tell JupyterHub who may sign in; ``c`` is its configuration object."""
    from hub.authenticator import authenticator  # JupyterHub itself: `make up` need not wait for it

    c.JupyterHub.authenticator_class = authenticator("shared-password" if chosen.auth == "password" else chosen.auth)
    if chosen.auth == "password":
        c.SharedPasswordAuthenticator.admin_password = held.admin_password
        c.SharedPasswordAuthenticator.user_password = held.user_password
    c.Authenticator.admin_users = admins(chosen)
    c.Authenticator.allowed_users = admins(chosen) | users(chosen)
    c.Authenticator.allow_all = chosen.users.strip() == "*"
    # A name becomes a folder and a log: it must not be able to climb out of them, nor be longer than a file's name.
    c.Authenticator.username_pattern = r"[a-z0-9_][a-z0-9_.@+-]{0,199}$"
    c.JupyterHub.cookie_secret = bytes.fromhex(held.cookie_secret)
