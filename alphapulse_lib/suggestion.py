"""The nearest valid choice to a wrong one, as an error's hint."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["did_you_mean"]


def did_you_mean(given: str, choices: Iterable[str], ask: str = "") -> str:
    """The hint for a wrong name: the nearest valid ones, else the command that lists them.

    Parameters
    ----------
    given : str
        What arrived.
    choices : iterable of str
        The valid names.
    ask : str
        What lists all of them, such as ``"ap.instruments() lists them."``.

    Examples
    --------
    >>> did_you_mean("APPL", ["AAPL", "MSFT"])
    'Did you mean AAPL?'
    """
    by_folded = {choice.casefold(): choice for choice in choices}
    near = [by_folded[name] for name in get_close_matches(str(given).casefold(), by_folded, n=3, cutoff=0.55) if name]
    guess = f"Did you mean {' or '.join(near)}?" if near else ""
    return " ".join(part for part in (guess, ask) if part)
