"""People at work at a hub, in threads: who posts comments, who asks a kernel, who leaves a dashboard open."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
from hub_client import Person
from signed_in import DASHBOARDS, SignedIn
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

__all__ = ["Dashboard", "Kernel", "Load", "Reader", "Worker", "Writer", "every"]

#: What an answer says that is no answer of the one who was asked: send it again.
AGAIN = (502, 503, 504)
_CUT = (OSError, WebSocketException, httpx.HTTPError)


class Worker:
    """Somebody who does the same again and again, in a thread of their own, until told to stop."""

    pause = 0.25

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._sockets = contextlib.ExitStack()
        self.fault: BaseException | None = None
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def open(self, address: str, **more: Any) -> ClientConnection:
        """A websocket, in place of the one before."""
        self._sockets.close()
        opened = connect(address, proxy=None, open_timeout=30, max_size=None, **more)
        return self._sockets.enter_context(opened)

    def stop(self) -> None:
        """End it, and fail with what it failed with."""
        self._stopping.set()
        self._thread.join(90)
        assert not self._thread.is_alive()
        if self.fault is not None:
            raise self.fault

    def act(self) -> None:
        raise NotImplementedError

    def _go_on(self) -> None:
        try:
            while not self._stopping.is_set():
                self.act()
                self._stopping.wait(self.pause)
            self._sockets.close()
        except BaseException as fault:  # noqa: BLE001  told by `stop`
            self.fault = fault


class Load:
    """During which event something was done, so that each can be counted by it."""

    def __init__(self) -> None:
        self.event = "nothing"
        self.sent, self.cut = Counter[str](), Counter[tuple[str, str, str]]()
        self.told: dict[str, tuple[str, str]] = {}
        self.silence: dict[str, float] = {}
        self.answers, self.taken = Counter[int](), list[float]()

    def was_cut(self, who: str, why: Exception) -> None:
        """Somebody's connection ended."""
        self.cut[self.event, who, f"{type(why).__name__}: {why}"[:80]] += 1

    def silent(self, who: str, seconds: float) -> None:
        """Somebody heard nothing for so long."""
        self.silence[who] = max(self.silence.get(who, 0.0), seconds)


class Writer(Worker):
    """Posts comments, each under a key and until it is told that it is there."""

    def __init__(self, load: Load, url: str, token: str, target: str) -> None:
        super().__init__()
        self._load, self._target, self._number, self._name = load, target, 0, uuid4().hex[:8]
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False)

    def act(self) -> None:
        self._number += 1
        body, began = f"{self._name} {self._number}", self._load.event
        while True:
            self._load.sent[began] += 1
            try:
                answer = self._ask(
                    "POST",
                    "/services/api/v1/comments",
                    json={"target": self._target, "body": body},
                    headers={"Idempotency-Key": body.replace(" ", "-")},
                )
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == 201:
                self._load.told[body] = (answer.json()["id"], began)
                return
            assert answer is None or answer.status_code in AGAIN, (answer.status_code, answer.text)
            if self._stopping.wait(0.2):
                return

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        began = time.monotonic()
        answer = self._http.request(method, path, **more)
        self._load.taken.append(time.monotonic() - began)
        self._load.answers[answer.status_code] += 1
        return answer


class Reader(Writer):
    """Reads what the others write before writing, without haste."""

    pause = 4.0

    def act(self) -> None:
        self._ask("GET", f"/services/api/v1/comments?target={self._target}&limit=50&order=newest").raise_for_status()
        super().act()


class Kernel(Worker):
    """Counts in a kernel over one websocket, and asks the server for its kernels in between."""

    pause = 0.5

    def __init__(self, load: Load, person: Person) -> None:
        super().__init__()
        self._load, self._person = load, person
        self._id = person.own("POST", "kernels")["id"]
        self._socket: ClientConnection | None = None
        self.counted, self.refused = 0, Counter[tuple[str, int]]()

    def act(self) -> None:
        began, before = time.monotonic(), self._load.event
        try:
            self._socket = self._socket or self._opened()
        except _CUT:  # not yet
            return
        try:
            self._ask(self._socket)
        except _CUT as why:
            self._load.was_cut("kernel", why)
            self._socket = None
        else:
            self._load.silent(f"kernel, {before}", time.monotonic() - began)
        try:
            status = self._person.http.get(f"/user/{self._person.name}/api/kernels").status_code
        except httpx.TransportError:
            status = 0
        if status != 200:
            self.refused[self._load.event, status] += 1

    def _opened(self) -> ClientConnection:
        address = f"ws{self._person.url[4:]}/user/{self._person.name}/api/kernels/{self._id}/channels"
        token = self._person.http.headers["Authorization"]
        opened = self.open(address, additional_headers={"Authorization": token})
        self._ask(opened, "n = globals().get('n', 0)")  # a kernel that was started anew would count anew
        return opened

    def _ask(self, socket: ClientConnection, code: str = "n += 1") -> None:
        asked = uuid4().hex
        header = {"msg_id": asked, "msg_type": "execute_request", "session": asked, "username": "", "version": "5.3"}
        content = {"code": code, "silent": False, "user_expressions": {"n": "n"}, "store_history": False}
        request = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        socket.send(json.dumps(request))
        while True:
            told: dict[str, Any] = json.loads(socket.recv(timeout=60))
            if told["msg_type"] == "execute_reply" and told["parent_header"].get("msg_id") == asked:
                self.counted = int(told["content"]["user_expressions"]["n"]["data"]["text/plain"])
                return


class Dashboard(Worker):
    """Leaves a page of the dashboards open, and opens it again where its websocket is cut."""

    pause = 0.5

    def __init__(self, load: Load, somebody: SignedIn, page: str = "home") -> None:
        super().__init__()
        self._load, self._somebody, self._page = load, somebody, page
        self._socket: ClientConnection | None = None
        self.opened = 0

    def act(self) -> None:
        if self._socket is None:
            self._open()
            return
        try:
            self._socket.ping().wait(timeout=10)
            while True:
                self._socket.recv(timeout=0)
        except TimeoutError:  # all is read
            return
        except _CUT as why:
            self._load.was_cut("dashboard", why)
            self._socket = None

    def _open(self) -> None:
        try:
            token = self._somebody.page_token(self._page)
            self._socket = self.open(
                f"ws{self._somebody.url[4:]}{DASHBOARDS}{self._page}/ws",
                additional_headers={"Cookie": self._somebody.cookies()},
                origin=self._somebody.url,  # type: ignore[arg-type]
                subprotocols=[Subprotocol("bokeh"), Subprotocol(token)],
            )
            self.opened += 1
        except (*_CUT, AssertionError):  # no page yet
            self._socket = None


def every(get: Callable[[str], httpx.Response], path: str) -> list[dict[str, Any]]:
    """All items of a list that comes in pages."""
    items, cursor = [], ""
    while cursor is not None:
        answer = get(f"{path}{'&' if '?' in path else '?'}limit=200&cursor={cursor}")
        answer.raise_for_status()
        items += answer.json()["items"]
        cursor = answer.json()["next"]
    return items
