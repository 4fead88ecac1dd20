"""Requests that are answered before they were read: the rest is read first, where their connection ends with them.

What is closed while its other end still sends is reset, and a reset takes the answer with it: who sent too much would
meet a broken connection in place of a 413. Where the connection lives on, uvicorn reads on by itself.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Bodies"]

_MOST = 64_000_000  # bytes of a request
_PATIENCE = 5.0  # seconds without another piece


class Bodies:
    """Reads what is left of a request before it is answered, and throws it away.

    Parameters
    ----------
    most : int
        Bytes of a request that is read to its end; who announces more is answered at once, and may meet a reset.
    patience : float
        Seconds without another piece after which it is answered all the same.
    """

    def __init__(self, app: ASGIApp, most: int = _MOST, patience: float = _PATIENCE) -> None:
        self._app, self._most, self._patience = app, most, patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http" or not _ends_with_its_body(scope, self._most):
            await self._app(scope, receive, send)
            return
        body = _Body(receive)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                await body.finish(self._most, self._patience)
            await send(message)

        await self._app(scope, body.receive, told)


class _Body:
    """A request's body, and how much of it has been read by whomever."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._taken, self._whole = receive, 0, False

    async def receive(self) -> Message:
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)  # so it is of one who has left
        return message

    async def finish(self, most: int, patience: float) -> None:
        with suppress(TimeoutError):
            while not self._whole and self._taken <= most:
                async with asyncio.timeout(patience):
                    await self.receive()


def _ends_with_its_body(scope: Scope, most: int) -> bool:
    """Whether a request has a body of at most so many bytes, as far as it says, after which its connection is closed.

    Who waits to be told whether to send it (``Expect``) sends nothing that could be reset.
    """
    headers = Headers(scope=scope)
    closes = scope["http_version"] == "1.0" or "close" in headers.get("connection", "").lower()
    length = int(headers.get("content-length", 0))
    announced = 0 < length <= most or "transfer-encoding" in headers
    return closes and announced and "expect" not in headers
