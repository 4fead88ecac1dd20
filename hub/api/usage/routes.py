"""``/v1/usage``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from hub.api.identity import Caller, needs
from hub.api.pages import Cursor, Limit, Page, after, page
from hub.api.problems import ProblemError, answers
from hub.api.usage.schema import Told, Usage
from hub.api.usage.store import UsageStore
from hub.roles import READ_USAGE, TELL_USAGE

__all__ = ["router"]

router = APIRouter(prefix="/v1/usage", tags=["usage"], responses=answers(401, 403, 422, 503))

Reader = Annotated[Caller, Depends(needs(READ_USAGE))]
Server = Annotated[Caller, Depends(needs(TELL_USAGE))]


def _store(request: Request) -> UsageStore:
    return UsageStore(request.app.state.engine)


Store = Annotated[UsageStore, Depends(_store)]


@router.get("")
def usage(store: Store, _: Reader, limit: Limit = 50, cursor: Cursor = "") -> Page[Usage]:
    """What each person's servers use that run, as they say it themselves, each minute."""
    return page(store.page(limit + 1, after(cursor)), limit)


@router.put("", status_code=204, response_class=Response)
def tell(store: Store, caller: Server, told: Told) -> Response:
    """Tell what one of one's own servers uses; it does so itself."""
    if caller.is_service:
        raise ProblemError(403, f"{caller.name!r} is a service.", "Take a person's token.")
    store.tell(caller.name, told)
    return Response(status_code=204)
