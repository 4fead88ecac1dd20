"""The REST API, asked in a visitor's own name."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
from httpx_sse import SSEError, aconnect_sse

__all__ = ["Remote", "TroubleError"]

_PREFIX = "/services/api/v1"


class TroubleError(Exception):
    """Something that was asked for did not come; says what, and what to do.

    Attributes
    ----------
    status : int
        Of the answer; 0 where there was none.
    hint : str
        What to do next.
    """

    def __init__(self, said: str, hint: str = "", status: int = 0) -> None:
        super().__init__(said)
        self.hint, self.status = hint, status


class Remote:
    """The API.

    Parameters
    ----------
    client : httpx.AsyncClient
        Knows the address; everybody's.
    token : str
        The visitor's.
    """

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    async def get(self, path: str, **parameters: Any) -> Any:
        """What stands at a path such as ``runs`` or ``runs/ab12``; parameters that are ``None`` or empty are left out."""
        wanted = {name: value for name, value in parameters.items() if value not in (None, "")}
        return (await self._asked("GET", path, params=wanted)).json()

    async def file(self, path: str) -> bytes:
        """A file as it is."""
        return (await self._asked("GET", path)).content

    async def pages(self, path: str, most: int, **parameters: Any) -> list[Any]:
        """The items of a list, over as many pages as it takes, up to so many."""
        items: list[Any] = []
        cursor = ""
        while len(items) < most:
            page = await self.get(path, limit=min(200, most - len(items)), cursor=cursor, **parameters)
            items += page["items"]
            cursor = page.get("next") or ""
            if not cursor:
                break
        return items

    async def send(self, method: str, path: str, body: dict[str, Any] | None = None, key: str = "") -> Any:
        """Change something; ``key`` makes it happen once, however often it is sent."""
        headers = {"Idempotency-Key": key} if key else {}
        answer = await self._asked(method, path, json=body, headers=headers)
        return answer.json() if answer.content else None

    async def events(self, target: str) -> AsyncIterator[dict[str, Any]]:
        """What happens to the comments on something, until the connection breaks."""
        address = f"{_PREFIX}/comments/events"
        try:
            async with aconnect_sse(
                self._client,
                "GET",
                address,
                params={"target": target},
                headers=self._headers,
                timeout=httpx.Timeout(10, read=60),  # the API says something every 15 s
            ) as source:
                async for event in source.aiter_sse():
                    if event.data:
                        yield json.loads(event.data)
        except (httpx.HTTPError, SSEError) as broken:
            raise TroubleError("The connection to the API broke.", "It is opened again by itself.") from broken

    async def _asked(
        self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        address = f"{_PREFIX}/{quote(path, safe='/')}"
        try:
            answer = await self._client.request(method, address, headers=self._headers | (headers or {}), **more)
        except httpx.HTTPError as failed:
            raise TroubleError(
                "The API does not answer.", "The rest of the page goes on; try again in a moment."
            ) from failed
        if answer.is_success:
            return answer
        raise _problem(answer)


def _problem(answer: httpx.Response) -> TroubleError:
    """The API's own words, where it has some."""
    try:
        told = answer.json()
    except ValueError:
        told = {}
    if not isinstance(told, dict) or "detail" not in told:
        return TroubleError(f"The API answered {answer.status_code}.", "Try again in a moment.", answer.status_code)
    fields = ", ".join(
        f"{'.'.join(str(part) for part in each.get('loc', ())[1:])}: {each.get('msg', '')}"
        for each in told.get("errors") or ()
        if isinstance(each, dict)
    )
    said = str(told["detail"]) + (f" ({fields})" if fields else "")
    return TroubleError(said, str(told.get("hint") or ""), answer.status_code)
