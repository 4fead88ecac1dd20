"""What a schedule and a firing are on the wire and in the database."""

from __future__ import annotations

import json
import keyword
import math
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from hub.api.database import METADATA, StoredJson
from hub.api.schedules.output import (
    DEFAULT,
    require_notebook,
    require_other,
    require_output,
)
from hub.api.schedules.slots import known_zone, require_cron
from hub.logs import request_id

__all__ = [
    "ENDED",
    "FAULTS",
    "FIRINGS",
    "OPEN",
    "SCHEDULES",
    "Asked",
    "Changed",
    "Firing",
    "New",
    "Schedule",
    "State",
]

_SEQUENCE = BigInteger().with_variant(Integer, "sqlite")

SCHEDULES = Table(
    "schedules",
    METADATA,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("owner", String(255), nullable=False),
    Column("notebook", Text, nullable=False),
    Column("parameters", StoredJson, nullable=False),
    Column("cron", String(128), nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("catch_up", String(8), nullable=False),
    Column("overlap", String(8), nullable=False),
    Column("timeout", Integer, nullable=False),
    Column("output", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("paused_at", BigInteger),
    Column("deleted_at", BigInteger),
    # Every slot up to here has its firing; what lies after it is still to be decided.
    Column("decided_until", BigInteger, nullable=False),
    # The slot after that; none while the schedule is paused or deleted, or has none left.
    Column("next_at", BigInteger, index=True),
    # In place of a notebook: what the worker brings up to date.
    Column("dataset", String(64), nullable=False, default="", server_default=""),
    Index("schedules_of_an_owner", "owner", "sequence"),
)
FIRINGS = Table(
    "firings",
    METADATA,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    # A firing keeps what it was asked to do: a schedule that is changed later changes no firing.
    Column("schedule", String(32), ForeignKey("schedules.id")),
    Column("slot", BigInteger),
    Column("kind", String(16), nullable=False),
    Column("owner", String(255), nullable=False),
    Column("notebook", Text, nullable=False),
    Column("parameters", StoredJson, nullable=False),
    Column("output", Text, nullable=False),
    Column("timeout", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("detail", Text, nullable=False, default=""),
    Column("runs", StoredJson, nullable=False, default=list),
    Column("cells", Integer),
    Column("cells_done", Integer),
    # How far the backtest is that it runs now, as long as it runs.
    Column("progress", StoredJson),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("cancel_asked_at", BigInteger),
    Column("dataset", String(64), nullable=False, default="", server_default=""),
    # Under which request's id it was asked for: logs are followed by it (`hub.logs`).
    Column("request", Text, nullable=False, default=request_id, server_default=""),
    UniqueConstraint("schedule", "slot", name="one_firing_a_slot"),
    Index("firings_in_a_state", "state", "schedule", "sequence"),
    Index("firings_of_an_owner", "owner", "sequence"),
)

#: Schedules of which no slot can be decided, as when a hand damaged the row; they are tried again now and then.
FAULTS = Table(
    "schedule_faults",
    METADATA,
    Column("schedule", String(32), ForeignKey("schedules.id"), primary_key=True),
    Column("detail", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("again_at", BigInteger, nullable=False),
)

type State = Literal[
    "due", "starting", "running", "finished", "failed", "timed-out", "cancelled", "lost", "skipped", "missed"
]
#: States of a firing that is not over.
OPEN = ("due", "starting", "running")
#: States in which a firing stays.
ENDED = ("finished", "failed", "timed-out", "cancelled", "lost", "skipped", "missed")

_MOST_PARAMETERS = 20_000  # characters of JSON
_DEEPEST = 20


def _zone(name: str) -> str:
    if not known_zone(name):
        raise ValueError(f"{name!r} is no time zone; take a name such as America/New_York or UTC")
    return name


def _plain(value: Any, depth: int = 0) -> None:
    if depth > _DEEPEST:
        raise ValueError(f"is nested deeper than {_DEEPEST}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("holds a number that is not finite")
    if isinstance(value, str) and any(each == "\0" or 0xD800 <= ord(each) <= 0xDFFF for each in value):
        raise ValueError("holds text that cannot be stored")
    if isinstance(value, dict):
        for name, held in value.items():
            _plain(name, depth)
            _plain(held, depth + 1)
    if isinstance(value, list):
        for held in value:
            _plain(held, depth + 1)


def _parameters(values: dict[str, Any]) -> dict[str, Any]:
    for name in values:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError(f"{name!r} is no name of a parameter: letters, digits and _, as in Python")
    _plain(values)
    if len(json.dumps(values)) > _MOST_PARAMETERS:
        raise ValueError(f"is longer than {_MOST_PARAMETERS:,} characters of JSON")
    return values


Notebook = Annotated[
    str,
    Field(min_length=1, max_length=400, description="Its path in the workspace.", examples=["backtests/sma.ipynb"]),
    AfterValidator(require_notebook),
]
Output = Annotated[
    str,
    Field(
        min_length=1,
        max_length=400,
        description="Where the executed notebook goes, in the workspace. `{notebook}`, `{date}`, `{time}` and "
        "`{firing}` are filled in. What is there already is replaced.",
    ),
    AfterValidator(require_output),
]
Parameters = Annotated[
    dict[str, Any],
    Field(description="Set in the notebook's cell tagged `parameters`, by name.", examples=[{"symbol": "AAPL"}]),
    AfterValidator(_parameters),
]
Timeout = Annotated[
    int,
    Field(strict=True, ge=1, le=7 * 86_400, description="Seconds after which a notebook that still runs is ended."),
]
Cron = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        description="Minute, hour, day of the month, month, day of the week.",
        examples=["0 7 * * 1-5"],
    ),
    AfterValidator(require_cron),
]
Zone = Annotated[
    str,
    Field(min_length=1, max_length=64, description="Whose clock cron reads.", examples=["America/New_York"]),
    AfterValidator(_zone),
]
CatchUp = Annotated[
    Literal["latest", "all", "none"],
    Field(description="Which of the slots that passed while nothing could fire are made up for."),
]
Overlap = Annotated[
    Literal["skip", "queue"],
    Field(description="What becomes of a slot while the schedule's last firing still runs: left out, or it waits."),
]


class Asked(BaseModel):
    """A notebook to be run."""

    model_config = ConfigDict(extra="forbid")

    notebook: Notebook
    parameters: Parameters = Field(default_factory=dict)
    timeout: Timeout = 3600
    output: Output = DEFAULT

    @model_validator(mode="after")
    def _spares_its_source(self) -> Self:
        if self.notebook:
            require_other(self.notebook, self.output)
        return self


def _notebook_if_any(path: str) -> str:
    return require_notebook(path) if path else ""


class New(Asked):
    """A schedule to be made: of a notebook of one's own workspace, or of a dataset to be brought up to date."""

    notebook: Annotated[
        str,
        Field(max_length=400, description="Its path in the workspace.", examples=["backtests/sma.ipynb"]),
        AfterValidator(_notebook_if_any),
    ] = ""
    dataset: Annotated[
        str,
        Field(
            max_length=64,
            pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]*)?$",
            description="In place of a notebook: the name of a vendor's dataset that is declared at the hub.",
        ),
    ] = ""
    cron: Cron
    timezone: Zone = "UTC"
    catch_up: CatchUp = "latest"
    overlap: Overlap = "skip"

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if bool(self.notebook) == bool(self.dataset):
            raise ValueError("give either a notebook or a dataset")
        if self.dataset and (self.parameters or self.output != DEFAULT):
            raise ValueError("parameters and output are a notebook's; a dataset has none")
        return self


class Changed(BaseModel):
    """What of a schedule is to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    notebook: Notebook = ""
    parameters: Parameters = Field(default_factory=dict)
    timeout: Timeout = 0
    output: Output = ""
    cron: Cron = ""
    timezone: Zone = ""
    catch_up: CatchUp = "latest"
    overlap: Overlap = "skip"

    def values(self) -> dict[str, Any]:
        """What was sent, and nothing else."""
        return self.model_dump(include=self.model_fields_set)


class Schedule(BaseModel):
    """A schedule as it is read."""

    id: str
    owner: str
    notebook: str = Field(description="Empty where it brings a dataset up to date.")
    dataset: str
    parameters: dict[str, Any]
    cron: str
    timezone: str
    catch_up: str = Field(description="`latest`, `all` or `none`.")
    overlap: str = Field(description="`skip` or `queue`.")
    timeout: int
    output: str
    paused: bool
    fault: str = Field(description="Why none of its slots can fire, though it is not paused; empty otherwise.")
    next: list[datetime] = Field(description="The next slots, in UTC; none while it is paused or has a fault.")
    due: datetime | None = Field(description="The slot that fires next; in the past where no worker took it yet.")
    last: Firing | None = Field(description="The newest firing.")
    created_at: datetime
    changed_at: datetime


class Progress(BaseModel):
    """How far a backtest is, in bars; or a sweep or a walk-forward, in trials."""

    bars: int | None = Field(None, description="How many bars a backtest reads, about.")
    bars_done: int | None = None
    trials: int | None = Field(None, description="How many trials a sweep or a walk-forward makes at most.")
    trials_done: int | None = None
    trials_slow: int | None = Field(
        None, description="How many of those under way have taken far longer than the others, and may never end."
    )
    seconds_left: float | None = Field(description="At its pace up to now; none before there is one.")

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        told = [None not in pair for pair in ((self.bars, self.bars_done), (self.trials, self.trials_done))]
        if sum(told) != 1:
            raise ValueError("it is told in bars or in trials")
        return self


class Firing(BaseModel):
    """One run of a notebook: of a schedule's slot, asked for by hand (no slot), or of no schedule (a backtest)."""

    id: str
    schedule: str | None
    kind: Literal["slot", "asked", "backtest"]
    slot: datetime | None = Field(description="The moment it was due; none when it was asked for by hand.")
    owner: str
    notebook: str = Field(description="Empty where it brings a dataset up to date.")
    dataset: str
    parameters: dict[str, Any]
    output: str = Field(description="Where the executed notebook goes, in the owner's workspace.")
    timeout: int
    state: State
    detail: str = Field(description="Why it failed, was skipped or missed; of a dataset how many rows it brought.")
    runs: list[str] = Field(description="The ids of the runs that it added to the ledger.")
    cells: int | None = Field(description="How many code cells the notebook has, once it runs.")
    cells_done: int | None = Field(description="How many of them have run.")
    progress: Progress | None = Field(
        description="How far the backtest or the sweep is that it runs now, if it runs one."
    )
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
