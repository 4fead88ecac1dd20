"""Refusals of parameters that the shipped strategies share. A refused parameter leaves no run."""

from __future__ import annotations

from typing import Any

from alphapulse_lib.errors import InputError

__all__ = ["MOST_BARS", "MOST_SHARES", "require_whole"]

#: Bars that a strategy looks back over or holds for.
MOST_BARS = 1_000_000
#: The largest quantity that NautilusTrader can hold.
MOST_SHARES = 34_028_236_692_093


def require_whole(name: str, value: Any, least: int, most: int) -> None:
    """Refuse what is not a whole number between two bounds, both included.

    Raises
    ------
    InputError
        The message names the parameter and the bounds.

    Examples
    --------
    >>> require_whole("quantity", 10, 1, MOST_SHARES)
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InputError(f"params: {name}={value!r} is not a whole number from {least:,} to {most:,}.")
