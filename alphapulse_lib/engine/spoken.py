"""What a strategy's code speaks of: its classes' functions, and those that stand beside them in their modules."""

from __future__ import annotations

import dis
from collections.abc import Iterable, Iterator
from itertools import pairwise
from types import CodeType, FunctionType
from typing import Any

from alphapulse_lib.model.run import Fill

__all__ = ["names_of", "own_classes", "stale_worth"]

#: What NautilusTrader's portfolio tells by prices: of one instrument, at one that may be given, and of all.
_OF_ONE = ("unrealized_pnl", "total_pnl", "net_exposure")
_OF_ALL = ("unrealized_pnls", "total_pnls", "net_exposures", "mark_values", "equity")


def own_classes(strategy: type) -> list[type]:
    """A strategy's class and those that it inherits from, but for NautilusTrader's and Python's own."""
    foreign = ("nautilus_trader", "builtins")
    return [each for each in strategy.__mro__ if each.__module__.partition(".")[0] not in foreign]


def names_of(strategy: type) -> set[str]:
    """All names and texts in its code, and in that beside it.

    Examples
    --------
    >>> class Asks:
    ...     def on_bar(self, bar):
    ...         return self.portfolio.net_exposure(bar.id, price=1)
    >>> sorted({"portfolio", "net_exposure", "price", "cache"} & names_of(Asks))
    ['net_exposure', 'portfolio', 'price']
    """
    functions = (each for owner in own_classes(strategy) for each in (*_own(owner), *_beside(owner)))
    return {name for each in functions for code in _within(each.__code__) for name in _names(code)}


def stale_worth(strategy: type, fill: Fill) -> list[str]:
    """A line where a strategy may take what it holds at a bar's open for what that is worth at its close.

    NautilusTrader's portfolio goes by the last trade. With ``"next_open"`` those are the bars' opens, so in `on_bar` it
    knows the open of the bar that has just closed.
    """
    if fill != "next_open":
        return []
    codes = [code for owner in own_classes(strategy) for each in _own(owner) for code in _within(each.__code__)]
    names = {name for code in codes for name in _names(code)}
    found = {name for code in codes if "portfolio" in code.co_names for name in _asked_of("portfolio", code)}
    asked = [name for name in (*_OF_ONE, *_OF_ALL) if name in found]
    if not asked or ("price" in names and not found & {*_OF_ALL}):
        return []
    return [
        f"It asks NautilusTrader's portfolio for {', '.join(asked)}: that goes by the last trade, which with "
        "fill='next_open' is the open of the bar that on_bar is told of, and not its close. Give unrealized_pnl and "
        "its like price=bar.close; equity is the account's balance and that."
    ]


def _asked_of(holder: str, code: CodeType) -> Iterator[str]:
    """The attributes of an attribute, as ``equity`` in ``self.portfolio.equity``."""
    for one, other in pairwise(dis.get_instructions(code)):
        if one.opname == other.opname == "LOAD_ATTR" and one.argval == holder:
            yield other.argval


def _own(owner: type) -> Iterator[FunctionType]:
    return _plain(vars(owner).values())


def _beside(owner: type) -> Iterator[FunctionType]:
    """The functions of the module that a class stands in, and of its other classes."""
    for function in [*_own(owner)][:1]:
        for each in function.__globals__.values():
            yield from _own(each) if isinstance(each, type) else _plain([each])


def _plain(values: Iterable[Any]) -> Iterator[FunctionType]:
    """The functions among some values, those within properties, class methods and decorators included."""
    for each in values:
        inner = getattr(each, "fget", None) or getattr(each, "__func__", None) or getattr(each, "__wrapped__", each)
        if isinstance(inner, FunctionType):
            yield inner


def _within(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _within(each)


def _names(code: CodeType) -> Iterator[str]:
    """A keyword's name is a text of a constant tuple."""
    yield from code.co_names
    for each in code.co_consts:
        yield from (inner for inner in (each if isinstance(each, tuple) else (each,)) if isinstance(inner, str))
