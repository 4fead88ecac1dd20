"""When a bar is full that is counted rather than timed: ``"100-TICK"``, ``"1000-VOLUME"``, ``"1000000-VALUE"``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from alphapulse_lib.errors import UnknownPeriod

__all__ = ["MEASURES", "Threshold"]

#: NautilusTrader's words: trades, units traded, and money (price times size).
MEASURES = ("TICK", "VOLUME", "VALUE")
#: What people write for them. ``T`` meant minutes to pandas.
_OTHER_WORDS = {
    **dict.fromkeys(("T", "TICKS", "TRADE", "TRADES"), "TICK"),
    **dict.fromkeys(("V", "VOL", "SHARES"), "VOLUME"),
    **dict.fromkeys(("DOLLAR", "DOLLARS", "NOTIONAL"), "VALUE"),
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number of trades (``TICK``), of units traded (``VOLUME``) or of money (``VALUE``, price times size).

    Examples
    --------
    >>> str(Threshold.parse("1000-volume"))
    '1000-VOLUME'
    """

    step: int
    measure: str

    @classmethod
    def parse(cls, text: Any) -> Threshold | None:
        """Read NautilusTrader's ``"100-TICK"``; ``None`` where the text is about something else than a measure.

        Raises
        ------
        UnknownPeriod
            The measure has no number before it, or zero; or it is another word for one.
        """
        if isinstance(text, Threshold):
            return text
        found = re.fullmatch(r"\s*(\d*)[\s-]*([a-zA-Z]+)\s*", str(text))
        if found and (meant := _OTHER_WORDS.get(found[2].upper())):
            minutes = f"; for minutes '{found[1] or 1}m'" if found[2].upper() == "T" else ""
            raise UnknownPeriod(
                f"Unknown period {text!r}.",
                f"Say '{found[1] or 1000}-{meant}' (NautilusTrader's words) for bars that are counted{minutes}.",
            )
        if not found or found[2].upper() not in MEASURES:
            return None
        if not int(found[1] or 0):
            raise UnknownPeriod(
                f"Unknown period {text!r}.",
                f"Say how many, such as '1000-{found[2].upper()}' (NautilusTrader's words).",
            )
        return cls(int(found[1]), found[2].upper())

    def __str__(self) -> str:
        return f"{self.step}-{self.measure}"
