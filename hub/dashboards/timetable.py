"""Schedules and firings of the API, as pages tell them. Times are nanoseconds since 1970, UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alphapulse_lib.model.schedule import Firing, Schedule
from hub.dashboards import times
from hub.dashboards.remote import Remote

__all__ = ["FiringRow", "Plan", "firing", "firings", "plan", "plans"]


@dataclass(frozen=True)
class FiringRow:
    """One firing."""

    id: str
    schedule: str
    state: str
    kind: str
    at: int
    slot: int | None
    started_at: int | None
    ended_at: int | None
    detail: str
    output: str
    owner: str
    runs: tuple[str, ...]
    cells: int | None
    cells_done: int | None

    @property
    def is_open(self) -> bool:
        """Whether it is not over."""
        return self.state in ("due", "starting", "running")

    @property
    def took(self) -> int | None:
        """How long it ran."""
        return self.ended_at - self.started_at if self.started_at and self.ended_at else None


@dataclass(frozen=True)
class Plan:
    """One schedule."""

    id: str
    user: str
    notebook: str
    parameters: dict[str, Any]
    cron: str
    zone: str
    catch_up: str
    overlap: str
    timeout: int
    output: str
    paused: bool
    next: int | None
    last: FiringRow | None


async def plans(api: Remote, most: int) -> list[Plan]:
    """The newest schedules, those that fire next first."""
    found = [plan(each) for each in await api.all(api.client.schedules.list, limit=most)]
    return sorted(found, key=lambda each: (each.next is None, each.next or 0))


async def firings(api: Remote, schedule: str | None, most: int) -> list[FiringRow]:
    """The newest firings of a schedule, or of all, the newest first."""
    return [firing(each) for each in await api.all(api.client.schedules.firings, schedule, limit=most)]


def plan(told: Schedule) -> Plan:
    """A schedule of the API."""
    return Plan(
        id=told.id,
        user=told.owner,
        notebook=told.notebook,
        parameters=told.parameters,
        cron=told.cron,
        zone=told.timezone,
        catch_up=told.catch_up,
        overlap=told.overlap,
        timeout=told.timeout,
        output=told.output,
        paused=told.paused,
        next=times.ns(told.next[0]) if told.next else None,
        last=firing(told.last) if told.last else None,
    )


def firing(told: Firing) -> FiringRow:
    """A firing of the API."""
    slot, started, ended = (_moment(each) for each in (told.slot, told.started_at, told.ended_at))
    return FiringRow(
        id=told.id,
        schedule=told.schedule or "",
        state=told.state,
        kind=told.kind,
        at=started or slot or times.ns(told.created_at),
        slot=slot,
        started_at=started,
        ended_at=ended,
        detail=told.detail,
        output=told.output,
        owner=told.owner,
        runs=told.runs,
        cells=told.cells,
        cells_done=told.cells_done,
    )


def _moment(told: datetime | None) -> int | None:
    return times.ns(told) if told else None
