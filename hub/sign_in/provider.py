"""Which identity providers there are, what each needs to be set, and what JupyterHub is told of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from alphapulse_lib.errors import SettingsError
from alphapulse_lib.settings import Settings
from hub.sign_in import discovery

__all__ = ["ASKED_AGAIN", "KINDS", "Kind", "check", "configure"]

#: Seconds between two questions to the provider about one person, who is at work meanwhile.
ASKED_AGAIN = 20

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HOW = "docs/how-to/sign-in.md tells what to set; `alphapulse doctor` looks at it."


@dataclass(frozen=True)
class Kind:
    """One kind of provider.

    Attributes
    ----------
    label : str
        How the sign-in page calls it, where the settings do not.
    authenticator : str
        The class, as ``module.Class``.
    scopes : tuple of str
        What is asked of it unless the settings say otherwise.
    claim : str
        What names a person unless the settings say otherwise.
    allowed : str
        What `ALPHAPULSE_AUTH_ALLOWED` holds.
    groups : bool
        Whether it tells of which groups a person is.
    address : str
        Where it is; empty where the settings must say.
    open : bool
        Whether all the world may have an account there.
    """

    label: str
    authenticator: str
    scopes: tuple[str, ...]
    claim: str
    allowed: str
    groups: bool
    address: str
    open: bool


#: By the value of `ALPHAPULSE_AUTH`.
KINDS: dict[str, Kind] = {
    "oidc": Kind(
        label="OpenID Connect",
        authenticator="hub.sign_in.openid.OpenIDAuthenticator",
        scopes=("openid", "profile", "email"),
        claim="email",
        allowed="domains of e-mail addresses (example.org), or groups (@desk)",
        groups=True,
        address="",
        open=False,
    ),
    "github": Kind(
        label="GitHub",
        authenticator="hub.sign_in.accounts.GitHub",
        scopes=("read:org",),
        claim="login",
        allowed="organisations (acme), or their teams (acme:desk)",
        groups=True,
        address="https://github.com",
        open=True,
    ),
    "google": Kind(
        label="Google",
        authenticator="hub.sign_in.accounts.Google",
        scopes=("openid", "email"),
        claim="email",
        allowed="domains of Google Workspace (example.org)",
        groups=False,
        address="https://accounts.google.com",
        open=True,
    ),
}


def check(chosen: Settings, names: set[str], groups: set[str]) -> None:
    """Refuse settings of a provider that cannot work, or would let in whom nobody meant.

    Parameters
    ----------
    chosen : Settings
        With ``auth`` one of `KINDS`.
    names, groups : set of str
        The people, and the provider's groups, that other settings name.

    Raises
    ------
    SettingsError
        Which names the setting, what it holds, what is expected and where that is told.
    """
    kind = KINDS[chosen.auth]
    for name, value in (("AUTH_CLIENT_ID", chosen.auth_client_id), ("AUTH_CLIENT_SECRET", _secret(chosen))):
        if not value:
            raise SettingsError(f"ALPHAPULSE_AUTH={chosen.auth}, and ALPHAPULSE_{name} is not set.", _HOW)
    if "admins" not in chosen.model_fields_set:
        raise SettingsError(
            f"ALPHAPULSE_ADMINS is not set: with ALPHAPULSE_AUTH={chosen.auth} the default, admin, may be a stranger.",
            f"Name the administrators by their {kind.claim}, as in ALPHAPULSE_ADMINS={_example(chosen)}.",
        )
    if _claim(chosen) == "email" and (strangers := sorted(name for name in names if "@" not in name)):
        raise SettingsError(
            f"{strangers[0]} is named by ALPHAPULSE_ADMINS, _USERS, _PUBLISHERS or _ROLES, and with "
            f"ALPHAPULSE_AUTH={chosen.auth} people are known by their e-mail addresses.",
            f"Take such as {_example(chosen)}, or another claim: ALPHAPULSE_AUTH_NAME=preferred_username.",
        )
    if kind.open and chosen.users.strip() == "*":
        raise SettingsError(
            f"ALPHAPULSE_USERS=* with ALPHAPULSE_AUTH={chosen.auth} lets in whoever has an account of {kind.label}'s.",
            f"Name them, or set ALPHAPULSE_AUTH_ALLOWED to {kind.allowed}.",
        )
    _check_allowed(chosen, kind, groups)
    if chosen.auth == "oidc" or chosen.auth_issuer:
        _check_address(chosen)
    if chosen.auth == "oidc":
        discovery.discover(chosen)


def configure(c: Any, chosen: Settings, admin_groups: set[str]) -> None:
    """Tell JupyterHub's authenticator of the provider; ``c`` is JupyterHub's configuration object."""
    kind = KINDS[chosen.auth]
    told = c[kind.authenticator.rpartition(".")[2]]
    told.client_id, told.client_secret = chosen.auth_client_id, _secret(chosen)
    told.scope = _scopes(chosen)
    told.login_service = chosen.auth_label or kind.label
    told.anybody = chosen.users.strip() == "*"
    told.manage_groups = kind.groups
    told.admin_groups = admin_groups if kind.groups else set()
    told.http_request_kwargs = {"connect_timeout": 5.0, "request_timeout": 10.0}
    # Tokens of the provider are kept, encrypted, to ask again with them; each answer is believed for seconds, of every
    # kind of request, or a person who was removed there would stay signed in here.
    told.enable_auth_state = True
    told.auth_refresh_age = ASKED_AGAIN
    told.auth_refresh_strict = True
    _CONFIGURED[chosen.auth](told, chosen)


def _oidc(told: Any, chosen: Settings) -> None:
    doors = discovery.discover(chosen)
    discovery.remember(chosen, doors)
    told.issuer, told.keys_url = doors.issuer, doors.jwks_uri
    told.authorize_url, told.token_url = doors.authorization_endpoint, doors.token_endpoint
    told.userdata_url = doors.userinfo_endpoint
    told.username_claim = _claim(chosen)
    told.auth_state_groups_key = f"oauth_user.{chosen.auth_groups}"
    told.domains = {each for each in _allowed(chosen) if not each.startswith("@")}
    told.allowed_groups = {each[1:] for each in _allowed(chosen, fold=False) if each.startswith("@")}
    if "offline_access" in told.scope:
        told.extra_authorize_params = {"prompt": "consent"}  # OpenID Connect Core 1.0, section 11
    if doors.end_session_endpoint:  # else the next one at this browser would be signed in without a question
        told.logout_redirect_url = f"{doors.end_session_endpoint}?{urlencode({'client_id': chosen.auth_client_id})}"


def _github(told: Any, chosen: Settings) -> None:
    if chosen.auth_issuer:
        told.github_url = chosen.auth_issuer.rstrip("/")
    told.allowed_organizations = _allowed(chosen)
    told.populate_teams_in_auth_state = "read:org" in told.scope


def _google(told: Any, chosen: Settings) -> None:
    told.domains = _allowed(chosen)
    told.strip_domain = False  # ann@example.org is not ann@example.com
    told.extra_authorize_params = {"access_type": "offline"}


_CONFIGURED: dict[str, Callable[[Any, Settings], None]] = {"oidc": _oidc, "github": _github, "google": _google}


def _check_allowed(chosen: Settings, kind: Kind, groups: set[str]) -> None:
    shapes = {"oidc": ("@", "."), "github": ("",), "google": (".",)}[chosen.auth]
    for each in sorted(_allowed(chosen)):
        if not any(shape in each for shape in shapes) or " " in each:
            raise SettingsError(f"ALPHAPULSE_AUTH_ALLOWED names {each!r}, and takes {kind.allowed}.", _HOW)
    if groups and not kind.groups:
        raise SettingsError(
            f"ALPHAPULSE_ROLES names the group @{min(groups)}, and {kind.label} does not tell groups.",
            f"Name people, as in ALPHAPULSE_ROLES=admin={_example(chosen)}.",
        )


def _check_address(chosen: Settings) -> None:
    at = urlsplit(chosen.auth_issuer)
    if at.scheme == "https" and at.hostname:
        return
    if at.scheme != "http" or at.hostname not in _LOOPBACK:
        raise SettingsError(
            f"ALPHAPULSE_AUTH_ISSUER={chosen.auth_issuer!r} is no https address.",
            f"It is the provider's, such as https://login.example.org. {_HOW}",
        )


def _allowed(chosen: Settings, *, fold: bool = True) -> set[str]:
    listed = {each.strip() for each in chosen.auth_allowed.split(",") if each.strip()}
    return {each.lower() for each in listed} if fold else listed


def _scopes(chosen: Settings) -> list[str]:
    return chosen.auth_scopes.replace(",", " ").split() or list(KINDS[chosen.auth].scopes)


def _claim(chosen: Settings) -> str:
    return chosen.auth_name if chosen.auth == "oidc" and chosen.auth_name else KINDS[chosen.auth].claim


def _example(chosen: Settings) -> str:
    return "ann@example.org" if _claim(chosen) == "email" else "ann"


def _secret(chosen: Settings) -> str:
    """The client's secret, from the setting or from the file that it names."""
    if chosen.auth_client_secret_file is None:
        return chosen.auth_client_secret
    try:
        return chosen.auth_client_secret_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as refused:
        why = refused.strerror if isinstance(refused, OSError) else "it is no text"
        raise SettingsError(
            f"ALPHAPULSE_AUTH_CLIENT_SECRET_FILE={str(chosen.auth_client_secret_file)!r} cannot be read: {why}.",
            "It holds the client's secret, and nothing else.",
        ) from None
