"""What a comment is on the wire and in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from hub.api.database import METADATA, StoredJson

__all__ = ["COMMENTS", "EDITS", "EVENTS", "Changed", "Comment", "Edit", "Event", "New", "Target"]

MOST = 20_000

_SEQUENCE = BigInteger().with_variant(Integer, "sqlite")

COMMENTS = Table(
    "comments",
    METADATA,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("target", String(512), nullable=False),
    Column("parent", String(32), ForeignKey("comments.id")),
    Column("author", String(255), nullable=False),
    Column("body", Text, nullable=False),
    # Made once, when it is written: every reader would render it again.
    Column("html", Text, nullable=False),
    Column("mentions", StoredJson, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("edited_at", BigInteger),
    Column("edited_by", String(255)),
    Column("deleted_at", BigInteger),
    Index("comments_of_a_target", "target", "sequence"),
    Index("comments_of_a_parent", "parent"),
)
EDITS = Table(
    "comment_edits",
    METADATA,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("comment", String(32), ForeignKey("comments.id"), nullable=False, index=True),
    Column("body", Text, nullable=False),
    Column("written_at", BigInteger, nullable=False),
    Column("written_by", String(255), nullable=False),
)
EVENTS = Table(
    "comment_events",
    METADATA,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("comment", String(32), ForeignKey("comments.id"), nullable=False),
    Column("target", String(512), nullable=False),
    Column("kind", String(16), nullable=False),
)


def _no_controls(text: str) -> str:
    if any(ord(each) < 32 and each not in "\n\r\t" for each in text) or any(0xD800 <= ord(c) <= 0xDFFF for c in text):
        raise ValueError("holds control characters")
    if not text.strip():
        raise ValueError("is empty")
    return text


Body = Annotated[
    str,
    AfterValidator(_no_controls),
    Field(min_length=1, max_length=MOST, description="Markdown (CommonMark, tables)."),
]
Target = Annotated[
    str,
    Field(
        pattern=r"^(run|notebook|instrument|article):[^\x00-\x1f]{1,480}$",
        description="`run:<id>`, `notebook:<path>`, `instrument:<id>` or `article:<id>`.",
        examples=["instrument:AAPL.XNAS"],
    ),
]


class New(BaseModel):
    """A comment to be written."""

    model_config = ConfigDict(extra="forbid")

    target: Target
    body: Body
    parent: Annotated[str | None, Field(pattern="^[0-9a-f]{1,32}$", description="The comment this one answers.")] = None


class Changed(BaseModel):
    """A comment's new text."""

    model_config = ConfigDict(extra="forbid")

    body: Body


class Comment(BaseModel):
    """A comment as it is read. A deleted one keeps its place in the thread and loses its words."""

    id: str
    target: str
    parent: str | None
    author: str
    body: str = Field(description="Markdown; empty when deleted.")
    html: str = Field(description="The same as sanitised HTML.")
    mentions: list[str]
    created_at: datetime
    edited_at: datetime | None
    edited_by: str | None = Field(description="Who wrote the words that stand there, where that is not the author.")
    deleted_at: datetime | None


class Edit(BaseModel):
    """An earlier text of a comment."""

    body: str
    written_at: datetime
    written_by: str


class Event(BaseModel):
    """Something that happened to a comment."""

    kind: str = Field(description="`created`, `edited` or `deleted`.")
    comment: Comment
