"""What somebody shared, opened by its link: there while it is shared with who opens it, and else not found."""

from __future__ import annotations

import re
from collections.abc import Callable

from fastapi.responses import PlainTextResponse, RedirectResponse, Response

from alphapulse_lib.errors import AlphaPulseError, NotAllowed, UnknownTarget
from alphapulse_lib.hub_client import Client, Damaged
from hub.dashboards import web
from hub.dashboards.page import Services
from hub.dashboards.sign_in import PREFIX
from hub.dashboards.visitor import Visitor

__all__ = ["dashboard", "opened"]

_ID = re.compile("[0-9a-f]{1,32}")


async def opened[T](
    services: Services, somebody: Visitor, kind: str, thing_id: str, ask: Callable[[Client], T | None]
) -> T | Response:
    """What the API says of one thing, in the visitor's name; else the answer that tells why there is none."""
    none = PlainTextResponse(f"There is no such {kind}, or it is shared with you no more.\n", 404)
    if not _ID.fullmatch(thing_id):
        return none
    remote = services.remote(somebody, Damaged.tell)
    try:
        found = await remote.ask(ask, remote.client)
    except UnknownTarget:
        return none
    except NotAllowed as refused:
        return PlainTextResponse(f"{refused.message}\n", 403)
    except AlphaPulseError as away:
        return PlainTextResponse(f"{away.message} {away.hint}\n", 503, {"Retry-After": "2"})
    finally:
        remote.close()
    return none if found is None else found


async def dashboard(services: Services, somebody: Visitor, dashboard_id: str) -> Response:
    """Lead to its runs side by side, where they are shared with the visitor as such, or are theirs."""

    def runs(client: Client) -> tuple[str, ...] | None:
        found = next(client.shares.list(kind="dashboard", subject=dashboard_id, limit=1), None)
        return found.runs if found is not None else None

    found = await opened(services, somebody, "dashboard", dashboard_id, runs)
    if isinstance(found, Response):
        return found
    return RedirectResponse(PREFIX + web.page("runs", compare=",".join(found)), 302)
