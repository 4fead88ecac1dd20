"""``/v1/families``: how much was tried of a kind, also of one that nobody handed in a run of yet."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from hub.api.idempotency import Posted
from hub.api.identity import Caller, needs
from hub.api.ledger.schema import Family
from hub.api.ledger.store import RunStore
from hub.api.problems import answers

__all__ = ["router"]

router = APIRouter(prefix="/v1/families", tags=["runs"], responses=answers(401, 403, 422, 503))

#: Characters of a name: a strategy on ten thousand instruments has 120,000.
_LONGEST = 1_000_000

Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=_LONGEST,
        pattern=r"^[^\x00-\x1f]+$",
        description="A strategy's class, its instruments and its period, as runs have it.",
        examples=["SmaCross AAPL.XNAS 1d"],
    ),
]


class Names(BaseModel):
    """Which families."""

    model_config = ConfigDict(extra="forbid")

    names: list[Name] = Field(max_length=200)


@router.post("", max_body_size=4 * _LONGEST, response_model=list[Family])
def families(
    request: Request, post: Posted, caller: Annotated[Caller, Depends(needs("custom:ledger:read"))], wanted: Names
) -> Response:
    """The trials of families, in the order asked for; asked by POST, for a name may be longer than an address."""
    store: RunStore = request.app.state.runs
    return post.once(caller, lambda _: [store.family(each) for each in wanted.names], status=200)
