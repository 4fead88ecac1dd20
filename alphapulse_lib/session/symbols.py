"""The symbols that a person asks for, as instruments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import TYPE_CHECKING, Any

from alphapulse_lib.errors import InputError, UnknownSymbol

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from alphapulse_lib.catalog.index import Index
    from alphapulse_lib.model.instrument import Instrument

__all__ = ["Symbols", "check_text", "resolved"]

#: Tickers or ids; or a frame such as `ap.universe` returns, which means the instruments of its rows.
type Symbols = str | Iterable[str] | pd.DataFrame | pl.DataFrame

_SUCH = "Give one or more, such as 'AAPL' or ['AAPL', 'MSFT'], or what ap.universe returns."
#: Characters of a symbol: no file could bear a longer one's name.
_LONGEST = 100


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
    symbols : str, iterable of str, or DataFrame
        Tickers or ids; of what `ap.universe` and `ap.instruments` return, the instruments of its rows.
    advice : callable, optional
        What else to say of a symbol that is not known.

    Raises
    ------
    InputError
        It is neither a symbol nor some of them, or there is none.
    UnknownSymbol, AmbiguousSymbol, CatalogEmpty
        See `Index.resolve`.
    """
    asked = _asked(symbols)
    found = []
    for each in asked:
        try:
            found.append(index.resolve(each, first, last))
        except UnknownSymbol as unknown:
            if advice:
                raise UnknownSymbol(unknown.message, f"{unknown.hint} {advice(each)}") from None
            raise
    return list(dict.fromkeys(found))


def _asked(symbols: Any) -> list[str]:
    """The tickers and ids that were asked for, each of them text."""
    if isinstance(symbols, bytes) or not isinstance(symbols, str | Iterable):
        raise InputError(f"{str(symbols)[:60]!r} is no symbol.", _SUCH)
    if isinstance(symbols, str):
        asked = [symbols]
    elif hasattr(symbols, "columns"):
        asked = _of_rows(symbols)
    else:
        asked = list(symbols)
    if not asked:
        raise InputError("No symbol was asked for.", _SUCH)
    for each in asked:
        check_text(each, "A symbol", "'AAPL' or 'AAPL.XNAS'")
        if not each.strip() or len(each) > _LONGEST:
            raise InputError(f"{each[:60]!r} is no symbol: it is {'empty' if not each.strip() else 'too long'}.", _SUCH)
    return asked


def _of_rows(frame: Any) -> list[str]:
    """The ids of a frame such as `ap.universe` returns.

    Members that the catalog does not hold are not left out in silence: a universe of the survivors is another one.
    """
    if not {"symbol", "id"} <= set(frame.columns):
        raise InputError(
            f"A table of {', '.join(map(str, frame.columns))} names no instruments.",
            "Give what ap.universe or ap.instruments returns, whose column id does; or one or more symbols.",
        )
    ids, symbols = list(frame["id"]), list(frame["symbol"])
    lacking = [symbol for symbol, each in zip(symbols, ids, strict=True) if each == ""]
    if lacking:
        more = f" and {len(lacking) - 10} more" if len(lacking) > 10 else ""
        raise InputError(
            f"Of {len(ids)} names the catalog holds {len(ids) - len(lacking)}. It lacks "
            f"{', '.join(lacking[:10])}{more}, or holds several by that name.",
            "Import them; or leave them out, and say so where you show the result: members[members.id != ''].",
        )
    return ids


def check_text(value: Any, what: str, example: str) -> None:
    """Refuse what is not text.

    Raises
    ------
    InputError
        It is something else; the message tells what arrived.
    """
    if not isinstance(value, str):
        raise InputError(f"{what} is text, not {str(value)[:60]!r}, a {type(value).__name__}.", f"Such as {example}.")
