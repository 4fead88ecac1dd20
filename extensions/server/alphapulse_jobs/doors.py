"""Closes doors that other extensions of the server leave open.

The websocket of Panel's preview takes whoever comes, from whatever page, for the workspace's owner; JupyterLab's list
of licenses never answers whom it refuses, and keeps the connection. Files that Voila and others hand out by Tornado's
own means may be framed: another workspace's page at this host would read this server's key out of the frame's cookies.
Jupyter's page of an error holds the server's own token, by which a notebook acts in its owner's name; nothing reads it
there.
"""

from __future__ import annotations

from typing import Any

from jupyter_server.base.handlers import APIHandler, JupyterHandler
from tornado import web
from tornado.websocket import WebSocketHandler

__all__ = ["close"]


def close() -> None:
    """Let all ask who it is, and say no, as Jupyter's own do."""
    from jupyterlab_server.licenses_handler import LicensesHandler
    from panel.io.jupyter_server_extension import PanelWSProxy

    async def prepare(self: Any) -> None:
        await JupyterHandler.prepare(self, _redirect_to_login=False)
        if self.current_user is None:
            raise web.HTTPError(403)

    def finish(self: Any, *said: Any, _mime_type: str = "application/json", **more: Any) -> Any:
        self.set_header("Content-Type", _mime_type)
        return super(APIHandler, self).finish(*said, **more)

    asking = {"prepare": prepare, "check_origin": WebSocketHandler.check_origin}
    for handler, ours in ((PanelWSProxy, asking), (LicensesHandler, {"finish": finish})):
        for name, method in ours.items():
            setattr(handler, name, method)
    namespace = JupyterHandler.__dict__["template_namespace"].fget
    setattr(JupyterHandler, "template_namespace", property(lambda self: namespace(self) | {"token": ""}))  # noqa: B010
    web.RequestHandler.set_default_headers = _held_by_nobody  # type: ignore[method-assign]  # Jupyter's own have theirs


def _held_by_nobody(self: Any) -> None:
    if not isinstance(self, WebSocketHandler):
        self.set_header("Content-Security-Policy", "frame-ancestors 'none'")
        self.set_header("Cross-Origin-Opener-Policy", "noopener-allow-popups")
