"""The one door: pages, files of pages and websockets open for the person they belong to and for nobody else."""

from __future__ import annotations

import asyncio
import zlib
from urllib.parse import urlsplit

from bokeh.util.token import get_token_payload
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.dashboards.sign_in import PREFIX, HubAwayError, RefusedError, SignIn
from hub.dashboards.visitor import Visitor, arrived
from hub.origins import SHIELD

__all__ = ["OWNER", "Gate"]

#: The header in which a page's token remembers whose page it is. Only the gate writes it.
OWNER = "x-hub-user"

_OPEN = tuple(PREFIX + name for name in ("static/", "components/", "assets/"))  # the same for everybody, no secrets
_DOORS = (PREFIX + "oauth_callback", PREFIX + "health")
_LOOK_AGAIN = 10  # seconds between two looks whether the person behind an open page is still signed in
_AWAY = "The hub does not answer; try again in a moment."
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' ws: wss: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-src 'self'; frame-ancestors 'none'"
)


class Gate:
    """ASGI middleware around the whole service.

    Parameters
    ----------
    app : ASGIApp
        What is behind it.
    sign_in : SignIn
        Tells who comes.
    """

    def __init__(self, app: ASGIApp, sign_in: SignIn) -> None:
        self._app, self._sign_in = app, sign_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let it through."""
        if scope["type"] == "lifespan" or scope["path"] in _DOORS:
            await self._app(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(_OPEN):
            await self._app(scope, receive, _kept(send))
        elif scope["type"] == "http":
            await self._page(_clean(scope), receive, send)
        else:
            await self._socket(_clean(scope), receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        found = await self._entering(request)
        if isinstance(found, Response):
            await found(scope, receive, send)
            return
        arrived(found)
        await self._app(_owned(scope, found), receive, _guarded(send))

    async def _entering(self, request: Request) -> Visitor | Response:
        # The cookie comes along with whatever a page of this origin fetches; only a person opening a page is answered,
        # or a notebook could read the pages of whoever opens it.
        if request.method not in ("GET", "HEAD") or request.headers.get("sec-fetch-mode", "navigate") != "navigate":
            return PlainTextResponse("Open this page in a browser's window.\n", 403)
        try:
            return await self._sign_in.visitor(request) or self._sign_in.leave(request)
        except RefusedError:
            return PlainTextResponse("You may not use the dashboards; an administrator can allow it.\n", 403)
        except HubAwayError:
            return PlainTextResponse(f"{_AWAY}\n", 503, {"Retry-After": "2"})

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        somebody = await self._belonging(HTTPConnection(scope))
        if somebody is None:
            await send({"type": "websocket.close", "code": 4403})  # before it was accepted: HTTP 403
            return
        arrived(somebody)
        page = asyncio.ensure_future(self._app(_owned(scope, somebody), receive, send))
        watch = asyncio.ensure_future(self._until_signed_out(somebody))
        try:
            await asyncio.wait({page, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not page.done():
                await send({"type": "websocket.close", "code": 4401, "reason": "signed out"})
                await asyncio.wait({page}, timeout=5)
        finally:
            watch.cancel()
            page.cancel()
        if not page.cancelled():
            await page  # what it raised is for the server's log

    async def _belonging(self, connection: HTTPConnection) -> Visitor | None:
        """Who opens the socket, if it is the one whose page it is, from a page of ours."""
        origin = urlsplit(connection.headers.get("origin", ""))
        if not origin.netloc or origin.netloc != connection.headers.get("host"):
            return None
        try:
            somebody = await self._sign_in.visitor(connection)
        except (RefusedError, HubAwayError):
            return None
        return somebody if somebody is not None and somebody.name == _owner(connection.scope) else None

    async def _until_signed_out(self, somebody: Visitor) -> None:
        while True:
            await asyncio.sleep(_LOOK_AGAIN)
            try:
                if not await self._sign_in.still(somebody):
                    return
            except HubAwayError:
                continue  # the hub restarts; whoever was signed in stays so


def _owner(scope: Scope) -> str | None:
    """Whose page asks for the socket. Bokeh checks the token's signature after us."""
    offered = scope.get("subprotocols") or [""]
    try:
        owner = get_token_payload(offered[-1])["headers"][OWNER]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, zlib.error):
        return None
    return str(owner)


def _clean(scope: Scope) -> Scope:
    """Without what names somebody, or somebody's session, in a way that only we may."""
    kept = [each for each in scope["headers"] if each[0].lower() not in (OWNER.encode(), b"bokeh-session-id")]
    query = b"" if b"bokeh-" in scope["query_string"] else scope["query_string"]
    return {**scope, "headers": kept, "query_string": query}


def _owned(scope: Scope, somebody: Visitor) -> Scope:
    return {**scope, "headers": [*scope["headers"], (OWNER.encode(), somebody.name.encode())]}


def _kept(send: Send) -> Send:
    """Files whose address changes when they do may stay in the browser."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            MutableHeaders(scope=message)["cache-control"] = "public, max-age=86400"
        await send(message)

    return sending


def _guarded(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("content-security-policy", _POLICY)  # what somebody wrote has a stricter one
            headers.update(SHIELD)
            headers["cache-control"] = "no-store"
        await send(message)

    return sending
