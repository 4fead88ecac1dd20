"""What a share is on the wire and in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, UniqueConstraint

from hub.api.database import METADATA

__all__ = ["EVERYBODY", "SHARES", "Audience", "Kind", "New", "Share", "Subject"]

#: Whoever signed in.
EVERYBODY = "*"

#: One taken back is a row less; the audit log has both.
SHARES = Table(
    "shares",
    METADATA,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(16), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("owner", String(255), nullable=False),
    Column("audience", String(256), nullable=False),
    Column("made_by", String(255), nullable=False),
    Column("made_at", BigInteger, nullable=False),
    UniqueConstraint("kind", "subject", "audience"),
    Index("shares_of_an_owner", "owner", "sequence"),
    Index("shares_with", "audience", "kind"),
)

type Kind = Literal["run", "rendering"]
Subject = Annotated[
    str,
    Field(
        pattern="^[0-9a-f]{1,32}$",
        description="The run's id, or the only beginning of one; a rendering's, as `POST /v1/renderings` gives it.",
    ),
]
Audience = Annotated[
    str,
    Field(
        pattern=r"^(\*|@?[^\x00-\x1f\x7f*@][^\x00-\x1f\x7f]{0,254})$",
        description="A person's name, a group as `@desk`, or `*`: everybody who signed in.",
        examples=["bob", "@desk", EVERYBODY],
    ),
]


class New(BaseModel):
    """What is to be shared, and with whom."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind = "run"
    subject: Subject
    audience: Audience


class Share(BaseModel):
    """That somebody else may see a thing of its owner's."""

    id: str
    kind: Kind
    subject: str = Field(description="The run's id, or the rendering's.")
    owner: str = Field(description="Whose it is.")
    audience: str = Field(description="Who may see it: a person's name, `@group`, or `*` for everybody who signed in.")
    made_by: str = Field(description="Who shared it: its owner, or an administrator.")
    made_at: datetime
    title: str = Field(
        description="What it is, for people: the run's strategy, symbols and window; the notebook's path."
    )
