"""Which parameters are tried, in which order: a whole grid, random draws, or where the good ones seem to be (TPE).

What is proposed depends on the space, the seed and the values of earlier trials alone, never on how fast a worker was:
so a sweep that was cut short proposes the same again, and finds what is recorded already. Patience ends it likewise.
"""

from __future__ import annotations

import itertools
import json
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from alphapulse_lib.engine.kinds import plain_value
from alphapulse_lib.errors import InputError
from alphapulse_lib.model.tried import in_short

__all__ = ["SAMPLERS", "Patience", "Sampler", "Space", "sampler_of", "space_of"]

SAMPLERS = ("grid", "random", "tpe")

#: Of each parameter the values to choose from, or the distribution to draw from.
type Space = dict[str, Axis]
type Axis = list[Any] | FloatDistribution | IntDistribution
type Parameters = dict[str, Any]
#: What tells a draw from others, and what it is.
type _Draw = tuple[str, optuna.trial.Trial, Parameters]

#: Trials that TPE proposes before it learns how they went: fixed, so that more workers do not change what is proposed.
_BATCH = 8
_MOST_POINTS = 100_000
#: Draws in vain after which a sampler is left alone, and one of those chosen that are left.
_IN_VAIN = 20


class Sampler(Protocol):
    """Proposes parameters, batch by batch.

    Attributes
    ----------
    total : int
        How many there will be.
    """

    total: int

    def ask(self) -> list[Parameters]:
        """The next batch; empty at the end."""

    def tell(self, values: Sequence[float]) -> None:
        """How good each one of the last batch was, the more the better; ``nan`` where it failed."""


class Patience:
    """Whether it is time to stop: as many trials in their order since the best one as were granted."""

    def __init__(self, granted: int | None) -> None:
        self.granted = granted
        self._best, self._since = -math.inf, 0

    @property
    def is_over(self) -> bool:
        """Whether no further trial is worth it."""
        return self.granted is not None and self._since >= self.granted

    def ended(self, value: float) -> bool:
        """Take in how good the next trial was, ``nan`` where it failed; then the same."""
        better = math.isfinite(value) and value > self._best
        self._best, self._since = (value, 0) if better else (self._best, self._since + 1)
        return self.is_over


def space_of(grid: Mapping[str, Any]) -> Space:
    """The space that a person describes.

    Parameters
    ----------
    grid : mapping
        Parameter to a sequence of values (a list, a ``range``, an array), or to a distribution of optuna's.

    Raises
    ------
    InputError
        It is no mapping, is empty, or a parameter has no values or two equal ones.
    """
    if not isinstance(grid, Mapping) or not grid:
        raise InputError(f"grid={grid!r} names no parameters.", "Such as {'fast': [5, 10], 'slow': range(20, 60, 10)}.")
    return {str(name): _axis(str(name), values) for name, values in grid.items()}


def sampler_of(kind: str, space: Space, trials: int | None, seed: int) -> Sampler:
    """The sampler of that name.

    Parameters
    ----------
    kind : {"grid", "random", "tpe"}
        As `SAMPLERS` lists them.
    trials : int, optional
        How many to propose; a grid needs none.

    Raises
    ------
    InputError
        A grid of a distribution without steps, or of too many points; draws without a number of trials.
    """
    if kind == "grid":
        return _Grid(space, trials)
    if trials is None:
        raise InputError(f"sampler={kind!r} needs to know how many trials to make.", "Such as trials=100.")
    if kind == "random":
        return _Drawn(space, trials, seed, _random(seed), 1_000_000)
    return _Drawn(space, trials, seed, _tpe(seed), _BATCH)


class _Grid:
    def __init__(self, space: Space, most: int | None) -> None:
        count = _count(space)
        if count == math.inf:
            name = next(name for name, axis in space.items() if _length(axis) == math.inf)
            raise InputError(
                f"grid: {name} has no end of values.", "Give it a step, or draw: sampler='random', trials=100."
            )
        if count > _MOST_POINTS:
            raise InputError(f"The grid has {count:,} points.", "Draw from it: sampler='random', trials=1000.")
        self._left = list(itertools.islice(_points(space), most))
        self.total = len(self._left)

    def ask(self) -> list[Parameters]:
        batch, self._left = self._left, []
        return batch

    def tell(self, values: Sequence[float]) -> None:
        """A grid does not mind."""


class _Drawn:
    """Draws, each one different from all before it."""

    def __init__(self, space: Space, trials: int, seed: int, sampler: optuna.samplers.BaseSampler, batch: int) -> None:
        self._space, self._size = space, batch
        self._study = _study(sampler)
        self._distributions = {name: _distribution(axis) for name, axis in space.items()}
        self._asked: list[tuple[str, optuna.trial.Trial]] = []
        self._values: dict[str, float | None] = {}
        self._count, self._chance = _count(space), np.random.default_rng(seed % 2**32)
        self.total = int(min(trials, self._count))

    def ask(self) -> list[Parameters]:
        batch: list[Parameters] = []
        self._asked = []
        while len(self._values) < self.total and len(batch) < self._size:
            drawn = self._new() or self._untried()
            if drawn is None:
                break
            key, trial, parameters = drawn
            self._values[key] = None
            self._asked.append((key, trial))
            batch.append(parameters)
        return batch

    def tell(self, values: Sequence[float]) -> None:
        for (key, trial), value in zip(self._asked, values, strict=True):
            self._values[key] = value
            self._settle(trial, value)

    def _new(self) -> _Draw | None:
        """What the sampler draws, unless it draws in vain."""
        for _ in range(_IN_VAIN):
            trial = self._study.ask(self._distributions)
            parameters = {name: _value(axis, trial.params[name]) for name, axis in self._space.items()}
            key = _key(parameters)
            if key not in self._values:
                return key, trial, parameters
            self._settle(trial, self._values[key])
        return None

    def _untried(self) -> _Draw | None:
        """By chance one that is left: a sampler that has found the best place goes nowhere else by itself."""
        places = self._a_place_left()
        if places is None:
            return None
        parameters = {name: _point(axis, places[name]) for name, axis in self._space.items()}
        self._study.enqueue_trial(
            {name: places[name] if isinstance(axis, list) else parameters[name] for name, axis in self._space.items()}
        )
        return _key(parameters), self._study.ask(self._distributions), parameters

    def _a_place_left(self) -> dict[str, int] | None:
        lengths = {name: int(_length(axis)) for name, axis in self._space.items()}
        if self._count > _MOST_POINTS:  # nearly all are left
            some = ({name: int(self._chance.integers(each)) for name, each in lengths.items()} for _ in range(_IN_VAIN))
            return next((each for each in some if not self._is_tried(each)), None)
        every = itertools.product(*map(range, lengths.values()))
        left = [each for each in (dict(zip(lengths, one, strict=True)) for one in every) if not self._is_tried(each)]
        return left[self._chance.integers(len(left))] if left else None

    def _is_tried(self, places: dict[str, int]) -> bool:
        return _key({name: _point(axis, places[name]) for name, axis in self._space.items()}) in self._values

    def _settle(self, trial: optuna.trial.Trial, value: float | None) -> None:
        if value is None or not math.isfinite(value):
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, value)


def _key(parameters: Parameters) -> str:
    return json.dumps(parameters, sort_keys=True, default=str)


def _study(sampler: optuna.samplers.BaseSampler) -> optuna.Study:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # that a study was made is of interest to nobody
    try:
        return optuna.create_study(direction="maximize", sampler=sampler)
    finally:
        optuna.logging.set_verbosity(before)


def _random(seed: int) -> optuna.samplers.BaseSampler:
    return optuna.samplers.RandomSampler(seed=seed % 2**32)


def _tpe(seed: int) -> optuna.samplers.BaseSampler:
    with warnings.catch_warnings(category=optuna.exceptions.ExperimentalWarning, action="ignore"):
        # The liar takes what is not known yet for bad, so that a batch does not crowd in one place.
        return optuna.samplers.TPESampler(seed=seed % 2**32, constant_liar=True, multivariate=True)


def _axis(name: str, values: Any) -> Axis:
    if isinstance(values, CategoricalDistribution):
        return [plain_value(name, each) for each in values.choices]
    if isinstance(values, FloatDistribution | IntDistribution):
        return values
    if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__iter__"):
        raise InputError(f"grid: {name}={values!r} is no list of values.", f"Such as {{{name!r}: [{values!r}]}}.")
    found = [plain_value(name, each) for each in values]  # as specs hold them
    if not found:
        raise InputError(f"grid: {name} has no values.")
    if len({repr(in_short(each)) for each in found}) < len(found):  # 1.0 tries what 1 does
        raise InputError(f"grid: {name} has a value twice: {found!r}.")
    return found


def _count(space: Space) -> float:
    """How many combinations a space has; infinitely many where a parameter has."""
    lengths = [_length(axis) for axis in space.values()]
    return math.inf if math.inf in lengths else math.prod(lengths)


def _points(space: Space) -> Iterator[Parameters]:
    """Every combination, the last parameter's values after each other."""
    every = itertools.product(*(range(int(_length(axis))) for axis in space.values()))
    axes = space.items()
    return ({name: _point(axis, n) for (name, axis), n in zip(axes, each, strict=True)} for each in every)


def _length(axis: Axis) -> float:
    if isinstance(axis, list):
        return len(axis)
    if isinstance(axis, IntDistribution):
        return (axis.high - axis.low) // axis.step + 1
    return round((axis.high - axis.low) / axis.step) + 1 if axis.step else 1 if axis.single() else math.inf


def _point(axis: Axis, place: int) -> Any:
    if isinstance(axis, list):
        return axis[place]
    value = axis.low + place * (axis.step or 0)
    return min(value, axis.high)  # as optuna draws it: a sum of steps may lie a rounding beyond


def _distribution(axis: Axis) -> BaseDistribution:
    """Of a list, of the places in it: in their order where they are numbers that rise."""
    if not isinstance(axis, list):
        return axis
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in axis)
    if numbers and axis == sorted(axis):
        return IntDistribution(0, len(axis) - 1)
    return CategoricalDistribution(tuple(range(len(axis))))


def _value(axis: Axis | BaseDistribution, drawn: Any) -> Any:
    return axis[drawn] if isinstance(axis, list) else drawn
