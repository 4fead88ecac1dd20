"""What a rendering is on the wire and in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from hub.api.database import METADATA
from hub.api.schedules.schema import Notebook

__all__ = ["MOST", "RENDERINGS", "New", "Rendering"]

#: Characters of a page.
MOST = 20_000_000

RENDERINGS = Table(
    "renderings",
    METADATA,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(16), nullable=False, unique=True),
    Column("owner", String(255), nullable=False),
    Column("notebook", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Index("renderings_of_an_owner", "owner", "sequence"),
)


def _writable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half of a character, which no file can") from None
    return text


class New(BaseModel):
    """A notebook of one's own as a page that needs no network."""

    model_config = ConfigDict(extra="forbid")

    notebook: Notebook
    html: Annotated[str, Field(min_length=1, max_length=MOST), AfterValidator(_writable)]


class Rendering(BaseModel):
    """What is known of a rendering without its page."""

    id: str
    owner: str
    notebook: str = Field(description="Its path in its owner's workspace.")
    size: int = Field(description="Bytes of the page.")
    made_at: datetime
