"""``/metrics``: for Prometheus."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from hub.api.identity import Caller, needs
from hub.api.problems import answers

__all__ = ["router"]

router = APIRouter(tags=["service"], responses=answers(401, 403, 503))

#: The scope that JupyterHub asks for its own.
Reader = Annotated[Caller, Depends(needs("read:metrics"))]


class Exposition(Response):
    """Prometheus' text."""

    media_type = CONTENT_TYPE_LATEST


@router.get("/metrics", response_class=Exposition)
def metrics(request: Request, _: Reader) -> Exposition:
    """How long the API takes, and how the worker, its queues and the catalog are, as Prometheus reads it."""
    return Exposition(generate_latest(request.app.state.metrics))
