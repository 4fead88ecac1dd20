"""The services' logs: a JSON object a line, with the id of the request that it is about, and without a secret.

The id goes with what is asked: from the browser's ``X-Request-ID``, or made by the API; kept with the firing or the
fetch that comes of it; and so into the worker's log.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["HEADER", "JsonLines", "Requests", "about", "configure", "request_id", "set_up"]

HEADER = "X-Request-ID"
#: Of another's making it is taken as it is, where it is one word that no log is broken by.
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
#: What is never logged, whoever wrote it: what an address, a header or a JSON carries under such a name.
_SECRET = re.compile(
    r"""(?ix)
    (?P<name> (?:(?:proxy-)?authorization|(?:set-)?cookie)["']?\s*[:=]\s* ["']? (?:(?:bearer|token|basic)\s+)?
            | \bcookie\s+for\s+b?["']
            | \b(?:bearer|token)\s+(?=[A-Za-z0-9._~+/=-]{16})
            | \b[a-z_-]*(?:token|secret|password|api_?key|_xsrf)\s*=\s* ["']?
            | [?&"'](?:[a-z_-]*(?:token|secret|password|api_?key|key_id|_xsrf)|code|state)["']?\s*[=:]\s* ["']? )
    (?P<value> [^\s"'&,;}]+ (?: ;\s* [^\s"',;]+=[^\s"',;]+ )* )"""
)
_current: ContextVar[str] = ContextVar("request", default="")


def request_id() -> str:
    """The id of the request that this thread, or task, works for; empty where it is none's."""
    return _current.get()


@contextmanager
def about(request: str) -> Iterator[None]:
    """Log all that happens meanwhile under a request's id."""
    before = _current.set(request)
    try:
        yield
    finally:
        _current.reset(before)


class JsonLines(logging.Formatter):
    """A JSON object a record: ``time`` (UTC), ``level``, ``logger``, ``message``, and ``request``, ``error`` if any."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _clean(record.getMessage()),
        }
        if request := getattr(record, "request", "") or request_id():
            told["request"] = request
        if record.exc_info and record.exc_info[0] is not None:
            told["error"] = _clean("".join(traceback.format_exception(*record.exc_info)))
        return json.dumps(told, ensure_ascii=False, default=str)


def set_up(level: str) -> None:
    """Let this process log in lines of JSON, to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler])
    logging.getLogger("httpx").setLevel(logging.WARNING)


def configure(c: Any) -> None:
    """Let JupyterHub log in lines of JSON; ``c`` is its configuration object."""
    c.JupyterHub.logging_config = {"formatters": {"console": {"class": f"{__name__}.{JsonLines.__name__}"}}}


class Requests:
    """Gives each request its id, says it in the answer, and logs what was changed or refused."""

    def __init__(self, app: ASGIApp, logger: str) -> None:
        self._app, self._log = app, logging.getLogger(logger)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(HEADER.lower().encode(), b"").decode("latin-1")
        name = given if _WELL_FORMED.fullmatch(given) else secrets.token_hex(16)
        began, status = time.perf_counter(), 0

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = name
            await send(message)

        with about(name):
            try:
                await self._app(scope, receive, told)
            finally:
                changes = scope["method"] not in ("GET", "HEAD", "OPTIONS")
                level = logging.INFO if changes or status >= 400 else logging.DEBUG
                took = 1000 * (time.perf_counter() - began)
                # The path without its query: what is asked for is nobody's business, and may hold a token.
                self._log.log(level, "%s %s %d in %.1f ms", scope["method"], scope["path"], status, took)


def _clean(text: str) -> str:
    return _SECRET.sub(lambda found: f"{found['name']}[secret]", text)
