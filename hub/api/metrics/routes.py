"""``/metrics``: for Prometheus; ``/v1/measures``: what of it the administrators' page shows."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from hub.api.database import reading
from hub.api.identity import Caller, needs
from hub.api.metrics.measured import Measured, measured
from hub.api.problems import answers
from hub.roles import READ_USAGE

__all__ = ["router"]

router = APIRouter(tags=["service"], responses=answers(401, 403, 503))

#: The scope that JupyterHub asks for its own.
Reader = Annotated[Caller, Depends(needs("read:metrics"))]
Administrator = Annotated[Caller, Depends(needs(READ_USAGE))]


class Exposition(Response):
    """Prometheus' text."""

    media_type = CONTENT_TYPE_LATEST


@router.get("/metrics", response_class=Exposition)
def metrics(request: Request, _: Reader) -> Exposition:
    """How long the API takes, and how the worker, its queues and the catalog are, as Prometheus reads it."""
    return Exposition(generate_latest(request.app.state.metrics))


@router.get("/v1/measures", responses=answers(422))
def measures(request: Request, _: Administrator) -> Measured:
    """How many workers live, what is used of vendors' budgets, what the team's catalog holds and lacks."""
    with reading(request.app.state.engine) as connection:
        return measured(connection)
