"""The REST API on a real socket, with a hub of whom we know every answer in place of the real one."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn

from alphapulse_lib.settings import Settings
from hub.api.app import PREFIX, create

EVERYTHING = (
    "access:services!service=api",
    "custom:catalog:read",
    "custom:comments:read",
    "custom:comments:write",
    "custom:ledger:read",
    "custom:ledger:write",
    "custom:schedules:read",
    "custom:schedules:write",
    "custom:notifications:read",
)


class KnownTokens:
    """A hub that knows each name as a token; `narrow` ones may do less, and it may be told to be away."""

    def __init__(self) -> None:
        self.scopes: dict[str, tuple[str, ...]] = dict.fromkeys(("ada", "bob", "root"), EVERYTHING)
        self.is_away = False

    async def model(self, token: str) -> dict[str, Any] | None:
        from hub.api.problems import ProblemError

        if self.is_away:
            raise ProblemError(503, "The hub does not answer.")
        if token not in self.scopes:
            return None
        return {"name": token, "kind": "user", "admin": token == "root", "scopes": list(self.scopes[token])}


class Api:
    """Somebody's client of a running API."""

    def __init__(self, url: str, door: KnownTokens) -> None:
        self.url, self.door = url, door
        self._http = httpx.Client(base_url=url, timeout=30)

    def __call__(self, method: str, path: str, who: str | None = "ada", **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {who}"} if who else {}
        return self._http.request(method, path, headers=headers | more.pop("headers", {}), **more)


@contextmanager
def serving(chosen: Settings) -> Iterator[Api]:
    """The API as the settings say, for as long as the block lasts."""
    door = KnownTokens()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}{PREFIX}"
        server = uvicorn.Server(uvicorn.Config(create(chosen, door), log_config=None, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the API did not start"
            time.sleep(0.01)
        try:
            yield Api(url, door)
        finally:
            server.should_exit = True
            thread.join(10)
