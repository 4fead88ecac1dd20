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
from tests.resources.ports import free_port

EVERYTHING = (
    "access:services!service=api",
    "custom:catalog:read",
    "custom:catalog:publish",
    "custom:comments:read",
    "custom:comments:write",
    "custom:ledger:read",
    "custom:ledger:write",
    "custom:shares:read",
    "custom:shares:write",
    "custom:schedules:read",
    "custom:schedules:write",
    "custom:ingests:read",
    "custom:ingests:write",
    "custom:notifications:read",
    "custom:usage:tell",
    "read:metrics",
)


class KnownTokens:
    """A hub that knows each name as a token; `narrow` ones may do less, and it may be told to be away.

    Ada and Bob are in one group.
    """

    def __init__(self) -> None:
        self.scopes: dict[str, tuple[str, ...]] = dict.fromkeys(("ada", "bob", "root"), EVERYTHING)
        self.scopes["root"] += ("custom:audit:read", "custom:notice:say", "custom:usage:read")
        self.members: dict[str, frozenset[str]] = {"desk": frozenset({"ada", "bob"})}
        self.is_away = False

    async def groups(self) -> dict[str, frozenset[str]]:
        self._be_there()
        return self.members

    async def knows(self, name: str) -> bool:
        self._be_there()
        return name in self.scopes

    def _be_there(self) -> None:
        from hub.api.problems import ProblemError

        if self.is_away:
            raise ProblemError(503, "The hub does not answer.")

    async def model(self, token: str) -> dict[str, Any] | None:
        self._be_there()
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


class RunningApi:
    """The API in a thread; it may be stopped, and started again at the same address with what it kept."""

    def __init__(self, chosen: Settings) -> None:
        self.chosen, self.door = chosen, KnownTokens()
        self._port = free_port()  # that nobody else is given while it is down

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}{PREFIX}"

    def start(self) -> RunningApi:
        listening = socket.create_server(("127.0.0.1", self._port))
        # As asyncio does with a socket of its own: else an answer's second piece comes forty milliseconds later.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._app = create(self.chosen, self.door)
        self._server = uvicorn.Server(uvicorn.Config(self._app, log_config=None, timeout_graceful_shutdown=1))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listening]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the API did not start"
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(60)
        assert not self._thread.is_alive(), "the API did not stop"
        self._app.state.engine.dispose()


@contextmanager
def serving(chosen: Settings) -> Iterator[Api]:
    """The API as the settings say, for as long as the block lasts."""
    running = RunningApi(chosen).start()
    try:
        yield Api(running.url, running.door)
    finally:
        running.stop()
