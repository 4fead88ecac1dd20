"""What a notice is on the wire and in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from hub.api.database import METADATA

__all__ = ["NOTICES", "New", "Notice"]

#: The newest is in force; those before it are kept.
NOTICES = Table(
    "notices",
    METADATA,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("text", Text, nullable=False),
    Column("until", BigInteger),
    Column("at", BigInteger, nullable=False),
)


class New(BaseModel):
    """What is to be said from now on."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[
        str,
        Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$", description="One line, plain; empty: nothing any more."),
    ]
    until: Annotated[AwareDatetime | None, Field(description="When it is over by itself, with its time zone.")] = None


class Notice(BaseModel):
    """What is said now."""

    id: str = Field(description="Its own: who has closed it is not shown it again. Empty where nothing is said.")
    text: str = Field(description="Plain text: escape it in HTML. Empty where there is nothing to say.")
    until: datetime | None = Field(None, description="When it is over by itself.")
