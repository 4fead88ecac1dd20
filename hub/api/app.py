"""The application: its routes, its errors, what it needs to answer."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from fastapi.middleware.gzip import GZipMiddleware
from prometheus_client import CollectorRegistry, ProcessCollector
from pydantic import BaseModel
from sqlalchemy import text
from starlette.types import Message, Receive, Scope, Send

from alphapulse_lib import __version__ as version
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.settings import Settings
from hub.api.audit import routes as audit_routes
from hub.api.bodies import Bodies
from hub.api.comments import routes as comment_routes
from hub.api.comments.store import CommentStore
from hub.api.comments.stream import Stream
from hub.api.data import routes as data_routes
from hub.api.database import opened
from hub.api.identity import Door
from hub.api.ingests import routes as ingest_routes
from hub.api.ledger import families as family_routes
from hub.api.ledger import routes as run_routes
from hub.api.ledger.store import RunStore
from hub.api.metrics import routes as metric_routes
from hub.api.metrics.requests import Latencies
from hub.api.metrics.state import State
from hub.api.notices import routes as notice_routes
from hub.api.notifications import routes as notification_routes
from hub.api.problems import Faults, answers, install, too_large
from hub.api.publications import routes as publication_routes
from hub.api.publications.uploads import Uploads
from hub.api.queries import require_known
from hub.api.renderings import routes as rendering_routes
from hub.api.renderings.store import RenderingStore
from hub.api.schedules import routes as schedule_routes
from hub.api.shares import routes as share_routes
from hub.api.targets import Targets
from hub.api.usage import routes as usage_routes
from hub.logs import Requests

__all__ = ["PREFIX", "create"]

#: Where the hub's proxy puts the service.
PREFIX = "/services/api"
#: Bytes of a request's JSON.
_MOST = 1_000_000

_ABOUT = """Comments, the ledger of runs, what is shared of it, the catalog, what vendors are asked for, and
notifications of one hub.

Send `Authorization: Bearer <token>`: a workspace's `JUPYTERHUB_API_TOKEN`, or one made by `alphapulse token`. Cookies
are not looked at. Lists come in pages: send `next` as `cursor`. Errors are `application/problem+json` (RFC 9457).
A POST with an `Idempotency-Key` is done once, however often it is sent."""


class Health(BaseModel):
    """That the service answers."""

    status: str
    version: str


class _Api(FastAPI):
    """The application; a request that is too large is refused in the shape of all other errors, and its sender told."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Around what limits the request's size, which answers by itself.
        whole = Bodies(super().__call__)
        await whole(scope, receive, too_large(_as_said(send)) if scope["type"] == "http" else send)


def _as_said(send: Send) -> Send:
    """A way to answer on which no browser takes a text for a page that runs, whatever somebody wrote into it."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message["headers"], (b"x-content-type-options", b"nosniff")]
            message = {**message, "headers": headers}
        await send(message)

    return told


def create(chosen: Settings, door: Door) -> FastAPI:
    """The application.

    Parameters
    ----------
    chosen : Settings
        Names the database, the catalog and the home folder.
    door : Door
        Tells who a token belongs to.
    """
    app = _Api(
        title="AlphaPulse",
        version=version,
        description=_ABOUT,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        max_body_size=_MOST,
    )
    app.state.door = door
    app.state.engine = engine = opened(chosen)
    app.state.datasets = lambda: chosen.declarations
    app.state.comments = Stream(CommentStore(engine))
    app.state.runs = RunStore(engine, chosen.home_root / "api" / "runs")
    app.state.uploads, app.state.admins = Uploads(chosen.home_root), chosen.admins
    app.state.teams = chosen.team_names
    app.state.renderings = RenderingStore(engine, chosen.home_root / "api" / "renderings")
    app.state.targets = Targets(Roots(chosen.catalog_root), app.state.runs)
    app.state.metrics = registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(State(engine))
    install(app)
    for module in (
        comment_routes,
        run_routes,
        family_routes,
        share_routes,
        rendering_routes,
        data_routes,
        schedule_routes,
        ingest_routes,
        publication_routes,
        notification_routes,
        metric_routes,
        audit_routes,
        notice_routes,
        usage_routes,
    ):
        app.include_router(module.router, prefix=PREFIX, dependencies=[Depends(require_known)])

    @app.get(f"{PREFIX}/health", tags=["service"], responses=answers(503))
    def health() -> Health:
        """Whether the service and its database answer. No sign-in."""
        with engine.begin() as connection:
            connection.execute(text("SELECT 1"))
        return Health(status="ok", version=version)

    app.add_middleware(Faults)  # inside the compression, which must see its answer
    app.add_middleware(GZipMiddleware, minimum_size=2_000)
    app.add_middleware(Latencies, registry=registry)
    app.add_middleware(Requests, logger="alphapulse.api")
    return app
