"""``/v1/families``: how much was tried of a kind, also of one that nobody handed in a run of yet."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from alphapulse_lib.model.run import StrategySource
from hub.api.idempotency import Posted
from hub.api.identity import Caller, needs
from hub.api.ledger.schema import Family, told
from hub.api.ledger.store import RunStore
from hub.api.problems import answers
from hub.api.shares.sight import Seeing

__all__ = ["router"]

router = APIRouter(prefix="/v1/families", tags=["runs"], responses=answers(401, 403, 422, 503))

#: Bytes of what is asked about at once: no record, and so no strategy of one, is larger than this.
_MOST = 16_000_000
#: Names are looked up, and PostgreSQL holds no text with a zero in it.
_PRINTED = r"^[^\x00-\x1f]*$"


class Strategy(BaseModel):
    """What a family is found by: a declared name, else the source, else the class's name."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=10_000, pattern=_PRINTED, examples=["strategies.sma:SmaCross"])
    text: str = Field("", pattern=r"^[^\x00]*$", description="Its source.")
    family: str = Field(
        "", max_length=1_000, pattern=_PRINTED, description='What it declares: family = "..." in the class.'
    )


class Strategies(BaseModel):
    """Whose families."""

    model_config = ConfigDict(extra="forbid")

    strategies: list[Strategy] = Field(max_length=200)


@router.post("", max_body_size=_MOST, response_model=list[Family])
def families(
    request: Request,
    post: Posted,
    caller: Annotated[Caller, Depends(needs("custom:ledger:read"))],
    sight: Seeing,
    wanted: Strategies,
) -> Response:
    """The families that strategies are in, or would be, with their trials, in the order asked for."""
    store: RunStore = request.app.state.runs
    asked = [StrategySource(each.name, "", each.text, each.family) for each in wanted.strategies]
    return post.once(caller, lambda _: [told(store.family(each, sight.runs())) for each in asked], status=200)
