"""A real browser for tests, and what it saw that its user does not."""

from __future__ import annotations

import shutil
from typing import Any

__all__ = ["CHROMIUM", "FLAGS", "Witness"]

CHROMIUM = shutil.which("chromium")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Witness:
    """What a browser saw that its user does not: errors, refused requests, strange hosts."""

    def __init__(self, context: Any, own: str) -> None:
        self.errors: list[str] = []
        self.strangers: set[str] = set()
        self._own = own
        context.on("request", self._request)
        context.on("response", self._response)
        context.on("console", lambda said: said.type == "error" and self.errors.append(f"console: {said.text[:300]}"))
        context.on("weberror", lambda raised: self.errors.append(f"page: {raised.error}"))

    def _request(self, request: Any) -> None:
        if request.url.startswith(("http", "ws")) and self._own not in request.url.split("/")[2]:
            self.strangers.add(request.url)

    def _response(self, response: Any) -> None:
        if response.status >= 400:
            self.errors.append(f"{response.status} {response.url}")
