"""What a strategy takes before it can decide."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DECLARED", "WarmUp"]

#: What of a strategy's configuration tells it.
DECLARED = "warmup_bars"


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What takes how many bars.

    Attributes
    ----------
    who : str
        An indicator's class, or the strategy's.
    bars : int
        How many.
    of : str
        Of which series; empty for any that the run has.
    """

    who: str
    bars: int
    of: str = ""

    @property
    def text(self) -> str:
        """In words."""
        if self.of:
            return f"The strategy's {self.who} takes {self.bars:,} bars of {self.of}"
        return f"{self.who} takes {self.bars:,} bars before it can decide, by its configuration's {DECLARED}"
