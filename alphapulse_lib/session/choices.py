"""Arguments that are one word of a few."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from alphapulse_lib.errors import InputError, did_you_mean

__all__ = ["one_of"]


def one_of(name: str, value: Any, choices: Collection[str]) -> None:
    """Refuse what is none of the words, of whatever kind it is.

    Raises
    ------
    InputError
        The nearest word is suggested, else all are listed.

    Examples
    --------
    >>> one_of("fill", "close", ("next_open", "close"))
    """
    if not isinstance(value, str) or value not in choices:
        raise InputError(
            f"{name}={repr(value)[:60]} is not known.",
            did_you_mean(str(value), choices) or f"It is one of {', '.join(map(repr, choices))}.",
        )
