"""Lists that come in pages: an opaque cursor that stays right while rows are added."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from hub.api.problems import ProblemError

__all__ = ["Cursor", "Limit", "Page", "after", "cursor_of"]

Limit = Annotated[int, Query(ge=1, le=200, description="At most so many.")]
Cursor = Annotated[str, Query(max_length=64, description="`next` of the page before.")]


class Page[T](BaseModel):
    """Some of a list, and where it goes on."""

    items: list[T]
    next: str | None = None


def cursor_of(sequence: int) -> str:
    """What to send to get the rows after this one.

    Examples
    --------
    >>> after(cursor_of(17))
    17
    """
    return base64.urlsafe_b64encode(str(sequence).encode()).decode().rstrip("=")


def after(cursor: str) -> int | None:
    """The row that a cursor stands on; ``None`` at the beginning.

    Raises
    ------
    ProblemError
        It is not one of ours.
    """
    if not cursor:
        return None
    try:
        found = int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii"))
    except (ValueError, binascii.Error):
        found = -1
    if not 0 <= found < 2**63:
        raise ProblemError(422, f"cursor={cursor!r} is none of ours.", "Take `next` of the page before.")
    return found
