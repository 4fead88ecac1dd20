"""The service: the gate, the sign-in, the pages behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import panel as pn
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from panel.io.fastapi import add_applications

from alphapulse_lib import __version__ as version
from hub.dashboards import assets, renderings, shared
from hub.dashboards.admin import admin
from hub.dashboards.gate import OWNER, Gate
from hub.dashboards.home import Home
from hub.dashboards.market import Market
from hub.dashboards.page import Page, Services
from hub.dashboards.runs import runs
from hub.dashboards.schedules import Schedules
from hub.dashboards.shell import asked, opened
from hub.dashboards.sign_in import PREFIX, SignIn
from hub.dashboards.visitor import Visitor, visitor

__all__ = ["PAGES", "create"]

type Maker = Callable[[Visitor, Services, dict[str, str]], Page]

#: The pages by the last part of their address.
PAGES: dict[str, Maker] = {"home": Home, "market": Market, "runs": runs, "schedules": Schedules, "admin": admin}


def create(sign_in: SignIn, services: Services) -> FastAPI:
    """The application.

    Parameters
    ----------
    sign_in : SignIn
        Tells who visits.
    services : Services
        What the pages show: the REST API and the catalog.
    """
    pn.extension()
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, lifespan=services.lifespan)

    @app.get(f"{PREFIX}health")
    def health() -> JSONResponse:
        return JSONResponse({"status": "ok", "version": version})

    @app.get(f"{PREFIX}assets/{{name}}")
    def asset(name: str) -> FileResponse:
        if name not in assets.files():
            raise HTTPException(404)
        return FileResponse(assets.files()[name])

    @app.get(PREFIX)
    @app.get(PREFIX.rstrip("/"))
    def start() -> RedirectResponse:
        return RedirectResponse(f"{PREFIX}home", 302)

    @app.get(f"{PREFIX}renderings/{{rendering_id}}")
    async def rendering(rendering_id: str) -> Response:
        return await renderings.shown(services, visitor(), rendering_id)

    @app.get(f"{PREFIX}shared/{{dashboard_id}}")
    async def dashboard(dashboard_id: str) -> Response:
        return await shared.dashboard(services, visitor(), dashboard_id)

    app.get(f"{PREFIX}oauth_callback")(sign_in.come_back)
    add_applications(
        {name: _Maker(kind, services).make for name, kind in PAGES.items()},
        app=app,
        prefix=PREFIX.rstrip("/"),
        index_enabled=False,
        # What stands in a page can be read by whatever runs in it: the owner's name, and no cookie.
        include_cookies=[],
        include_headers=[OWNER],
        sign_sessions=True,
        secret_key=sign_in.secret.encode(),
    )
    app.add_middleware(Gate, sign_in=sign_in)  # the last one is the outermost
    return app


@dataclass(frozen=True)
class _Maker:
    """Makes one visitor's page, each time that one is opened."""

    kind: Maker
    services: Services

    def make(self) -> pn.Template:
        return opened(self.kind(visitor(), self.services, asked()))
