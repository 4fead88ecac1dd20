"""Which parameters are tried, in which order: a whole grid, random draws, or where the good ones seem to be (TPE).

What is proposed depends on the space, the seed and the values of earlier trials alone, never on how fast a worker was:
so a sweep that was cut short proposes the same again, and finds what is recorded already.
"""

from __future__ import annotations

import itertools
import json
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from alphapulse_lib.engine.configure import plain_value
from alphapulse_lib.errors import InputError
from alphapulse_lib.model.tried import in_short

__all__ = ["SAMPLERS", "Sampler", "Space", "sampler_of", "space_of"]

SAMPLERS = ("grid", "random", "tpe")

#: Of each parameter the values to choose from, or the distribution to draw from.
type Space = dict[str, Axis]
type Axis = list[Any] | FloatDistribution | IntDistribution
type Parameters = dict[str, Any]

#: Trials that TPE proposes before it learns how they went: fixed, so that more workers do not change what is proposed.
_BATCH = 8
_MOST_POINTS = 100_000
#: Draws in vain after which a space is taken for exhausted.
_IN_VAIN = 200


class Sampler(Protocol):
    """Proposes parameters, batch by batch."""

    total: int

    def ask(self) -> list[Parameters]:
        """The next batch; empty at the end."""

    def tell(self, values: Sequence[float]) -> None:
        """How good each one of the last batch was, the more the better; ``nan`` where it failed."""


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
    return _Drawn(
        space, trials, _random(seed) if kind == "random" else _tpe(seed), 1_000_000 if kind == "random" else _BATCH
    )


class _Grid:
    def __init__(self, space: Space, most: int | None) -> None:
        axes = {name: _points(name, axis) for name, axis in space.items()}
        count = math.prod(map(len, axes.values()))
        if count > _MOST_POINTS:
            raise InputError(f"The grid has {count:,} points.", "Draw from it: sampler='random', trials=1000.")
        points = (dict(zip(axes, each, strict=True)) for each in itertools.product(*axes.values()))
        self._left = list(itertools.islice(points, most))
        self.total = len(self._left)

    def ask(self) -> list[Parameters]:
        batch, self._left = self._left, []
        return batch

    def tell(self, values: Sequence[float]) -> None:
        """A grid does not mind."""


class _Drawn:
    """Draws, each one different from all before it."""

    def __init__(self, space: Space, trials: int, sampler: optuna.samplers.BaseSampler, batch: int) -> None:
        self._space, self._size = space, batch
        self._study = _study(sampler)
        self._distributions = {name: _distribution(axis) for name, axis in space.items()}
        self._asked: list[tuple[str, optuna.trial.Trial]] = []
        self._values: dict[str, float | None] = {}
        self.total = trials

    def ask(self) -> list[Parameters]:
        batch: list[Parameters] = []
        self._asked = []
        while len(self._values) < self.total and len(batch) < self._size:
            drawn = self._new()
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

    def _new(self) -> tuple[str, optuna.trial.Trial, Parameters] | None:
        for _ in range(_IN_VAIN):
            trial = self._study.ask(self._distributions)
            parameters = {name: _value(axis, trial.params[name]) for name, axis in self._space.items()}
            key = json.dumps(parameters, sort_keys=True, default=str)
            if key not in self._values:
                return key, trial, parameters
            self._settle(trial, self._values[key])
        return None

    def _settle(self, trial: optuna.trial.Trial, value: float | None) -> None:
        if value is None or not math.isfinite(value):
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, value)


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


def _points(name: str, axis: Axis) -> list[Any]:
    if isinstance(axis, list):
        return axis
    if isinstance(axis, IntDistribution):
        return list(range(axis.low, axis.high + 1, axis.step))
    if isinstance(axis, FloatDistribution) and axis.step:
        return [axis.low + n * axis.step for n in range(round((axis.high - axis.low) / axis.step) + 1)]
    raise InputError(f"grid: {name} has no end of values.", "Give it a step, or draw: sampler='random', trials=100.")


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
