"""Walking forward: which sessions parameters are chosen on, which ones they are then tried on, and what that gave.

Sources
-------
Pardo, R. (2008), *The Evaluation and Optimization of Trading Strategies*, 2nd ed.: rolling and anchored walk-forward,
and its efficiency. López de Prado, M. (2018), *Advances in Financial Machine Learning*, chapter 7: purged k-fold
cross-validation with an embargo.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphapulse_lib.errors import InputError
from alphapulse_lib.results.swept import Trial

__all__ = ["SCHEMES", "Fold", "Walked", "folds_of", "joined", "stability", "window_of"]

SCHEMES = ("rolling", "anchored", "kfold")

#: From the first session to before the second, counted from zero.
type Sessions = tuple[int, int]
type Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Fold:
    """Sessions to choose on, in one or two stretches, and sessions to try what was chosen on."""

    number: int
    train: tuple[Sessions, ...]
    test: Sessions


@dataclass(frozen=True, eq=False)
class Walked:
    """A fold that was walked.

    Attributes
    ----------
    parameters : dict
        Those chosen on the train window; empty where no trial of it had an objective: then nothing was traded.
    inside : float
        Their objective there.
    inside_growth : float
        Their compound growth a year there.
    trial : Trial, optional
        The run on the test window.
    outside : float
        Its objective, on the sessions of the test window alone.
    returns, free : array of float64
        Of the sessions of the test window, and what the cash alone would have earned in each.
    warm : bool
        Whether the run began before it.
    failed : bool
        Whether no trial of the train window finished.
    """

    fold: Fold
    parameters: dict[str, Any]
    inside: float
    inside_growth: float
    trial: Trial | None
    outside: float
    returns: Floats
    free: Floats
    warm: bool = False
    failed: bool = False


def folds_of(
    scheme: str, sessions: int, *, train: int, test: int, folds: int, purge: int = 0, embargo: int = 0
) -> list[Fold]:
    """The folds, in the order of their tests.

    Parameters
    ----------
    scheme : {"rolling", "anchored", "kfold"}
        Train on the sessions just before a test, on all before it, or on all others.
    sessions : int
        How many there are.
    train, test : int
        Sessions of a train window (the fewest of one, where it is anchored) and of a test window; not of k folds.
    folds : int
        How many parts a k-fold has.
    purge : int
        Sessions left out between train and test, on each side.
    embargo : int
        Of a k-fold, further sessions left out after a test.

    Raises
    ------
    InputError
        There are too few sessions for one fold.

    Examples
    --------
    >>> [(each.train, each.test) for each in folds_of("rolling", 10, train=4, test=3, folds=0)]
    [(((0, 4),), (4, 7)), (((3, 7),), (7, 10))]
    """
    if scheme == "kfold":
        return _parts(sessions, folds, purge, embargo)
    # The newest sessions are all tried; what does not fill a window is at the beginning: an anchored one trains on it.
    count = (sessions - train - purge) // test
    if count < 1:
        raise InputError(
            f"There are {sessions} sessions; a fold takes {train} + {purge} + {test}.",
            "Take shorter train and test windows, or more data.",
        )
    found = []
    for number in range(count):
        first = sessions - (count - number) * test
        end = first - purge
        start = end - train if scheme == "rolling" else 0
        found.append(Fold(number, ((start, end),), (first, first + test)))
    return found


def window_of(ends: NDArray[np.int64], sessions: Sessions, start: int) -> tuple[int, int]:
    """The moments of a stretch of sessions, both included.

    Parameters
    ----------
    ends : array of int64
        The last bar's close of every session, nanoseconds since 1970, UTC, rising.
    start : int
        Where the first session begins.
    """
    first, stop = sessions
    return (int(ends[first - 1]) + 1 if first else start, int(ends[stop - 1]))


def joined(
    stretches: Sequence[Sequence[Trial]], value: Callable[[NDArray[np.floating[Any]]], float]
) -> list[tuple[dict[str, Any], float]]:
    """The parameters that finished on every stretch, and how good their returns together are.

    Parameters
    ----------
    stretches : sequence of sequences of Trial
        The same proposals, in the same order, on each stretch.
    value : callable
        Of returns.
    """
    found = []
    for same in zip(*stretches, strict=True):
        parts = [each.returns for each in same]
        good = all(each.record.status == "finished" for each in same)
        found.append((same[0].parameters, value(np.concatenate(parts)) if good else math.nan))
    return found


def stability(chosen: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each parameter how much it changed from fold to fold.

    Returns
    -------
    list of dict
        ``parameter``, ``values`` (how many different ones), ``usual`` (the one chosen most often), ``share`` (of the
        folds that chose it), ``mean`` and ``deviation`` (of numbers, the sample's).
    """
    rows = []
    for name in chosen[0] if chosen else ():
        values = [each[name] for each in chosen]
        usual, times = Counter(map(repr, values)).most_common(1)[0]
        numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in values)
        rows.append(
            {
                "parameter": name,
                "values": len(set(map(repr, values))),
                "usual": next(each for each in values if repr(each) == usual),
                "share": times / len(values),
                "mean": float(np.mean(values)) if numbers else math.nan,
                "deviation": float(np.std(values, ddof=1)) if numbers and len(values) > 1 else math.nan,
            }
        )
    return rows


def _parts(sessions: int, folds: int, purge: int, embargo: int) -> list[Fold]:
    if folds < 2 or sessions < 2 * folds:
        raise InputError(f"{sessions} sessions cannot be cut into {folds} parts.", "Two or more, of two sessions each.")
    edges = [sessions * number // folds for number in range(folds + 1)]
    found = []
    for number, (first, stop) in enumerate(itertools.pairwise(edges)):
        stretches = ((0, first - purge), (stop + purge + embargo, sessions))
        train = tuple(each for each in stretches if each[1] - each[0] >= 2)
        if not train:
            raise InputError(
                f"purge={purge} and embargo={embargo} leave nothing to train on beside part {number}.",
                "Take less of them, or fewer folds.",
            )
        found.append(Fold(number, train, (first, stop)))
    return found
