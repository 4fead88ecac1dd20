"""The sessions of a venue: when it opens and closes on each day it trades."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from alphapulse_lib.catalog import sessions as calendars
from alphapulse_lib.catalog.sessions import close_of, open_of
from alphapulse_lib.errors import ReversedWindow

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["close_of", "open_of", "sessions"]


def sessions(venue: str, first: date | str | None = None, last: date | str | None = None) -> pd.DataFrame:
    """The sessions of a venue between two days, both included.

    Parameters
    ----------
    venue : str
        Such as ``"XNYS"``; see `alphapulse_lib.model.instrument.VENUES`.
    first, last : date or str, optional
        From 1970, and to the end of next year, unless told.

    Returns
    -------
    pandas.DataFrame
        ``session`` (the date it is named by), ``open``, ``close`` (UTC), one row a session, in order.

    Raises
    ------
    InputError
        The venue is not known.
    ReversedWindow
        The first day lies after the last.

    Examples
    --------
    >>> sessions("XNYS", "2013-07-03", "2013-07-05")["close"].dt.hour.tolist()  # half a day, and a holiday left out
    [17, 20]
    """
    import pandas as pd

    known = calendars.sessions(venue)
    start = np.datetime64(first, "D") if first else known.days[0]
    end = np.datetime64(last, "D") if last else known.days[-1]
    if start > end:
        raise ReversedWindow(f"The window is reversed: {first} lies after {last}.", "Swap them.")
    chosen = known[np.searchsorted(known.days, start) : np.searchsorted(known.days, end, side="right")]
    return pd.DataFrame(
        {
            "session": chosen.days.astype("datetime64[s]"),
            "open": pd.to_datetime(chosen.opens, utc=True),
            "close": pd.to_datetime(chosen.closes, utc=True),
        }
    )
