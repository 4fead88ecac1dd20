"""A notebook, or the update of a dataset, that runs at set times, and each time that it ran."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = ["ENDED", "Firing", "Progress", "Schedule"]

#: The states in which a firing stays.
ENDED = ("finished", "failed", "timed-out", "cancelled", "lost", "skipped", "missed")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a backtest is, in bars; or a sweep or a walk-forward, in trials.

    Attributes
    ----------
    bars, bars_done : int or None
        How many a backtest reads, about, and how many of them are done.
    seconds_left : float or None
        At its pace up to now; none before there is one.
    trials, trials_done : int or None
        How many a sweep or a walk-forward makes at most, and how many of them ended.
    trials_slow : int or None
        How many of those under way have taken far longer than the others: such a one may never end.
    """

    bars: int | None = None
    bars_done: int | None = None
    seconds_left: float | None = None
    trials: int | None = None
    trials_done: int | None = None
    trials_slow: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Firing:
    """One run of a notebook: of a schedule's slot, asked for by hand, or of no schedule (a backtest). Times are in UTC.

    Attributes
    ----------
    kind : str
        ``"slot"``, ``"asked"`` or ``"backtest"``.
    slot : datetime or None
        The moment it was due; none when it was asked for by hand.
    output : str
        Where the executed notebook goes, in the owner's workspace.
    timeout : int
        Seconds after which it is ended.
    state : str
        ``"due"``, ``"starting"``, ``"running"``, or one of `ENDED`.
    detail : str
        Why it failed, was skipped or missed; of a dataset how many rows it brought.
    dataset : str
        What is brought up to date in place of a notebook that is run; ``notebook`` and ``output`` are empty then.
    runs : tuple of str
        The ids of the runs that it added to the ledger.
    cells, cells_done : int or None
        How many code cells the notebook has, and how many have run.
    progress : Progress or None
        How far the backtest or the sweep is that it runs now; none where it runs none.
    """

    id: str
    schedule: str | None
    kind: str
    slot: datetime | None
    owner: str
    notebook: str
    parameters: dict[str, Any]
    output: str
    timeout: int
    state: str
    detail: str
    runs: tuple[str, ...]
    cells: int | None
    cells_done: int | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    dataset: str = ""
    progress: Progress | None = None

    @property
    def what(self) -> str:
        """The notebook, or the dataset."""
        return self.notebook or self.dataset

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.state in ENDED

    def __repr__(self) -> str:
        return f"<Firing {self.id} of {self.what}: {self.state}>"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a notebook runs, and with which parameters. Times are in UTC.

    Attributes
    ----------
    notebook, dataset : str
        What is run, or what is brought up to date; the other one is empty.
    cron : str
        Minute, hour, day of the month, month, day of the week, by the clock of ``timezone``.
    catch_up : str
        Which of the slots that passed while nothing could fire are made up for: ``"latest"``, ``"all"`` or ``"none"``.
    overlap : str
        What becomes of a slot while the last firing still runs: ``"skip"`` or ``"queue"``.
    timeout : int
        Seconds after which a firing is ended.
    output : str
        Where executed notebooks go, in the owner's workspace; ``{notebook}``, ``{date}``, ``{time}`` and ``{firing}``
        are filled in.
    next : tuple of datetime
        The next slots; none while it is paused or has a fault.
    last : Firing or None
        The newest firing.
    fault : str
        Why none of its slots can fire, though it is not paused; empty otherwise.
    due : datetime or None
        The slot that fires next; one that has passed is late: no worker took it.
    """

    id: str
    owner: str
    notebook: str
    parameters: dict[str, Any]
    cron: str
    timezone: str
    catch_up: str
    overlap: str
    timeout: int
    output: str
    paused: bool
    next: tuple[datetime, ...]
    last: Firing | None
    created_at: datetime
    changed_at: datetime
    fault: str = ""
    due: datetime | None = None
    dataset: str = ""

    @property
    def what(self) -> str:
        """The notebook, or the dataset."""
        return self.notebook or self.dataset
