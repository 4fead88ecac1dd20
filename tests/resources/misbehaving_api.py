"""Servers in the API's place that misbehave, named for how."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

PREFIX = "/services/api"


class Misbehaving:
    """A server that takes a connection, reads one request and does with it what its kind does."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}{PREFIX}"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                try:
                    self.requests.append(connection.recv(65_536))
                    self.answer(connection)
                except OSError:
                    continue

    def answer(self, connection: socket.socket) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def words(self, text: str, status: str = "200 OK", kind: str = "application/json", more: str = "") -> bytes:
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(text)}\r\n{more}"
        return f"{head}Connection: close\r\n\r\n{text}".encode()


class SlowApi(Misbehaving):
    """Takes the request and says nothing for as long as it lasts; after so many of them it answers at once."""

    def __init__(self, times: int = 99, whole: str = "") -> None:
        super().__init__()
        self.times, self.whole = times, whole
        self._waiting: list[socket.socket] = []

    def answer(self, connection: socket.socket) -> None:
        if len(self.requests) > self.times:
            connection.sendall(self.words(self.whole))
        else:
            self._waiting.append(connection.dup())

    def close(self) -> None:
        super().close()
        for each in self._waiting:
            each.close()


class SilentApi(Misbehaving):
    """Takes each request and says nothing until it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = threading.Event()

    def answer(self, connection: socket.socket) -> None:
        self.may_answer.wait(300)


class DroppingApi(Misbehaving):
    """Hangs up in the middle of each answer; after so many of them it answers whole."""

    def __init__(self, times: int, whole: str = '{"status": "ok", "version": "1"}') -> None:
        super().__init__()
        self.times, self.whole = times, whole

    def answer(self, connection: socket.socket) -> None:
        said = self.words(self.whole)
        if len(self.requests) <= self.times:
            said = said[:-10]
        connection.sendall(said)


class BusyApi(Misbehaving):
    """Says 503 with a problem, so many times, and that one should come again at once."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def answer(self, connection: socket.socket) -> None:
        if len(self.requests) > self.times:
            connection.sendall(self.words('{"status": "ok", "version": "1"}'))
            return
        problem = '{"detail": "The database does not answer.", "hint": "Try again in a moment."}'
        connection.sendall(
            self.words(problem, "503 Service Unavailable", "application/problem+json", "Retry-After: 0\r\n")
        )


class AbsentApi(Misbehaving):
    """A proxy whose service is being started again: 503 without a word for some seconds, and then its answer."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._back = time.monotonic() + seconds

    def answer(self, connection: socket.socket) -> None:
        if time.monotonic() < self._back:
            connection.sendall(self.words("Service Unavailable", "503 Service Unavailable", "text/html"))
        else:
            connection.sendall(self.words('{"status": "ok", "version": "1"}'))


class ForeignServer(Misbehaving):
    """Something else altogether, which has a page for every address."""

    def answer(self, connection: socket.socket) -> None:
        connection.sendall(self.words("<html>Welcome to my printer</html>", kind="text/html"))


class GarblingApi(Misbehaving):
    """Answers each request with the same bytes, whatever they are."""

    def __init__(self, said: bytes) -> None:
        super().__init__()
        self.said = said

    def answer(self, connection: socket.socket) -> None:
        connection.sendall(self.said)


class CountingProxy(Misbehaving):
    """Passes each request on to another server and remembers it. It behaves, apart from reading along."""

    def __init__(self, target: str) -> None:
        super().__init__()
        self._target = urlsplit(target)

    def answer(self, connection: socket.socket) -> None:
        sent = self.requests[-1]
        head, _, body = sent.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0)
        while len(body) < length:
            piece = connection.recv(65_536)
            body += piece
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
        with socket.create_connection((self._target.hostname, self._target.port)) as beyond:
            beyond.sendall(b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body)
            while piece := beyond.recv(65_536):
                connection.sendall(piece)


@contextmanager
def misbehaving[T: Misbehaving](server: T) -> Iterator[T]:
    """Let it serve inside the block."""
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
