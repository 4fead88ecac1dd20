"""``/v1/notifications``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from hub.api.idempotency import Posted
from hub.api.identity import Caller, needs
from hub.api.notifications.schema import Notification
from hub.api.notifications.store import NotificationStore
from hub.api.pages import Cursor, Limit, Page, after, page
from hub.api.problems import answers
from hub.api.shares.sight import Seeing

__all__ = ["router"]

router = APIRouter(prefix="/v1/notifications", tags=["notifications"], responses=answers(401, 403, 422, 503))

Reader = Annotated[Caller, Depends(needs("custom:notifications:read"))]


def _store(request: Request) -> NotificationStore:
    return NotificationStore(request.app.state.engine)


Store = Annotated[NotificationStore, Depends(_store)]


class Until(BaseModel):
    """Up to which notification."""

    model_config = ConfigDict(extra="forbid")

    id: int = Field(strict=True, ge=0, lt=2**63, description="This one and all before it.")


class Count(BaseModel):
    """How many."""

    count: int


@router.get("")
def notifications(
    store: Store,
    caller: Reader,
    sight: Seeing,
    unread: Annotated[bool, Query()] = False,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[Notification]:
    """One's own notifications, the newest first; of a run that one does not see, neither its name nor where it is."""
    return page(store.page(sight.runs(), caller.name, unread, limit + 1, after(cursor)), limit)


@router.post("/read", response_model=Count)
def read(post: Posted, store: Store, caller: Reader, until: Until) -> Response:
    """Mark one's own notifications as read."""
    return post.once(caller, lambda _: Count(count=store.read(caller.name, until.id)), status=200)
