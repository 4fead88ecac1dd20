"""From schedules to firings: which slots have come, and what becomes of each."""

from __future__ import annotations

from collections import deque
from itertools import islice, takewhile
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, insert, select, update

from hub.api.schedules.output import written
from hub.api.schedules.schema import FIRINGS, OPEN, SCHEDULES
from hub.api.schedules.slots import slots
from hub.api.schedules.store import new_id

__all__ = ["GRACE", "decide", "next_slot"]

#: Nanoseconds after a slot within which it is on time: a worker that restarts has not missed it.
GRACE = 60 * 10**9
#: Slots that are made up for in one transaction; the rest follows in the next.
_BATCH = 500
#: Missed slots that are remembered one by one, of those that no firing makes up for.
_REMEMBERED = 100


def next_slot(engine: Engine) -> int | None:
    """The moment at which the next slot comes; ``None`` when no schedule has one."""
    with engine.begin() as connection:
        found = connection.execute(select(func.min(SCHEDULES.c.next_at))).scalar()
    return None if found is None else int(found)


def decide(engine: Engine, now: int) -> int:
    """Make the firings of all slots that have come.

    Parameters
    ----------
    engine : Engine
        The API's database.
    now : int
        Nanoseconds since 1970.

    Returns
    -------
    int
        How many firings were made, those that were missed or left out among them.
    """
    made = 0
    with engine.begin() as connection:
        due = connection.execute(select(SCHEDULES).where(SCHEDULES.c.next_at <= now)).all()
    for schedule in due:
        come, until = _come(schedule, now)
        with engine.execution_options(writes=True).begin() as connection:
            made += _fire(connection, schedule, come, until, now)
    return made


def _come(schedule: Row[Any], now: int) -> tuple[list[int], int]:
    """The slots to decide on, and the moment up to which that decides."""
    found = takewhile(lambda slot: slot <= now, slots(schedule.cron, schedule.timezone, schedule.decided_until))
    if schedule.catch_up != "all":
        return list(deque(found, _REMEMBERED)), now
    come = list(islice(found, _BATCH))
    return come, come[-1] if len(come) == _BATCH else now


def _fire(connection: Connection, schedule: Row[Any], come: list[int], until: int, now: int) -> int:
    same = SCHEDULES.c.id == schedule.id
    held = connection.execute(select(SCHEDULES).where(same).with_for_update()).first()
    if held is None or held.decided_until != schedule.decided_until or held.next_at != schedule.next_at:
        return 0  # another worker was quicker, or the schedule was changed meanwhile
    there = set(
        connection.execute(
            select(FIRINGS.c.slot).where(FIRINGS.c.schedule == held.id, FIRINGS.c.slot.in_(come))
        ).scalars()
    )
    fresh = [slot for slot in come if slot not in there]
    open_ones = select(func.count()).where(FIRINGS.c.schedule == held.id, FIRINGS.c.state.in_(OPEN))
    busy = bool(connection.execute(open_ones).scalar())
    late = [slot for slot in fresh if slot < now - GRACE]
    waits = held.overlap == "queue" or (held.catch_up == "all" and bool(late))
    for slot in fresh:
        state, detail = "due", ""
        if slot in late and held.catch_up != "all" and (held.catch_up == "skip" or slot != fresh[-1]):
            state, detail = "missed", "Nothing could fire when it was due."
        elif busy and not waits:
            state, detail = "skipped", "The firing before it was not over."
        busy = busy or state == "due"
        _insert(connection, held, slot, now, state, detail)
    following = next(slots(held.cron, held.timezone, until), None)
    connection.execute(update(SCHEDULES).where(same).values(decided_until=until, next_at=following))
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
            parameters=schedule.parameters,
            output=written(schedule.output, schedule.notebook, slot, schedule.timezone, firing),
            timeout=schedule.timeout,
            state=state,
            detail=detail,
            created_at=now,
            **over,
        )
    )
