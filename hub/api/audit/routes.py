"""``/v1/audit``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from hub.api.audit.schema import Entry, SignIn
from hub.api.audit.store import AuditLog
from hub.api.idempotency import Posted
from hub.api.identity import Caller, needs
from hub.api.pages import Cursor, Limit, Page, after, page
from hub.api.problems import answers
from hub.roles import TELL_SIGN_INS

__all__ = ["router"]

router = APIRouter(prefix="/v1/audit", tags=["audit"], responses=answers(401, 403, 422, 503))

#: Who may change who may sign in: an administrator, with a token that is not narrower than they are.
Administrator = Annotated[Caller, Depends(needs("admin:users"))]
Hub = Annotated[Caller, Depends(needs(TELL_SIGN_INS))]
_Name = Annotated[str | None, Query(max_length=255, pattern=r"^[^\x00-\x1f]+$", description="Only what they did.")]
_Action = Annotated[str | None, Query(max_length=64, pattern=r"^[a-z.-]+$", description="Only this.")]


def _log(request: Request) -> AuditLog:
    return AuditLog(request.app.state.engine)


Log = Annotated[AuditLog, Depends(_log)]


@router.get("")
def entries(
    log: Log, _: Administrator, who: _Name = None, action: _Action = None, limit: Limit = 50, cursor: Cursor = ""
) -> Page[Entry]:
    """Who did what, on what, when and from where, the newest first; for administrators, with a token of their own."""
    return page(log.page({"who": who, "action": action}, limit + 1, after(cursor)), limit)


@router.post("/sign-ins", status_code=204, response_class=Response)
def sign_in(post: Posted, log: Log, caller: Hub, told: SignIn) -> Response:
    """Write down that somebody signed in or was refused; the hub alone may, and tells until it is answered."""

    def act(_: None) -> Response:
        log.add(told)
        return Response(status_code=204)

    return post.once(caller, act)
