"""``/v1/schedules``, ``/v1/firings`` and ``/v1/backtests``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from hub.api.idempotency import Key, once
from hub.api.identity import Caller, needs
from hub.api.pages import Cursor, Limit, Page, after, cursor_of
from hub.api.problems import ProblemError, answers
from hub.api.schedules.schema import Backtest, Changed, Firing, New, Schedule, State
from hub.api.schedules.store import ScheduleStore

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["schedules"], responses=answers(401, 403, 422, 503))

Reader = Annotated[Caller, Depends(needs("custom:schedules:read"))]
Writer = Annotated[Caller, Depends(needs("custom:schedules:write"))]
Id = Annotated[str, Path(pattern="^[0-9a-f]{1,32}$", description="The schedule's id.")]
FiringId = Annotated[str, Path(pattern="^[0-9a-f]{1,32}$", description="The firing's id.")]
Name = Annotated[str | None, Query(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f]+$")]

StateWanted = Annotated[State | None, Query(description="Only those in this state.")]


def _store(request: Request) -> ScheduleStore:
    return ScheduleStore(request.app.state.engine)


Store = Annotated[ScheduleStore, Depends(_store)]


@router.get("/schedules")
def schedules(store: Store, _: Reader, owner: Name = None, limit: Limit = 50, cursor: Cursor = "") -> Page[Schedule]:
    """Schedules, the newest first."""
    found = store.page(owner, limit + 1, after(cursor))
    return Page[Schedule](items=[each for _, each in found[:limit]], next=_next(found, limit))


@router.post("/schedules", status_code=201, response_model=Schedule, responses=answers(409))
def make(request: Request, store: Store, caller: Writer, new: New, key: Key = None) -> Response:
    """Schedule a notebook of one's own workspace. It fires whether one is signed in or not, with one's own rights."""
    _require_person(caller)
    return once(request, caller, key, new, lambda: store.add(new, caller.name))


@router.get("/schedules/{schedule_id}", responses=answers(404))
def schedule(store: Store, _: Reader, schedule_id: Id) -> Schedule:
    """One schedule, with its next slots and its newest firing."""
    return store.get(schedule_id)


@router.patch("/schedules/{schedule_id}", responses=answers(404))
def change(store: Store, caller: Writer, schedule_id: Id, changed: Changed) -> Schedule:
    """Change a schedule. Firings that were made before stay as they are."""
    _require_owner(caller, store.get(schedule_id).owner)
    return store.change(schedule_id, changed)


@router.delete("/schedules/{schedule_id}", status_code=204, responses=answers(404))
def delete(store: Store, caller: Writer, schedule_id: Id) -> None:
    """Take a schedule away. Its firings stay readable; one that runs goes on."""
    _require_owner(caller, store.get(schedule_id).owner)
    store.delete(schedule_id)


@router.post("/schedules/{schedule_id}/pause", responses=answers(404))
def pause(store: Store, caller: Writer, schedule_id: Id) -> Schedule:
    """Let no slot fire until it is resumed."""
    _require_owner(caller, store.get(schedule_id).owner)
    return store.pause(schedule_id)


@router.post("/schedules/{schedule_id}/resume", responses=answers(404))
def resume(store: Store, caller: Writer, schedule_id: Id) -> Schedule:
    """Fire again from now on. Slots of the pause are not made up for."""
    _require_owner(caller, store.get(schedule_id).owner)
    return store.resume(schedule_id)


@router.post("/schedules/{schedule_id}/fire", status_code=201, response_model=Firing, responses=answers(404, 409))
def fire(request: Request, store: Store, caller: Writer, schedule_id: Id, key: Key = None) -> Response:
    """Fire now, beside the timetable. While another firing of the schedule runs, this one waits."""
    found = store.get(schedule_id)
    _require_owner(caller, found.owner)
    return once(request, caller, key, Changed(), lambda: store.fire(schedule_id))


@router.get("/schedules/{schedule_id}/firings", responses=answers(404))
def firings_of(
    store: Store, _: Reader, schedule_id: Id, state: StateWanted = None, limit: Limit = 50, cursor: Cursor = ""
) -> Page[Firing]:
    """A schedule's firings, the newest first."""
    store.get(schedule_id)
    found = store.firings(limit + 1, after(cursor), schedule=schedule_id, state=state)
    return Page[Firing](items=[each for _, each in found[:limit]], next=_next(found, limit))


@router.get("/schedules/{schedule_id}/firings/{firing_id}", responses=answers(404))
def firing_of_schedule(store: Store, _: Reader, schedule_id: Id, firing_id: FiringId) -> Firing:
    """One firing of a schedule."""
    return store.firing(firing_id, schedule=schedule_id)


@router.post("/schedules/{schedule_id}/firings/{firing_id}/cancel", responses=answers(404, 409))
def cancel(store: Store, caller: Writer, schedule_id: Id, firing_id: FiringId) -> Firing:
    """End a firing: at once while it waits, within seconds while it runs."""
    _require_owner(caller, store.firing(firing_id, schedule=schedule_id).owner)
    return store.cancel(firing_id)


@router.get("/firings")
def firings(
    store: Store, _: Reader, owner: Name = None, state: StateWanted = None, limit: Limit = 50, cursor: Cursor = ""
) -> Page[Firing]:
    """Firings of all schedules, and backtests that were asked for, the newest first."""
    found = store.firings(limit + 1, after(cursor), owner=owner, state=state)
    return Page[Firing](items=[each for _, each in found[:limit]], next=_next(found, limit))


@router.get("/backtests", tags=["backtests"])
def backtests(
    store: Store, _: Reader, owner: Name = None, state: StateWanted = None, limit: Limit = 50, cursor: Cursor = ""
) -> Page[Firing]:
    """Notebooks that were run on request, the newest first."""
    found = store.firings(limit + 1, after(cursor), owner=owner, state=state, kind="backtest")
    return Page[Firing](items=[each for _, each in found[:limit]], next=_next(found, limit))


@router.post("/backtests", tags=["backtests"], status_code=201, response_model=Firing, responses=answers(409))
def run(request: Request, store: Store, caller: Writer, asked: Backtest, key: Key = None) -> Response:
    """Run a notebook or a strategy of one's own workspace now, in a server of its own; ``/{id}`` says how far it is."""
    _require_person(caller)
    return once(request, caller, key, asked, lambda: store.run(asked.asked(), caller.name))


@router.get("/backtests/{firing_id}", tags=["backtests"], responses=answers(404))
def backtest(store: Store, _: Reader, firing_id: FiringId) -> Firing:
    """How far it is, and the runs that came out of it."""
    return store.firing(firing_id, kind="backtest")


@router.post("/backtests/{firing_id}/cancel", tags=["backtests"], responses=answers(404, 409))
def cancel_backtest(store: Store, caller: Writer, firing_id: FiringId) -> Firing:
    """End it: at once while it waits, within seconds while it runs."""
    _require_owner(caller, store.firing(firing_id, kind="backtest").owner)
    return store.cancel(firing_id)


def _next(found: list[tuple[int, Schedule]] | list[tuple[int, Firing]], limit: int) -> str | None:
    return cursor_of(found[limit - 1][0]) if len(found) > limit else None


def _require_owner(caller: Caller, owner: str) -> None:
    if not caller.owns(owner):
        raise ProblemError(403, f"This is {owner}'s.", "Its owner and administrators may change it.")


def _require_person(caller: Caller) -> None:
    if caller.is_service:
        raise ProblemError(403, f"{caller.name!r} is a service and has no workspace.", "Take a person's token.")
