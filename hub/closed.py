"""Doors of JupyterHub's that nobody may use: what they were for is done otherwise since its version 2."""

from __future__ import annotations

from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from tornado.web import HTTPError

__all__ = ["HANDLERS"]


class _Closed(APIHandler):  # type: ignore[misc]
    """Says 404, where JupyterHub's own handler takes arguments it is not given and answers 500, to anybody."""

    def check_xsrf_cookie(self) -> None:
        """Nothing is changed here."""

    def get(self, *_: str) -> None:
        """Whose a token is, is asked at `/hub/api/user`; nobody needs to put one into an address."""
        raise HTTPError(404, "Ask /hub/api/user with the token itself.")

    def post(self, *_: str) -> None:
        """Tokens are made at `/hub/api/users/<name>/tokens`."""
        raise HTTPError(404, "Tokens are made at /hub/api/users/<name>/tokens.")


#: As `Authenticator.get_handlers` gives them to the hub, which puts them before its own.
HANDLERS: list[tuple[str, Any]] = [
    (r"/api/authorizations/token(?:/[^/]+)?", _Closed),
    (r"/api/authorizations/cookie/[^/]+(?:/[^/]+)?", _Closed),
]
