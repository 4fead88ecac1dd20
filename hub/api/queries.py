"""The query of a request: a name that a route does not know is refused, not passed over."""

from __future__ import annotations

from fastapi import Request

from alphapulse_lib.errors import did_you_mean
from hub.api.fields import operation_of
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
    known = [each["name"] for each in operation_of(request).get("parameters", ()) if each["in"] == "query"]
    for name in request.query_params:
        if name not in known:
            all_of_them = f"It takes {', '.join(known)}." if known else "It takes none."
            raise ProblemError(
                422, f"{name[:64]!r} is no query parameter of this address.", did_you_mean(name, known, all_of_them)
            )
