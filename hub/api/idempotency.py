"""A POST that is sent twice under one ``Idempotency-Key`` is done once and answered twice alike."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Annotated

from fastapi import Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError

from alphapulse_lib import clock
from hub.api.database import METADATA
from hub.api.identity import Caller
from hub.api.problems import ProblemError

__all__ = ["Key", "once"]

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,128}$",
        description="Anything unique: the same request sent again under it is done once. Remembered for a day.",
    ),
]

_DAY = 86_400 * 10**9

_KEYS = Table(
    "idempotency_keys",
    METADATA,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("user", String(255), nullable=False),
    Column("key", String(128), nullable=False),
    Column("request", String(64), nullable=False),
    Column("status", Integer),
    Column("answer", Text),
    Column("created_at", BigInteger, nullable=False, index=True),
    UniqueConstraint("user", "key"),
)


def once(
    request: Request, caller: Caller, key: str | None, sent: BaseModel, act: Callable[[], BaseModel], status: int = 201
) -> JSONResponse:
    """Do ``act`` unless it was done under this key; answer what it answered.

    Raises
    ------
    ProblemError
        409: the first request under the key is still at work. 422: the key was used for another request.
    """
    if key is None:
        return JSONResponse(act().model_dump(mode="json"), status)
    engine: Engine = request.app.state.engine.execution_options(writes=True)
    asked = f"{request.method} {request.url.path} {json.dumps(sent.model_dump(mode='json'), sort_keys=True)}"
    digest = hashlib.sha256(asked.encode()).hexdigest()
    mine = (_KEYS.c.user == caller.name) & (_KEYS.c.key == key)
    try:
        with engine.begin() as connection:
            now = clock.now_ns()
            connection.execute(delete(_KEYS).where(_KEYS.c.created_at < now - _DAY))
            connection.execute(insert(_KEYS).values(user=caller.name, key=key, request=digest, created_at=now))
    except IntegrityError:
        return _again(engine, mine, key, digest)
    try:
        answer = act().model_dump(mode="json")
    except BaseException:
        with engine.begin() as connection:  # nothing was done: the key is free again
            connection.execute(delete(_KEYS).where(mine))
        raise
    with engine.begin() as connection:
        connection.execute(_KEYS.update().where(mine).values(status=status, answer=json.dumps(answer)))
    return JSONResponse(answer, status)


def _again(engine: Engine, mine: object, key: str, digest: str) -> JSONResponse:
    with engine.begin() as connection:
        row = connection.execute(select(_KEYS).where(mine)).first()  # type: ignore[arg-type]
    if row is None or (row.answer is None and row.request == digest):
        raise ProblemError(409, "The same request is still at work.", "Ask again in a moment.", {"Retry-After": "1"})
    if row.request != digest:
        raise ProblemError(422, f"Idempotency-Key {key!r} was used for another request.", "Take a new key.")
    return JSONResponse(json.loads(row.answer), row.status, {"Idempotency-Replayed": "true"})
