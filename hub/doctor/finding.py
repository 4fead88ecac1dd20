"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from alphapulse_lib.errors import AlphaPulseError

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    name : str
        What was looked at.
    state : {"ok", "warning", "wrong"}
        ``"warning"``: it works, and somebody should look.
    said : str
        What was found.
    mend : str
        The command, or the setting, that mends it; empty when nothing is to be mended.
    """

    name: str
    state: Literal["ok", "warning", "wrong"]
    said: str
    mend: str = ""

    @classmethod
    def of(cls, name: str, error: AlphaPulseError) -> Self:
        """What an error of ours says, its hint being how to mend it."""
        return cls(name, "wrong", error.message, error.hint)
