"""What an entry of the audit log is on the wire and in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from hub.api.database import METADATA, StoredJson
from hub.api.schedules.due import new_id
from hub.logs import request_id

__all__ = ["AUDIT", "Action", "Deed", "Done", "Entry"]

AUDIT = Table(
    "audit",
    METADATA,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    # Its own name: what is told twice is written once.
    Column("id", String(64), nullable=False, unique=True, default=new_id),
    Column("at", BigInteger, nullable=False),
    Column("who", String(255), nullable=False),
    Column("action", String(64), nullable=False),
    Column("about", Text, nullable=False),
    Column("detail", StoredJson, nullable=False),
    Column("request", Text, nullable=False, default=request_id),
    Column("origin", Text, nullable=False),
    Index("audit_of_somebody", "who", "sequence"),
    Index("audit_of_an_action", "action", "sequence"),
)

_TEXT = r"^[^\x00-\x1f\x7f]*$"


# fmt: off
#: What the API and the worker do themselves.
type Done = Literal[
    "schedule.made", "schedule.changed", "schedule.paused", "schedule.resumed", "schedule.run", "schedule.deleted",
    "firing.cancelled", "comment.deleted", "share.made", "share.taken-back", "notice.said",
    "data.asked", "vendor.asked", "catalog.publish", "catalog.revert",
]
#: What is done where the API is not asked.
type Action = Literal[
    "sign-in.accepted", "sign-in.refused", "sign-in.held-back", "sign-out.done",
    "person.added", "person.changed", "person.renamed", "person.removed",
    "group.made", "group.joined", "group.left", "group.removed",
    "token.made", "token.ended", "server.started", "server.stopped", "server.entered", "hub.ended", "settings.changed",
    "keys.set", "keys.removed", "keys.rotated",
]
# fmt: on


class Deed(BaseModel):
    """What was done, or refused, where the API is not asked: told by the hub."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern="^[0-9a-f]{16,64}$", description="Any that is new; told again, it is one entry.")]
    at: AwareDatetime
    who: Annotated[str, Field(max_length=255, pattern=_TEXT, description="Empty where the hub knows no such name.")]
    action: Action
    about: Annotated[str, Field(max_length=1000, pattern=_TEXT, description="On whom, or on what.")] = "hub"
    detail: Annotated[dict[str, Any], Field(description="What else tells it apart; never a secret.")] = {}
    request: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9._-]*$")] = ""
    origin: Annotated[str, Field(max_length=200, pattern=_TEXT)] = ""


class Entry(BaseModel):
    """What somebody did."""

    id: str
    at: datetime
    who: str = Field(
        description="A person, `service <name>`, or `account <name>`: somebody at the machine itself; empty: a sign-in "
        "under a name that nobody has."
    )
    action: str = Field(description="Such as `sign-in.refused`, `schedule.changed`, `person.removed`, `vendor.asked`.")
    about: str = Field(description="On what: an id, a name.")
    detail: dict[str, Any] = Field(description="What else tells it apart; never a value of a parameter, or a secret.")
    request: str = Field(description="The request's id, by which logs are followed.")
    origin: str = Field(description="The address that the hub's proxy names.")
