"""Whether a run's prices are as traded, which following splits needs; and what it is not to follow those that show."""

from __future__ import annotations

import numpy as np

from alphapulse_lib.engine.preflight import about, day_of
from alphapulse_lib.engine.rows import Rows
from alphapulse_lib.errors import AdjustedAsRaw
from alphapulse_lib.ingestion.split_steps import hides, may_hide, usual
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period

__all__ = ["is_as_traded", "unfollowed"]

_DAY = 86_400 * 10**9
#: A price from longer ago than this, and a bar's own length, tells nothing of a day.
_STALE = 10 * _DAY

#: The first moment of an ex-date, and new shares for one old.
type Split = tuple[int, float]


class _Steps:
    """A series' steps from one session to the next, and those over its splits."""

    def __init__(self, rows: Rows, period: Period, splits: list[Split], zone: str) -> None:
        self._ts, self._before, self._zone = rows.ts, rows.closes, zone
        # The open of a week's bar may well lie before the ex-date within that week: of such only closes tell.
        whole = period.is_session and period != Period(1, "d")
        self._after = self._before if whole else rows.floats("open")
        self._longest = _STALE + (period.nanoseconds if whole else 0)
        self._over = [(split, int(np.searchsorted(self._ts, split[0]))) for split in splits]
        moment = splits[0][0] if splits else 0
        days = (self._ts - moment) // _DAY  # the days of the venue, but for an hour where clocks were changed
        firsts = np.flatnonzero(np.append(False, days[1:] != days[:-1]))
        firsts = firsts[~np.isin(firsts, [at for _, at in self._over])]
        self._scale = usual(np.log(self._after[firsts] / self._before[firsts - 1]))

    def hidden(self) -> list[str]:
        """The splits that do not show, in words."""
        return [
            f"the {factor:g}:1 split of {day_of(moment, self._zone)} does not show: "
            f"{self._before[at - 1]:g} before it, {self._after[at]:g} after"
            for (moment, factor), at in self._over
            if self._tells(at) and hides(self._step(at), factor, self._scale)
        ]

    def doubtful(self) -> list[str]:
        """The splits that may not show, in words."""
        return [
            f"{factor:g}:1 of {day_of(moment, self._zone)}, "
            f"{self._before[at - 1]:g} before it and {self._after[at]:g} after"
            for (moment, factor), at in self._over
            if self._tells(at) and may_hide(self._step(at), factor, self._scale)
        ]

    def showing(self) -> list[Split]:
        """The splits between two bars that are not likely to have been taken out of the prices."""
        return [
            split
            for split, at in self._over
            if 0 < at < len(self._ts) and not (self._tells(at) and may_hide(self._step(at), split[1], self._scale))
        ]

    def _tells(self, at: int) -> bool:
        return 0 < at < len(self._ts) and self._ts[at] - self._ts[at - 1] <= self._longest

    def _step(self, at: int) -> float:
        return float(np.log(self._after[at] / self._before[at - 1]))


def is_as_traded(rows: Rows, splits: list[Split], instrument: Instrument, period: Period, mark: str) -> str:
    """Refuse to apply splits to prices that are adjusted already.

    Parameters
    ----------
    splits : list of (int, float)
        The first moment of each ex-date, and new shares for one old.
    mark : str
        Why the series is known or doubted to be adjusted; empty for prices as traded.

    Returns
    -------
    str
        What is in doubt, for the log: splits that rather do not show, where the usual move of the price leaves it open.

    Raises
    ------
    AdjustedAsRaw
        Its import says so, or a split does not show in its prices.
    """
    steps = None if mark or not splits else _Steps(rows, period, splits, instrument.venue.timezone)
    if why := mark or (next(iter(steps.hidden()), "") if steps else ""):
        raise AdjustedAsRaw(
            f"The prices of {instrument.symbol} are not as traded: {why}.",
            "Run with adjust='none' to take them as they are, or import prices as traded.",
            about(instrument, period, rows.ts),
        )
    doubts = steps.doubtful() if steps else []
    told = f"The prices of {instrument.symbol} may be adjusted for a split that is followed: {_some(doubts)}."
    return told if doubts else ""


def unfollowed(rows: Rows, splits: list[Split], instrument: Instrument, period: Period, mark: str) -> str:
    """What a run that takes prices as they are stored makes of splits that show in them, for the log.

    Parameters
    ----------
    splits, mark
        As in `is_as_traded`.

    Returns
    -------
    str
        Empty where no split lies between two bars, or the prices are adjusted.
    """
    zone = instrument.venue.timezone
    if mark or not splits or not (shown := _Steps(rows, period, splits, zone).showing()):
        return ""
    named = _some([f"{factor:g}:1 of {day_of(moment, zone)}" for moment, factor in shown])
    factor = shown[0][1]
    loss, gain = f"a loss of {1 - 1 / factor:.0%}", f"a gain of {1 / factor - 1:.0%}"
    return (
        f"{instrument.symbol} splits while it is run, {named}, and adjust='none' follows no split: what is held over "
        f"the first shows {loss if factor > 1 else gain} that nobody has. adjust='splits' follows them."
    )


def _some(words: list[str]) -> str:
    more = f" and {len(words) - 5} more" if len(words) > 5 else ""
    return f"{', '.join(words[:5])}{more}"
