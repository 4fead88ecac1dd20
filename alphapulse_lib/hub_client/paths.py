"""A piece of an address."""

from __future__ import annotations

from urllib.parse import quote

from alphapulse_lib.errors import InputError

__all__ = ["part"]


def part(name: str) -> str:
    """A name as one piece of an address' path, whatever characters are in it.

    Raises
    ------
    InputError
        It is empty, or leads to another place: ``.`` or ``..``.

    Examples
    --------
    >>> part("a b/c")
    'a%20b%2Fc'
    """
    if not isinstance(name, str) or name in ("", ".", ".."):
        raise InputError(f"{name!r} names nothing.", "Give an id.")
    try:
        return quote(name, safe="")
    except UnicodeEncodeError:
        raise InputError(f"{name!r} is no text that can be sent.", "Give an id.") from None
