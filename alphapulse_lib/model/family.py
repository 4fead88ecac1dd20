"""Which trials belong together when over-fitting is counted.

A FAMILY is one idea, whatever it was tried on: strategies that declare the same name (``family = "..."`` in the class),
else those whose sources are alike (`alphapulse_lib.model.likeness`), else, where there is too little source to compare,
those of one class name. So it survives renaming the class and its parameters, editing the code, and other instruments
and periods. A strategy joins the family of the earlier one that is most like it; what is like none founds its own.
Trials are the distinct specs among the runs whose purpose is a trial, whoever ran them, whatever the window and the
code, and however they ended: a trial that failed was a try, too. Running one spec twice is one trial, and so is holding
its result against another benchmark (`alphapulse_lib.model.run.RunSpec.trial`).
"""

from __future__ import annotations

import hashlib
import json
import math
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from alphapulse_lib.errors import AlphaPulseError
from alphapulse_lib.model.canonical import from_json
from alphapulse_lib.model.likeness import ALIKE, shingles
from alphapulse_lib.model.luck import deflated_sharpe_ratio, expected_maximum_sharpe
from alphapulse_lib.model.run import RunRecord, StrategySource
from alphapulse_lib.model.spread import Spread

__all__ = ["Family", "Known", "Place", "class_name", "counted_as", "key_of", "placed", "recorded", "told_apart"]

#: Distinct runs of tokens below which a source is too short to tell ideas apart.
_LEAST = 20
#: Of a run of tokens in what is kept of a source.
_BYTES = 8
#: So many times what could tell two sources apart if nothing of it were common is looked at first: some always is.
_MORE = 1.3
#: A Sharpe ratio beyond this is an accident of nothing having moved.
_LARGEST = 1e30


@dataclass(frozen=True)
class Family:
    """What was tried of one kind.

    Attributes
    ----------
    name : str
        The declared one, or the class's that was first of its kind.
    sharpes : dict of str to float
        The id that each trial is counted by (`RunSpec.trial`) to its per-period Sharpe ratio; ``nan`` where it has
        none.
    similar_to : str
        For the strategy that was asked about, the run whose source made it one of the family; empty where a name did,
        or where it is the family's first.
    similarity : float
        How alike the two sources are, from `likeness.ALIKE` to 1; ``nan`` where there is none to compare.
    """

    name: str
    sharpes: dict[str, float]
    similar_to: str = ""
    similarity: float = math.nan

    @property
    def trials(self) -> int:
        """How many were tried."""
        return len(self.sharpes)

    @cached_property
    def spread(self) -> Spread:
        """Of the trials' Sharpe ratios, where they have one."""
        return Spread.of(self.sharpes.values())

    @property
    def variance(self) -> float:
        """The sample variance of the trials' Sharpe ratios; 0 where fewer than two have one."""
        return self.spread.variance

    def including(self, record: RunRecord) -> Family:
        """The family with one more run, if that run is a trial."""
        if record.purpose != "trial":
            return self
        sharpe = _number(record.statistics.get("sharpe_per_period"))
        trial = record.spec.trial if record.spec.benchmark else record.spec_id
        held = self.sharpes.get(trial, math.nan)
        new = held if math.isnan(sharpe) else sharpe
        if trial in self.sharpes and (new == held or math.isnan(new)):
            return self
        family = replace(self, sharpes=self.sharpes | {trial: new})
        vars(family)["spread"] = self.spread.exchanged(held, new)
        return family

    def deflate(self, statistics: dict[str, Any]) -> dict[str, float]:
        """``trials``, ``expected_maximum_sharpe`` (per period) and ``deflated_sharpe`` of one run among the family.

        The variance is at least what chance alone gives the ratio of so many returns without any skill, 1 / (T - 1) (Lo
        2002, *The Statistics of Sharpe Ratios*): trials that failed have no ratio, those near the best one nearly its
        own, and either would otherwise count for nothing, or for less.
        """
        trials = max(self.trials, 1)
        sharpe, skewness, kurtosis = (
            _number(statistics.get(name)) for name in ("sharpe_per_period", "skewness", "kurtosis")
        )
        kurtosis = kurtosis if kurtosis >= 0 else math.nan  # less than 0 is no kurtosis, whoever sent it
        observations = int(statistics.get("observations") or 0)
        variance = max(_number(self.variance), 1 / (observations - 1) if observations > 1 else 0.0)
        return {
            "trials": trials,
            "expected_maximum_sharpe": expected_maximum_sharpe(trials, variance),
            "deflated_sharpe": deflated_sharpe_ratio(sharpe, observations, skewness, kurtosis, trials, variance),
        }


@dataclass(frozen=True, slots=True)
class Known:
    """A strategy that a ledger holds runs of: the family it is in, the first of its runs, its source in numbers."""

    family: str
    run: str
    shingles: bytes


@dataclass(frozen=True, slots=True)
class Place:
    """Where a strategy belongs, and by which earlier run, if its source said so."""

    family: str
    shingles: bytes
    similar_to: str = ""
    similarity: float | None = None


def class_name(strategy: StrategySource) -> str:
    """The class's own name."""
    return strategy.name.rpartition(":")[2] or strategy.name


def key_of(strategy: StrategySource) -> str:
    """What is the same for all strategies that cannot but be in one family: their name, or their very source."""
    told = ["declared", strategy.family] if strategy.family else ["source", strategy.text, class_name(strategy)]
    return hashlib.sha256("\0".join(told).encode()).hexdigest()


def recorded(record: str, name: str) -> StrategySource:
    """The strategy of a record's JSON; where that was damaged, what is known of it: its name."""
    try:
        return StrategySource.from_dict(json.loads(record)["spec"]["strategy"])
    except (AlphaPulseError, ValueError, TypeError, LookupError, RecursionError):
        return StrategySource(name, "")


def counted_as(record: str, spec_id: str) -> str:
    """What a record's JSON is counted as; where that was damaged, its spec's id."""
    if '"benchmark"' not in record:
        return spec_id
    try:
        return from_json(record).spec.trial
    except (AlphaPulseError, ValueError, TypeError, LookupError, RecursionError):
        return spec_id


def told_apart(strategy: StrategySource) -> bytes:
    """A strategy's source in numbers, to be kept and compared; empty where it is too short to tell ideas apart."""
    found = shingles(strategy.text)
    return array("q", sorted(found)).tobytes() if len(found) >= _LEAST else b""


def placed(strategy: StrategySource, known: Iterable[Known], taken: Callable[[str], bool]) -> Place:
    """Where a strategy belongs that no ledger has seen yet.

    Parameters
    ----------
    known : iterable of Known
        What was seen before it, the oldest first.
    taken : callable
        Whether there is a family of that name.
    """
    own = told_apart(strategy)
    if strategy.family:
        return Place(strategy.family, own)
    name = class_name(strategy)
    if not own:
        return Place(name, own)
    mine, best = frozenset(_numbers(own)), Place("", own, "", 0.0)
    for each in known:
        alike = _likeness(mine, each.shingles, max(best.similarity or 0.0, ALIKE))
        if alike > (best.similarity or 0.0):
            best = Place(each.family, own, each.run, alike)
    if (best.similarity or 0.0) >= ALIKE:
        return best
    names = (name if number == 1 else f"{name} {number}" for number in range(1, 1_000_000))
    return Place(next(each for each in names if not taken(each)), own)


def _likeness(mine: frozenset[int], kept: bytes, least: float) -> float:
    """As `likeness` has it, where it is as much as that or more; else 0, mostly without a look at all of them.

    The first of the numbers kept, which are digests in their order, are looked at alone: were all others common to
    both, would it do? No set is made of them: with thousands of strategies that took most of the time.
    """
    count = len(kept) // _BYTES
    enough = least / (1 + least) * (len(mine) + count)
    if min(len(mine), count) < enough:
        return 0.0
    first = min(int((count - enough) * _MORE) + 1, count)
    common = len(mine.intersection(_numbers(kept[: first * _BYTES])))
    if common + count - first < enough:
        return 0.0
    common += len(mine.intersection(_numbers(kept[first * _BYTES :])))
    alike = common / (len(mine) + count - common)
    return alike if alike >= least else 0.0


def _numbers(kept: bytes) -> array[int]:
    return array("q", kept)


def _number(value: Any) -> float:
    """A statistic of a record; nan where it has none, or one beyond all reckoning, which would hide the others."""
    number = math.nan if value is None else float(value)
    return number if abs(number) <= _LARGEST else math.nan
