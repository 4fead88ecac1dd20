"""Who may sign in, and how."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from alphapulse_lib.errors import SettingsError, did_you_mean
from alphapulse_lib.settings import Settings
from hub.keys import Keys
from hub.roles import GIVEN, Holders, scopes_of
from hub.sign_in import provider

__all__ = ["admins", "check", "configure", "holders", "users"]


def _names(listed: str) -> set[str]:
    return {name.strip().lower() for name in listed.split(",") if name.strip()}


def holders(chosen: Settings) -> dict[str, Holders]:
    """Who has which role, by the role's name, as `ALPHAPULSE_ROLES`, `_ADMINS` and `_PUBLISHERS` say.

    Raises
    ------
    SettingsError
        It is not written as ``role=name`` or ``role=@group``, or there is no such role.
    """
    held = {role: Holders(set(), set()) for role in GIVEN}
    held["admin"].names.update(_names(chosen.admins))
    held["publisher"].names.update(_names(chosen.publishers))
    for grant in (each.strip() for each in chosen.roles.split(",") if each.strip()):
        role, given, whom = (part.strip() for part in grant.partition("="))
        if not given or not whom.lstrip("@"):
            raise SettingsError(
                f"ALPHAPULSE_ROLES holds {grant!r}, which gives nobody a role.",
                "It takes role=name or role=@group, separated by commas, as in: reviewer=ann,trader=@desk",
            )
        if role not in held:
            raise SettingsError(
                f"ALPHAPULSE_ROLES names the role {role!r}, which there is not.",
                did_you_mean(role, held, f"There are {', '.join(held)}."),
            )
        if set(scopes_of(role)) <= set(scopes_of(chosen.everybody)):
            raise SettingsError(
                f"ALPHAPULSE_ROLES gives {role} to {whom}, and ALPHAPULSE_EVERYBODY={chosen.everybody} gives everybody "
                "as much or more.",
                f"Set ALPHAPULSE_EVERYBODY=viewer and name each {chosen.everybody}, or leave {role} out.",
            )
        if whom.startswith("@"):
            # GitHub takes the case of its names for nothing, others may tell groups apart by it.
            held[role].groups.add(whom[1:].lower() if chosen.auth == "github" else whom[1:])
        else:
            held[role].names.add(whom.lower())
    return held


def admins(chosen: Settings) -> set[str]:
    """The administrators' names, in the lower case that JupyterHub gives every name."""
    return holders(chosen)["admin"].names


def users(chosen: Settings) -> set[str]:
    """The other names that may sign in; empty when any name may."""
    return set() if chosen.users.strip() == "*" else _names(chosen.users) - admins(chosen)


def check(chosen: Settings) -> None:
    """Refuse settings that would leave nobody able to sign in, or give a role to somebody who may not.

    Raises
    ------
    SettingsError
        No name may sign in, one that is given a role may not, JupyterHub knows no such authenticator, or the identity
        provider cannot be used as it is set.
    """
    held = holders(chosen)
    groups = {group for each in held.values() for group in each.groups}
    if not admins(chosen) and not chosen.users.strip() and not chosen.auth_allowed.strip() and not held["admin"].groups:
        raise SettingsError("ALPHAPULSE_ADMINS and ALPHAPULSE_USERS are both empty.", "Name one who may sign in.")
    named = {name for each in held.values() for name in each.names}
    strangers = named - admins(chosen) - users(chosen)
    if strangers and chosen.users.strip() != "*" and not chosen.auth_allowed.strip():
        raise SettingsError(
            f"ALPHAPULSE_PUBLISHERS or ALPHAPULSE_ROLES names {', '.join(sorted(strangers))}, who may not sign in.",
            "Name them in ALPHAPULSE_USERS too.",
        )
    if chosen.auth in provider.KINDS:
        provider.check(chosen, users(chosen) | named, groups)
        return
    if groups:
        raise SettingsError(
            f"ALPHAPULSE_ROLES names the group @{min(groups)}, and ALPHAPULSE_AUTH={chosen.auth} knows no groups.",
            "Name people, or let an identity provider sign them in: ALPHAPULSE_AUTH=oidc",
        )
    known = {"password", *provider.KINDS, *(point.name for point in entry_points(group="jupyterhub.authenticators"))}
    if chosen.auth not in known and "." not in chosen.auth:
        raise SettingsError(
            f"ALPHAPULSE_AUTH={chosen.auth!r}: JupyterHub knows no such authenticator.",
            did_you_mean(chosen.auth, known, "ALPHAPULSE_AUTH=password is the one that needs nothing else."),
        )


def configure(c: Any, chosen: Settings, held: Keys) -> None:
    """Tell JupyterHub who may sign in; ``c`` is its configuration object."""
    from hub.authenticator import authenticator  # JupyterHub itself: `make up` need not wait for it

    kind = provider.KINDS[chosen.auth].authenticator if chosen.auth in provider.KINDS else chosen.auth
    c.JupyterHub.authenticator_class = authenticator("shared-password" if kind == "password" else kind)
    if chosen.auth in provider.KINDS:
        provider.configure(c, chosen, holders(chosen)["admin"].groups)
        c.CryptKeeper.keys = [held.provider_key]
    if chosen.auth == "password":
        c.SharedPasswordAuthenticator.admin_password = held.admin_password
        c.SharedPasswordAuthenticator.user_password = held.user_password
    c.Authenticator.admin_users = admins(chosen)
    c.Authenticator.allowed_users = admins(chosen) | users(chosen)
    c.Authenticator.allow_all = chosen.users.strip() == "*"
    # A name becomes a folder and a log: it must not be able to climb out of them, nor be longer than a file's name.
    c.Authenticator.username_pattern = r"[a-z0-9_][a-z0-9_.@+-]{0,199}$"
    c.JupyterHub.cookie_secret = bytes.fromhex(held.cookie_secret)
