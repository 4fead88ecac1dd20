"""``/v1/runs``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Header, Path, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from alphapulse_lib.model.run import RunRecord
from hub.api.idempotency import Posted
from hub.api.identity import Caller, needs
from hub.api.ledger.records import owned, parsed
from hub.api.ledger.schema import Counted, Held, RunDetail, is_minimal, is_without_trials
from hub.api.ledger.store import RunStore
from hub.api.pages import Cursor, Limit, Page, after, page
from hub.api.problems import ProblemError, answers
from hub.api.shares.sight import Seeing, Sight

__all__ = ["router"]

#: Bytes of one file of a run: a million marks in Parquet are 30 MB.
_FILE_MOST = 256_000_000
#: Bytes of a record: one that read ten thousand series has 4 MB.
_RECORD_MOST = 16_000_000

router = APIRouter(prefix="/v1/runs", tags=["runs"], responses=answers(401, 403, 422, 503))

Reader = Annotated[Caller, Depends(needs("custom:ledger:read"))]
Writer = Annotated[Caller, Depends(needs("custom:ledger:write"))]
Id = Annotated[str, Path(pattern="^[0-9a-f]{1,32}$", description="The run's id, or the only beginning of one.")]
Name = Annotated[str, Path(max_length=64, description="A file that the record names, such as `equity.parquet`.")]
#: As RFC 7240 has it: who does not know the header answers in full.
Prefer = Annotated[
    str | None,
    Header(
        alias="Prefer",
        description="`return=minimal`: answer the run's id and its files' names alone; `trials=none`: all but the "
        "trials of its family.",
    ),
]
Word = Annotated[str | None, Query(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f]+$")]


def _store(request: Request) -> RunStore:
    store: RunStore = request.app.state.runs
    return store


Store = Annotated[RunStore, Depends(_store)]


class Listing(Page[dict[str, Any]]):
    """Records as they were written, and luck as it is now."""

    counted: list[Counted] = Field(
        description="Of each record its family, and its luck among all trials until now; its own count ends with it."
    )


@router.get("", response_model=Listing)
def runs(
    store: Store,
    _: Reader,
    sight: Seeing,
    status: Annotated[Literal["finished", "failed", "interrupted"] | None, Query()] = None,
    purpose: Annotated[Literal["trial", "rerun", "probe"] | None, Query()] = None,
    strategy: Word = None,
    symbol: Word = None,
    user: Word = None,
    family: Annotated[str | None, Query(min_length=1, pattern=r"^[^\x00-\x1f]+$")] = None,
    spec: Annotated[str | None, Query(pattern="^[0-9a-f]{64}$", description="Only runs of exactly this spec.")] = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Response:
    """Runs' records, the newest first: one's own, those of one's teams, and those shared with one."""
    found = store.page(
        sight.runs(),
        limit + 1,
        after(cursor),
        status=status,
        purpose=purpose,
        strategy=strategy,
        symbol=symbol,
        user=user,
        family=family,
        spec_id=spec,
    )
    shown = page(found, limit)
    return _listed(shown, store.counted(shown.items, sight.runs()))


@router.post(
    "",
    status_code=201,
    response_model=RunDetail | Held,
    max_body_size=_RECORD_MOST,
    responses={**answers(409), 200: {"model": RunDetail | Held, "description": "It was there already."}},
)
def append(
    post: Posted,
    store: Store,
    caller: Writer,
    sight: Seeing,
    record: Annotated[dict[str, Any], Body()],
    mine: Annotated[
        bool, Query(description="It is the caller's, whatever name it was recorded under; `recorded_as` keeps that.")
    ] = False,
    prefer: Prefer = None,
) -> Response:
    """Append a run. Sent again, nothing happens: a run's id is its idempotency key. Nothing deletes or changes one."""

    def ready() -> RunRecord:
        found = parsed(record)
        if mine and not caller.is_service:
            found = owned(found, caller.name)
        if not caller.owns(found.user):
            raise ProblemError(
                403,
                f"The record says that {found.user!r} ran it, you are {caller.name!r}.",
                "What you ran under that name outside of the hub: alphapulse runs --merge --mine",
            )
        return found

    def act(found: RunRecord) -> Response:
        fresh = store.append(found)
        held = _of_run(store, sight, found.id, prefer)
        return JSONResponse(held.model_dump(mode="json"), 201 if fresh else 200)

    return post.once(caller, act, before=ready)


@router.get("/{run_id}", responses=answers(404, 409))
def run(store: Store, _: Reader, sight: Seeing, run_id: Id, prefer: Prefer = None) -> RunDetail | Held:
    """A run, and what else was tried of its kind until now, by everybody."""
    return _of_run(store, sight, run_id, prefer)


@router.get("/{run_id}/files/{name}", response_class=FileResponse, responses=answers(404, 409))
def file(store: Store, _: Reader, sight: Seeing, run_id: Id, name: Name) -> FileResponse:
    """A file of a run, such as its equity curve in Parquet."""
    path = store.file(run_id, name, sight.runs())
    # Never shown in place: a page inside it would run with the reader's rights.
    return FileResponse(path, filename=path.name, media_type="application/octet-stream")


@router.put(
    "/{run_id}/files/{name}",
    status_code=201,
    max_body_size=_FILE_MOST,
    responses={**answers(404, 409, 413), 200: {"description": "It was there already."}},
    openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {}}}},
)
async def keep(request: Request, store: Store, caller: Writer, sight: Seeing, run_id: Id, name: Name) -> Response:
    """Hand in a file that the run's record names; once, by the run's owner."""
    seen = sight.runs()
    _, owner = await run_in_threadpool(store.whose, run_id, seen)
    if not caller.owns(owner):
        raise ProblemError(403, f"Run {run_id} is {owner}'s.")
    fresh = await run_in_threadpool(store.keep, run_id, name, await request.body(), seen)
    return Response(status_code=201 if fresh else 200)


def _of_run(store: RunStore, sight: Sight, run_id: str, prefer: str | None) -> RunDetail | Held:
    if is_minimal(prefer):
        return store.held(run_id, sight.runs())
    return store.get(run_id, sight.runs(), with_trials=not is_without_trials(prefer))


def _listed(found: Page[str], counted: list[Counted]) -> Response:
    """A page of records that are JSON already: each was parsed once, to see that it is whole, and is sent as it is."""
    rest = found.model_dump_json(exclude={"items"})
    luck = ",".join(each.model_dump_json() for each in counted)
    records = ",".join(found.items)
    return Response(f'{{"items":[{records}],"counted":[{luck}],{rest[1:]}', media_type="application/json")
