"""``/v1/schedules``, ``/v1/firings`` and ``/v1/backtests``."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from hub.api.idempotency import Post, Posted
from hub.api.identity import Caller, needs
from hub.api.ingests.vendors import require_dataset
from hub.api.pages import Cursor, Limit, Page, after, page
from hub.api.problems import ProblemError, answers
from hub.api.schedules.backtests import Backtest
from hub.api.schedules.schema import Changed, Firing, New, Schedule, State
from hub.api.schedules.store import ScheduleStore
from hub.api.shares.sight import Seeing

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["schedules"], responses=answers(401, 403, 422, 503))

Reader = Annotated[Caller, Depends(needs("custom:schedules:read"))]
Writer = Annotated[Caller, Depends(needs("custom:schedules:write"))]
Id = Annotated[str, Path(pattern="^[0-9a-f]{1,32}$", description="The schedule's id.")]
FiringId = Annotated[str, Path(pattern="^[0-9a-f]{1,32}$", description="The firing's id.")]
Name = Annotated[str | None, Query(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f]+$")]

RunWanted = Annotated[
    str | None, Query(pattern="^[0-9a-f]{8,32}$", description="Only the one that added this run to the ledger.")
]
StateWanted = Annotated[State | None, Query(description="Only those in this state.")]


def _store(request: Request, sight: Seeing) -> ScheduleStore:
    return ScheduleStore(request.app.state.engine, sight)


Store = Annotated[ScheduleStore, Depends(_store)]


@router.get("/schedules")
def schedules(store: Store, _: Reader, owner: Name = None, limit: Limit = 50, cursor: Cursor = "") -> Page[Schedule]:
    """Schedules, the newest first: one's own and those of one's teams."""
    return page(store.page(owner, limit + 1, after(cursor)), limit)


@router.post("/schedules", status_code=201, response_model=Schedule, responses=answers(404))
def make(request: Request, post: Posted, store: Store, caller: Writer, new: New) -> Response:
    """Schedule a notebook of one's own workspace, which fires whether one is signed in or not, with one's own rights;
    or the update of a dataset, each of whose firings is a request as `POST /v1/ingests` makes one.
    """
    _require_person(caller)
    if new.dataset:
        require_dataset(request.app.state.engine, new.dataset, request.app.state.datasets())
    return post.once(caller, lambda _: store.add(new, caller.name))


@router.get("/schedules/{schedule_id}", responses=answers(404, 409))
def schedule(store: Store, _: Reader, schedule_id: Id) -> Schedule:
    """One schedule, with its next slots and its newest firing."""
    return store.get(schedule_id)


@router.patch("/schedules/{schedule_id}", responses=answers(404, 409))
def change(store: Store, caller: Writer, schedule_id: Id, changed: Changed) -> Schedule:
    """Change a schedule. Firings that were made before stay as they are."""
    _require_owner(caller, store.owner(schedule_id))
    return store.change(schedule_id, changed)


@router.delete("/schedules/{schedule_id}", status_code=204, responses=answers(404))
def delete(store: Store, caller: Writer, schedule_id: Id) -> None:
    """Take a schedule away. Its firings stay readable; one that runs goes on."""
    _require_owner(caller, store.owner(schedule_id))
    store.delete(schedule_id)


@router.post("/schedules/{schedule_id}/pause", response_model=Schedule, responses=answers(404, 409))
def pause(post: Posted, store: Store, caller: Writer, schedule_id: Id) -> Response:
    """Let no slot fire until it is resumed."""
    ready = partial(_require_owner_of, store, caller, schedule_id)
    return post.once(caller, lambda _: store.pause(schedule_id), before=ready, status=200)


@router.post("/schedules/{schedule_id}/resume", response_model=Schedule, responses=answers(404, 409))
def resume(post: Posted, store: Store, caller: Writer, schedule_id: Id) -> Response:
    """Fire again from now on. Slots of the pause are not made up for."""
    ready = partial(_require_owner_of, store, caller, schedule_id)
    return post.once(caller, lambda _: store.resume(schedule_id), before=ready, status=200)


@router.post("/schedules/{schedule_id}/fire", status_code=201, response_model=Firing, responses=answers(404, 409))
def fire(post: Posted, store: Store, caller: Writer, schedule_id: Id) -> Response:
    """Fire now, beside the timetable. While another firing of the schedule runs, this one waits."""
    ready = partial(_require_owner_of, store, caller, schedule_id)
    return post.once(caller, lambda _: store.fire(schedule_id), before=ready)


@router.get("/schedules/{schedule_id}/firings", responses=answers(404))
def firings_of(
    store: Store, _: Reader, schedule_id: Id, state: StateWanted = None, limit: Limit = 50, cursor: Cursor = ""
) -> Page[Firing]:
    """A schedule's firings, the newest first."""
    store.owner(schedule_id)
    return page(store.firings(limit + 1, after(cursor), schedule=schedule_id, state=state), limit)


@router.get("/schedules/{schedule_id}/firings/{firing_id}", responses=answers(404, 409))
def firing_of_schedule(store: Store, _: Reader, schedule_id: Id, firing_id: FiringId) -> Firing:
    """One firing of a schedule."""
    return store.firing(firing_id, schedule=schedule_id)


@router.post("/schedules/{schedule_id}/firings/{firing_id}/cancel", response_model=Firing, responses=answers(404, 409))
def cancel(post: Posted, store: Store, caller: Writer, schedule_id: Id, firing_id: FiringId) -> Response:
    """End a firing: at once while it waits, within seconds while it runs."""
    return _cancelled(post, store, caller, firing_id, schedule=schedule_id)


@router.get("/firings")
def firings(
    store: Store,
    _: Reader,
    owner: Name = None,
    state: StateWanted = None,
    run: RunWanted = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[Firing]:
    """Firings of all schedules that one sees, and backtests that were asked for, the newest first."""
    return page(store.firings(limit + 1, after(cursor), run, owner=owner, state=state), limit)


@router.get("/firings/{firing_id}", responses=answers(404, 409))
def firing(store: Store, _: Reader, firing_id: FiringId) -> Firing:
    """One firing, of whichever schedule, or of none; a deleted schedule's too."""
    return store.firing(firing_id)


@router.get("/backtests", tags=["backtests"])
def backtests(
    store: Store, _: Reader, owner: Name = None, state: StateWanted = None, limit: Limit = 50, cursor: Cursor = ""
) -> Page[Firing]:
    """Notebooks that were run on request, the newest first: one's own and those of one's teams."""
    return page(store.firings(limit + 1, after(cursor), owner=owner, state=state, kind="backtest"), limit)


@router.post("/backtests", tags=["backtests"], status_code=201, response_model=Firing)
def run(post: Posted, store: Store, caller: Writer, asked: Backtest) -> Response:
    """Run a notebook or a strategy of one's own workspace now, in a server of its own; ``/{id}`` says how far it is."""
    _require_person(caller)
    return post.once(caller, lambda _: store.run(asked.asked(), caller.name))


@router.get("/backtests/{firing_id}", tags=["backtests"], responses=answers(404, 409))
def backtest(store: Store, _: Reader, firing_id: FiringId) -> Firing:
    """How far it is, and the runs that came out of it."""
    return store.firing(firing_id, kind="backtest")


@router.post("/backtests/{firing_id}/cancel", tags=["backtests"], response_model=Firing, responses=answers(404, 409))
def cancel_backtest(post: Posted, store: Store, caller: Writer, firing_id: FiringId) -> Response:
    """End it: at once while it waits, within seconds while it runs."""
    return _cancelled(post, store, caller, firing_id, kind="backtest")


def _cancelled(post: Post, store: ScheduleStore, caller: Caller, firing_id: str, **wanted: str) -> Response:
    return post.once(
        caller,
        lambda _: store.cancel(firing_id),
        before=lambda: _require_owner(caller, store.firing_owner(firing_id, **wanted)),
        status=200,
    )


def _require_owner_of(store: ScheduleStore, caller: Caller, schedule_id: str) -> None:
    _require_owner(caller, store.owner(schedule_id))


def _require_owner(caller: Caller, owner: str) -> None:
    if not caller.owns(owner):
        raise ProblemError(403, f"This is {owner}'s.", "Its owner and administrators may change it.")


def _require_person(caller: Caller) -> None:
    if caller.is_service:
        raise ProblemError(403, f"{caller.name!r} is a service and has no workspace.", "Take a person's token.")
