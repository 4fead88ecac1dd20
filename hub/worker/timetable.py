"""From schedules to firings: which slots have come, and what becomes of each."""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, insert, or_, select, update
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hub.api.notifications.store import notify
from hub.api.schedules.due import come, fault_of, fire, has_come
from hub.api.schedules.schema import FAULTS, SCHEDULES

__all__ = ["AGAIN", "decide", "is_away", "next_slot"]

_log = logging.getLogger("alphapulse.worker")

#: Nanoseconds after which a schedule with a fault is tried again.
AGAIN = 60 * 10**9
#: No moment lies after it; in SQLite, text that a hand wrote in its place does.
_FARTHEST = 2**63 - 1
_LONGEST = 1_000  # characters of a fault


class _FaultError(Exception):
    """A schedule could not be made as it is."""


def next_slot(engine: Engine) -> int | None:
    """The moment at which the next slot comes; ``None`` when no schedule has one."""
    sound = SCHEDULES.c.id.not_in(select(FAULTS.c.schedule))
    query = select(func.min(SCHEDULES.c.next_at)).where(SCHEDULES.c.next_at <= _FARTHEST, sound)
    with engine.begin() as connection:
        found = connection.execute(query).scalar()
    return None if found is None else int(found)


def decide(engine: Engine, now: int) -> int:
    """Make the firings of all slots that have come. A schedule with a fault is set aside and keeps no other back.

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
    for schedule_id in _due(engine, now):
        try:
            made += _decide(engine, schedule_id, now)
        except Exception as fault:  # whatever is wrong with one schedule, the others fire
            if is_away(fault):
                raise
            _set_aside(engine, schedule_id, fault, now)
    return made


def is_away(fault: Exception) -> bool:
    """Whether it says that the database does not answer, and nothing of what was asked."""
    if isinstance(fault, OperationalError | PoolTimeout):
        return True
    return isinstance(fault, DBAPIError) and fault.connection_invalidated


def _due(engine: Engine, now: int) -> list[str]:
    # A clock that was set back must not keep a schedule aside for longer.
    aside = select(FAULTS.c.schedule).where(FAULTS.c.again_at > now, FAULTS.c.again_at <= now + AGAIN)
    has_come = or_(SCHEDULES.c.next_at <= now, SCHEDULES.c.next_at > _FARTHEST)
    with engine.begin() as connection:
        return list(connection.execute(select(SCHEDULES.c.id).where(has_come, SCHEDULES.c.id.not_in(aside))).scalars())


def _decide(engine: Engine, schedule_id: str, now: int) -> int:
    one = select(SCHEDULES).where(SCHEDULES.c.id == schedule_id)
    with engine.begin() as connection:
        schedule = connection.execute(one).one()
    if fault := fault_of(schedule):
        raise _FaultError(fault)
    if not has_come(schedule, now):
        return 0  # it was due when it was listed, and was decided on or changed since: by a later clock than `now`
    found, until = come(schedule, now)
    with engine.execution_options(writes=True).begin() as connection:
        return _fire(connection, schedule, found, until, now)


def _fire(connection: Connection, schedule: Row[Any], found: list[int], until: int, now: int) -> int:
    held = connection.execute(select(SCHEDULES).where(SCHEDULES.c.id == schedule.id).with_for_update()).first()
    if held is None or held.decided_until != schedule.decided_until or held.next_at != schedule.next_at:
        return 0  # another worker was quicker, or the schedule was changed meanwhile
    return fire(connection, held, found, until, now)


def _is_mended(connection: Connection, schedule_id: str) -> bool:
    return not fault_of(connection.execute(select(SCHEDULES).where(SCHEDULES.c.id == schedule_id)).one())


def _set_aside(engine: Engine, schedule_id: str, fault: Exception, now: int) -> None:
    try:
        _keep(engine, schedule_id, fault, now)
    except Exception as worse:
        if is_away(worse):
            raise
        _log.exception("Schedule %s has a fault that cannot be kept: %s", schedule_id, fault)


def _keep(engine: Engine, schedule_id: str, fault: Exception, now: int) -> None:
    """Keep the fault with the schedule for all to see, tell its owner once, and try again later."""
    detail = str(fault) if isinstance(fault, _FaultError) else f"{type(fault).__name__}: {fault}"
    detail = detail[:_LONGEST].encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    columns = [SCHEDULES.c.owner, SCHEDULES.c.notebook, SCHEDULES.c.dataset, SCHEDULES.c.next_at]
    held = select(*columns).where(SCHEDULES.c.id == schedule_id).with_for_update()
    with engine.execution_options(writes=True).begin() as connection:
        schedule = connection.execute(held).one()
        if not has_come(schedule, now) or (isinstance(fault, _FaultError) and _is_mended(connection, schedule_id)):
            return  # it was decided on, paused, deleted or mended since the fault was met
        again = update(FAULTS).where(FAULTS.c.schedule == schedule_id).values(detail=detail, again_at=now + AGAIN)
        if connection.execute(again).rowcount:
            return
        values = {"schedule": schedule_id, "detail": detail, "since": now, "again_at": now + AGAIN}
        connection.execute(insert(FAULTS).values(**values))
        text = f"The schedule of {schedule.notebook or schedule.dataset} cannot fire: {detail.partition('\n')[0][:300]}"
        notify(connection, schedule.owner, "schedule-failed", text, {"schedule": schedule_id})
    _log.error("Schedule %s is set aside: %s", schedule_id, detail, exc_info=not isinstance(fault, _FaultError))
