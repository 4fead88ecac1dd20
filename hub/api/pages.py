"""Lists that come in pages: an opaque cursor that stays right while rows are added, and a word on damaged rows.

A row that cannot be read is named, and hides none of the others.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field, ValidationError

from alphapulse_lib.errors import AlphaPulseError
from hub.api.problems import ProblemError, said

__all__ = ["Cursor", "Damaged", "Limit", "Page", "after", "cursor_of", "intact", "page", "read"]

Limit = Annotated[int, Query(ge=1, le=200, description="At most so many.")]
Cursor = Annotated[str, Query(max_length=64, description="`next` of the page before.")]


#: What comes of reading a row that no version of this service wrote so.
_FAULTS = (
    AlphaPulseError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    OSError,
    RecursionError,
)


class Damaged(BaseModel):
    """A row that the database holds and nobody can read."""

    id: str
    why: str = Field(description="What is wrong with it.")


class Page[T](BaseModel):
    """Some of a list, and where it goes on."""

    items: list[T]
    next: str | None = None
    damaged: list[Damaged] = Field(default_factory=list, description="Rows of this page that cannot be read.")


def read[T](name: str, how: Callable[[], T]) -> T | Damaged:
    """What a row says, or why it cannot be read."""
    try:
        return how()
    except ValidationError as wrong:
        first = wrong.errors()[0]
        return Damaged(id=name, why=f"{'.'.join(map(str, first['loc']))}: {said(first)}")
    except _FAULTS as wrong:
        told = wrong.message if isinstance(wrong, AlphaPulseError) else f"{type(wrong).__name__}: {wrong}"
        return Damaged(id=name, why=told[:300])


def intact[T](kind: str, found: T | Damaged) -> T:
    """What a row says.

    Raises
    ------
    ProblemError
        409: it is damaged.
    """
    if isinstance(found, Damaged):
        raise ProblemError(
            409, f"The {kind} {found.id} is damaged in the database: {found.why}", "Tell an administrator of the hub."
        )
    return found


def page[T](found: Sequence[tuple[int, T | Damaged]], limit: int) -> Page[T]:
    """A page of rows with their places, of which one more than wanted was looked for."""
    shown = [each for _, each in found[:limit]]
    return Page[T](
        items=[each for each in shown if not isinstance(each, Damaged)],
        next=cursor_of(found[limit - 1][0]) if len(found) > limit else None,
        damaged=[each for each in shown if isinstance(each, Damaged)],
    )


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
