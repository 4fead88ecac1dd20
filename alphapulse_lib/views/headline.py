"""The total return where a run is told in short: of an account that was lost and came back, that it was lost."""

from __future__ import annotations

from alphapulse_lib.views import numbers

__all__ = ["AFTER", "LOST", "came_back", "total_return", "unless_lost"]

LOST = "lost"
#: Where there is room to say what is left out.
AFTER = "what came after is nobody's"


def came_back(total: float | None, deepest: float | None) -> bool:
    """Whether an account was worth nothing at some moment, or less, and something at the end.

    No broker lets a lost account trade on, so nobody would have had what it came to.
    """
    return total is not None and deepest is not None and deepest <= -1 < total


def total_return(total: float | None, deepest: float | None) -> tuple[str, str]:
    """The total return with its tone, by it and the deepest drawdown.

    Examples
    --------
    >>> total_return(0.8, -0.4), total_return(0.8, -1.5), total_return(-1.2, -1.2)
    (('+80.00%', 'up'), ('lost', 'down'), ('−120.00%', 'down'))
    """
    return (LOST, "down") if came_back(total, deepest) else (numbers.percent(total), numbers.tone(total))


def unless_lost(value: float | None, total: float | None, deepest: float | None) -> float | None:
    """A figure that follows from the total return; none where that is nobody's."""
    return None if came_back(total, deepest) else value
