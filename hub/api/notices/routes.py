"""``/notice`` for everybody, ``/v1/notice`` for who says something."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from hub.api.identity import Caller, needs
from hub.api.notices.schema import New, Notice
from hub.api.notices.store import NoticeStore
from hub.api.problems import answers
from hub.roles import SAY

__all__ = ["router"]

router = APIRouter(tags=["notices"], responses=answers(503))

Sayer = Annotated[Caller, Depends(needs(SAY))]


def _store(request: Request) -> NoticeStore:
    return NoticeStore(request.app.state.engine)


Store = Annotated[NoticeStore, Depends(_store)]


@router.get("/notice")
def notice(store: Store) -> Notice:
    """What an administrator says to everybody, also to who has not signed in: it names no secret. No sign-in."""
    return store.now()


@router.put("/v1/notice", responses=answers(401, 403, 422))
def say(store: Store, _: Sayer, new: New) -> Notice:
    """Say something to everybody from now on, in place of what was said before; or nothing any more."""
    return store.say(new)
