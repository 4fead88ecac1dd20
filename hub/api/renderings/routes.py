"""``/v1/renderings``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import FileResponse

from hub.api.idempotency import Posted
from hub.api.identity import Caller, needs
from hub.api.problems import ProblemError, answers
from hub.api.renderings.schema import MOST, New, Rendering
from hub.api.renderings.store import RenderingStore
from hub.api.shares.sight import Seeing

__all__ = ["router"]

router = APIRouter(prefix="/v1/renderings", tags=["renderings"], responses=answers(401, 403, 422, 503))

Reader = Annotated[Caller, Depends(needs("custom:shares:read"))]
Writer = Annotated[Caller, Depends(needs("custom:shares:write"))]
Id = Annotated[str, Path(pattern="^[0-9a-f]{1,32}$", description="The rendering's id.")]


def _store(request: Request) -> RenderingStore:
    store: RenderingStore = request.app.state.renderings
    return store


Store = Annotated[RenderingStore, Depends(_store)]


# As JSON a page may be up to six times as long, each sign of another alphabet being `\\uXXXX`.
@router.post("", status_code=201, response_model=Rendering, max_body_size=6 * MOST, responses=answers(409, 413))
def make(post: Posted, store: Store, caller: Writer, new: New) -> Response:
    """Hand in an executed notebook as a page, to be shared by `POST /v1/shares`; until then one sees it oneself.

    It goes when the last share of it is taken back, and after a day if it was never shared.
    """
    if caller.is_service:
        raise ProblemError(403, f"{caller.name!r} is a service and has no workspace.", "Take a person's token.")
    return post.once(caller, lambda _: store.add(new, caller.name))


@router.get("/{rendering_id}", responses=answers(404, 409))
def rendering(store: Store, _: Reader, sight: Seeing, rendering_id: Id) -> Rendering:
    """What is known of a rendering of one's own, or shared with one."""
    return store.get(rendering_id, sight.renderings())


@router.get("/{rendering_id}/page", response_class=FileResponse, responses=answers(404, 409))
def page(store: Store, _: Reader, sight: Seeing, rendering_id: Id) -> FileResponse:
    """Its page, as a file. To be looked at it is opened at `/services/dashboards/renderings/{id}`."""
    path = store.page(rendering_id, sight.renderings())
    # Never shown in place: whatever is inside it would run with the reader's rights.
    return FileResponse(path, filename=path.name, media_type="application/octet-stream")
