"""Signing in at the hub by OAuth with PKCE, without a memory: what has to be kept is in cookies that we signed.

A restart of the service in the middle of a sign-in therefore does no harm.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from urllib.parse import urlencode

from jupyterhub.services.auth import HubOAuth, check_scopes
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from tornado.web import HTTPError, create_signed_value, decode_signed_value

from hub.dashboards.visitor import Visitor

__all__ = ["ACCESS", "PREFIX", "HubAwayError", "RefusedError", "SignIn"]

#: Where the hub's proxy puts the service.
PREFIX = "/services/dashboards/"
#: What a visitor's token must hold.
ACCESS = "access:services!service=dashboards"
#: Seconds that an answer about a token is believed: how long a lost role goes on to work.
BELIEVED = 5

_STATE_LASTS = 600  # seconds between leaving for the hub and coming back
_TOKEN_LASTS = 14  # days; the hub decides how long the token in it is good


class RefusedError(Exception):
    """The hub knows the person and does not let them in here."""


class HubAwayError(Exception):
    """The hub does not answer, so nobody can be told apart."""


class SignIn:
    """The service as an OAuth client of the hub.

    Parameters
    ----------
    hub_api : str
        Such as ``http://127.0.0.1:8081/hub/api``.
    token : str
        The service's own token; the cookies are signed with what is derived from it.
    own_host : bool
        Give the cookies names that a browser takes over TLS alone and of this host alone: others are below it.
    """

    def __init__(self, hub_api: str, token: str, *, own_host: bool = False) -> None:
        self.secret = hashlib.sha256(b"dashboards:" + token.encode()).hexdigest()
        self._hub = HubOAuth(
            api_url=hub_api,
            api_token=token,
            oauth_client_id="service-dashboards",
            base_url=PREFIX,
            oauth_redirect_uri=f"{PREFIX}oauth_callback",
            cache_max_age=BELIEVED,
            cookie_host_prefix_enabled=own_host,
        )
        self._own_host = own_host
        self._cookie = f"{self._hub.cookie_name}"

    async def visitor(self, connection: HTTPConnection) -> Visitor | None:
        """Who the cookies say it is, asked of the hub; ``None`` for nobody it knows.

        Raises
        ------
        RefusedError
            They may not use the dashboards.
        HubAwayError
            The hub does not answer.
        """
        token = self._read(connection, self._cookie, _TOKEN_LASTS)
        return await self._known(token, connection.cookies.get("jupyterhub-session-id", "")) if token else None

    async def still(self, somebody: Visitor) -> bool:
        """Whether they are signed in yet, and may use the dashboards."""
        try:
            return await self._known(somebody.token, somebody.session) is not None
        except RefusedError:
            return False

    async def _known(self, token: str, session: str) -> Visitor | None:
        try:
            model = await self._hub.user_for_token(token, session_id=session, sync=False)
        except HTTPError:
            raise HubAwayError from None
        if not model or model.get("kind") != "user":
            return None
        if not check_scopes({ACCESS}, set(model["scopes"])):
            raise RefusedError
        may = frozenset(str(each) for each in model["scopes"])
        return Visitor(str(model["name"]), bool(model.get("admin")), token, session, may)

    def leave(self, request: Request) -> Response:
        """Send the browser to the hub; it comes back to the page it wanted."""
        verifier, challenge, method = self._hub.generate_pkce_code_challenge()
        state = secrets.token_urlsafe(16)
        asked = {"state": state, "code_challenge": challenge, "code_challenge_method": method}
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        note = json.dumps({"state": state, "next": wanted, "verifier": verifier})
        gone = RedirectResponse(f"{self._hub.login_url}&{urlencode(asked)}", 302)
        self._write(request, gone, self._state_cookie(state), note, max_age=_STATE_LASTS)
        return gone

    async def come_back(self, request: Request) -> Response:
        """The hub sent the browser back: take the token that the code stands for."""
        state = request.query_params.get("state", "")
        cookie = self._state_cookie(state)
        note = json.loads(self._read(request, cookie, _STATE_LASTS / 86_400) or "{}")
        if not note or not hmac.compare_digest(note["state"].encode(), state.encode()):
            return _told("This sign-in has expired. Open the page again.", 400)
        if "code" not in request.query_params:
            return _told("The hub did not sign you in to the dashboards. Ask an administrator for access.", 403)
        try:
            token = await self._hub.token_for_code(
                request.query_params["code"], code_verifier=note["verifier"], sync=False
            )
        except HTTPError:
            return _told("The hub did not accept this sign-in. Open the page again.", 400)
        back = RedirectResponse(note["next"], 302)
        self._write(request, back, self._cookie, token)
        back.delete_cookie(cookie, path=self._hub.cookie_path, secure=self._own_host)
        return back

    def _state_cookie(self, state: str) -> str:
        # One a sign-in, so that two tabs can sign in at once; hashed, since the state comes from the address.
        return f"{self._cookie}-state-{hashlib.sha256(state.encode()).hexdigest()[:8]}"

    def _read(self, connection: HTTPConnection, name: str, days: float) -> str:
        value = decode_signed_value(self.secret, name, connection.cookies.get(name), max_age_days=days)
        return value.decode() if value else ""

    def _write(self, request: Request, response: Response, name: str, text: str, max_age: int | None = None) -> None:
        response.set_cookie(
            name,
            create_signed_value(self.secret, name, text).decode(),
            max_age=max_age,
            path=self._hub.cookie_path,
            httponly=True,
            samesite="lax",
            secure=self._own_host or _protocol(request) == "https",
        )


def _protocol(connection: HTTPConnection) -> str:
    """What the browser speaks: the first of the proxies says."""
    return connection.headers.get("x-forwarded-proto", connection.url.scheme).split(",")[0].strip()


def _told(words: str, status: int) -> Response:
    return PlainTextResponse(words + "\n", status)
