"""Requests that are answered before they were read: who still sends meets the answer, and no broken connection."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from http.client import HTTPResponse

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from hub.api.bodies import Bodies
from tests.resources.api_server import Api

PIECE = b"x" * 50_000
CLOSE = "Connection: close"


def told(api: Api, *lines: str, to: str = "comments", version: str = "1.1", sent: int = 0) -> int:
    """The status that somebody meets who sends so much after an answer could be there, and looks for it then.

    Where the connection was closed meanwhile they cannot send to the end.
    """
    at = httpx.URL(api.url)
    head = [f"POST {at.path}/v1/{to} HTTP/{version}", f"Host: {at.host}", "Authorization: Bearer ada", *lines, "", ""]
    chunked = "Transfer-Encoding: chunked" in lines
    with socket.create_connection((at.host, at.port or 80), timeout=30) as asking:
        asking.sendall("\r\n".join(head).encode())
        time.sleep(0.1)
        for _ in range(sent // len(PIECE)):
            asking.sendall(b"%x\r\n%s\r\n" % (len(PIECE), PIECE) if chunked else PIECE)
        asking.sendall(b"0\r\n\r\n" if chunked else b"")
        answer = HTTPResponse(asking, method="POST")
        answer.begin()
        assert answer.getheader("content-type") == "application/problem+json"
        assert json.loads(answer.read())["status"] == answer.status
        assert asking.recv(1) == b"", "and then it is closed, as was asked for"
    return answer.status


def test_who_sends_too_much_on_a_connection_that_ends_with_it_is_told_so(api: Api):
    assert told(api, CLOSE, "Content-Length: 2000000", sent=2_000_000) == 413
    assert told(api, CLOSE, "Transfer-Encoding: chunked", sent=2_000_000) == 413
    assert told(api, "Content-Length: 2000000", version="1.0", sent=2_000_000) == 413


def test_so_is_whose_request_nobody_reads(api: Api):
    assert told(api, CLOSE, "Content-Length: 900000", to="nothing", sent=900_000) == 404


def test_who_asks_before_sending_or_announces_more_than_is_ever_read_is_told_at_once(api: Api):
    assert told(api, CLOSE, "Content-Length: 2000000", "Expect: 100-continue") == 413
    assert told(api, CLOSE, "Content-Length: 64000001") == 413


@pytest.mark.parametrize("stops", [True, False])
def test_a_request_without_an_end_is_answered(stops: bool):
    """Who stops sending is not waited for, and who never does is read for as long as it seems worth it."""
    pieces, answer = iter([PIECE] * 3 if stops else [PIECE] * 1000), []

    async def receive() -> Message:
        if (piece := next(pieces, None)) is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": piece, "more_body": True}

    async def send(message: Message) -> None:
        answer.append(message)

    async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("Too much", 413)(scope, receive, send)

    headers = [(b"connection", b"close"), (b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": "/", "headers": headers}
    bodies = Bodies(refusing, most=20 * len(PIECE), patience=0.05)
    asyncio.run(asyncio.wait_for(bodies(scope, receive, send), 30))
    assert [each["type"] for each in answer] == ["http.response.start", "http.response.body"]
    assert len(list(pieces)) == (0 if stops else 1000 - 21)
