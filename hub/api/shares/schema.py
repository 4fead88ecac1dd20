"""What a share is on the wire and in the database."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, UniqueConstraint

from hub.api.database import METADATA

__all__ = ["DASHBOARDS", "EVERYBODY", "SHARES", "Audience", "Kind", "New", "Share", "Subject", "Thing"]

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

#: A row for each run of each dashboard that was ever shared. It is named after what is in it, so it never changes; and
#: anybody sees something of it by a share alone.
DASHBOARDS = Table(
    "dashboards",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("run", String(64), nullable=False),
)
#: Runs that can be told apart side by side.
_MOST = 6

type Kind = Literal["run", "rendering", "dashboard"]
Subject = Annotated[
    str,
    Field(
        pattern=rf"^[0-9a-f]{{1,32}}(,[0-9a-f]{{1,32}}){{0,{_MOST - 1}}}$",
        description="The run's id, or the only beginning of one; a rendering's, as `POST /v1/renderings` gives it; of "
        f"a dashboard, the two to {_MOST} runs that it lays side by side, with commas between their ids.",
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

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        if ("," in self.subject) != (self.kind == "dashboard"):
            raise ValueError(
                "a dashboard is of two runs or more, with a comma between their ids; all else is of one id"
            )
        return self


@dataclass(frozen=True)
class Thing:
    """What can be shared.

    Attributes
    ----------
    kind : str
        What it is.
    subject : str
        Which one.
    owner : str
        Whose it is.
    runs : tuple of str
        Of a dashboard, what it lays side by side.
    """

    kind: str
    subject: str
    owner: str
    runs: tuple[str, ...] = ()

    @classmethod
    def dashboard(cls, owner: str, runs: Sequence[str]) -> Self:
        """The dashboard of some runs of one person's, in that order: the same runs make the same one."""
        named = hashlib.sha256("\n".join((owner, *runs)).encode()).hexdigest()[:32]
        return cls("dashboard", named, owner, tuple(runs))


class Share(BaseModel):
    """That somebody else may see a thing of its owner's."""

    id: str
    kind: Kind
    subject: str = Field(description="The run's id, the rendering's, or the dashboard's.")
    runs: list[str] = Field(description="Of a dashboard, the ids of the runs that it lays side by side; else none.")
    owner: str = Field(description="Whose it is.")
    audience: str = Field(description="Who may see it: a person's name, `@group`, or `*` for everybody who signed in.")
    made_by: str = Field(description="Who shared it: its owner, or an administrator.")
    made_at: datetime
    title: str = Field(
        description="What it is, for people: the run's strategy, symbols and window; the notebook's path; "
        "of a dashboard, its first run and how many others."
    )
