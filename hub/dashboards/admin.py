"""Who is on and what they use, who waits for data and what there is, who did what, what everybody may, and is told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from alphapulse_jobs.room import is_near

from alphapulse_lib import clock
from alphapulse_lib.hub_client.measures import Series
from alphapulse_lib.hub_client.usage import Usage
from alphapulse_lib.settings import settings
from hub.dashboards import times
from hub.dashboards.audit import Audit
from hub.dashboards.catalog import step
from hub.dashboards.page import Page, Services, Widget
from hub.dashboards.remote import TroubleError
from hub.dashboards.templating import render
from hub.dashboards.visitor import Visitor
from hub.spawner import JOB

__all__ = ["Admin", "admin"]

_MOST = 200
_LONGEST = 24 * 366  # hours
_LONG_WEEKEND = 5  # days


def admin(somebody: Visitor, services: Services, query: dict[str, str]) -> Page:
    """The page, for an administrator; for everybody else one that says so."""
    return (Admin if somebody.is_admin else _Closed)(somebody, services, query)


class _Closed(Page):
    """What somebody sees who is no administrator: the API would tell them nothing of all this."""

    name, title, template = "admin", "Admin", "admin_closed"


@dataclass(frozen=True)
class Row:
    """A server that runs, or somebody who looks at the dashboards and has none."""

    user: str
    pages: int
    server: Usage | None = None

    @property
    def kind(self) -> str:
        """What kind of server it is."""
        if self.server is None:
            return "dashboards alone"
        if self.server.server.startswith(JOB):
            return "scheduled notebook"
        return f"server {self.server.server}" if self.server.server else "workspace"

    @property
    def active_at(self) -> int:
        """When it was last used."""
        return 0 if self.server is None else times.ns(self.server.active_at)

    @property
    def has_full_disk(self) -> bool:
        """Whether nine tenths of what the person's files may take are taken."""
        return self.server is not None and is_near(self.server.disk or 0, self.server.disk_limit or 0)

    @property
    def has_full_memory(self) -> bool:
        """Whether nine tenths of what its processes may hold are held."""
        return self.server is not None and is_near(self.server.memory, self.server.memory_limit or 0)


class Admin(Page):
    """The page."""

    name, title = "admin", "Admin"

    def __init__(self, somebody: Visitor, services: Services, query: dict[str, str]) -> None:
        super().__init__(somebody, services, query)
        self._audit = Audit(self)
        self.widgets = {
            "people": Widget(self._people, "people_empty", every=10),
            "waiting": Widget(self._waiting, "waiting_empty", every=5),
            "holdings": Widget(self._holdings, "holdings_empty", every=60),
            "budgets": Widget(self._budgets, "budgets_empty", every=10),
            "said": Widget(self._said, "said_empty", every=30),
            "audit": Widget(self._audit.newest, "audit_empty", every=30),
        }

    def shell(self) -> dict[str, Any]:
        """What the settings let everybody use, and what the address looks for."""
        return {"chosen": settings(), "actions": self._audit.choices, "wanted": self._audit.wanted}

    async def act(self, name: str, value: str, fields: dict[str, str]) -> None:  # noqa: ARG002
        """Say something to everybody, or take it back; look for something in the audit log."""
        if await self._audit.act(name, fields):
            return
        if name == "say":
            text = fields.get("text", "").strip()
            if not text:
                raise TroubleError("There is nothing to say.", "Write a line, or take back what is said.")
            await self.api.ask(self.api.client.notices.say, text, _until(fields.get("hours", "").strip()))
            self.tell("clear", form="say")
            self.note("Everybody is told, within a minute.")
        elif name == "unsay":
            await self.api.ask(self.api.client.notices.say, "")
            self.note("Taken back.")
        else:
            return
        await self.reload("said")

    async def _people(self) -> str:
        found = await self.api.all(self.api.client.usage.list, limit=_MOST)
        watching = self.services.watching
        rows = [Row(each.user, watching[each.user], each) for each in found]
        have = {each.user for each in found}
        rows += [Row(name, pages) for name, pages in watching.items() if name not in have]
        rows.sort(key=lambda row: (row.user, row.kind))
        return render("people", rows=rows, people=len({row.user for row in rows})) if rows else ""

    async def _waiting(self) -> str:
        ingests = self.api.client.ingests
        running = await self.api.all(ingests.list, state="running", limit=_MOST)
        waiting = await self.api.all(ingests.list, state="waiting", limit=_MOST)
        rows = sorted([*running, *waiting], key=lambda each: (each.provider, each.position or 0, each.created_at))
        return render("waiting", rows=rows) if rows else ""

    async def _holdings(self) -> str:
        told = await self.api.ask(self.api.client.measures.now)
        ingests = self.api.client.ingests
        ended = [
            each for state in ("finished", "failed") for each in await self.api.all(ingests.list, state=state, limit=1)
        ]
        last = max(ended, key=lambda each: each.ended_at or each.created_at, default=None)
        if told.counted_at is None and last is None:
            return ""
        rows = [(each, _behind(each)) for each in told.catalog]
        return render("holdings", rows=rows, last=last, counted_at=told.counted_at)

    async def _budgets(self) -> str:
        told = await self.api.ask(self.api.client.measures.now)
        return render("budgets", told=told) if told.budgets or not told.workers else ""

    async def _said(self) -> str:
        now = await self.api.ask(self.api.client.notices.now)
        return render("said", said=now) if now.text else ""


def _behind(held: Series) -> int:
    """The age of the newest bar in nanoseconds, where that is more than a long weekend after it was due; else 0."""
    away = clock.now_ns() - times.ns(held.newest_at)
    return away if away > step(_LONG_WEEKEND + 7 * held.period.endswith("w")) else 0


def _until(hours: str) -> datetime | None:
    """When that many hours are over; none where none are given."""
    if not hours:
        return None
    if not re.fullmatch("[0-9]{1,9}", hours) or not 0 < int(hours) <= _LONGEST:
        raise TroubleError(f"{hours!r} is no number of hours up to {_LONGEST:,}.", "Give a whole one, such as 8.")
    return clock.now() + timedelta(hours=int(hours))
