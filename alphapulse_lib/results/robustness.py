"""Whether the best trial of a sweep stands on a plateau or on a spike: what its neighbours came to.

A set of parameters that is good by luck is seldom good one step beside it. The measure is the median objective of the
best trial's neighbours over its own: 1 on a flat top, near 0 or below on a spike. Of an objective below zero (a loss,
or one with a minus before it) it is the other way round, so that 1 is flat, too.

What is beside a number is known. Text, true and false, and None have no order: no such value is nearer to one than to
another, and what is good of one kind need not be good of the next. So these are held fixed, and the neighbours are
those beside the best trial's numbers. Where no number varies, they are the trials that differ from the best in one
parameter alone, whatever that is in them: those at a Hamming distance of one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from alphapulse_lib.results.swept import Trial

__all__ = ["PLATEAU", "SPIKE", "Robustness", "axes", "robustness"]

#: From here on the neighbourhood counts as a plateau; below the second as a spike.
PLATEAU, SPIKE = 0.75, 0.5
#: Neighbours of a drawn point, whose space has no steps.
_NEAREST = 8

type Verdict = Literal["plateau", "slope", "spike", "unknown"]


@dataclass(frozen=True, slots=True, repr=False)
class Robustness:
    """How the neighbours of the best trial fared.

    Attributes
    ----------
    measure : float
        The median of the neighbours' objectives over the best one, of objectives below zero the best one over it;
        ``nan`` where the best is zero, or has no neighbour that finished.
    verdict : {"plateau", "slope", "spike", "unknown"}
        From 0.75 on a plateau, below 0.5 a spike.
    neighbours : tuple of Trial
        Those with the same text, truth values and None as the best: of a grid the ones at most one step away in each
        number, of draws the eight nearest. Where no number varies, those that differ in one parameter alone.
    """

    measure: float
    verdict: Verdict
    neighbours: tuple[Trial, ...]

    def __repr__(self) -> str:
        told = "" if math.isnan(self.measure) else f", measure {self.measure:.2f}"
        return f"<Robustness {self.verdict}: {len(self.neighbours)} neighbours{told}>"


def robustness(trials: Sequence[Trial], best: Trial, *, drawn: bool = False) -> Robustness:
    """The neighbourhood of the best trial.

    Parameters
    ----------
    trials : sequence of Trial
        All of the sweep.
    best : Trial
        One of them.
    drawn : bool
        Whether they were drawn. Of one parameter alone draws look as a grid does.

    Examples
    --------
    >>> robustness(swept.trials, swept.best).verdict  # doctest: +SKIP
    'plateau'
    """
    tried = axes(trials)
    varied = [name for name, values in tried.items() if len(values) > 1]
    counted = [name for name in varied if _is_number(best.parameters[name])]
    others = [each for each in trials if each is not best]
    if counted:
        is_grid = not drawn and math.prod(map(len, tried.values())) == len(trials)
        near = _beside(best, others, {name: tried[name] for name in counted}, varied, is_grid=is_grid)
    else:
        near = [each for each in others if len(_apart(each, best, varied)) == 1]
    values = [each.value for each in near if math.isfinite(each.value)]
    if not values or best.value == 0:
        return Robustness(math.nan, "unknown", tuple(near))
    middle = median(values)
    measure = middle / best.value if best.value > 0 else best.value / middle
    verdict: Verdict = "plateau" if measure >= PLATEAU else "slope" if measure >= SPIKE else "spike"
    return Robustness(measure, verdict, tuple(near))


def axes(trials: Sequence[Trial]) -> dict[str, list[Any]]:
    """Of each parameter the values that were tried: numbers as they rise, all else after them as they came."""
    found: dict[str, list[Any]] = {}
    for name in trials[0].parameters if trials else ():
        values = list({_key(each.parameters[name]): each.parameters[name] for each in trials}.values())
        # Those without an order stand behind.
        found[name] = sorted(filter(_is_number, values)) + [each for each in values if not _is_number(each)]
    return found


def _beside(
    best: Trial, others: Sequence[Trial], tried: dict[str, list[Any]], varied: list[str], *, is_grid: bool
) -> list[Trial]:
    """Those that are near in their numbers and the same in all else, the nearest first."""
    places = {
        name: {_key(value): place for place, value in enumerate(filter(_is_number, values))}
        for name, values in tried.items()
    }
    found = [
        (_distance(each, best, places, steps=is_grid), each)
        for each in others
        if all(name in places and _is_number(each.parameters[name]) for name in _apart(each, best, varied))
    ]
    found.sort(key=lambda pair: (pair[0], pair[1].number))
    return [each for far, each in found if far <= 1] if is_grid else [each for _, each in found[:_NEAREST]]


def _apart(one: Trial, other: Trial, names: Sequence[str]) -> list[str]:
    """The parameters in which two trials differ."""
    return [name for name in names if _key(one.parameters[name]) != _key(other.parameters[name])]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _distance(one: Trial, other: Trial, places: dict[str, dict[str, int]], *, steps: bool) -> float:
    """The largest distance in any number: in steps, or as a share of all that were tried."""
    gaps = [
        abs(known[_key(one.parameters[name])] - known[_key(other.parameters[name])]) / (1 if steps else len(known))
        for name, known in places.items()
    ]
    return max(gaps, default=0.0)


def _key(value: Any) -> str:
    return repr(value)
