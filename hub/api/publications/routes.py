"""``/v1/publications``: series of one's own into the team's catalog, by way of the worker, which alone writes it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from hub.api.idempotency import Posted
from hub.api.identity import Caller, needs
from hub.api.ingests.schema import Ingest
from hub.api.ingests.store import IngestStore
from hub.api.problems import ProblemError, answers
from hub.api.publications.schema import Publication, Publish, Reversal, Revert
from hub.api.publications.uploads import Held
from hub.roles import PUBLISH

__all__ = ["router"]

#: Bytes of one file: a year of minutes is 10 MB.
_FILE_MOST = 1_000_000_000

router = APIRouter(prefix="/v1/publications", tags=["publications"], responses=answers(401, 403, 422, 503))


async def _publisher(request: Request, caller: Annotated[Caller, Depends(needs("custom:ingests:write"))]) -> Caller:
    if caller.is_service:
        raise ProblemError(403, f"{caller.name!r} is a service.", "Take a person's token.")
    if not caller.may(PUBLISH):
        raise ProblemError(
            403,
            f"{caller.name} may not publish into the team's catalog: this token lacks {PUBLISH}.",
            f"Ask an administrator ({request.app.state.admins}) to name {caller.name} in ALPHAPULSE_PUBLISHERS.",
        )
    return caller


def _store(request: Request) -> IngestStore:
    return IngestStore(request.app.state.engine, ())


Publisher = Annotated[Caller, Depends(_publisher)]
Store = Annotated[IngestStore, Depends(_store)]
UploadId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Any id that is new: 32 hexadecimal digits.")]
FilePath = Annotated[
    str,
    Query(max_length=400, description="Where it lies in a catalog: `instruments.parquet`, `data/bars/.../...parquet`."),
]


@router.put(
    "/{upload}/files",
    status_code=201,
    max_body_size=_FILE_MOST,
    responses=answers(413),
    openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {}}}},
)
async def keep(
    request: Request, uploads: Held, store: Store, caller: Publisher, upload: UploadId, path: FilePath
) -> Response:
    """Send a file of series that are to be published; sent again it takes the place of the first.

    An upload that nobody asks to publish is forgotten after a day.
    """
    if path == "instruments.parquet":
        waiting = await run_in_threadpool(store.uploads, caller.name)
        await run_in_threadpool(uploads.clear, caller.name, waiting)
    await uploads.keep(caller.name, upload, path, request.stream())
    return Response(status_code=201)


@router.post("", status_code=201, response_model=Ingest, responses=answers(404))
def publish(post: Posted, uploads: Held, store: Store, caller: Publisher, wanted: Publish) -> Response:
    """Publish series whose files were sent: all versions of their bars, their instruments and actions.

    The request stands in the worker's line: `GET /v1/ingests/{id}` tells how far it is.
    """
    return post.once(
        caller,
        lambda _: store.add(Publication(wanted, caller.name), caller.name, "catalog.publish"),
        before=lambda: uploads.require(caller.name, wanted.upload),
    )


@router.post("/reverts", status_code=201, response_model=Ingest)
def revert(post: Posted, store: Store, caller: Publisher, wanted: Revert) -> Response:
    """Take a publication back, whoever published it; in the worker's line, as publishing is."""
    return post.once(
        caller, lambda _: store.add(Reversal(wanted.import_id, caller.name), caller.name, "catalog.revert")
    )
