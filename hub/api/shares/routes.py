"""``/v1/shares``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import ColumnElement, or_, true
from starlette.concurrency import run_in_threadpool

from alphapulse_lib.errors import did_you_mean
from hub.api.idempotency import Post, Posted
from hub.api.identity import Caller, Door, needs
from hub.api.ledger.store import RunStore
from hub.api.pages import Cursor, Limit, Page, after, page
from hub.api.problems import ProblemError, answers
from hub.api.renderings.store import RenderingStore
from hub.api.shares.schema import EVERYBODY, SHARES, Kind, New, Share
from hub.api.shares.sight import Seeing, Sight
from hub.api.shares.store import ShareStore

__all__ = ["router"]

router = APIRouter(prefix="/v1/shares", tags=["shares"], responses=answers(401, 403, 422, 503))

Reader = Annotated[Caller, Depends(needs("custom:shares:read"))]
Writer = Annotated[Caller, Depends(needs("custom:shares:write"))]
Id = Annotated[str, Path(pattern="^[0-9a-f]{1,32}$", description="The share's id.")]
Name = Annotated[
    str | None, Query(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f]+$", description="Only this person's.")
]


def _store(request: Request) -> ShareStore:
    return ShareStore(request.app.state.engine, request.app.state.renderings)


Store = Annotated[ShareStore, Depends(_store)]


def _seen(caller: Caller, sight: Sight) -> ColumnElement[bool]:
    """Whose shares somebody sees: an administrator all; else those of their own things, and with them."""
    if caller.is_admin:
        return true()
    return sight.shared() if caller.is_service else or_(sight.shared(), SHARES.c.owner == caller.name)


@router.get("")
def shares(
    store: Store,
    caller: Reader,
    sight: Seeing,
    kind: Annotated[Kind | None, Query(description="Only of this kind.")] = None,
    subject: Annotated[str | None, Query(pattern="^[0-9a-f]{1,32}$", description="Only of this: an id.")] = None,
    owner: Name = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[Share]:
    """What one shares, and what is shared with one, the newest first; an administrator sees everybody's."""
    found = store.page(_seen(caller, sight), limit + 1, after(cursor), kind=kind, subject=subject, owner=owner)
    return page(found, limit)


@router.post(
    "",
    status_code=201,
    response_model=Share,
    responses={**answers(404, 409), 200: {"model": Share, "description": "It was shared so already."}},
)
async def share(request: Request, post: Posted, store: Store, caller: Writer, sight: Seeing, new: New) -> Response:
    """Let a person, a group or everybody who signed in see one run, its record, its files and its comments; or one
    rendering of a notebook.
    """
    await _require_known(request, new.audience)
    runs: RunStore = request.app.state.runs
    renderings: RenderingStore = request.app.state.renderings

    def whose() -> tuple[str, str]:
        if new.kind == "run":
            return runs.whose(new.subject, sight.runs())
        found = renderings.get(new.subject, sight.renderings())
        return found.id, found.owner

    return await run_in_threadpool(_share, whose, post, store, caller, new)


@router.get("/{share_id}", responses=answers(404))
def one(store: Store, caller: Reader, sight: Seeing, share_id: Id) -> Share:
    """One share of one's own, or with one."""
    return store.get(share_id, _seen(caller, sight))


@router.delete("/{share_id}", status_code=204, responses=answers(404))
def take_back(store: Store, caller: Writer, sight: Seeing, share_id: Id) -> None:
    """Take a share back: who saw it by this one sees it no more. Its owner and administrators may."""
    found = store.get(share_id, _seen(caller, sight))
    if not caller.owns(found.owner):
        raise ProblemError(403, f"This is {found.owner}'s share.", "Its owner and administrators may take it back.")
    store.take_back(share_id)


def _share(whose: Callable[[], tuple[str, str]], post: Post, store: ShareStore, caller: Caller, new: New) -> Response:
    def ready() -> tuple[New, str]:
        subject, owner = whose()
        if not caller.owns(owner):
            raise ProblemError(
                403, f"The {new.kind} {subject} is {owner}'s.", "Its owner and administrators may share it."
            )
        if new.audience == owner:
            raise ProblemError(422, f"The {new.kind} {subject} is {owner}'s own.", "Share it with somebody else.")
        return new.model_copy(update={"subject": subject}), owner

    def act(found: tuple[New, str]) -> Response:
        made, fresh = store.add(*found, caller.name)
        return JSONResponse(made.model_dump(mode="json"), 201 if fresh else 200)

    return post.once(caller, act, before=ready)


async def _require_known(request: Request, audience: str) -> None:
    """Refuse a name that nobody has: whoever came to have it later would see what was meant for somebody else.

    Raises
    ------
    ProblemError
        404: the hub knows no such person, or group.
    """
    door: Door = request.app.state.door
    if audience == EVERYBODY:
        return
    if audience.startswith("@"):
        groups = await door.groups()
        if audience[1:] not in groups:
            raise ProblemError(
                404,
                f"The hub knows no group {audience[1:]!r}.",
                did_you_mean(audience[1:], groups, "Groups are an administrator's to make."),
            )
    elif not await door.knows(audience):
        raise ProblemError(404, f"The hub knows nobody called {audience!r}.", "They have to sign in once, before.")
