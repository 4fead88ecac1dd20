"""The exchanges' calendars: when each session opens and closes. Sessions are dates, times are nanoseconds of UTC."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from alphapulse_lib import clock
from alphapulse_lib.errors import InputError
from alphapulse_lib.model.instrument import venue as venue_of
from alphapulse_lib.model.period import Period

__all__ = ["Sessions", "close_of", "open_of", "sessions"]

#: Calendars whose rules begin later than 1970.
_FIRST = {"XTKS": "1997-01-01"}
_MONDAY = 3  # 1970-01-01 was a Thursday


@dataclass(frozen=True, slots=True, eq=False)
class Sessions:
    """The sessions of a calendar, in order.

    Attributes
    ----------
    days : array of datetime64[D]
        The date each session is named by.
    opens, closes : array of int64
        Nanoseconds since 1970, UTC.
    """

    days: NDArray[np.datetime64]
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.days)

    def __getitem__(self, chosen: slice | NDArray[np.bool_] | NDArray[np.int64]) -> Sessions:
        return Sessions(self.days[chosen], self.opens[chosen], self.closes[chosen])

    def closing_between(self, first: int, last: int) -> Sessions:
        """The sessions whose close lies in a window of nanoseconds, both ends included."""
        return self[np.searchsorted(self.closes, first) : np.searchsorted(self.closes, last, side="right")]

    def within(self, closes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether what closes at a moment lies in a session's hours: after its open, and up to its close."""
        place = np.minimum(np.searchsorted(self.closes, closes), len(self) - 1)
        return (closes > self.opens[place]) & (closes <= self.closes[place])

    def last_of(self, period: Period) -> NDArray[np.int64]:
        """The place of the last session of the days, weeks or months that each session belongs to.

        Several are counted from 1970 on: sessions from the calendar's first, weeks by their Mondays, months by the
        calendar, so that three are its quarters.
        """
        numbered = self.days.astype(np.int64)
        if period.unit == "d":
            group = np.arange(len(numbered)) // period.count
        elif period.unit == "w":
            group = (numbered + _MONDAY) // 7 // period.count
        else:
            group = self.days.astype("datetime64[M]").astype(np.int64) // period.count
        return np.searchsorted(group, group, side="right") - 1

    def opened(self, closes: NDArray[np.int64], period: Period) -> NDArray[np.int64]:
        """The open of the first session of the bars of days, weeks or months that close at these moments."""
        last = self.last_of(period)
        place = last[np.minimum(np.searchsorted(self.closes, closes), len(self) - 1)]
        return self.opens[np.searchsorted(last, place)]


def sessions(venue: str) -> Sessions:
    """All sessions of a venue, from 1970 (or from the calendar's first year) to the end of next year.

    Raises
    ------
    InputError
        The venue is not known.
    """
    return _of_calendar(venue_of(venue).calendar, clock.now().year + 1)


def close_of(venue: str, days: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """The close of each session, nanoseconds since 1970, UTC; -1 for a day that is no session.

    Examples
    --------
    >>> int(close_of("XNYS", np.array(["2013-07-03"], "M8[D]"))[0])  # half a day: 13:00 in New York
    1372870800000000000
    """
    return _at(venue, days, "closes")


def open_of(venue: str, days: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """The open of each session, nanoseconds since 1970, UTC; -1 for a day that is no session."""
    return _at(venue, days, "opens")


def _at(venue: str, days: NDArray[np.datetime64], which: str) -> NDArray[np.int64]:
    known = sessions(venue)
    # As numbers: dates are searched several times as slowly.
    asked, held = np.asarray(days).astype("datetime64[D]").astype(np.int64), known.days.astype(np.int64)
    place = np.minimum(np.searchsorted(held, asked), len(known) - 1)
    found: NDArray[np.int64] = np.where(held[place] == asked, getattr(known, which)[place], -1)
    return found


@lru_cache(maxsize=16)
def _of_calendar(name: str, until: int) -> Sessions:
    """A calendar, from the home folder's cache where it was computed before: computing one takes a second."""
    from alphapulse_lib.settings import settings  # a run's process is told its sessions, and needs no settings

    made_by = version("exchange_calendars")
    kept = settings().home_root / "cache" / f"sessions-{name.replace('/', '-')}-{until}-{made_by}.npz"
    with (
        contextlib.suppress(OSError, EOFError, ValueError, KeyError, BadZipFile),
        np.load(kept, allow_pickle=False) as columns,
    ):
        return Sessions(columns["days"], columns["opens"], columns["closes"])
    computed = _computed(name, until)
    with contextlib.suppress(OSError):  # a folder that cannot be written only costs time
        kept.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=kept.parent, prefix="making-") as folder:
            made = Path(folder, kept.name)
            np.savez(made, days=computed.days, opens=computed.opens, closes=computed.closes)
            made.replace(kept)
    return computed


def _computed(name: str, until: int) -> Sessions:
    import exchange_calendars
    from exchange_calendars.errors import CalendarError

    try:
        calendar = exchange_calendars.get_calendar(name, start=_FIRST.get(name, "1970-01-01"), end=f"{until}-12-31")
    except CalendarError as refused:
        raise InputError(f"The calendar {name} cannot be used: {refused}") from None
    schedule = calendar.schedule
    return Sessions(
        schedule.index.to_numpy().astype("datetime64[D]"),
        *(
            schedule[name].dt.tz_localize(None).to_numpy("datetime64[ns]").astype(np.int64)
            for name in ("open", "close")
        ),
    )
