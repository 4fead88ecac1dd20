"""``/v1/audit``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from hub.api.audit.schema import Deed, Entry
from hub.api.audit.store import AuditLog
from hub.api.database import writing
from hub.api.idempotency import Posted
from hub.api.identity import Caller, needs
from hub.api.pages import Cursor, Limit, Page, after, page
from hub.api.problems import answers
from hub.api.shares.store import ShareStore
from hub.roles import READ_AUDIT, TELL

__all__ = ["router"]

router = APIRouter(prefix="/v1/audit", tags=["audit"], responses=answers(401, 403, 422, 503))

Administrator = Annotated[Caller, Depends(needs(READ_AUDIT))]
Hub = Annotated[Caller, Depends(needs(TELL))]
_Name = Annotated[str | None, Query(max_length=255, pattern=r"^[^\x00-\x1f]+$", description="Only what they did.")]
_Action = Annotated[str | None, Query(max_length=64, pattern=r"^[a-z.-]+$", description="Only this.")]

#: What ends the shares with a name, and how the name begins in them.
_ENDING = {"person.removed": "", "person.renamed": "", "group.removed": "@"}


def _log(request: Request) -> AuditLog:
    return AuditLog(request.app.state.engine)


Log = Annotated[AuditLog, Depends(_log)]


@router.get("")
def entries(
    log: Log, _: Administrator, who: _Name = None, action: _Action = None, limit: Limit = 50, cursor: Cursor = ""
) -> Page[Entry]:
    """Who did what, on what, when and from where, the newest first; for administrators."""
    return page(log.page({"who": who, "action": action}, limit + 1, after(cursor)), limit)


@router.post("", status_code=204, response_class=Response)
def tell(request: Request, post: Posted, log: Log, caller: Hub, told: Deed) -> Response:
    """Write down who signed in, or what was done at the hub itself; the hub alone may, and tells until it is answered.

    What is shared with a person or a group that is removed is so no more: who is called so later is somebody else.
    """
    shares = ShareStore(request.app.state.engine, request.app.state.renderings)

    def act(_: None) -> Response:
        with writing(request.app.state.engine):
            if log.add(told) and told.action in _ENDING:
                shares.end_all(_ENDING[told.action] + told.about, told.at, told.who)
        return Response(status_code=204)

    return post.once(caller, act)
