"""`ap.schedule` and `ap.schedules`: notebooks that run at set times, whether their owner is signed in or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from alphapulse_lib.errors import InputError, did_you_mean
from alphapulse_lib.model.schedule import Firing
from alphapulse_lib.model.schedule import Schedule as Value
from alphapulse_lib.session import hub
from alphapulse_lib.views import cards

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SessionSchedule", "SessionSchedules", "schedule", "schedules"]

_TIME = "datetime64[ns, UTC]"

#: The columns of frames of schedules and of firings, with their types.
_COLUMNS = {
    "id": "str",
    "owner": "str",
    "notebook": "str",
    "dataset": "str",
    "cron": "str",
    "timezone": "str",
    "paused": "bool",
    "next": _TIME,
    "last": _TIME,
    "state": "str",
}
_FIRINGS = {
    "id": "str",
    "slot": _TIME,
    "state": "str",
    "detail": "str",
    "started": _TIME,
    "ended": _TIME,
    "output": "str",
    "runs": "object",
}


class SessionSchedule:
    """One schedule, as the hub has it whenever it is asked. What `ap.schedule` returns."""

    def __init__(self, value: Value) -> None:
        self._known = value

    @property
    def id(self) -> str:
        """The schedule's id."""
        return self._known.id

    @property
    def value(self) -> Value:
        """All that the hub knows of it: notebook, cron, time zone, parameters, policies, next slots, last firing."""
        self._known = hub.client().schedules.get(self.id)
        return self._known

    @property
    def next(self) -> datetime | None:
        """When it fires next, by the clock of its time zone; none while it is paused."""
        value = self.value
        return value.next[0].astimezone(ZoneInfo(value.timezone)) if value.next else None

    @property
    def last(self) -> Firing | None:
        """The newest firing."""
        return self.value.last

    @property
    def paused(self) -> bool:
        """Whether no slot fires."""
        return self.value.paused

    def pause(self) -> SessionSchedule:
        """Let no slot fire until it is resumed."""
        self._known = hub.client().schedules.pause(self.id)
        return self

    def resume(self) -> SessionSchedule:
        """Fire again from now on; slots of the pause are not made up for."""
        self._known = hub.client().schedules.resume(self.id)
        return self

    def change(self, **changes: Any) -> SessionSchedule:
        """Change ``cron``, ``timezone``, ``parameters``, ``notebook``, ``catch_up``, ``overlap``, ``timeout`` or
        ``output``.
        """
        self._known = hub.client().schedules.change(self.id, **changes)
        return self

    def fire(self) -> Firing:
        """Fire now, beside the timetable."""
        return hub.client().schedules.fire(self.id)

    def cancel(self, firing: Firing | str) -> Firing:
        """End a firing: at once while it waits, within seconds while it runs.

        Parameters
        ----------
        firing : Firing or str
            One of this schedule's, its id, or the only beginning of one.

        Raises
        ------
        InputError
            No firing begins so, or several do.
        Conflict
            It is over.
        """
        return hub.client().schedules.cancel(self.id, firing.id if isinstance(firing, Firing) else self._id(firing))

    def delete(self) -> None:
        """Take the schedule away. Its firings stay readable; one that runs goes on."""
        hub.client().schedules.delete(self.id)

    def firings(self, limit: int | None = 50) -> pd.DataFrame:
        """Each time that it fired or should have, the newest first.

        Returns
        -------
        pandas.DataFrame
            ``id``, ``slot`` (when it was due; missing when asked for by hand), ``state``, ``detail``, ``started``,
            ``ended`` (UTC), ``output`` (the executed notebook, in the owner's workspace), ``runs`` (ids in the ledger).
        """
        import pandas as pd

        rows = [
            (each.id, each.slot, each.state, each.detail, each.started_at, each.ended_at, each.output, list(each.runs))
            for each in hub.client().schedules.firings(self.id, limit=limit)
        ]
        return pd.DataFrame(rows, columns=list(_FIRINGS)).astype(_FIRINGS)

    def _id(self, text: str) -> str:
        """The whole id of a firing."""
        found: list[str] = []
        for each in hub.client().schedules.firings(self.id):
            if each.id == text:
                return text
            if text and each.id.startswith(text):
                found.append(each.id)
        if len(found) != 1:
            several = f"{len(found)} firings begin" if found else "No firing's id begins"
            raise InputError(f"{several} with {text!r}.", "`.firings()` of the schedule lists them.")
        return found[0]

    def __repr__(self) -> str:
        known = self._known
        return f"<Schedule {known.id} {known.what} at {known.cron!r} {known.timezone}>"

    def __str__(self) -> str:
        return cards.text(self)

    def _repr_html_(self) -> str:
        return cards.html(self)


class SessionSchedules:
    """One's own schedules and one's team's, as they are whenever they are looked at. What `ap.schedules` returns."""

    def __init__(self, owner: str | None = None) -> None:
        self._owner = owner

    def __iter__(self) -> Iterator[SessionSchedule]:
        return map(SessionSchedule, self.values())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, schedule_id: str) -> SessionSchedule:
        """One of them, by its id or the only beginning of it."""
        known = {each.id: each for each in self}
        found = [each for each in known if each.startswith(str(schedule_id))]
        if str(schedule_id) in known:
            found = [str(schedule_id)]
        if len(found) != 1:
            several = f"{len(found)} schedules begin" if found else "No schedule's id begins"
            raise InputError(
                f"{several} with {schedule_id!r}.", did_you_mean(str(schedule_id), known, "ap.schedules() lists them.")
            )
        return known[found[0]]

    def frame(self) -> pd.DataFrame:
        """One row a schedule, the newest first.

        Returns
        -------
        pandas.DataFrame
            ``id``, ``owner``, ``notebook``, ``dataset``, ``cron``, ``timezone``, ``paused``, ``next`` (UTC), ``last``
            (when its newest firing was made, UTC), ``state`` (of that firing).
        """
        import pandas as pd

        return pd.DataFrame([_row(each) for each in self.values()], columns=list(_COLUMNS)).astype(_COLUMNS)

    def values(self, limit: int | None = None) -> Iterator[Value]:
        """What the hub knows of each, the newest first."""
        return hub.client().schedules.list(owner=self._owner, limit=limit)

    def __repr__(self) -> str:
        return f"<Schedules of {self._owner or 'the team'}>"

    def __str__(self) -> str:
        return cards.text(self)

    def _repr_html_(self) -> str:
        return cards.html(self)


def schedule(
    notebook: str = "",
    cron: str = "",
    *,
    dataset: str = "",
    timezone: str = "UTC",
    parameters: Mapping[str, Any] | None = None,
    catch_up: str = "latest",
    overlap: str = "skip",
    timeout: int = 3600,
    output: str | None = None,
) -> SessionSchedule:
    """Run a notebook of one's own workspace at set times, or bring a vendor's dataset up to date, signed in or not.

    Parameters
    ----------
    notebook : str
        Its path in the workspace, such as ``"backtests/sma.ipynb"``.
    cron : str
        Minute, hour, day of the month, month, day of the week: ``"0 7 * * 1-5"`` is seven o'clock, Monday to Friday.
    dataset : str
        In place of a notebook: a vendor's declared dataset, brought up to date in the team's catalog.
    timezone : str
        Whose clock cron reads, such as ``"America/New_York"``.
    parameters : mapping, optional
        Set in the notebook's cell tagged ``parameters``.
    catch_up : {"latest", "all", "none"}
        Which of the slots that passed while nothing could fire are made up for.
    overlap : {"skip", "queue"}
        What becomes of a slot while the last firing still runs: left out, or it waits.
    timeout : int
        Seconds after which a notebook that still runs is ended.
    output : str, optional
        Where executed notebooks go; ``{notebook}``, ``{date}``, ``{time}`` and ``{firing}`` are filled in.

    Returns
    -------
    SessionSchedule
        ``.next``, ``.pause()``, ``.resume()``, ``.fire()``, ``.firings()``, ``.change(...)``, ``.delete()``.

    Raises
    ------
    HubError
        There is no hub here: schedules live in one.
    NotUnderstood
        A cron that never fires, an unknown time zone, a path outside of the workspace.

    Examples
    --------
    >>> morning = ap.schedule("backtests/sma.ipynb", "0 7 * * 1-5", timezone="America/New_York")  # doctest: +SKIP
    >>> morning.next  # doctest: +SKIP
    >>> ap.schedule(cron="30 18 * * 1-5", timezone="America/New_York", dataset="us-daily")  # doctest: +SKIP
    """
    if dataset:
        if notebook or parameters or output:
            raise InputError("A dataset has no notebook, parameters or output.", "Give cron and dataset alone.")
        own = partial(hub.client().schedules.create_for_dataset, timezone=timezone)
        return SessionSchedule(own(dataset, cron, catch_up=catch_up, overlap=overlap))
    create = partial(hub.client().schedules.create, timezone=timezone, catch_up=catch_up, overlap=overlap)
    return SessionSchedule(create(notebook, cron, parameters=parameters, timeout=timeout, output=output))


def schedules(owner: str | None = None) -> SessionSchedules:
    """One's own schedules and those of one's team; of others, what a reviewer or an administrator sees.

    Parameters
    ----------
    owner : str, optional
        Only this person's.

    Returns
    -------
    SessionSchedules
        Iterates over them, the newest first; ``ap.schedules()["3f2a"]`` is one of them, ``.frame()`` a table.

    Raises
    ------
    HubError
        There is no hub here: schedules live in one.

    Examples
    --------
    >>> ap.schedules(owner="ada").frame()  # doctest: +SKIP
    """
    hub.client()
    return SessionSchedules(owner)


def _row(value: Value) -> tuple[Any, ...]:
    last = value.last
    return (
        value.id,
        value.owner,
        value.notebook,
        value.dataset,
        value.cron,
        value.timezone,
        value.paused,
        value.next[0] if value.next else None,
        last.created_at if last else None,
        last.state if last else None,
    )
