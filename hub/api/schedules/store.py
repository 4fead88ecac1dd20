"""Schedules and firings in the database. Nothing is removed: a deleted schedule keeps its firings."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, Row, Select, Text, cast, delete, func, insert, select, update

from alphapulse_lib import clock
from hub.api.audit.store import note
from hub.api.database import reading, writing
from hub.api.ingests.store import take_back
from hub.api.pages import Damaged, intact, read
from hub.api.problems import ProblemError, said
from hub.api.schedules.due import fault_of, new_id, settle
from hub.api.schedules.output import require_other, written
from hub.api.schedules.schema import FAULTS, FIRINGS, OPEN, SCHEDULES, Asked, Changed, Firing, New, Progress, Schedule
from hub.api.schedules.slots import slots
from hub.api.shares.sight import Sight

__all__ = ["ScheduleStore", "firing_of", "new_id"]

_NEXT = 5


class ScheduleStore:
    """The schedules and firings of one database, as far as somebody sees them: others' are as if they were not.

    Parameters
    ----------
    sight : Sight
        What they see.
    """

    def __init__(self, engine: Engine, sight: Sight) -> None:
        self._engine, self._sight = engine, sight

    def page(self, owner: str | None, limit: int, before: int | None) -> list[tuple[int, Schedule | Damaged]]:
        """Schedules, the newest first, each with its place."""
        query = select(SCHEDULES).where(SCHEDULES.c.deleted_at.is_(None), self._sight.schedules(SCHEDULES.c.owner))
        if owner is not None:
            query = query.where(SCHEDULES.c.owner == owner)
        if before is not None:
            query = query.where(SCHEDULES.c.sequence < before)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(SCHEDULES.c.sequence.desc()).limit(limit)).all()
            ids = [row.id for row in rows]
            last, faults = _newest(connection, ids), _faults(connection, ids)
        return [
            (row.sequence, read(row.id, partial(_schedule, row, last.get(row.id), faults.get(row.id, ""))))
            for row in rows
        ]

    def get(self, schedule_id: str) -> Schedule:
        """One schedule.

        Raises
        ------
        ProblemError
            404: there is none of that id.
        """
        with reading(self._engine) as connection:
            return self._read(connection, schedule_id)

    def owner(self, schedule_id: str) -> str:
        """Whose schedule it is; 404 where there is none."""
        with reading(self._engine) as connection:
            return str(self._found(connection, schedule_id).owner)

    def add(self, new: New, owner: str) -> Schedule:
        """Make a schedule; its first slot is the next one from now."""
        now = clock.now_ns()
        values: dict[str, Any] = {"id": new_id(), "owner": owner, "created_at": now, "changed_at": now}
        values |= _timetable(new.cron, new.timezone, now)
        with writing(self._engine) as connection:
            connection.execute(insert(SCHEDULES).values(**new.model_dump(), **values))
            note(connection, "schedule.made", values["id"], notebook=new.notebook, dataset=new.dataset, cron=new.cron)
            return self._read(connection, values["id"])

    def change(self, schedule_id: str, changed: Changed) -> Schedule:
        """Change what was sent. A new timetable begins now: it has no slots in the past, and the old one leaves none.

        Raises
        ------
        ProblemError
            422: the output could now replace the notebook, or is too long.
        """
        values = changed.values()
        with writing(self._engine) as connection:
            row = self._found(connection, schedule_id)
            _require_fitting(row, values)
            now = clock.now_ns()
            settle(connection, schedule_id, now)
            cron, timezone = values.get("cron", row.cron), values.get("timezone", row.timezone)
            if (cron, timezone) != (row.cron, row.timezone):
                values |= _timetable(cron, timezone, now)
                if row.paused_at is not None:
                    values["next_at"] = None
            connection.execute(delete(FAULTS).where(FAULTS.c.schedule == schedule_id))
            _update(connection, schedule_id, changed_at=now, **values)
            note(connection, "schedule.changed", schedule_id, owner=row.owner, changed=sorted(changed.values()))
            return self._read(connection, schedule_id)

    def pause(self, schedule_id: str) -> Schedule:
        """Let no slot fire until it is resumed; a firing that runs goes on."""
        with writing(self._engine) as connection:
            if self._found(connection, schedule_id).paused_at is None:
                now = clock.now_ns()
                settle(connection, schedule_id, now)
                _update(connection, schedule_id, paused_at=now, next_at=None)
                note(connection, "schedule.paused", schedule_id)
            return self._read(connection, schedule_id)

    def resume(self, schedule_id: str) -> Schedule:
        """Fire again, from now on: slots of the pause are not made up for."""
        with writing(self._engine) as connection:
            row = self._found(connection, schedule_id)
            if row.paused_at is not None:
                from_now = _timetable(row.cron, row.timezone, clock.now_ns())
                _update(connection, schedule_id, paused_at=None, **from_now)
                note(connection, "schedule.resumed", schedule_id)
            return self._read(connection, schedule_id)

    def delete(self, schedule_id: str) -> None:
        """Take a schedule away; what waits is cancelled, what runs goes on, all its firings stay readable."""
        with writing(self._engine) as connection:
            owner = self._found(connection, schedule_id).owner
            now = clock.now_ns()
            settle(connection, schedule_id, now)
            _update(connection, schedule_id, deleted_at=now, next_at=None)
            note(connection, "schedule.deleted", schedule_id, owner=owner)
            waiting = (FIRINGS.c.schedule == schedule_id) & (FIRINGS.c.state == "due")
            ended = {"state": "cancelled", "ended_at": now, "detail": "Its schedule was deleted."}
            connection.execute(update(FIRINGS).where(waiting).values(**ended))

    def fire(self, schedule_id: str) -> Firing:
        """Ask for a firing now, beside the timetable; while another one runs, it waits.

        Raises
        ------
        ProblemError
            422: it is of a time when more was let in, and would be refused now.
        """
        with writing(self._engine) as connection:
            row = self._found(connection, schedule_id)
            note(connection, "schedule.run", schedule_id, owner=row.owner)
            if row.dataset:
                values = {"notebook": "", "dataset": row.dataset, "parameters": {}, "output": ""}
                return _insert(connection, values | {"timeout": row.timeout}, row.owner, "asked", schedule_id)
            kept = {name: getattr(row, name) for name in Asked.model_fields}
            try:
                asked = Asked.model_validate(kept)
            except ValidationError as wrong:
                raise ProblemError(422, said(wrong.errors()[0]), "PATCH the schedule.") from None
            return _ask(connection, asked, row.owner, "asked", row.timezone, schedule_id)

    def run(self, asked: Asked, owner: str) -> Firing:
        """Ask for a notebook to be run now, without a schedule."""
        with writing(self._engine) as connection:
            return _ask(connection, asked, owner, "backtest", "UTC", None)

    def firings(
        self, limit: int, before: int | None, run: str | None = None, **wanted: str | None
    ) -> list[tuple[int, Firing | Damaged]]:
        """Firings, the newest first, each with its place.

        Parameters
        ----------
        run : str, optional
            Only the one that added that run to the ledger.
        **wanted : str, optional
            Columns, and what they must be.
        """
        query = select(FIRINGS).where(self._sight.schedules(FIRINGS.c.owner))
        if run is not None:
            query = query.where(cast(FIRINGS.c.runs, Text).contains(f'"{run}"', autoescape=True))
        for name, value in wanted.items():
            if value is not None:
                query = query.where(FIRINGS.c[name] == value)
        if before is not None:
            query = query.where(FIRINGS.c.sequence < before)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(FIRINGS.c.sequence.desc()).limit(limit))
            return [(row.sequence, read(row.id, partial(firing_of, row))) for row in rows]

    def firing(self, firing_id: str, **wanted: str) -> Firing:
        """One firing, that is also what ``wanted`` says.

        Raises
        ------
        ProblemError
            404: there is none.
        """
        with reading(self._engine) as connection:
            row = self._found_firing(connection, firing_id, wanted)
            return intact("firing", read(firing_id, lambda: firing_of(row)))

    def firing_owner(self, firing_id: str, **wanted: str) -> str:
        """Whose firing it is; 404 where there is none that is also what ``wanted`` says."""
        with reading(self._engine) as connection:
            return str(self._found_firing(connection, firing_id, wanted).owner)

    def cancel(self, firing_id: str) -> Firing:
        """Cancel a firing: at once while it waits, within seconds while it runs.

        Raises
        ------
        ProblemError
            409: it is over.
        """
        with writing(self._engine) as connection:
            now = clock.now_ns()
            taken = take_back(connection, firing_id, now)  # first: who ends a fetch holds it before its firings
            row = self._found_firing(connection, firing_id, {})
            if taken:
                return firing_of(row)
            if row.state not in OPEN:
                raise ProblemError(409, f"The firing {firing_id} is over: {row.state}.")
            note(connection, "firing.cancelled", firing_id, owner=row.owner)
            waiting = {"state": "cancelled", "ended_at": now} if row.state == "due" else {}
            changed = {"cancel_asked_at": row.cancel_asked_at or now, **waiting}
            connection.execute(update(FIRINGS).where(FIRINGS.c.id == firing_id).values(**changed))
            return firing_of(self._found_firing(connection, firing_id, {}))

    def _read(self, connection: Connection, schedule_id: str) -> Schedule:
        row = self._found(connection, schedule_id)
        last, faults = _newest(connection, [schedule_id]), _faults(connection, [schedule_id])
        found = read(schedule_id, lambda: _schedule(row, last.get(schedule_id), faults.get(schedule_id, "")))
        return intact("schedule", found)

    def _found(self, connection: Connection, schedule_id: str) -> Row[Any]:
        there = (SCHEDULES.c.id == schedule_id) & SCHEDULES.c.deleted_at.is_(None)
        query = select(SCHEDULES).where(there, self._sight.schedules(SCHEDULES.c.owner))
        row = connection.execute(_kept(connection, query)).first()
        if row is None:
            raise ProblemError(404, f"There is no schedule {schedule_id!r}.", "GET /v1/schedules lists them.")
        return row

    def _found_firing(self, connection: Connection, firing_id: str, wanted: dict[str, str]) -> Row[Any]:
        query = select(FIRINGS).where(FIRINGS.c.id == firing_id, self._sight.schedules(FIRINGS.c.owner))
        for name, value in wanted.items():
            query = query.where(FIRINGS.c[name] == value)
        row = connection.execute(_kept(connection, query)).first()
        if row is None:
            raise ProblemError(404, f"There is no firing {firing_id!r} here.", "GET /v1/firings lists them.")
        return row


def _require_fitting(row: Row[Any], values: dict[str, Any]) -> None:
    """Refuse a change that the rest of the schedule cannot bear.

    Raises
    ------
    ProblemError
        422: the output could replace the notebook, or is too long; a dataset has neither.
    """
    if row.dataset:
        for name in values.keys() & {"notebook", "parameters", "output"}:
            told = f"This schedule brings {row.dataset} up to date: it has no {name}."
            raise ProblemError(422, told, "Change cron, timezone, catch_up or overlap.")
        return
    try:
        require_other(values.get("notebook", row.notebook), values.get("output", row.output))
    except ValueError as wrong:
        raise ProblemError(422, str(wrong)) from None


def _timetable(cron: str, timezone: str, now: int) -> dict[str, Any]:
    """A timetable that begins now, as columns."""
    return {"decided_until": now, "next_at": next(slots(cron, timezone, now), None)}


def _ask(connection: Connection, asked: Asked, owner: str, kind: str, timezone: str, schedule_id: str | None) -> Firing:
    firing_id = new_id()
    output = written(asked.output, asked.notebook, clock.now_ns(), timezone, firing_id)
    return _insert(connection, asked.model_dump() | {"output": output}, owner, kind, schedule_id, firing_id)


def _insert(
    connection: Connection,
    values: dict[str, Any],
    owner: str,
    kind: str,
    schedule_id: str | None,
    firing_id: str | None = None,
) -> Firing:
    firing_id = firing_id or new_id()
    row = {"id": firing_id, "schedule": schedule_id, "kind": kind, "owner": owner, "state": "due"}
    connection.execute(insert(FIRINGS).values(**row, **values, created_at=clock.now_ns()))
    return firing_of(connection.execute(select(FIRINGS).where(FIRINGS.c.id == firing_id)).one())


def _faults(connection: Connection, schedules: list[str]) -> dict[str, str]:
    """What the worker met where it decided on their slots."""
    of_them = select(FAULTS.c.schedule, FAULTS.c.detail).where(FAULTS.c.schedule.in_(schedules))
    return {row.schedule: row.detail for row in connection.execute(of_them)}


def _newest(connection: Connection, schedules: list[str]) -> dict[str, Firing]:
    of_them = FIRINGS.c.schedule.in_(schedules)
    newest = select(func.max(FIRINGS.c.sequence)).where(of_them).group_by(FIRINGS.c.schedule)
    rows = connection.execute(select(FIRINGS).where(FIRINGS.c.sequence.in_(newest)))
    found = {row.schedule: read(row.id, partial(firing_of, row)) for row in rows}
    return {schedule: each for schedule, each in found.items() if not isinstance(each, Damaged)}


def _kept(connection: Connection, query: Select[Any]) -> Select[Any]:
    """The query, with what it finds kept from others where it is about to be changed; who reads stands in no way."""
    return query.with_for_update() if connection.get_execution_options().get("writes") else query


def _update(connection: Connection, schedule_id: str, **values: Any) -> None:
    connection.execute(update(SCHEDULES).where(SCHEDULES.c.id == schedule_id).values(**values))


def _schedule(row: Row[Any], last: Firing | None, met: str) -> Schedule:
    held = dict(row._mapping)
    paused = held.pop("paused_at") is not None
    fault = fault_of(row) or met
    upcoming = [] if paused or fault else islice(slots(row.cron, row.timezone, clock.now_ns()), _NEXT)
    held |= {"created_at": _time(row.created_at), "changed_at": _time(row.changed_at)}
    shown = {name: value for name, value in held.items() if name in Schedule.model_fields}
    if fault:  # a damaged row is shown as far as it can be, beside what is wrong with it
        shown |= {
            name: str(shown[name])
            for name in ("notebook", "dataset", "cron", "timezone", "catch_up", "overlap", "output")
        }
        shown["parameters"] = row.parameters if isinstance(row.parameters, dict) else {}
        shown["timeout"] = row.timeout if isinstance(row.timeout, int) else 0
    due = None if fault or row.next_at is None else _time(row.next_at)
    if row.dataset:
        shown["output"] = ""
    following = [_time(each) for each in upcoming]
    return Schedule(**shown, paused=paused, fault=fault, next=following, due=due, last=last)


def firing_of(row: Row[Any]) -> Firing:
    """A row of the table as it is read."""
    held = {name: value for name, value in row._mapping.items() if name in Firing.model_fields}
    held["parameters"] = held["parameters"] if isinstance(held["parameters"], dict) else {}
    held["runs"] = held["runs"] if isinstance(held["runs"], list) else []
    held["progress"] = _progress(held["progress"]) if held["state"] == "running" else None
    for name in ("slot", "created_at", "started_at", "ended_at"):
        held[name] = None if held[name] is None else _time(held[name])
    return Firing(**held)


def _progress(told: Any) -> Progress | None:
    try:
        return Progress.model_validate(told)
    except ValidationError:  # it tells none, or a hand damaged it
        return None


def _time(moment: int) -> datetime:
    return datetime.fromtimestamp(moment / 1e9, UTC)
