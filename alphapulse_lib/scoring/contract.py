"""What a scorer is, and how scorers are found.

Built-in scorers come first, then those that installed packages declare as entry points of the group
``alphapulse.scorers``::

    [project.entry-points."alphapulse.scorers"]
    my-scorer = "my_package.scorer:MyScorer"

An entry point is a class, or a function, that is called without arguments. It cannot take a built-in scorer's name.
A scorer is made once a process, at its first use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol, runtime_checkable

from alphapulse_lib.errors import InputError, UnknownScorer, did_you_mean
from alphapulse_lib.settings import settings

__all__ = ["GROUP", "Scorer", "find", "names"]

#: The entry-point group of further scorers.
GROUP = "alphapulse.scorers"

#: Built-in name -> where it lives.
_BUILT_IN = {
    "finance": "alphapulse_lib.scoring.finance:FinanceScorer",
    "vader": "alphapulse_lib.scoring.vader:VaderScorer",
}


@runtime_checkable
class Scorer(Protocol):
    """Turns texts into numbers: a pure function of the text.

    A scorer may also have ``explain(text) -> list of (words, weight)``: what moved the score.

    Attributes
    ----------
    name : str
        How people ask for it.
    version : str
        Changes whenever a score of any text can change; every stored score carries it.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def version(self) -> str: ...  # noqa: D102

    def score(self, texts: Sequence[str]) -> Any:
        """One number in [-1, 1] a text, bad news to good, as an array of floats; 0 where nothing speaks."""
        ...


def names() -> list[str]:
    """The names of all scorers, sorted.

    Examples
    --------
    >>> "finance" in names() and "vader" in names()
    True
    """
    return sorted({*_BUILT_IN, *_declared()})


def find(scorer: str | Scorer | None = None) -> Scorer:
    """The scorer of that name; ``None`` is the one that ``ALPHAPULSE_SCORER`` names; a scorer is itself.

    Raises
    ------
    UnknownScorer
        No scorer has that name.
    InputError
        The object is not a scorer.
    """
    if scorer is None:
        return _made(settings().scorer)
    if isinstance(scorer, str):
        return _made(scorer)
    if isinstance(scorer, Scorer) and not isinstance(scorer, type):
        return scorer
    raise InputError(
        f"{scorer!r} is not a scorer.",
        f"Name one of {', '.join(names())}, or give an object with name, version and score.",
    )


@cache
def _made(name: str) -> Scorer:
    declared = _declared()
    if name not in _BUILT_IN and name not in declared:
        known = names()
        raise UnknownScorer(f"Unknown scorer {name!r}.", did_you_mean(name, known, f"Known: {', '.join(known)}."))
    make: Callable[[], Scorer]
    if name in _BUILT_IN:
        module, _, attribute = _BUILT_IN[name].partition(":")
        make = getattr(import_module(module), attribute)
    else:
        make = declared[name].load()
    return make()


def _declared() -> dict[str, EntryPoint]:
    return {each.name: each for each in entry_points(group=GROUP)}
