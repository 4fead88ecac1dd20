"""What a server uses, on the wire and in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import BigInteger, Column, Float, Integer, String, Table, UniqueConstraint

from hub.api.database import METADATA

__all__ = ["USAGE", "Told", "Usage"]

_SEQUENCE = BigInteger().with_variant(Integer, "sqlite")

#: The newest word of each server.
USAGE = Table(
    "usage",
    METADATA,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("user", String(255), nullable=False),
    Column("server", String(255), nullable=False),
    Column("kernels", Integer, nullable=False),
    Column("terminals", Integer, nullable=False),
    Column("jobs", Integer, nullable=False),
    Column("processors", Float, nullable=False),
    Column("memory", BigInteger, nullable=False),
    Column("memory_limit", BigInteger),
    Column("disk", BigInteger),
    Column("disk_limit", BigInteger),
    Column("active_at", BigInteger, nullable=False),
    Column("told_at", BigInteger, nullable=False),
    UniqueConstraint("user", "server"),
)

_Count = Annotated[int, Field(ge=0, le=1_000_000)]
_Bytes = Annotated[int, Field(ge=0, lt=2**63)]


class Told(BaseModel):
    """What a server says of itself."""

    model_config = ConfigDict(extra="forbid")

    server: Annotated[
        str, Field(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$", description="Its name; empty: the person's own.")
    ]
    kernels: _Count
    terminals: _Count
    jobs: _Count
    processors: Annotated[
        float, Field(ge=0, le=1e6, allow_inf_nan=False, description="Used of late: 1.5 are one and a half.")
    ]
    memory: Annotated[_Bytes, Field(description="Bytes that all of its processes hold.")]
    memory_limit: Annotated[_Bytes | None, Field(description="Bytes that they may.")] = None
    disk: Annotated[_Bytes | None, Field(description="Bytes that the person's files take.")] = None
    disk_limit: Annotated[_Bytes | None, Field(description="Bytes that they may.")] = None
    active_at: Annotated[AwareDatetime, Field(description="When it was last used.")]


class Usage(BaseModel):
    """What somebody's server uses."""

    user: str
    server: str = Field(description="Empty: the person's own; `job-...`: that of a scheduled notebook.")
    kernels: int
    terminals: int
    jobs: int
    processors: float = Field(description="Used of late: 1.5 are one and a half.")
    memory: int = Field(description="Bytes that all of its processes hold.")
    memory_limit: int | None = Field(description="Bytes that they may; none where nothing limits them.")
    disk: int | None = Field(description="Bytes that the person's files take; none where that was not measured.")
    disk_limit: int | None = Field(description="Bytes that they may; none where nothing limits them.")
    active_at: datetime = Field(description="When it was last used.")
    told_at: datetime = Field(description="When it said so.")
