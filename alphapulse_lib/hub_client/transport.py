"""One request to the hub: sent, repeated where that is safe, its answer read into a type, its refusal into an error."""

from __future__ import annotations

import json
import logging
import random
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from ipaddress import ip_address
from typing import Any

import httpx
from pydantic import TypeAdapter, ValidationError

from alphapulse_lib.errors import HubFault, InputError, NotSignedIn, SettingsError
from alphapulse_lib.hub_client.refusals import refusal, unreachable

__all__ = ["Damaged", "Page", "Transport"]

_log = logging.getLogger("alphapulse")

#: Methods that may be sent again whatever became of the first time.
_REPEATABLE = frozenset({"GET", "HEAD", "PUT"})
#: Answers after which the same request may succeed a moment later.
_BUSY = frozenset({429, 503})
#: Seconds before the second try; each later one waits twice as long.
_FIRST_WAIT = 0.2
#: Seconds that we wait at most because the hub asked us to.
_LONGEST_WAIT = 5.0

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,512}")


@dataclass(frozen=True, slots=True)
class Damaged:
    """A row of a list that the hub holds and that cannot be read."""

    id: str
    why: str

    def tell(self) -> None:
        """Say so where the list itself has no place for it."""
        _log.warning("The hub's list leaves out %s, which cannot be read: %s", self.id, self.why)


@dataclass(frozen=True, slots=True)
class Page[T]:
    """Some of a list.

    Attributes
    ----------
    next : str or None
        The cursor of the page after it; ``None`` on the last one.
    damaged : tuple of Damaged
        What else would stand on it.
    """

    items: tuple[T, ...]
    next: str | None = None
    damaged: tuple[Damaged, ...] = ()


class Transport:
    """Sends requests to one API with one token. Several threads may use it at once.

    Parameters
    ----------
    url : str
        Where the API is, such as ``http://127.0.0.1:8000/services/api``.
    token : str
        Empty for what needs no sign-in.
    timeout : float
        Seconds without a byte from the hub after which it is taken for away.
    retries : int
        How often a request is sent again, where that is safe.
    damaged : callable
        Told of each row that a list leaves out.
    request : callable
        Names what each request is sent for, in the thread that sends it; the hub's logs tell it by that name. Empty:
        the hub makes one.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout: float,
        retries: int,
        damaged: Callable[[Damaged], None] = Damaged.tell,
        request: Callable[[], str] = str,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise SettingsError(f"{url!r} is no address of an API.", "Such as http://127.0.0.1:8000/services/api.")
        if token and not _TOKEN.fullmatch(token):
            raise NotSignedIn(
                "The token holds characters that no token has.", "`alphapulse token` says how to get one."
            )
        self.url, self._retries, self._timeout, self.damaged = url.rstrip("/"), retries, timeout, damaged
        headers = {"User-Agent": f"alphapulse/{version('alphapulse')}"}
        if token:
            headers["Authorization"] = f"Bearer {token}"

        def named(sent: httpx.Request) -> None:
            if name := request():
                sent.headers["X-Request-ID"] = name

        try:
            place = httpx.URL(self.url)
            self.http = httpx.Client(
                headers=headers,
                event_hooks={"request": [named]},
                timeout=httpx.Timeout(timeout, connect=min(timeout, 5.0)),
                # Reading the certificates takes longer than most answers; plain HTTP needs none.
                verify=httpx.create_ssl_context()
                if place.scheme == "https"
                else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                trust_env=not _here(place.host),  # a proxy for the internet does not know this machine's own ports
            )
        except httpx.InvalidURL as wrong:
            raise SettingsError(
                f"{url!r} is no address of an API: {wrong}.", "Such as http://127.0.0.1:8000/services/api."
            ) from None

    def ask[T](
        self,
        kind: type[T],
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        key: str = "",
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> T:
        """Send a request and read its answer as a ``kind``.

        Parameters
        ----------
        kind : type
            A dataclass, or what is made of them, such as ``tuple[Comment, ...]``.
        method, path : str
            Such as ``"GET"`` and ``"/v1/comments"``.
        query : mapping, optional
            What is ``None`` in it is left out.
        body : optional
            Sent as JSON.
        key : str
            The idempotency key of a POST, which makes it safe to repeat.
        headers : mapping, optional
            Sent besides.
        repeatable : bool
            That the hub does this once however often it is asked, though the method alone does not say so.

        Raises
        ------
        HubError
            See `alphapulse_lib.errors`.
        """
        headers = {**(headers or {}), **({"Idempotency-Key": key} if key else {})}
        more: dict[str, Any] = {}
        if body is not None:
            headers["Content-Type"] = "application/json"
            more["content"] = _json(body)
        answer = self.send(method, path, query=query, headers=headers, repeatable=repeatable or bool(key), **more)
        return self.read(kind, answer.content)

    def read[T](self, kind: type[T], content: bytes | str) -> T:
        """Read JSON as a ``kind``; what this version does not know in it is passed over.

        Raises
        ------
        HubFault
            It is not what was promised.
        """
        try:
            found: T = _reader(kind).validate_json(content)  # type: ignore[arg-type]
            return found
        except ValidationError as wrong:
            first = wrong.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the whole"
            raise HubFault(
                f"The hub at {self.url} answered what this version cannot read: {where}: {first['msg'].lower()}.",
                "Hub and library may be of different versions.",
            ) from None

    def pages[T](self, kind: type[T], path: str, query: Mapping[str, Any], limit: int | None = None) -> Iterator[T]:
        """Each item of a list, the next page asked for when it is needed; damaged rows are passed over, with a word."""
        left, cursor = limit, ""
        while left is None or left > 0:
            size = 200 if left is None else min(left, 200)
            page = self.ask(Page[kind], "GET", path, query={**query, "limit": size, "cursor": cursor or None})  # type: ignore[valid-type]
            for each in page.damaged:
                self.damaged(each)
            yield from page.items
            if not page.next:
                return
            cursor, left = page.next, None if left is None else left - len(page.items)

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
        content: bytes | Callable[[], Any] | None = None,
    ) -> httpx.Response:
        """Send a request, again where that is safe, and give its answer when it is a good one.

        ``content`` that is called gives the body anew for each try.
        """
        again = self._retries if repeatable or method in _REPEATABLE else 0
        # Whether a write that nobody answered was done can only be learnt by sending it once more, under its key.
        silences = 1 if headers and "Idempotency-Key" in headers else 0
        wait = _FIRST_WAIT
        while True:
            try:
                answer = self.http.request(
                    method,
                    self.url + path,
                    params=_given(query),
                    headers=headers,
                    content=content() if callable(content) else content,
                )
            except httpx.RequestError as away:
                silences -= isinstance(away, httpx.TimeoutException)
                lost = isinstance(away, httpx.TransportError)
                if again <= 0 or not lost or (isinstance(away, httpx.TimeoutException) and silences < 0):
                    raise unreachable(self.url, away, self._timeout) from None
                pause = wait
            else:
                asked = _seconds(answer)
                # A 409 that names a time to wait: the first sending of this very request is still at work.
                busy = answer.status_code in _BUSY or (answer.status_code == 409 and asked is not None)
                if again <= 0 or not busy:
                    return self.accept(answer)
                pause = max(wait, asked or 0.0)
            time.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311  so that many clients do not return at once
            again, wait = again - 1, wait * 2

    def accept(self, answer: httpx.Response) -> httpx.Response:
        """The answer, when it is a good one.

        Raises
        ------
        HubError
            What the hub said, in its own words.
        """
        if answer.is_success:
            return answer
        raise refusal(self.url, answer)

    def post_plainly(self, path: str, body: Any) -> httpx.Response:
        """Send a POST once and give its answer, whatever it says.

        Raises
        ------
        HubUnreachable
            There is no answer.
        """
        headers = {"Content-Type": "application/json"}
        try:
            return self.http.post(self.url + path, headers=headers, content=_json(body))
        except httpx.RequestError as away:
            raise unreachable(self.url, away, self._timeout) from None

    @contextmanager
    def stream(self, path: str) -> Iterator[httpx.Response]:
        """An answer whose content is read piece by piece.

        Raises
        ------
        HubError
            It was refused, or broke off.
        """
        try:
            with self.http.stream("GET", self.url + path) as answer:
                if not answer.is_success:
                    answer.read()
                yield self.accept(answer)
        except httpx.RequestError as away:
            raise unreachable(self.url, away, self._timeout) from None

    def close(self) -> None:
        """End the connections."""
        self.http.close()


@cache  # making one takes longer than using it
def _reader(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _given(query: Mapping[str, Any] | None) -> dict[str, Any]:
    plain = {True: "true", False: "false"}
    return {
        name: plain[value] if isinstance(value, bool) else value
        for name, value in (query or {}).items()
        if value is not None
    }


def _json(body: Any) -> bytes:
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError) as wrong:
        raise InputError(f"That cannot be sent: {wrong}.", "Numbers, texts, lists and dicts of them can be.") from None


def _seconds(answer: httpx.Response) -> float | None:
    """How long the hub asks us to wait."""
    asked = answer.headers.get("retry-after", "")
    return min(float(asked), _LONGEST_WAIT) if asked.isdecimal() else None


def _here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
