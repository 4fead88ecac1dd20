"""The one shape of errors: RFC 9457, ``application/problem+json``, for whatever goes wrong at whichever route."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy import exc
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alphapulse_lib.errors import AlphaPulseError, InputError, NoCoverage, UnknownRun, UnknownSymbol, did_you_mean
from hub.api.fields import fields_at

__all__ = ["Faults", "Problem", "ProblemError", "answers", "install", "said", "too_large"]

MEDIA = "application/problem+json"
#: Characters of a value that is said back.
_SHOWN = 60
#: What pydantic says of a value, and the words that it lists.
_SHOULD = re.compile(r"(?:Input|String) (should .*?)(?:, unable to .*)?", re.DOTALL)
_QUOTED = re.compile("'([^']*)'")

_FULL = "The disk that holds the database is full: nothing of this request was kept."
_TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    422: "Not understood",
    429: "Too many requests",
    500: "Our mistake",
    503: "Not available now",
}


class Problem(BaseModel):
    """What went wrong, for people and for programs."""

    type: str = Field("about:blank", description="Names the kind of problem.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status again.")
    detail: str = Field(description="What arrived and why it was refused.")
    hint: str = Field("", description="What to do next.")
    errors: list[dict[str, Any]] = Field(default_factory=list, description="Each field that was not understood.")


class ProblemError(Exception):
    """Raised by a route: becomes the answer."""

    def __init__(self, status: int, detail: str, hint: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.hint, self.headers = status, detail, hint, headers


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, for the OpenAPI document."""
    return {each: {"model": Problem, "description": _TITLES[each], "content": {MEDIA: {}}} for each in statuses}


def install(app: FastAPI) -> None:
    """Make every error of an application a problem."""

    @app.exception_handler(ProblemError)
    async def refused(_: Request, error: ProblemError) -> JSONResponse:
        return _answer(error.status, error.detail, error.hint, headers=error.headers)

    @app.exception_handler(AlphaPulseError)
    async def known(_: Request, error: AlphaPulseError) -> JSONResponse:
        absent = isinstance(error, UnknownSymbol | UnknownRun | NoCoverage)
        status = 404 if absent else 422 if isinstance(error, InputError) else 503
        return _answer(status, error.message, error.hint)

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        return _answer(error.status_code, str(error.detail), headers=dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        found = [
            {
                "where": ".".join(str(part) for part in each["loc"] if part != "[key]"),
                "message": said(each),
                "kind": each["type"],
            }
            for each in error.errors()
        ]
        first = found[0]
        return _answer(422, f"{first['where']}: {first['message']}", _nearest(request, error.errors()[0]), errors=found)

    @app.exception_handler(ClientDisconnect)
    async def left(_: Request, __: ClientDisconnect) -> JSONResponse:
        return _answer(400, "The request ended before all of it had arrived.")  # to nobody, but in our figures

    @app.exception_handler(exc.DataError)
    async def unstorable(_: Request, error: exc.DataError) -> JSONResponse:
        logging.getLogger("alphapulse.api").error("The database takes no such value: %s", error)
        return _answer(422, "The database takes no such value: it is too long, too large or no text.")

    @app.exception_handler(exc.OperationalError)
    @app.exception_handler(exc.TimeoutError)  # no connection was free for half a minute
    async def database(_: Request, error: exc.OperationalError | exc.TimeoutError) -> JSONResponse:
        logging.getLogger("alphapulse.api").error("The database refused: %s", error)
        if _is_full(error):
            return _answer(503, _FULL, "Whoever keeps this hub has to make room.", headers={"Retry-After": "30"})
        return _answer(503, "The database does not answer.", "Try again in a moment.", headers={"Retry-After": "2"})


def _nearest(request: Request, fault: Mapping[str, Any]) -> str:
    """What may have been meant by a field, or by one of some words, that is not known."""
    match fault["type"]:
        case "extra_forbidden":
            _, *place, name = fault["loc"]
            known = fields_at(request, place)
            return did_you_mean(str(name)[:_SHOWN], known, f"It takes {', '.join(known)}." if known else "")
        case "literal_error" | "enum":
            return did_you_mean(str(fault["input"])[:_SHOWN], _QUOTED.findall(fault["ctx"]["expected"]))
        case _:
            return ""


def _is_full(error: Exception) -> bool:
    """Whether a database's disk is full: SQLite says so in words, PostgreSQL by the state of the answer."""
    cause = getattr(error, "orig", None)
    return getattr(cause, "sqlite_errorname", "") == "SQLITE_FULL" or getattr(cause, "sqlstate", "") == "53100"


class Faults:
    """Answers what no handler expected, so that the connection lives on: the proxy may hold it for somebody else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer 500 where that fails before anything was answered."""
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception:
            if begun or scope["type"] != "http":
                raise
            logging.getLogger("alphapulse.api").exception("%s %s failed", scope["method"], scope["path"])
            answer = _answer(500, "This request met a fault of ours; it is in the service's log.")
            await answer(scope, receive, send)


def said(fault: Mapping[str, Any]) -> str:
    """What pydantic says of a field, in a reader's words rather than a program's."""
    told, facts = str(fault["msg"]), fault.get("ctx", {})
    match fault["type"]:
        case "json_invalid":
            return f"this is no JSON: {facts.get('error', told)}"
        case "too_long" if isinstance(fault["input"], str):
            return f"{facts['actual_length']:,} characters arrived; it takes {facts['max_length']:,} at most"
        case "extra_forbidden":
            return f"{_shown(str(fault['loc'][-1]))} is no field here"
        case _ if isinstance(fault["input"], str | int | float | None) and (wanted := _SHOULD.fullmatch(told)):
            return f"{_shown(fault['input'])} {wanted[1]}"
        case _:
            return told.removeprefix("Value error, ")


def _shown(arrived: str | float | None) -> str:
    """A value as whoever sent it wrote it, in short."""
    written = repr(arrived) if isinstance(arrived, str) else json.dumps(arrived)
    return written if len(written) <= _SHOWN else f"{written[:_SHOWN]}..."


def too_large(send: Send) -> Send:
    """A way to answer on which Starlette's refusal of a large body, which is plain text, becomes a problem."""
    problem = _answer(413, "The request is larger than this service takes.")
    replaced = False

    async def told(message: Message) -> None:
        nonlocal replaced
        if message["type"] == "http.response.start" and message["status"] == 413:
            replaced = dict(message["headers"]).get(b"content-type", b"") != MEDIA.encode()
            if replaced:
                message = {**message, "headers": problem.raw_headers}
        elif replaced and message["type"] == "http.response.body":
            message = {**message, "body": b"" if message.get("more_body") else problem.body}
        await send(message)

    return told


def _answer(
    status: int,
    detail: str,
    hint: str = "",
    errors: list[dict[str, Any]] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    problem = Problem(
        title=_TITLES.get(status, "Refused"), status=status, detail=detail, hint=hint, errors=errors or []
    )
    return JSONResponse(problem.model_dump(), status, headers, media_type=MEDIA)
