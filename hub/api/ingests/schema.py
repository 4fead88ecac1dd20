"""What a request for a vendor's data is on the wire, and what it and its fetch are in the database."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from alphapulse_lib.errors import InputError
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window
from hub.api.database import METADATA, StoredJson
from hub.logs import request_id

__all__ = ["ENDED", "FETCHES", "INGESTS", "OPEN", "SHOWN", "Asked", "Fault", "Ingest", "New", "State"]

_SEQUENCE = BigInteger().with_variant(Integer, "sqlite")

#: What is fetched, once however many ask for it.
FETCHES = Table(
    "fetches",
    METADATA,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    # Of a dataset the worker fills it in: the declaration is read there.
    Column("provider", String(64), nullable=False),
    Column("dataset", String(64), nullable=False),
    Column("asked", StoredJson, nullable=False),
    # The digest of what is asked, for as long as others may join: the same cannot be under way twice.
    Column("open_as", String(64), unique=True),
    Column("state", String(16), nullable=False),
    Column("calls", Integer, nullable=False, default=0),
    Column("calls_done", Integer, nullable=False, default=0),
    Column("parts", Integer, nullable=False, default=0),
    Column("parts_done", Integer, nullable=False, default=0),
    Column("rows", BigInteger, nullable=False, default=0),
    Column("seconds_left", Float),
    Column("imports", StoredJson, nullable=False, default=list),
    # How often it was begun since a part was last done: what ends every worker that begins it is given up.
    Column("tries", Integer, nullable=False, default=0),
    # How often it gave way to others in the line, and since when it stands there.
    Column("turn", Integer, nullable=False, default=0, server_default="0"),
    Column("line_at", BigInteger, nullable=False, server_default="0"),
    Column("error", StoredJson),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("cancel_asked_at", BigInteger),
    Index("fetches_in_a_state", "state", "sequence"),
)

#: Who asked for it.
INGESTS = Table(
    "ingests",
    METADATA,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("owner", String(255), nullable=False),
    Column("fetch", String(32), ForeignKey("fetches.id"), nullable=False, index=True),
    Column("firing", String(32), unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("cancelled_at", BigInteger),
    # Under which request's id it was asked for: logs are followed by it (`hub.logs`).
    Column("request", Text, nullable=False, default=request_id, server_default=""),
    Index("ingests_of_an_owner", "owner", "sequence"),
)

type State = Literal["waiting", "running", "finished", "failed", "cancelled"]
#: States of a fetch that is not over.
OPEN = ("waiting", "running")
#: States in which a fetch stays.
ENDED = ("finished", "failed", "cancelled")
#: Tickers of a request that are told again.
SHOWN = 20

_TEXT = r"^[^\x00-\x1f]+$"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"


def _period(text: str) -> str:
    try:
        return str(Period.parse(text))
    except InputError as wrong:
        raise ValueError(f"{wrong.message} {wrong.hint}") from None


Symbol = Annotated[str, Field(min_length=1, max_length=64, pattern=_TEXT, examples=["AAPL"])]
Moment = Annotated[str | None, Field(max_length=40, pattern=_TEXT, description="A day at the exchange, or a moment.")]


class Asked(Protocol):
    """What stands in the worker's line."""

    @property
    def provider(self) -> str:
        """Whose line."""
        ...

    @property
    def dataset(self) -> str:
        """The declaration's name; empty where none is asked for."""
        ...

    def asked(self) -> dict[str, Any]:
        """What is to be done."""
        ...

    def digest(self) -> str:
        """The same for all who ask for the same."""
        ...


class New(BaseModel):
    """What is wanted of a vendor: tickers of it, or a dataset that is declared at the hub."""

    model_config = ConfigDict(extra="forbid")

    provider: Annotated[
        str, Field(max_length=64, pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]*)?$", description="Such as `alpaca`.")
    ] = ""
    symbols: Annotated[list[Symbol], Field(max_length=20_000, description="Its tickers.")] = Field(default_factory=list)
    period: Annotated[str, Field(max_length=16, description="Of bars."), AfterValidator(_period)] = "1d"
    start: Moment = None
    end: Moment = None
    feed: Annotated[str | None, Field(max_length=32, pattern=_NAME, description="Such as `iex`.")] = None
    venue: Annotated[str, Field(max_length=16, pattern=r"^[A-Z0-9]*$", description="A MIC, such as `XNAS`.")] = ""
    kind: Literal["bars", "trades", "quotes"] = "bars"
    dataset: Annotated[
        str,
        Field(
            max_length=64,
            pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]*)?$",
            description="In place of all others: the name of a declaration, `us-daily` of `catalog/us-daily.yaml`.",
        ),
    ] = ""

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if self.dataset and self.model_fields_set - {"dataset"}:
            raise ValueError("a dataset's declaration says everything else; name it alone")
        if not self.dataset and not (self.provider and self.symbols and self.start):
            raise ValueError("give a provider, symbols and start, or the name of a dataset")
        try:
            Window.of(self.start, self.end)
        except InputError as wrong:
            raise ValueError(f"{wrong.message} {wrong.hint}") from None
        return self

    def asked(self) -> dict[str, Any]:
        """What is to be fetched; the same for all who ask for the same."""
        if self.dataset:
            return {"dataset": self.dataset}
        symbols = sorted({each.strip().upper() for each in self.symbols})
        return self.model_dump(exclude={"dataset"}) | {"symbols": symbols}

    def digest(self) -> str:
        """The SHA-256 of that."""
        return hashlib.sha256(json.dumps(self.asked(), sort_keys=True).encode()).hexdigest()


class Fault(BaseModel):
    """Why it failed, in the words that who asks without a hub is told."""

    kind: str = Field(description="The name of the error.")
    message: str
    hint: str


class Ingest(BaseModel):
    """A request as it is read."""

    id: str
    owner: str
    provider: str
    dataset: str
    symbols: list[str] = Field(description=f"The first {SHOWN}.")
    symbol_count: int
    period: str
    start: str | None
    end: str | None
    feed: str | None
    venue: str
    kind: str
    state: State
    position: int | None = Field(description="How many fetches of the vendor come before it; none when it is over.")
    shared: int = Field(description="How many wait for the very same.")
    calls: int = Field(description="How often the vendor is to be asked; reckoned from above, 0 until it begins.")
    calls_done: int
    parts: int = Field(description="Each is asked for, written whole and noted before the next one.")
    parts_done: int
    rows: int = Field(description="Written so far.")
    seconds_left: float | None = Field(description="By the vendor's budget of calls and the pace so far.")
    imports: list[str] = Field(description="Ids of the imports in the team's catalog that it became.")
    error: Fault | None
    firing: str | None = Field(description="The firing of a schedule that asked for it.")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
