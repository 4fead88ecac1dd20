"""A notebook that somebody shared, as a page in the visitor's browser: shut off, for somebody else wrote it."""

from __future__ import annotations

import re

from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from alphapulse_lib.errors import AlphaPulseError, NotAllowed, UnknownTarget
from alphapulse_lib.hub_client import Damaged
from hub.dashboards.page import Services
from hub.dashboards.visitor import Visitor

__all__ = ["POLICY", "shown"]

#: It is nobody's page, of no host at all: its scripts draw, and ask nothing of anybody.
POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; media-src data: blob:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_ID = re.compile("[0-9a-f]{16}")
_NONE = "There is no such rendering, or it is shared with you no more.\n"


async def shown(services: Services, somebody: Visitor, rendering_id: str) -> Response:
    """The page, where the visitor may see it."""
    if not _ID.fullmatch(rendering_id):
        return PlainTextResponse(_NONE, 404)
    remote = services.remote(somebody, Damaged.tell)
    try:
        content = await remote.ask(remote.client.renderings.page, rendering_id)
    except UnknownTarget:
        return PlainTextResponse(_NONE, 404)
    except NotAllowed as refused:
        return PlainTextResponse(f"{refused.message}\n", 403)
    except AlphaPulseError as away:
        return PlainTextResponse(f"{away.message} {away.hint}\n", 503, {"Retry-After": "2"})
    finally:
        remote.close()
    return HTMLResponse(content, headers={"Content-Security-Policy": POLICY})
