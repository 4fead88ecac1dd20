"""What the hub's pages grant to other pages of their host, such as those that run in somebody's workspace: nothing."""

from __future__ import annotations

from typing import Any

__all__ = ["SHIELD", "configure"]

#: What a page says of itself that a workspace's page may neither open and hold, nor be opened by and held.
SHIELD = {
    "Cross-Origin-Opener-Policy": "noopener-allow-popups",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def configure(c: Any) -> None:
    """Tell JupyterHub what its pages say of themselves, and whom they answer; ``c`` is its configuration."""
    # The key to the hub's API stands in its pages, and those alone use it. A script could take it out of the cookie: by
    # the frame of a picture of the hub's, which may be framed.
    c.JupyterHub.tornado_settings = {"headers": dict(SHIELD), "xsrf_cookie_kwargs": {"httponly": True}}
    _open_to_people_alone()


def _open_to_people_alone() -> None:
    """Answer the hub's pages to who opens one in a window, and to no script.

    Each page holds what the API asks of scripts; JupyterHub gives it to any script of its host that fetches a page.
    """
    from jupyterhub.apihandlers.base import APIHandler
    from jupyterhub.handlers.base import BaseHandler

    before = BaseHandler.prepare

    async def prepare(self: Any) -> None:
        if self.request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate" or isinstance(self, APIHandler):
            await before(self)
            return
        # Of a server that does not run, Lab wants to know just that. No page of errors: it would hold the same.
        self.set_status(424 if "/user/" in self.request.path else 403)
        self.finish("Open this page in a browser's window.\n")

    BaseHandler.prepare = prepare
