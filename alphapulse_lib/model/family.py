"""Which trials belong together when over-fitting is counted.

A FAMILY is one idea, whatever it was tried on: strategies that declare the same name (``family = "..."`` in the class),
else those whose sources are alike (`alphapulse_lib.model.likeness`), else, where there is too little source to compare,
those of one class name. So it survives renaming the class and its parameters, editing the code, and other instruments
and periods. A strategy joins the family of the earlier one that is most like it; what is like none founds its own.
Trials are the distinct specs among the runs whose purpose is a trial, whoever ran them, whatever the window and the
code, and however they ended: a trial that failed was a try, too. Running one spec twice is one trial, and so is holding
its result against another benchmark, or saying it in more words (`alphapulse_lib.model.tried`).
"""

from __future__ import annotations

import hashlib
import json
import math
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

from alphapulse_lib.errors import AlphaPulseError, UnknownPeriod
from alphapulse_lib.model.annual import periods_per_year
from alphapulse_lib.model.likeness import ALIKE, shingles
from alphapulse_lib.model.luck import deflated_sharpe_ratio, expected_maximum_sharpe
from alphapulse_lib.model.run import RunRecord, RunSpec, StrategySource
from alphapulse_lib.model.spread import Heterogeneity, Spread
from alphapulse_lib.model.tried import trial_of

__all__ = [
    "Family",
    "Known",
    "Place",
    "class_name",
    "counted_as",
    "key_of",
    "length_of",
    "parsed",
    "placed",
    "recorded",
    "told_apart",
    "yearly_of",
    "yearly_told",
]

#: Distinct runs of tokens below which a source is too short to tell ideas apart.
_LEAST = 20
#: Of a run of tokens in what is kept of a source.
_BYTES = 8
#: So many times what could tell two sources apart if nothing of it were common is looked at first: some always is.
_MORE = 1.3
#: A Sharpe ratio beyond this is an accident of nothing having moved.
_LARGEST = 1e30
#: More returns than that no run has: it is a number that a database holds, and a float tells from the next one.
_MOST_RETURNS = 2**53
#: A year in parts of which every kind of return is a whole number: the unit that trials of all periods are compared in.
_PARTS = math.lcm(365, 260, 252, 52, 12)
#: Of returns, the fewest and the most a year that are believed.
_SELDOM, _OFTEN = 1e-6, 1e6


@dataclass(frozen=True)
class Family:
    """What was tried of one kind.

    Attributes
    ----------
    name : str
        The declared one, or the class's that was first of its kind.
    sharpes : dict of str to float
        The id that each trial is counted by (`tried.trial_of`) to its per-period Sharpe ratio; ``nan`` where it has
        none.
    similar_to : str
        For the strategy that was asked about, the run whose source made it one of the family; empty where a name did,
        or where it is the family's first.
    similarity : float
        How alike the two sources are, from `likeness.ALIKE` to 1; ``nan`` where there is none to compare.
    lengths : dict of str to int
        Of how many returns each trial's ratio is; of one that is not told, of as many as those of the run asked about.
    yearly : dict of str to float
        How many of each trial's returns make a year, 52 of weekly ones; of one that is not told, as many as of the run
        asked about.
    """

    name: str
    sharpes: dict[str, float]
    similar_to: str = ""
    similarity: float = math.nan
    lengths: dict[str, int] = field(default_factory=dict)
    yearly: dict[str, float] = field(default_factory=dict)

    @property
    def trials(self) -> int:
        """How many were tried."""
        return len(self.sharpes)

    @cached_property
    def spread(self) -> Spread:
        """Of the trials' Sharpe ratios, where they have one."""
        return Spread.of(map(_number, self.sharpes.values()))

    @property
    def variance(self) -> float:
        """The sample variance of the trials' Sharpe ratios; 0 where fewer than two have one."""
        return self.spread.variance

    @cached_property
    def _beyond(self) -> Heterogeneity:
        """Of the trials' Sharpe ratios of which it is told of how many returns they are, and of how long ones."""
        return Heterogeneity.of(map(self._weighed, self.lengths))

    def _weighed(self, trial: str, observations: int = 0, yearly: float | None = None) -> tuple[float, int]:
        """A trial's ratio in the smallest part of a year, and its weight: the inverse of the variance by chance alone.

        A return over k parts has √k times the ratio of one part (Lo 2002, of returns that are independent).
        """
        told = self.yearly.get(trial, yearly)
        if told is None:
            return math.nan, 0
        parts = _parts(told)
        return _number(self.sharpes.get(trial)) / math.sqrt(parts), (self.lengths.get(trial, observations) - 1) * parts

    def variance_at(self, observations: int, yearly: float) -> float:
        """The variance that the trials' Sharpe ratios would have, were each of so many returns, so many a year.

        What chance alone gives a ratio of T returns without any skill, 1 / (T - 1) (Lo 2002, *The Statistics of Sharpe
        Ratios*), and by how much the trials' ratios differ beyond what it gives each of them (`Heterogeneity`): one
        of few returns differs by chance far more, and one a week is more than twice the same one a day. Where all are
        of so many returns it is their sample variance, or 1 / (T - 1) where that is more: trials that failed have no
        ratio, those near the best one nearly its own, and either would otherwise count for nothing, or for less.
        """
        if observations < 2:
            return self.variance
        beyond = self._beyond
        if beyond.count < self.spread.count:  # told by an earlier version
            beyond = Heterogeneity.of(self._weighed(each, observations, yearly) for each in self.sharpes)
        return beyond.variance * _parts(yearly) + 1 / (observations - 1)

    def including(self, record: RunRecord) -> Family:
        """The family with one more run, if that run is a trial."""
        if record.purpose != "trial":
            return self
        sharpe = _number(record.statistics.get("sharpe_per_period"))
        trial = trial_of(record.spec, record.spec_id)
        held = self.sharpes.get(trial, math.nan)
        new = held if math.isnan(sharpe) else sharpe
        if trial in self.sharpes and (new == held or math.isnan(new)):
            return self
        length = _count(record.statistics.get("observations"))
        family = self.with_trials([(trial, sharpe, length, yearly_of(record.spec))])
        vars(family)["spread"] = self.spread.exchanged(held, new)
        vars(family)["_beyond"] = self._beyond.exchanged(self._weighed(trial), family._weighed(trial))
        return family

    def with_trials(self, come: Iterable[tuple[str, float, int, float | None]]) -> Family:
        """The family with trials that came since: of each the id that it is counted by, its ratio, of how many returns
        that is, and how many such make a year. A ratio stands for an earlier one of the same, and nothing for none.
        """
        sharpes, lengths, yearly = dict(self.sharpes), dict(self.lengths), dict(self.yearly)
        for trial, sharpe, length, a_year in come:
            if not math.isnan(sharpe):
                sharpes[trial], lengths[trial] = sharpe, length
            elif trial not in sharpes:
                sharpes[trial] = sharpe
            if a_year:
                yearly[trial] = a_year
        return replace(self, sharpes=sharpes, lengths=lengths, yearly=yearly)

    def joined(self, similar_to: str, similarity: float) -> Family:
        """The family as another of its strategies came into it; what is reckoned of its trials is so once for all."""
        family = replace(self, similar_to=similar_to, similarity=similarity)
        vars(family).update(spread=self.spread, _beyond=self._beyond)
        return family

    def beside(self, other: Family) -> Family:
        """The family with the trials that another ledger holds of it; where both have a ratio, with this one's."""
        held = ((self.sharpes, other.sharpes), (self.lengths, other.lengths), (self.yearly, other.yearly))
        ratios = ((self.sharpes.get(each, 0.0), ratio) for each, ratio in other.sharpes.items())
        blank = any(math.isnan(mine) and not math.isnan(theirs) for mine, theirs in ratios)
        if not blank and all(mine.keys() >= theirs.keys() for mine, theirs in held):
            return self  # it has all of them, and keeps what was reckoned of them
        known = {name: sharpe for name, sharpe in self.sharpes.items() if not math.isnan(sharpe)}
        return replace(
            self,
            sharpes=self.sharpes | other.sharpes | known,
            lengths=other.lengths | self.lengths,
            yearly=other.yearly | self.yearly,
        )

    def deflate(self, statistics: dict[str, Any], spec: RunSpec) -> dict[str, float]:
        """``trials``, ``expected_maximum_sharpe`` (per period) and ``deflated_sharpe`` of one run among the family.

        The variance is `variance_at` the run's own length, in returns as long as its own.
        """
        trials = max(self.trials, 1)
        sharpe, skewness, kurtosis = (
            _number(statistics.get(name)) for name in ("sharpe_per_period", "skewness", "kurtosis")
        )
        kurtosis = kurtosis if kurtosis >= 0 else math.nan  # less than 0 is no kurtosis, whoever sent it
        observations = _count(statistics.get("observations"))
        variance = _number(self.variance_at(observations, yearly_of(spec)))
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


def parsed(record: str) -> Any:
    """What a record's JSON holds; ``None`` where that was damaged."""
    try:
        return json.loads(record)
    except (ValueError, RecursionError):
        return None


def recorded(values: Any, name: str) -> StrategySource:
    """The strategy of a `parsed` record; where that was damaged, what is known of it: its name."""
    try:
        return StrategySource.from_dict(values["spec"]["strategy"])
    except (AlphaPulseError, ValueError, TypeError, LookupError, RecursionError):
        return StrategySource(name, "")


def counted_as(values: Any, spec_id: str) -> str:
    """What a `parsed` record is counted as; where that was damaged, its spec's id."""
    try:
        return trial_of(RunSpec.from_dict(values["spec"]), spec_id)
    except (AlphaPulseError, ValueError, TypeError, LookupError, RecursionError):
        return spec_id


def length_of(values: Any) -> int:
    """Of how many returns the Sharpe ratio in a `parsed` record is; 0 where it has none, or was damaged."""
    try:
        return _count(values["statistics"].get("observations"))
    except (TypeError, LookupError, AttributeError):
        return 0


def yearly_of(spec: RunSpec) -> float:
    """How many returns a year has of runs of a spec."""
    return periods_per_year(spec.period, spec.instruments)


@lru_cache(maxsize=1_024)
def yearly_told(period: str, instruments: str) -> float | None:
    """The same of what a ledger's row says, its instruments between commas; ``None`` where that was damaged."""
    try:
        return periods_per_year(period, instruments.split(","))
    except UnknownPeriod:
        return None


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


def _parts(yearly: float) -> int:
    """Over how many parts of a year each of so many returns a year goes."""
    return round(_PARTS / min(max(yearly, _SELDOM), _OFTEN))


def _number(value: Any) -> float:
    """A statistic of a record; nan where it has none, or one beyond all reckoning, which would hide the others.

    A record is its writer's, and stays: one that says a word for a number must not keep its family from being told.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return number if abs(number) <= _LARGEST else math.nan


def _count(value: Any) -> int:
    """How many returns a record says that it has; 0 where what it says is no such number."""
    number = _number(value)
    return int(number) if 0 < number <= _MOST_RETURNS else 0
