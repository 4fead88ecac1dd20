"""Whether each person's server has a host of its own, and browsers get there."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

from alphapulse_lib.errors import AlphaPulseError
from alphapulse_lib.settings import Settings
from hub import origins
from hub.doctor.finding import Finding

__all__ = ["CHECKS", "hosts"]

_NAME = "hosts"
#: A host as people's servers have one; nobody's, so that nothing is asked of anybody's.
_SOMEBODY = "alphapulse-doctor"
_PATIENCE = 5.0  # seconds


def hosts(chosen: Settings) -> Finding:
    """Whether people's servers have hosts of their own that lead where the hub's does, with a certificate for both."""
    at = urlsplit(chosen.subdomain_host)
    if not chosen.subdomain_host:
        return _shared(chosen)
    try:
        origins.check(chosen)
    except AlphaPulseError as refused:
        return Finding.of(_NAME, refused)
    own = at.hostname or ""
    theirs = f"{_SOMEBODY}.{own}"
    leading = {name: _addresses(name) for name in (own, theirs)}
    for name, addresses in leading.items():
        if not addresses:
            record = own if name == own else f"*.{own}"
            return Finding(_NAME, "wrong", f"{name} leads nowhere", f"Add {record} to the name server of your domain.")
    if leading[own] != leading[theirs]:
        told = f"{own} leads to {', '.join(leading[own])}, and {theirs} to {', '.join(leading[theirs])}"
        return Finding(_NAME, "warning", told, f"Let *.{own} lead where {own} does, unless that is meant.")
    if at.scheme == "http":
        told = f"each person's server has one below {own}, and cookies can be forged from there: it is plain HTTP"
        return Finding(_NAME, "warning", told, "Put TLS in front (docs/how-to/hosts.md).")
    for name in (own, theirs):
        if unopened := _unopened(name, own, leading[name][0], at.port or 443):
            return unopened
    return Finding(_NAME, "ok", f"each person's server has one below {own}")


def _shared(chosen: Settings) -> Finding:
    told = "people's servers are at the hub's own host"
    if chosen.spawner == "process":  # which isolates nothing anyway, and says so
        return Finding(_NAME, "ok", told)
    mend = "Set ALPHAPULSE_SUBDOMAIN_HOST (docs/how-to/hosts.md)."
    return Finding(_NAME, "warning", f"{told}, whose pages they can reach in a browser", mend)


def _addresses(name: str) -> list[str]:
    """Where a name leads; each below ``localhost`` to this machine, as browsers have it (RFC 6761, section 6.3)."""
    if name.endswith(".localhost"):
        return ["127.0.0.1"]
    try:
        return sorted({str(each[4][0]) for each in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)})
    except OSError:
        return []


def _unopened(name: str, own: str, address: str, port: int) -> Finding | None:
    """Why a browser would not open this host over TLS; none where it would."""
    try:
        with (
            socket.create_connection((address, port), timeout=_PATIENCE) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=name),
        ):
            return None
    except ssl.SSLCertVerificationError as refused:
        told = f"the certificate is not good for {name}: {refused.verify_message}"
        return Finding(_NAME, "wrong", told, f"Take one for {own} and *.{own} (docs/how-to/hosts.md).")
    except OSError as away:
        told = f"https://{name}:{port} does not answer: {away.strerror or away}"
        return Finding(_NAME, "warning", told, "Start the hub, and what speaks TLS in front of it.")


CHECKS: tuple[Callable[[Settings], Finding], ...] = (hosts,)
