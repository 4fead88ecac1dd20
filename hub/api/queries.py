"""The query of a request: a name that a route does not know is refused, not passed over."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from alphapulse_lib.errors import did_you_mean
from hub.api.problems import ProblemError

__all__ = ["require_known"]


def require_known(request: Request) -> None:
    """Refuse a request whose query names what its route does not take.

    Passed over in silence, ``?instrument=AAPL`` would be answered with everybody's news.

    Raises
    ------
    ProblemError
        422: which name, and the nearest that the route takes.
    """
    if not request.query_params:
        return
    document: dict[str, Any] = request.app.openapi()
    document_address: str = request.app.openapi_url
    prefix = document_address.rpartition("/")[0]  # a route was made before the service's prefix came in front of it
    operation = document["paths"][prefix + request.scope["route"].path_format][request.method.lower()]
    known = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
    for name in request.query_params:
        if name not in known:
            all_of_them = f"It takes {', '.join(known)}." if known else "It takes none."
            raise ProblemError(
                422, f"{name[:64]!r} is no query parameter of this address.", did_you_mean(name, known, all_of_them)
            )
