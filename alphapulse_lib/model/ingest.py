"""What somebody asked a vendor for through the hub, and how far its worker is with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["ENDED", "Fault", "Ingest"]

#: The states in which a request stays.
ENDED = ("finished", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a request failed.

    Attributes
    ----------
    kind : str
        The name of an error of `alphapulse_lib.errors`.
    message, hint : str
        What happened, and what to do.
    """

    kind: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Ingest:
    """One request. Times are in UTC.

    Attributes
    ----------
    provider, dataset : str
        The vendor; the declared dataset's name where one was asked for, else empty.
    symbols : tuple of str
        Its tickers, the first of them; ``symbol_count`` says how many there are.
    state : str
        ``"waiting"``, ``"running"``, or one of `ENDED`.
    position : int or None
        How many fetches of this vendor come before it: 0 is under way. None when it is over.
    shared : int
        How many people wait for the very same.
    calls, calls_done : int
        How often the vendor is to be asked, and was; reckoned from above. 0 until it begins.
    parts, parts_done : int
        Each part is asked for, written whole and noted before the next one.
    rows : int
        Written so far.
    seconds_left : float or None
        Until it ends, by the vendor's budget of calls and the pace so far.
    imports : tuple of str
        Ids of the imports that it became in the team's catalog: one for each turn that it had.
    firing : str or None
        The firing of a schedule that asked for it.
    """

    id: str
    owner: str
    provider: str
    dataset: str
    symbols: tuple[str, ...]
    symbol_count: int
    period: str
    start: str | None
    end: str | None
    feed: str | None
    venue: str
    kind: str
    state: str
    position: int | None
    shared: int
    calls: int
    calls_done: int
    parts: int
    parts_done: int
    rows: int
    seconds_left: float | None
    imports: tuple[str, ...]
    error: Fault | None
    firing: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.state in ENDED

    @property
    def what(self) -> str:
        """What is asked for, in a few words."""
        if self.dataset:
            return self.dataset
        more = self.symbol_count - 3
        named = ", ".join(self.symbols[:3]) + (f" and {more} more" if more > 0 else "")
        if self.kind == "publication":
            return f"publication of {named} {self.period}"
        if self.kind == "reversal":
            return f"reversal of {named}"
        until = f" to {self.end}" if self.end else ""
        return f"{self.provider}: {named} {self.period if self.kind == 'bars' else self.kind} from {self.start}{until}"
