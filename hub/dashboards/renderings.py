"""A notebook that somebody shared, as a page in the visitor's browser: shut off, for somebody else wrote it."""

from __future__ import annotations

from fastapi.responses import HTMLResponse, Response

from hub.dashboards.page import Services
from hub.dashboards.shared import opened
from hub.dashboards.visitor import Visitor

__all__ = ["POLICY", "shown"]

#: It is nobody's page, of no host at all: its scripts draw, and ask nothing of anybody.
POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; media-src data: blob:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


async def shown(services: Services, somebody: Visitor, rendering_id: str) -> Response:
    """The page, where the visitor may see it."""
    content = await opened(
        services, somebody, "rendering", rendering_id, lambda client: client.renderings.page(rendering_id)
    )
    if isinstance(content, Response):
        return content
    return HTMLResponse(content, headers={"Content-Security-Policy": POLICY})
