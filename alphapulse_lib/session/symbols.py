"""The symbols that a person asks for, as instruments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import TYPE_CHECKING, Any

from alphapulse_lib.errors import InputError, UnknownSymbol

if TYPE_CHECKING:
    from alphapulse_lib.catalog.index import Index
    from alphapulse_lib.model.instrument import Instrument

__all__ = ["check_text", "resolved"]


def resolved(
    index: Index,
    symbols: Any,
    first: date | None = None,
    last: date | None = None,
    advice: Callable[[str], str] | None = None,
) -> list[Instrument]:
    """The instruments that one symbol or several mean between two days, each once, in the order asked.

    Parameters
    ----------
    advice : callable, optional
        What else to say of a symbol that is not known.

    Raises
    ------
    InputError
        It is neither a symbol nor some of them, or there is none.
    UnknownSymbol, AmbiguousSymbol, CatalogEmpty
        See `Index.resolve`.
    """
    if not isinstance(symbols, str | Iterable):
        raise InputError(
            f"{str(symbols)[:60]!r} is no symbol.", "Give one or more, such as 'AAPL' or ['AAPL', 'MSFT']."
        )
    asked = [symbols] if isinstance(symbols, str) else list(symbols)
    if not asked:
        raise InputError("No symbol was asked for.", "Give one or more, such as 'AAPL' or ['AAPL', 'MSFT'].")
    for each in asked:
        check_text(each, "A symbol", "'AAPL' or 'AAPL.XNAS'")
    found = []
    for each in asked:
        try:
            found.append(index.resolve(each, first, last))
        except UnknownSymbol as unknown:
            if advice:
                raise UnknownSymbol(unknown.message, f"{unknown.hint} {advice(each)}") from None
            raise
    return list(dict.fromkeys(found))


def check_text(value: Any, what: str, example: str) -> None:
    """Refuse what is not text.

    Raises
    ------
    InputError
        It is something else; the message tells what arrived.
    """
    if not isinstance(value, str):
        raise InputError(f"{what} is text, not {str(value)[:60]!r}, a {type(value).__name__}.", f"Such as {example}.")
