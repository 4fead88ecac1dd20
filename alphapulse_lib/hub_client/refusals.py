"""What went wrong on the way to the hub or in it, as one of our errors, in the hub's own words."""

from __future__ import annotations

import httpx

from alphapulse_lib.errors import (
    Conflict,
    HubError,
    HubFault,
    HubUnreachable,
    NotAllowed,
    NotSignedIn,
    NotUnderstood,
    UnknownTarget,
)

__all__ = ["refusal", "unreachable"]

_KINDS: dict[int, type[HubError]] = {
    401: NotSignedIn,
    403: NotAllowed,
    404: UnknownTarget,
    409: Conflict,
    429: HubUnreachable,
    502: HubUnreachable,
    503: HubUnreachable,
    504: HubUnreachable,
}

_IS_IT_UP = "`alphapulse status` tells whether the hub is up; `make up` starts it."


def refusal(url: str, answer: httpx.Response) -> HubError:
    """The error that an answer stands for."""
    status = answer.status_code
    said = _problem(answer)
    if said is None:  # not the API's: the hub's or the proxy's page, or something else altogether
        if status in (502, 503, 504):
            return HubUnreachable(f"The API at {url} is not running.", _IS_IT_UP)
        return HubFault(
            f"What answers at {url} is not AlphaPulse's API (status {status}).", "Look at ALPHAPULSE_API_URL."
        )
    kind = _KINDS.get(status, HubFault if status >= 500 else NotUnderstood)
    return kind(*said)


def unreachable(url: str, away: httpx.RequestError, timeout: float) -> HubError:
    """The error of a connection that was not made, that broke, or that nobody can read."""
    if isinstance(away, httpx.ConnectError) and "CERTIFICATE_VERIFY_FAILED" in str(away):
        return HubUnreachable(
            f"The certificate of {url} is signed by nobody that is trusted here.",
            "SSL_CERT_FILE names a file with the certificate of who signed it.",
        )
    if not isinstance(away, httpx.TransportError):  # it claims a compression that it has not
        return HubFault(f"What answers at {url} cannot be read ({away}).", "Look at ALPHAPULSE_API_URL.")
    if isinstance(away, httpx.ConnectError | httpx.ConnectTimeout):
        return HubUnreachable(f"Nothing answers at {url}.", _IS_IT_UP)
    if isinstance(away, httpx.TimeoutException):
        return HubUnreachable(f"The hub at {url} did not answer within {timeout:g} s.", "Try again in a moment.")
    return HubUnreachable(
        f"The connection to the hub at {url} broke off ({type(away).__name__}).", "Try again in a moment."
    )


def _problem(answer: httpx.Response) -> tuple[str, str] | None:
    """Message and hint of a problem+json; ``None`` where it is none."""
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    try:
        problem = answer.json()
    except (ValueError, RecursionError):
        return None
    if not isinstance(problem, dict) or not isinstance(problem.get("detail"), str):
        return None
    return problem["detail"], str(problem.get("hint") or "")
