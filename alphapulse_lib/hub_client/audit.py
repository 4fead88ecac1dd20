"""``/v1/audit``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alphapulse_lib.hub_client.transport import Page, Transport

__all__ = ["AuditLog", "Entry"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody did.

    Attributes
    ----------
    at : datetime
        When, in UTC.
    who : str
        A person, ``service NAME``, or ``account NAME``: somebody at the machine itself; empty: a sign-in under a name
        that nobody has.
    action : str
        Such as ``sign-in.refused`` or ``schedule.changed``.
    about : str
        On what: an id, a name.
    detail : dict
        What else tells it apart; never a value of a parameter, or a secret.
    request : str
        The request's id, by which logs are followed.
    origin : str
        The address that the hub's proxy names.
    """

    id: str
    at: datetime
    who: str
    action: str
    about: str
    detail: dict[str, Any]
    request: str
    origin: str


class AuditLog:
    """Who did what; for administrators. Nothing changes it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, who: str | None = None, action: str | None = None, limit: int | None = None) -> Iterator[Entry]:
        """Entries, the newest first, asked for page by page.

        Parameters
        ----------
        who, action : str, optional
            Only what that person did, or only what is called so.
        limit : int, optional
            At most so many.
        """
        return self._transport.pages(Entry, "/v1/audit", {"who": who, "action": action}, limit)

    def page(
        self, *, who: str | None = None, action: str | None = None, limit: int = 50, cursor: str = ""
    ) -> Page[Entry]:
        """One page of that list, for who turns pages oneself."""
        query = {"who": who, "action": action, "limit": limit, "cursor": cursor or None}
        return self._transport.ask(Page[Entry], "GET", "/v1/audit", query=query)
