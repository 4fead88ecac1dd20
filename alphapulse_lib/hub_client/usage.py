"""``/v1/usage``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from alphapulse_lib.hub_client.transport import Page, Transport

__all__ = ["Usage", "Usages"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What somebody's server uses, as it says of itself. Times are in UTC, sizes in bytes.

    Attributes
    ----------
    server : str
        Its name; empty: the person's own; ``job-...``: that of a scheduled notebook.
    processors : float
        Used of late: 1.5 are one and a half.
    memory, disk : int
        What all of its processes hold, and what the person's files take; ``disk`` is None where that was not measured.
    memory_limit, disk_limit : int or None
        What they may; None where nothing limits them.
    active_at, told_at : datetime
        When it was last used, and when it said so.
    """

    user: str
    server: str
    kernels: int
    terminals: int
    jobs: int
    processors: float
    memory: int
    memory_limit: int | None
    disk: int | None
    disk_limit: int | None
    active_at: datetime
    told_at: datetime


class Usages:
    """What people's servers use; for administrators."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, limit: int | None = None) -> Iterator[Usage]:
        """Each server that runs, asked for page by page."""
        return self._transport.pages(Usage, "/v1/usage", {}, limit)

    def page(self, *, limit: int = 50, cursor: str = "") -> Page[Usage]:
        """One page of that list, for who turns pages oneself."""
        return self._transport.ask(Page[Usage], "GET", "/v1/usage", query={"limit": limit, "cursor": cursor or None})
