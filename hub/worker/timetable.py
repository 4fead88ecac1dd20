"""From schedules to firings: which slots have come, and what becomes of each."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select

from hub.api.schedules.due import come, fire
from hub.api.schedules.schema import SCHEDULES

__all__ = ["decide", "next_slot"]


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
        found, until = come(schedule, now)
        with engine.execution_options(writes=True).begin() as connection:
            made += _fire(connection, schedule, found, until, now)
    return made


def _fire(connection: Connection, schedule: Row[Any], found: list[int], until: int, now: int) -> int:
    held = connection.execute(select(SCHEDULES).where(SCHEDULES.c.id == schedule.id).with_for_update()).first()
    if held is None or held.decided_until != schedule.decided_until or held.next_at != schedule.next_at:
        return 0  # another worker was quicker, or the schedule was changed meanwhile
    return fire(connection, held, found, until, now)
