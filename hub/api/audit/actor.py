"""Whose request this thread, or task, works for, and where it came from."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from starlette.requests import HTTPConnection

__all__ = ["Actor", "acting", "actor", "origin"]

_LONGEST = 200  # characters of where it came from


@dataclass(frozen=True)
class Actor:
    """Who asks; a service's name stands after the word.

    Attributes
    ----------
    name : str
        Empty where nobody asks, as when the worker does what is due.
    origin : str
        The address that the proxy names.
    """

    name: str = ""
    origin: str = ""


_current: ContextVar[Actor] = ContextVar("actor", default=Actor())  # noqa: B039  it is frozen


def actor() -> Actor:
    """Who asks, as far as that is known by now."""
    return _current.get()


def acting(name: str, origin: str) -> None:
    """From here to the end of this request, what happens is theirs."""
    _current.set(Actor(name, origin))


def origin(request: HTTPConnection) -> str:
    """Where a request came from: what our proxy says, which believes nobody's word on it; else who is connected."""
    named = request.headers.get("x-forwarded-for", "").partition(",")[0].strip()
    said = named or (request.client.host if request.client else "")
    return "".join(each for each in said if each.isprintable())[:_LONGEST]
