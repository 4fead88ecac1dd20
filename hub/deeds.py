"""What is done at the hub itself, for the audit log: to people, groups, tokens, others' servers, and by its settings.

It is told to the API, which keeps that log, once JupyterHub has done it: a hub that is killed between the two has done
what nobody is told. Never a token, a text of somebody's, or what JupyterHub refused.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jupyterhub.apihandlers import groups, users
from jupyterhub.apihandlers.auth import OAuthAuthorizeHandler
from jupyterhub.apihandlers.hub import ShutdownAPIHandler
from jupyterhub.log import log_request
from jupyterhub.orm import Service, User

from alphapulse_lib import clock
from alphapulse_lib.settings import Settings, settings
from hub import keys, network
from hub.guesses import came_from
from hub.logs import HEADER
from hub.outbox import Outbox

__all__ = ["configure", "deed", "outbox", "tell_settings"]

_log = logging.getLogger("alphapulse.hub")

_REQUEST = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: What no text of the database, or of JSON, takes.
_UNFIT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
#: The settings that say who may what, and how much. None of them is a secret.
_SETTINGS = (
    *("auth", "auth_allowed", "admins", "users", "everybody", "roles", "publishers", "teams"),
    *("spawner", "workspace_images", "workspace_memory", "workspace_cpus", "workspace_processes"),
    *("disk_limit", "idle_minutes"),
)

#: What was done, to whom or what, and what else tells it apart.
type Done = tuple[str, str, dict[str, Any]]


@cache
def outbox() -> Outbox:
    """What the hub has to tell the API; one for the whole process."""
    home = settings().home_root
    api = network.read(home / "run" / "network.json").api
    return Outbox(home / "hub" / "outbox", f"{api}/services/api/v1/audit", keys.keys(home).audit_token)


def deed(action: str, who: str, request: Any = None, about: str = "hub", **detail: Any) -> dict[str, Any]:
    """What happened, as the API takes it; ``request`` is JupyterHub's, where there is one."""
    named = request.headers.get(HEADER, "") if request else ""
    return {
        "id": secrets.token_hex(16),
        "at": clock.now().isoformat(),
        "who": who,
        "action": action,
        "about": _fit(about)[:1000],
        "detail": detail,
        "request": named if _REQUEST.fullmatch(named) else "",
        "origin": came_from(request) if request else "",
    }


def configure(c: Any) -> None:
    """Have each request of the hub looked at once it is answered; ``c`` is its configuration object."""
    c.JupyterHub.tornado_settings = {**c.JupyterHub.tornado_settings, "log_function": _answered}


def tell_settings(chosen: Settings) -> None:
    """Tell which of the settings are others than when the hub last started: roles and limits come of them."""
    file, to_tell = chosen.home_root / "hub" / "settings.told", outbox()
    now = {name: getattr(chosen, name) for name in _SETTINGS}
    try:
        before = dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):  # it is the first start, or nobody knows any more
        before = {}
    changed = {name: value for name, value in now.items() if name not in before or before[name] != value}
    try:
        if changed:
            to_tell.put(deed("settings.changed", "service hub", **changed))
            keys.write(file, json.dumps(now, indent=1) + "\n")
    except OSError as full:
        _log.error("The audit log is told at the next start which settings changed: %s", full)


def _answered(handler: Any) -> None:
    """What JupyterHub calls with each request that it has answered, to log it."""
    log_request(handler)
    tells = _TELLING.get((type(handler), handler.request.method))
    if tells is None or handler.get_status() >= 400:
        return
    try:
        by = handler.current_user
        if by is None:  # who asks to be let in somewhere is sent to the sign-in first
            return
        who = f"service {by.name}" if isinstance(by, Service) else str(by.name)
        for action, about, detail in tells(handler, who):
            outbox().put(deed(action, who, handler.request, about, **detail))
    except Exception:  # noqa: BLE001  it is done, and who asked for it is answered
        _log.exception("The audit log is not told what was done by %s %s", handler.request.method, handler.request.path)


def _fit(text: object) -> str:
    return _UNFIT.sub("", str(text))


def _listed(given: object) -> list[str]:
    return [_fit(each) for each in given] if isinstance(given, list) else []


def _asked(handler: Any) -> dict[str, Any]:
    body = handler.get_json_body()
    return body if isinstance(body, dict) else {}


def _added(handler: Any, _: str) -> Iterator[Done]:
    """Of the people that were named, those who were not there before."""
    began = datetime.fromtimestamp(handler.request._start_time, UTC).replace(tzinfo=None)
    listed = map(handler.authenticator.normalize_username, _asked(handler).get("usernames", ()))
    for name in handler.path_args or listed:
        person = User.find(handler.db, name)
        if person is not None and person.created >= began:
            yield "person.added", person.name, {"admin": person.admin}


def _changed(handler: Any, _: str) -> Iterator[Done]:
    asked, (name,) = _asked(handler), handler.path_args
    new = handler.authenticator.normalize_username(asked.get("name") or name)
    if new != name:
        yield "person.renamed", name, {"to": _fit(new)}
    if "admin" in asked:
        yield "person.changed", new, {"admin": bool(asked["admin"])}


def _removed(handler: Any, _: str) -> Iterator[Done]:
    yield "person.removed", handler.path_args[0], {}


def _groups_made(handler: Any, _: str) -> Iterator[Done]:
    asked = _asked(handler)
    for name in handler.path_args or asked.get("groups", ()):
        yield "group.made", name, {"people": _listed(asked.get("users"))}


def _group(action: str) -> Callable[[Any, str], Iterator[Done]]:
    def tells(handler: Any, _: str) -> Iterator[Done]:
        people = {} if action == "group.removed" else {"people": _listed(_asked(handler).get("users"))}
        yield action, handler.path_args[0], people

    return tells


def _token_made(handler: Any, who: str) -> Iterator[Done]:
    asked = _asked(handler)
    if not who.startswith("service "):  # the worker makes one for each firing
        seconds = asked.get("expires_in")
        yield "token.made", handler.path_args[0], {"scopes": _listed(asked.get("scopes")), "expires_in": seconds}


def _token_ended(handler: Any, who: str) -> Iterator[Done]:
    if not who.startswith("service "):
        yield "token.ended", handler.path_args[0], {"token": _fit(handler.path_args[1])}


def _server(action: str) -> Callable[[Any, str], Iterator[Done]]:
    """Somebody else's: one's own is nobody's affair, and the worker starts one for each firing."""

    def tells(handler: Any, who: str) -> Iterator[Done]:
        owner, *server = handler.path_args
        if who != owner and not who.startswith("service "):
            yield action, owner, {"server": _fit("".join(each or "" for each in server))}

    return tells


def _entered(handler: Any, who: str) -> Iterator[Done]:
    """Somebody else's server, in a browser: it goes on there with a code, which JupyterHub gives to others, too."""
    gone_to = urlsplit(handler._headers.get("Location", ""))
    client = handler.oauth_provider.fetch_by_client_id(handler.get_argument("client_id", ""))
    server = client.spawner if client and "code" in parse_qs(gone_to.query) else None
    if server is None or server.user.name == who:
        return
    if handler.get_scope_filter("access:servers")(server, kind="server"):
        yield "server.entered", server.user.name, {"server": _fit(server.name)}


def _ended(_: Any, __: str) -> Iterator[Done]:
    yield "hub.ended", "hub", {}


#: What tells of a request that was answered well, by JupyterHub's handler and the method.
_TELLING: dict[tuple[type, str], Callable[[Any, str], Iterator[Done]]] = {
    (users.UserListAPIHandler, "POST"): _added,
    (users.UserAPIHandler, "POST"): _added,
    (users.UserAPIHandler, "PATCH"): _changed,
    (users.UserAPIHandler, "DELETE"): _removed,
    (users.UserTokenListAPIHandler, "POST"): _token_made,
    (users.UserTokenAPIHandler, "DELETE"): _token_ended,
    (users.UserServerAPIHandler, "POST"): _server("server.started"),
    (users.UserServerAPIHandler, "DELETE"): _server("server.stopped"),
    (OAuthAuthorizeHandler, "GET"): _entered,
    (OAuthAuthorizeHandler, "POST"): _entered,
    (groups.GroupListAPIHandler, "POST"): _groups_made,
    (groups.GroupAPIHandler, "POST"): _groups_made,
    (groups.GroupAPIHandler, "DELETE"): _group("group.removed"),
    (groups.GroupUsersAPIHandler, "POST"): _group("group.joined"),
    (groups.GroupUsersAPIHandler, "DELETE"): _group("group.left"),
    (ShutdownAPIHandler, "POST"): _ended,
}
