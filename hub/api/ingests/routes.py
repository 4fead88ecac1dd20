"""``/v1/ingests``: what vendors are asked for, by whom, and how far the worker is with it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from hub.api.idempotency import Posted
from hub.api.identity import Caller, needs
from hub.api.ingests.schema import Ingest, New, State
from hub.api.ingests.store import IngestStore
from hub.api.ingests.vendors import require_dataset, require_vendor
from hub.api.pages import Cursor, Limit, Page, after, page
from hub.api.problems import ProblemError, answers
from hub.api.publications.uploads import Held

__all__ = ["router"]

router = APIRouter(prefix="/v1/ingests", tags=["ingests"], responses=answers(401, 403, 422, 503))

Reader = Annotated[Caller, Depends(needs("custom:ingests:read"))]
Writer = Annotated[Caller, Depends(needs("custom:ingests:write"))]
Id = Annotated[str, Path(pattern="^[0-9a-f]{1,32}$", description="The request's id.")]
Owner = Annotated[
    str | None, Query(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f]+$", description="Only this person's.")
]
StateWanted = Annotated[State | None, Query(description="Only those in this state.")]


def _store(request: Request) -> IngestStore:
    return IngestStore(request.app.state.engine, request.app.state.datasets())


Store = Annotated[IngestStore, Depends(_store)]


@router.get("")
def ingests(
    store: Store, _: Reader, owner: Owner = None, state: StateWanted = None, limit: Limit = 50, cursor: Cursor = ""
) -> Page[Ingest]:
    """What was asked of vendors, the newest first: who asked, its place in the line, how far it is."""
    return page(store.page({"owner": owner, "state": state}, limit + 1, after(cursor)), limit)


@router.post("", status_code=201, response_model=Ingest, responses=answers(404))
def ask(request: Request, post: Posted, store: Store, caller: Writer, new: New) -> Response:
    """Ask a vendor for data that the team's catalog lacks; the worker fetches it with the one key that it holds.

    Who asks for what others wait for already shares their fetch; what is in the catalog is not asked for again. A
    vendor that no worker knows is refused.
    """
    state = request.app.state

    def require_known() -> None:
        if new.dataset:
            require_dataset(state.engine, new.dataset, state.datasets())
        else:
            require_vendor(state.engine, new.provider)

    if caller.is_service:
        raise ProblemError(403, f"{caller.name!r} is a service.", "Take a person's token.")
    return post.once(caller, lambda _: store.add(new, caller.name), before=require_known)


@router.get("/{ingest_id}", responses=answers(404, 409))
def ingest(store: Store, _: Reader, ingest_id: Id) -> Ingest:
    """One request, and how far it is."""
    return store.get(ingest_id)


@router.post("/{ingest_id}/cancel", response_model=Ingest, responses=answers(404, 409))
def cancel(post: Posted, store: Store, uploads: Held, caller: Writer, ingest_id: Id) -> Response:
    """Wait for it no longer: at once. Others who asked for the same go on waiting; where none does, the fetch ends
    after the part that it is at.
    """
    owner = store.owner(ingest_id)

    def require_owner() -> None:
        if not caller.owns(owner):
            raise ProblemError(403, f"This is {owner}'s.", "Its owner and administrators may cancel it.")

    answer = post.once(caller, lambda _: store.cancel(ingest_id), before=require_owner, status=200)
    if upload := store.unused_upload(ingest_id):
        uploads.remove(owner, upload)
    return answer
