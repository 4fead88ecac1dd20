"""``/v1/families``: how much was tried of a kind, also of one that nobody handed in a run of yet."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from alphapulse_lib.model.run import StrategySource
from hub.api.idempotency import Posted
from hub.api.identity import Caller, needs
from hub.api.ledger.schema import Family, is_minimal, told
from hub.api.ledger.store import RunStore
from hub.api.problems import answers
from hub.api.shares.sight import Seeing

__all__ = ["router"]

router = APIRouter(prefix="/v1/families", tags=["runs"], responses=answers(401, 403, 422, 503))

#: Bytes of what is asked about at once: no record, and so no strategy of one, is larger than this.
_MOST = 16_000_000
#: As RFC 7240 has it: who does not know the header answers in full.
Prefer = Annotated[
    str | None,
    Header(alias="Prefer", description="`return=minimal`: of strategies in one family only the first has its trials."),
]
_FAMILIES = TypeAdapter(list[Family])
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
    prefer: Prefer = None,
) -> Response:
    """The families that strategies are in, or would be, with their trials, in the order asked for."""
    store: RunStore = request.app.state.runs
    asked = [StrategySource(each.name, "", each.text, each.family) for each in wanted.strategies]

    def act(_: None) -> Response:
        told_of: set[str] = set()
        answer = []
        for each in store.families(asked, sight.runs()):
            again = is_minimal(prefer) and each.name in told_of
            answer.append(told(replace(each, sharpes={}) if again else each))
            told_of.add(each.name)
        # Tens of thousands of trials, made JSON of one by one, would take seconds.
        return Response(_FAMILIES.dump_json(answer), media_type="application/json")

    return post.once(caller, act)
