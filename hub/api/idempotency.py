"""A POST that is sent twice under one ``Idempotency-Key`` is done once and answered twice alike.

Key, work and answer are one transaction. Who dies in between leaves nothing behind, the key least of all; who sends the
same at the same time waits at the key until the first has ended, and is told what the first was told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, Response
from sqlalchemy import BigInteger, Column, Engine, Integer, String, Table, Text, UniqueConstraint, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from alphapulse_lib import clock
from hub.api.database import METADATA, reading, writing
from hub.api.identity import Caller
from hub.api.problems import ProblemError

__all__ = ["Post", "Posted"]

_Key = Annotated[
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


@dataclass(frozen=True)
class Post:
    """A POST, and the key under which it may have been sent before."""

    engine: Engine
    key: str | None
    digest: str

    def once[Ready](
        self,
        caller: Caller,
        act: Callable[[Ready], Any],
        *,
        before: Callable[[], Ready] = lambda: None,  # type: ignore[assignment, return-value]
        status: int = 201,
    ) -> Response:
        """Do it unless it was done under this key; answer what was answered.

        Parameters
        ----------
        caller : Caller
            Who sent it: a key is its sender's alone.
        act : callable
            Does it; with a key, in one transaction with that. Takes what ``before`` gave; gives a model, or an answer.
        before : callable
            Checks and prepares: outside of the transaction, for nobody else can write while that is open.
        status : int
            Of the answer, where ``act`` gives a model.

        Raises
        ------
        ProblemError
            422: the key was used for another request.
        """
        if self.key is None:
            return _told(act(before()), status)
        whose = f"service {caller.name}" if caller.is_service else caller.name
        if (again := self._again(whose)) is not None:
            return again
        ready = before()
        with writing(self.engine) as connection:
            kind = postgresql if connection.dialect.name == "postgresql" else sqlite
            row = {"user": whose, "key": self.key, "request": self.digest, "created_at": clock.now_ns()}
            # One without an answer was left by a version that wrote it before the work, and died in it.
            of_mine = (_KEYS.c.user == whose) & (_KEYS.c.key == self.key)
            connection.execute(delete(_KEYS).where(of_mine, _KEYS.c.answer.is_(None)))
            # Where somebody else is at work under the key, this waits until they have ended.
            place = kind.insert(_KEYS).values(row).on_conflict_do_nothing().returning(_KEYS.c.sequence)
            if (mine := connection.execute(place).scalar()) is not None:
                told = _told(act(ready), status)
                done = {"status": told.status_code, "answer": bytes(told.body).decode()}
                connection.execute(_KEYS.update().where(_KEYS.c.sequence == mine).values(done))
                return told
        again = self._again(whose)
        if again is None:
            raise ProblemError(503, "The same request has just been given up.", "Send it again.", {"Retry-After": "1"})
        return again

    def _again(self, whose: str) -> Response | None:
        """What was answered under the key."""
        old = _KEYS.c.created_at < clock.now_ns() - _DAY
        with reading(self.engine) as connection:
            has_old = connection.execute(select(_KEYS.c.sequence).where(old).limit(1)).first()
        if has_old:
            with writing(self.engine) as connection:
                connection.execute(delete(_KEYS).where(old))
        with reading(self.engine) as connection:
            row = connection.execute(select(_KEYS).where(_KEYS.c.user == whose, _KEYS.c.key == self.key)).first()
        if row is None or row.answer is None:
            return None
        if row.request != self.digest:
            raise ProblemError(422, f"Idempotency-Key {self.key!r} was used for another request.", "Take a new key.")
        return Response(row.answer, row.status, {"Idempotency-Replayed": "true"}, media_type="application/json")


async def _post(request: Request, key: _Key = None) -> Post:
    asked = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + await request.body()
    return Post(request.app.state.engine, key, hashlib.sha256(asked).hexdigest())


#: The request itself, as a dependency of a route.
Posted = Annotated[Post, Depends(_post)]


def _told(found: Any, status: int) -> Response:
    return found if isinstance(found, Response) else JSONResponse(jsonable_encoder(found), status)
