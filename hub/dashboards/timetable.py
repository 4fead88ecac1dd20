"""Schedules and firings of the API, as pages tell them. Times are nanoseconds since 1970, UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alphapulse_lib import clock
from alphapulse_lib.model.schedule import Firing, Progress, Schedule
from hub.dashboards import times
from hub.dashboards.remote import Remote

__all__ = ["FAULTS", "FiringRow", "Plan", "firing", "firings", "plan", "plans"]

#: What a firing must not end in.
FAULTS = ("failed", "timed-out", "lost", "missed")
#: Nanoseconds by which a slot may wait for the worker to look.
_PATIENCE = 60 * 10**9


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
    progress: Progress | None

    @property
    def is_open(self) -> bool:
        """Whether it is not over."""
        return self.state in ("due", "starting", "running")

    @property
    def late(self) -> int:
        """How long it has waited to be taken up; 0 where that is no wait to speak of."""
        return _late(self.slot or self.at) if self.state == "due" else 0

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
    fault: str
    next: int | None
    due: int | None
    last: FiringRow | None
    dataset: str = ""

    @property
    def what(self) -> str:
        """What it runs, or brings up to date."""
        return self.notebook or self.dataset

    @property
    def late(self) -> int:
        """How long ago its slot passed, or its firing was due, that no worker took up; 0 where none waits."""
        waits = self.last.late if self.last else 0
        return max(_late(self.due) if self.due and not self.paused else 0, waits)

    @property
    def has_fault(self) -> bool:
        """Whether somebody should look at it."""
        return bool(self.late or self.fault) or (self.last is not None and self.last.state in FAULTS)


async def plans(api: Remote, most: int) -> list[Plan]:
    """The newest schedules: those with a fault first, then those that fire next."""
    found = [plan(each) for each in await api.all(api.client.schedules.list, limit=most)]
    return sorted(found, key=lambda each: (not each.has_fault, each.next is None, each.next or 0))


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
        fault=told.fault,
        next=times.ns(told.next[0]) if told.next else None,
        due=_moment(told.due),
        last=firing(told.last) if told.last else None,
        dataset=told.dataset,
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
        progress=told.progress,
    )


def _late(moment: int) -> int:
    waited = clock.now_ns() - moment
    return waited if waited > _PATIENCE else 0


def _moment(told: datetime | None) -> int | None:
    return times.ns(told) if told else None
