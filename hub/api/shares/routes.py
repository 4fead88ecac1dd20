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
from hub.api.shares.schema import EVERYBODY, SHARES, Kind, New, Share, Thing
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
    """Let a person, a group or everybody who signed in see one run, its record, its files and its comments; one
    rendering of a notebook; or one dashboard: some runs side by side, each of which they see by it.
    """
    await _require_known(request, new.audience)
    runs: RunStore = request.app.state.runs
    renderings: RenderingStore = request.app.state.renderings

    def found() -> Thing:
        if new.kind == "rendering":
            kept = renderings.get(new.subject, sight.renderings())
            return Thing(new.kind, kept.id, kept.owner)
        held = [runs.whose(each, sight.runs()) for each in new.subject.split(",")]
        return Thing(new.kind, *held[0]) if new.kind == "run" else _dashboard(held, caller)

    return await run_in_threadpool(_share, found, post, store, caller, new.audience)


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


def _dashboard(held: list[tuple[str, str]], caller: Caller) -> Thing:
    """The dashboard of some runs, each with whose it is: of one person, who lets them all be seen."""
    ids, owners = [each for each, _ in held], {owner for _, owner in held}
    for run, owner in held:
        if not caller.owns(owner):
            raise ProblemError(
                403,
                f"The run {run} is {owner}'s.",
                "Its owner and administrators may share it, and a dashboard with it.",
            )
    if len(owners) > 1:
        raise ProblemError(
            422, f"The runs are of {' and '.join(sorted(owners))}.", "A dashboard is of one person's runs."
        )
    if len(set(ids)) < len(ids):
        raise ProblemError(422, "A run is named twice.", "Name two to six different ones.")
    return Thing.dashboard(owners.pop(), ids)


def _share(found: Callable[[], Thing], post: Post, store: ShareStore, caller: Caller, audience: str) -> Response:
    def ready() -> Thing:
        thing = found()
        named = f"The {thing.kind} {thing.subject} is {thing.owner}'s"
        if not caller.owns(thing.owner):
            raise ProblemError(403, f"{named}.", "Its owner and administrators may share it.")
        if audience == thing.owner:
            raise ProblemError(422, f"{named} own.", "Share it with somebody else.")
        return thing

    def act(thing: Thing) -> Response:
        made, fresh = store.add(thing, audience, caller.name)
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
