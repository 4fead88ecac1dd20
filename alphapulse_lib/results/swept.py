"""What came of a sweep: its trials, side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphapulse_lib.model.run import RunRecord

__all__ = ["Swept", "Trial"]

type Parameters = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Trial:
    """One point of a sweep.

    Attributes
    ----------
    number : int
        Its place in the order of proposals.
    parameters : dict
        Those that the sweep varies.
    returns : array of float64
        One a session; empty where it did not finish.
    value : float
        Its objective, the more the better; ``nan`` where it has none.
    """

    number: int
    parameters: Parameters
    record: RunRecord
    returns: NDArray[np.floating[Any]]
    value: float


@dataclass(frozen=True, eq=False)
class Swept:
    """All trials of a window, in the order in which they were proposed.

    Attributes
    ----------
    ts : array of int64, shape (T,)
        The sessions' ends, nanoseconds since 1970, UTC.
    warnings : tuple of str
        What preflight let pass.
    risk_free : array of float64, shape (T,)
        What the cash alone would have earned in each session (`alphapulse_lib.results.performance.risk_free`).
    """

    trials: tuple[Trial, ...]
    ts: NDArray[np.int64]
    warnings: tuple[str, ...]
    risk_free: NDArray[np.floating[Any]]

    @property
    def best(self) -> Trial | None:
        """That of the highest objective, the first one of equals; ``None`` where none has one."""
        ranked = [each for each in self.trials if math.isfinite(each.value)]
        return max(ranked, key=lambda each: each.value) if ranked else None
