"""Whether a series holds prices as traded: as declared, and as a known split shows or does not show in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from alphapulse_lib.catalog import actions
from alphapulse_lib.errors import InputError
from alphapulse_lib.ingestion.records import DECLARED, adjusted_series
from alphapulse_lib.ingestion.split_steps import hides, usual

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alphapulse_lib.catalog.roots import Roots

__all__ = ["Marks", "unseen_splits"]


class Marks:
    """What the catalog holds that decides how a series is marked, read once an import."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self._marked = adjusted_series(roots.writable)
        self._splits: dict[str, dict[date, float]] = {}
        known = actions.read(roots)
        known = known.filter(pc.equal(known["kind"], "split"))
        for row in known.select(["instrument_id", "ex_date", "ratio"]).to_pylist():
            self._splits.setdefault(row["instrument_id"], {})[row["ex_date"]] = row["ratio"]

    def refuse_mixture(self, bar_type: str, *, adjusted: bool) -> None:
        """Refuse adjusted prices over prices as traded, and the reverse.

        Raises
        ------
        InputError
            The writable root holds the series, and of the other sort.
        """
        held = self._roots.series(bar_type)
        if held is None or held[1] != self._roots.writable:
            return
        before = self._marked.get(bar_type, "").startswith(DECLARED)
        if before != adjusted:
            sorts = ("adjusted", "as traded") if before else ("as traded", "adjusted")
            raise InputError(
                f"The catalog holds {bar_type} with prices {sorts[0]}, and these are declared {sorts[1]}.",
                "The two must not be mixed: revert the earlier import, or give these another symbol.",
            )

    def doubt(
        self,
        instrument_id: str,
        days: NDArray[np.datetime64],
        opens: NDArray[np.float64],
        close: NDArray[np.float64],
        recovered: Mapping[date, float],
    ) -> str:
        """Why prices declared as traded do not look so, in words; ``""`` where nothing speaks against them."""
        splits = {**self._splits.get(instrument_id, {}), **recovered}
        last, first = np.append(days[1:] != days[:-1], True), np.append(True, days[1:] != days[:-1])
        unseen = unseen_splits(days[last], opens[first], close[last], splits) if splits and len(days) else []
        return f"its price does not show the {unseen[0][1]:g}:1 split of {unseen[0][0]}" if unseen else ""


def unseen_splits(
    days: NDArray[np.datetime64],
    opens: NDArray[np.float64],
    close: NDArray[np.float64],
    splits: Mapping[date, float],
) -> list[tuple[date, float]]:
    """The known splits that the prices do not show; see `alphapulse_lib.ingestion.split_steps`.

    Parameters
    ----------
    days : numpy.ndarray of datetime64[D]
        The sessions, in order.
    opens, close : numpy.ndarray of float64
        The first open and the last close of each.
    splits : mapping of date to float
        Ex-dates and ratios, new shares for one old.

    Examples
    --------
    >>> days = np.array(["2000-06-20", "2000-06-21"], "M8[D]")
    >>> unseen_splits(days, np.array([3.5, 3.7]), np.array([3.6, 3.9]), {date(2000, 6, 21): 2.0})
    [(datetime.date(2000, 6, 21), 2.0)]
    """
    steps = np.log(opens[1:] / close[:-1])
    held = {day: int(np.searchsorted(days, np.datetime64(day, "D"))) for day in splits}
    others = np.delete(steps, [at - 1 for at in held.values() if 0 < at < len(days)])
    scale = usual(others)
    return [
        (day, ratio)
        for day, ratio in sorted(splits.items())
        if 0 < (at := held[day]) < len(days)
        and days[at] - days[at - 1] <= np.timedelta64(10, "D")
        and hides(float(steps[at - 1]), ratio, scale)
    ]
