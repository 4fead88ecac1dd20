"""What becomes of a schedule's slots that have come: a firing each, or a word that it was missed or left out."""

from __future__ import annotations

import secrets
from collections import deque
from itertools import islice, takewhile
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from hub.api.problems import said
from hub.api.schedules.output import written
from hub.api.schedules.schema import FAULTS, FIRINGS, OPEN, SCHEDULES, New
from hub.api.schedules.slots import slots

__all__ = ["GRACE", "come", "fault_of", "fire", "has_come", "new_id", "settle"]

#: Nanoseconds after a slot within which it is on time: a worker that restarts has not missed it.
GRACE = 60 * 10**9
#: Slots that are made up for in one transaction; the rest follows in the next.
_BATCH = 500
#: Missed slots that are remembered one by one, of those that no firing makes up for.
_REMEMBERED = 100


def new_id() -> str:
    """Sixteen hexadecimal digits that no other schedule or firing has."""
    return secrets.token_hex(8)


def fault_of(schedule: Row[Any]) -> str:
    """Why none of a schedule's slots can fire: it could not be made as it is. Empty where it could.

    A zone may have left the time-zone database since, or a hand may have damaged the row.
    """
    try:
        New.model_validate({name: getattr(schedule, name) for name in New.model_fields})
    except ValidationError as wrong:
        first = wrong.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where}: {said(first)}" if where else said(first)
    if not isinstance(schedule.decided_until, int):
        return "Up to when its slots were decided is not known; pause it and resume it"
    return ""


def settle(connection: Connection, schedule_id: str, now: int) -> None:
    """Decide on all slots that have come, before the schedule changes: none is lost with the old timetable.

    Of a schedule with a fault nobody can tell which have come: it is left as it is, to be repaired, paused or deleted.

    Parameters
    ----------
    connection : Connection
        A transaction that writes.
    schedule_id : str
        Whose slots.
    now : int
        Nanoseconds since 1970.
    """
    row = select(SCHEDULES).where(SCHEDULES.c.id == schedule_id).with_for_update()
    if fault_of(connection.execute(row).one()):
        return
    while has_come(held := connection.execute(row).one(), now):
        fire(connection, held, *come(held, now), now)


def has_come(schedule: Row[Any], now: int) -> bool:
    """Whether any of a schedule's slots has come by then, or nobody knows when the next one does."""
    at = schedule.next_at
    return at is not None and (not isinstance(at, int) or at <= now)  # what is no moment is calculated again


def come(schedule: Row[Any], now: int) -> tuple[list[int], int]:
    """The slots to decide on, and the moment up to which that decides."""
    found = takewhile(lambda slot: slot <= now, slots(schedule.cron, schedule.timezone, schedule.decided_until))
    if schedule.catch_up != "all":
        return list(deque(found, _REMEMBERED)), now
    come = list(islice(found, _BATCH))
    return come, come[-1] if len(come) == _BATCH else now


def fire(connection: Connection, held: Row[Any], fresh: list[int], until: int, now: int) -> int:
    """Make the firings of a schedule's slots.

    Parameters
    ----------
    connection : Connection
        A transaction that writes.
    held : Row
        The schedule as it is in this transaction.
    fresh : list of int
        The slots that have come; those that have their firing are passed over.
    until : int
        The moment up to which that decides.
    now : int
        Nanoseconds since 1970.

    Returns
    -------
    int
        How many firings were made, those that were missed or left out among them.
    """
    there = set(
        connection.execute(
            select(FIRINGS.c.slot).where(FIRINGS.c.schedule == held.id, FIRINGS.c.slot.in_(fresh))
        ).scalars()
    )
    fresh = [slot for slot in fresh if slot not in there]
    open_ones = select(func.count()).where(FIRINGS.c.schedule == held.id, FIRINGS.c.state.in_(OPEN))
    busy = bool(connection.execute(open_ones).scalar())
    late = [slot for slot in fresh if slot < now - GRACE]
    waits = held.overlap == "queue" or (held.catch_up == "all" and bool(late))
    for slot in fresh:
        state, detail = "due", ""
        if slot in late and held.catch_up != "all" and (held.catch_up == "none" or slot != fresh[-1]):
            state, detail = "missed", "Nothing could fire when it was due."
        elif busy and not waits:
            state, detail = "skipped", "The firing before it was not over."
        busy = busy or state == "due"
        _insert(connection, held, slot, now, state, detail)
    following = next(slots(held.cron, held.timezone, until), None)
    connection.execute(
        update(SCHEDULES).where(SCHEDULES.c.id == held.id).values(decided_until=until, next_at=following)
    )
    connection.execute(delete(FAULTS).where(FAULTS.c.schedule == held.id))
    return len(fresh)


def _insert(connection: Connection, schedule: Row[Any], slot: int, now: int, state: str, detail: str) -> None:
    firing = new_id()
    over = {} if state == "due" else {"ended_at": now}
    connection.execute(
        insert(FIRINGS).values(
            id=firing,
            schedule=schedule.id,
            slot=slot,
            kind="slot",
            owner=schedule.owner,
            notebook=schedule.notebook,
            dataset=schedule.dataset,
            parameters=schedule.parameters,
            output=""
            if schedule.dataset
            else written(schedule.output, schedule.notebook, slot, schedule.timezone, firing),
            timeout=schedule.timeout,
            state=state,
            detail=detail,
            created_at=now,
            **over,
        )
    )
