"""``/v1/notifications``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from alphapulse_lib.hub_client.transport import Page, Transport
from alphapulse_lib.model.notification import Notification

__all__ = ["Notifications"]


@dataclass(frozen=True, slots=True)
class _Count:
    count: int


class Notifications:
    """What the token's owner was told."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, unread: bool = False, limit: int | None = None) -> Iterator[Notification]:
        """Notifications, the newest first, asked for page by page."""
        return self._transport.pages(Notification, "/v1/notifications", {"unread": unread}, limit)

    def page(self, *, unread: bool = False, limit: int = 50, cursor: str = "") -> Page[Notification]:
        """One page of that list, for who turns pages oneself."""
        query = {"unread": unread, "limit": limit, "cursor": cursor or None}
        return self._transport.ask(Page[Notification], "GET", "/v1/notifications", query=query)

    def read(self, until: int) -> int:
        """Mark those up to an id as read; how many were not before."""
        sent = {"id": until}
        return self._transport.ask(_Count, "POST", "/v1/notifications/read", body=sent, repeatable=True).count
