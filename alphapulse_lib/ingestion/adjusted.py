"""Whether prices that are declared as traded look adjusted: a known split that left no trace in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["unseen_splits"]

#: Ratios nearer to one than this move the price no more than a lively day does.
_TELLING = 1.4


def unseen_splits(
    days: NDArray[np.datetime64], close: NDArray[np.float64], splits: Mapping[date, float]
) -> list[tuple[date, float]]:
    """The known splits that the closes do not show.

    Parameters
    ----------
    days : numpy.ndarray of datetime64[D]
        The sessions, in order.
    close : numpy.ndarray of float64
        The last close of each.
    splits : mapping of date to float
        Ex-dates and ratios, new shares for one old.

    Returns
    -------
    list of (date, float)
        Those where the close lies nearer to the one before than to that one divided by the ratio.

    Examples
    --------
    >>> days = np.array(["2000-06-20", "2000-06-21"], "M8[D]")
    >>> unseen_splits(days, np.array([3.6, 3.9]), {date(2000, 6, 21): 2.0})
    [(datetime.date(2000, 6, 21), 2.0)]
    """
    unseen = []
    for day, ratio in sorted(splits.items()):
        at = int(np.searchsorted(days, np.datetime64(day, "D")))
        if not 0 < at < len(days) or max(ratio, 1 / ratio) < _TELLING:
            continue
        if days[at] - days[at - 1] > np.timedelta64(10, "D"):
            continue
        move = float(np.log(close[at] / close[at - 1]))
        if abs(move) < abs(move + float(np.log(ratio))):
            unseen.append((day, ratio))
    return unseen
