"""Run in a workspace's surroundings: says, as JSON, each route of the server that would serve it, and ends."""

from __future__ import annotations

import json
from typing import Any

from jupyter_server.serverapp import ServerApp
from jupyterhub.singleuser import main
from tornado.websocket import WebSocketHandler

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def methods(handler: Any) -> list[str]:
    """What a handler of Tornado's answers to; ``WS`` stands for opening a websocket."""
    found = [each for each in METHODS if getattr(handler, each.lower()).__name__ != "_unimplemented_method"]
    return ["WS" if each == "GET" and issubclass(handler, WebSocketHandler) else each for each in found]


def _tell(server: ServerApp) -> None:
    rules = [rule for group in server.web_app.default_router.rules for rule in getattr(group.target, "rules", ())]
    print(json.dumps([[rule.matcher.regex.pattern, methods(rule.target)] for rule in rules]))  # noqa: T201


if __name__ == "__main__":
    ServerApp.start = _tell
    main()
