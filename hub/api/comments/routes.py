"""``/v1/comments``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import PlainTextResponse, Response
from sse_starlette import EventSourceResponse

from hub.api.comments.markup import Words, rendered
from hub.api.comments.schema import Changed, Comment, Edit, New, Target
from hub.api.comments.store import CommentStore
from hub.api.comments.stream import Stream
from hub.api.idempotency import Posted
from hub.api.identity import Caller, needs
from hub.api.pages import Cursor, Limit, Page, after, page
from hub.api.problems import ProblemError, answers
from hub.api.shares.sight import Seeing, Sight, seen_now

__all__ = ["router"]

router = APIRouter(prefix="/v1/comments", tags=["comments"], responses=answers(401, 403, 422, 503))

Reader = Annotated[Caller, Depends(needs("custom:comments:read"))]
Writer = Annotated[Caller, Depends(needs("custom:comments:write"))]
Id = Annotated[str, Path(pattern="^[0-9a-f]{1,32}$", description="The comment's id.")]


def _store(request: Request) -> CommentStore:
    return CommentStore(request.app.state.engine)


Store = Annotated[CommentStore, Depends(_store)]


@router.get("")
def comments(
    store: Store,
    _: Reader,
    sight: Seeing,
    target: Annotated[Target | None, Query()] = None,
    parent: Annotated[str | None, Query(pattern="^[0-9a-f]{1,32}$")] = None,
    order: Annotated[Literal["oldest", "newest"], Query(description="Which come first.")] = "oldest",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[Comment]:
    """Comments in the order in which they were written, or the newest first; of runs, of those that one sees."""
    found = store.page(sight, target, parent, limit + 1, after(cursor), newest_first=order == "newest")
    return page(found, limit)


@router.post("", status_code=201, response_model=Comment, responses=answers(404))
def write(request: Request, post: Posted, store: Store, caller: Writer, sight: Seeing, new: New) -> Response:
    """Write a comment. Whoever it names with an @, and whoever it answers, is told."""

    def ready() -> Words:
        request.app.state.targets.require(new.target, sight.runs())
        return rendered(new.body)

    return post.once(caller, lambda found: store.add(new, found, caller.name), before=ready)


@router.get("/events", response_class=EventSourceResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def events(
    request: Request,
    caller: Reader,
    sight: Seeing,
    target: Annotated[Target | None, Query()] = None,
    last_event_id: Annotated[str | None, Header(pattern=r"^\d{1,18}$")] = None,
) -> EventSourceResponse:
    """New, edited and deleted comments as they happen; after a break, send the ``Last-Event-ID`` to miss none."""
    stream: Stream = request.app.state.comments
    last = int(last_event_id) if last_event_id else None

    async def look() -> Sight | None:
        return await seen_now(request, caller) if await request.app.state.door.model(caller.token) else None

    return EventSourceResponse(
        stream.follow(sight, last, target, look),
        ping=15,
        headers={"Cache-Control": "no-store"},
    )


@router.get("/{comment_id}", responses=answers(404, 409))
def comment(store: Store, _: Reader, sight: Seeing, comment_id: Id) -> Comment:
    """One comment."""
    return store.get(comment_id, sight)


@router.patch("/{comment_id}", responses=answers(404, 409))
def edit(store: Store, caller: Writer, sight: Seeing, comment_id: Id, changed: Changed) -> Comment:
    """Change the text; the one before stays in the history. Its author and administrators may."""
    _require_author(caller, store.author(comment_id, sight))
    return store.edit(comment_id, changed.body, rendered(changed.body), caller.name)


@router.delete("/{comment_id}", responses=answers(404, 409))
def delete(store: Store, caller: Writer, sight: Seeing, comment_id: Id) -> Comment:
    """Take the words out of sight; the place in the thread stays. Its author and administrators may."""
    _require_author(caller, store.author(comment_id, sight))
    return store.delete(comment_id)


@router.get("/{comment_id}/history", responses=answers(404, 409))
def history(store: Store, caller: Reader, sight: Seeing, comment_id: Id) -> list[Edit]:
    """The earlier texts, the oldest first; of a deleted comment for its author and administrators alone."""
    found = store.get(comment_id, sight)
    if found.deleted_at:
        _require_author(caller, found.author)
    return store.history(comment_id)


@router.get("/{comment_id}/thread", responses={**answers(404, 409), 200: {"content": {"text/markdown": {}}}})
def thread(
    store: Store,
    _: Reader,
    sight: Seeing,
    comment_id: Id,
    accept: Annotated[str, Header()] = "application/json",
) -> Any:
    """The comment and all that answers it: JSON, or Markdown with ``Accept: text/markdown``."""
    found = store.thread(comment_id, sight)
    if "text/markdown" not in accept:
        return found
    return PlainTextResponse("\n".join(_told(each) for each in found), media_type="text/markdown")


def _told(each: Comment) -> str:
    words = each.body if not each.deleted_at else "*deleted*"
    return f"### {each.author}, {each.created_at:%Y-%m-%d %H:%M} UTC\n\n{words}\n"


def _require_author(caller: Caller, author: str) -> None:
    if not caller.owns(author):
        raise ProblemError(403, f"This comment is {author}'s.", "Its author and administrators may change it.")
