"""Passwords that were typed wrong: who goes on to guess waits longer each time, and nobody else does.

A name waits at the address that it was tried from, and so does the address with all names. So nobody elsewhere can keep
a person out, and who has signed in from an address does not wait for what others of it do. The same wrong password
again, as a browser that remembers it sends, is no new guess. Nothing of it outlives the hub.
"""

from __future__ import annotations

import hmac
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Any

from tornado.web import HTTPError

__all__ = ["Guarded", "Guesses", "HeldBackError", "came_from"]

#: How many wrong passwords are free, and the seconds that the wait is doubled up to: of a name, and of an address.
_OF_A_NAME, _OF_AN_ADDRESS = (5, 300.0), (30, 60.0)
_FORGOTTEN = 1800.0  # seconds without a wrong one, after which all before are
_MOST = 10_000  # of what is remembered; the longest untouched goes first
_NETWORK = 64  # bits of an IPv6 address that are a customer's; the rest is theirs to choose


def came_from(request: Any) -> str:
    """The address that a request of the hub came from, as our proxy says; else who is connected."""
    said = request.headers.get("X-Forwarded-For", "").partition(",")[0].strip() or request.remote_ip or ""
    return "".join(each for each in said if each.isprintable())[:200]


class HeldBackError(HTTPError):
    """A password that was not even looked at.

    Attributes
    ----------
    first : bool
        Whether it is the first of this wait.
    """

    def __init__(self, wait: float, *, first: bool) -> None:
        seconds = math.ceil(wait)
        super().__init__(429, f"Too many wrong passwords were typed. Try again in {seconds} s.")
        self.first, self.headers = first, {"Retry-After": str(seconds)}


@dataclass
class _Count:
    wrong: int = 0
    last: float = 0.0
    until: float = 0.0
    told: bool = False
    typed: set[bytes] = field(default_factory=set)

    def another(self, now: float, free: int, longest: float) -> None:
        if now - self.last > _FORGOTTEN:
            self.wrong, self.typed = 0, set()
        self.wrong, self.last, self.told = self.wrong + 1, now, False
        if self.wrong >= free:
            self.until = now + min(2.0 ** min(self.wrong - free, 32), longest)


class Guesses:
    """What was typed wrong lately.

    Parameters
    ----------
    now : callable
        A clock that never goes back, in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._key = now, secrets.token_bytes(32)
        self._counts: OrderedDict[tuple[str, ...], _Count] = OrderedDict()
        self._at_home: OrderedDict[tuple[str, ...], None] = OrderedDict()

    def begin(self, name: str, address: str, typed: str) -> None:
        """Count it for wrong, which `right` or `neither` takes back: many at once are many.

        Raises
        ------
        HeldBackError
            It is too early for another one.
        """
        counted = [self._count(each) for each in self._keys(name, address)]
        late = max(counted, key=lambda each: each.until)
        if (wait := late.until - self._now()) > 0:
            first, late.told = not late.told, True
            raise HeldBackError(wait, first=first)
        digest = hmac.digest(self._key, typed.encode(), "sha256")
        if digest not in counted[0].typed:
            counted[0].another(self._now(), *_OF_A_NAME)
            counted[0].typed.add(digest)
        for of_address in counted[1:]:
            of_address.another(self._now(), *_OF_AN_ADDRESS)

    def right(self, name: str, address: str) -> None:
        """It was right: they are at home at this address."""
        self.neither(name, address)
        of_name = (name, _network(address))
        self._counts.pop(of_name, None)
        self._at_home[of_name] = None
        self._at_home.move_to_end(of_name)
        if len(self._at_home) > _MOST:
            self._at_home.popitem(last=False)

    def neither(self, name: str, address: str) -> None:
        """Nobody could look at it."""
        for key in self._keys(name, address):
            if (count := self._counts.get(key)) is not None:
                count.wrong, count.until = max(0, count.wrong - 1), 0.0

    def _keys(self, name: str, address: str) -> list[tuple[str, ...]]:
        """Under what an attempt is counted: who is at home at an address has no part in what others do there."""
        at = _network(address)
        return [(name, at)] if (name, at) in self._at_home else [(name, at), (at,)]

    def _count(self, key: tuple[str, ...]) -> _Count:
        count = self._counts.setdefault(key, _Count())
        self._counts.move_to_end(key)
        if len(self._counts) > _MOST:
            self._counts.popitem(last=False)
        return count


class Guarded:
    """An authenticator that lets no password be guessed; it stands before the one that decides."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._guesses = Guesses()

    async def get_authenticated_user(self, handler: Any, data: Any) -> Any:
        """What JupyterHub asks at each sign-in; an identity provider's, where nothing is typed here, is its affair."""
        typed = data.get("password") if isinstance(data, dict) else None
        if not isinstance(typed, str):
            return await super().get_authenticated_user(handler, data)  # type: ignore[misc]
        name = self.normalize_username(str(data.get("username") or ""))  # type: ignore[attr-defined]
        address = came_from(handler.request)
        self._guesses.begin(name, address, typed)
        try:
            found = await super().get_authenticated_user(handler, data)  # type: ignore[misc]
        except Exception:
            self._guesses.neither(name, address)
            raise
        if found:
            self._guesses.right(name, address)
        return found


def _network(address: str) -> str:
    """What of an address is not its owner's to choose."""
    try:
        read = ip_address(address)
    except ValueError:
        return address
    if isinstance(read, IPv6Address) and read.ipv4_mapped is None:
        return str(IPv6Address(int(read) >> (128 - _NETWORK) << (128 - _NETWORK)))
    return str(read.ipv4_mapped or read) if isinstance(read, IPv6Address) else str(read)
