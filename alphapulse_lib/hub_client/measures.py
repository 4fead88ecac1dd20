"""``/v1/measures``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from alphapulse_lib.hub_client.transport import Transport

__all__ = ["Budget", "Measured", "Measures", "Series"]


@dataclass(frozen=True, slots=True)
class Budget:
    """What is used of a vendor's budget of calls, by all workers together.

    Attributes
    ----------
    made, allowed : int
        Calls of its running window, and how many that allows; a window is a minute unless the vendor says otherwise.
    """

    provider: str
    made: int
    allowed: int


@dataclass(frozen=True, slots=True)
class Series:
    """The bars of one period in the team's catalog.

    Attributes
    ----------
    series : int
        How many there are.
    gaps : int
        Stretches that are missing between a series' first bar and its last, over all of them.
    missing_sessions : int
        Sessions of which a series has no bar at all, over all of them.
    newest_at : datetime
        The newest bar of any, in UTC.
    """

    period: str
    series: int
    gaps: int
    missing_sessions: int
    newest_at: datetime


@dataclass(frozen=True, slots=True)
class Measured:
    """What the workers measured.

    Attributes
    ----------
    workers : int
        Those that gave a sign of life of late.
    budgets : tuple of Budget
        Of the vendors that were asked since those workers started.
    catalog : tuple of Series
        By period; empty before it was first counted.
    counted_at : datetime or None
        When one of them last counted the catalog, in UTC.
    """

    workers: int
    budgets: tuple[Budget, ...]
    catalog: tuple[Series, ...]
    counted_at: datetime | None


class Measures:
    """What the hub's workers measure; for administrators."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def now(self) -> Measured:
        """What they measured last."""
        return self._transport.ask(Measured, "GET", "/v1/measures")
