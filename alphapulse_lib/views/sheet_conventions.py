"""What a tearsheet says of the same spec under other fill conventions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alphapulse_lib.model.run import FILLED
from alphapulse_lib.views import headline

if TYPE_CHECKING:
    from alphapulse_lib.results.conventions import Conventions
    from alphapulse_lib.results.run import Run

__all__ = ["by_convention", "spread"]

#: What runs a run's spec under every fill convention.
_SPREAD_COMMAND = "ap.convention_spread('{}')"


def by_convention(run: Run, filled: Conventions) -> tuple[str, str, str]:
    """The range that the fill convention alone makes of the total return."""
    if len(filled.records) < 2:
        return ("other fills: not run", "", f"{_SPREAD_COMMAND.format(run.id[:8])} runs every fill convention")
    low, high = headline.low_high(filled)
    return (f"by fills {low} to {high}", "down" if filled.why_wide else "", _each(filled))


def _each(filled: Conventions) -> str:
    """The total return under each convention that was run."""
    told = ((fill, each.statistics) for fill, each in filled.records.items())
    return "; ".join(
        f"{FILLED[fill]} {headline.total_return(stats['total_return'], stats.get('max_drawdown'))[0]}"
        for fill, stats in told
    )


def spread(run: Run, filled: Conventions) -> dict[str, Any]:
    """The convention spread: what leads the page where it is wide, and what stands among the honest numbers.

    Returns
    -------
    dict
        ``lead`` and ``detail``, both empty where it is not wide; ``told`` (value, what is said under the pointer).
    """
    if len(filled.records) < 2:
        command = _SPREAD_COMMAND.format(run.id[:8])
        never = "Nobody ran this spec on these rows under another fill convention: this does, and counts for no trial"
        return {"lead": "", "detail": "", "told": (f"not probed: {command}", never)}
    low, high = headline.low_high(filled)
    lead, detail = "", ""
    if filled.why_wide:
        lead = f"The fill convention decides: {low} to {high}."
        worst, best = (f"{FILLED[each.spec.fill]} (run {each.id[:8]})" for each in (filled.worst, filled.best))
        detail = f"The same decisions on the same rows, filled {worst} and {best}: {filled.why_wide}."
    return {"lead": lead, "detail": detail, "told": (f"{low} to {high}", _each(filled))}
