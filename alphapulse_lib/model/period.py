"""A bar's period: ``"1m"``, ``"15m"``, ``"1h"``, ``"1d"``, ``"1w"``, ``"1mo"``, and NautilusTrader's name for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from alphapulse_lib.errors import UnknownPeriod

__all__ = ["Period"]

_UNITS = {
    "s": ("SECOND", 1),
    "m": ("MINUTE", 60),
    "h": ("HOUR", 3600),
    "d": ("DAY", 86_400),
    "w": ("WEEK", 604_800),
    "mo": ("MONTH", 31 * 86_400),
}
_WORDS = {word: unit for unit, (word, _) in _UNITS.items()}


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A count of seconds (``s``), minutes (``m``), hours (``h``), days (``d``), weeks (``w``) or months (``mo``).

    Examples
    --------
    >>> Period.parse("15m").bar_type("SPY.ARCX")
    'SPY.ARCX-15-MINUTE-LAST-EXTERNAL'
    """

    count: int
    unit: str

    @classmethod
    def parse(cls, text: str | Period) -> Period:
        """Read ``"1d"``; pandas' ``"1min"``, ``"1D"`` and Nautilus's ``"1-DAY"`` are understood too.

        Raises
        ------
        UnknownPeriod
            The text is none of these.
        """
        if isinstance(text, Period):
            return text
        found = re.fullmatch(r"\s*(\d*)[\s-]*([a-zA-Z]+)\s*", str(text))
        unit = found and _unit_of(found[2])
        if not found or not unit or found[1] == "0":
            raise UnknownPeriod(
                f"Unknown period {text!r}.",
                "A period is a number and s, m, h, d, w or mo, such as '1m', '15m', '1h', '1d' or '1mo'.",
            )
        return cls(int(found[1] or 1), unit)

    @classmethod
    def of_bar_type(cls, bar_type: str) -> Period:
        """The period inside ``"AAPL.XNAS-1-DAY-LAST-EXTERNAL"``."""
        _, count, word, _, _ = bar_type.rsplit("-", 4)
        return cls(int(count), _WORDS[word])

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"

    @property
    def nanoseconds(self) -> int:
        """Its length on the clock, at most: a day's is 24 hours whatever its session, a month's 31 days."""
        return self.count * _UNITS[self.unit][1] * 1_000_000_000

    @property
    def is_session(self) -> bool:
        """Whether its bars are made of whole sessions (days, weeks, months) and close with them."""
        return self.unit in ("d", "w", "mo")

    def bar_type(self, instrument_id: str) -> str:
        """NautilusTrader's name of an instrument's bars of this period, made outside of it from last prices."""
        return f"{instrument_id}-{self.count}-{_UNITS[self.unit][0]}-LAST-EXTERNAL"


def _unit_of(word: str) -> str:
    if word in _UNITS:
        return word
    lowered = word.lower()
    for unit, (name, _) in _UNITS.items():
        if lowered in (name.lower(), f"{name.lower()}s", {"m": "min", "s": "sec", "h": "hr"}.get(unit, unit)):
            return unit
    return ""
