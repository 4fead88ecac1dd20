"""The total return where a run is told in short: of an account that was lost and came back, that it was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alphapulse_lib.model.lost import came_back
from alphapulse_lib.views import numbers

if TYPE_CHECKING:
    from alphapulse_lib.results.conventions import Conventions

__all__ = ["AFTER", "LOST", "came_back", "low_high", "total_return", "unless_lost"]

LOST = "lost"
#: Where there is room to say what is left out.
AFTER = "what came after is nobody's"


def total_return(total: float | None, deepest: float | None) -> tuple[str, str]:
    """The total return with its tone, by it and the deepest drawdown.

    Examples
    --------
    >>> total_return(0.8, -0.4), total_return(0.8, -1.5), total_return(-1.2, -1.2)
    (('+80.00%', 'up'), ('lost', 'down'), ('−120.00%', 'down'))
    """
    return (LOST, "down") if came_back(total, deepest) else (numbers.percent(total), numbers.tone(total))


def low_high(filled: Conventions) -> tuple[str, str]:
    """The lowest and the highest total return under fill conventions."""
    worst, best = (each.statistics for each in (filled.worst, filled.best))
    low, _ = total_return(worst["total_return"], worst.get("max_drawdown"))
    high, _ = total_return(best["total_return"], best.get("max_drawdown"))
    return low, high


def unless_lost(value: float | None, total: float | None, deepest: float | None) -> float | None:
    """A figure that follows from the total return; none where that is nobody's."""
    return None if came_back(total, deepest) else value
