"""What `ap.sweep` and `ap.walk_forward` look for alike, and where: a space of parameters, a sampler, an objective."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import nan
from numbers import Integral
from typing import TYPE_CHECKING, Any

from alphapulse_lib.errors import InputError, did_you_mean
from alphapulse_lib.session.choices import one_of

if TYPE_CHECKING:
    from alphapulse_lib.results.samplers import Sampler, Space

__all__ = ["OBJECTIVES", "Search", "check_counts", "objective_of"]

#: What a sweep may look for: statistics of a run of which more is better. With a minus before it, less is.
OBJECTIVES = (
    *("sharpe", "sortino", "calmar", "omega", "cagr", "total_return", "end_equity", "probabilistic_sharpe"),
    *("profit_factor", "hit_rate", "average_trade", "tail_ratio", "max_drawdown", "volatility", "turnover", "alpha"),
    "information_ratio",
)


@dataclass(frozen=True)
class Search:
    """Parameters that are looked for; `alphapulse_lib.session.sweeps.sweep` says what each argument is.

    Attributes
    ----------
    space : dict
        Parameter to its values, or to a distribution of optuna's.
    better : callable
        How good a run's statistics are, the more the better.
    """

    space: Space
    kind: str
    trials: int | None
    seed: int
    objective: str
    better: Callable[[dict[str, Any]], float]
    patience: int | None

    @classmethod
    def of(
        cls, grid: Mapping[str, Any], sampler: str, trials: int | None, seed: int, objective: str, patience: int | None
    ) -> Search:
        """A search as it was asked for, looked at.

        Raises
        ------
        InputError
            An argument cannot be used.
        """
        from alphapulse_lib.results.samplers import SAMPLERS, space_of

        better = objective_of(objective)
        one_of("sampler", sampler, SAMPLERS)
        check_counts(trials=trials, patience=patience)
        return cls(space_of(grid), sampler, trials, seed, objective, better, patience)

    def proposals(self) -> Sampler:
        """What proposes the parameters of each trial, from its beginning."""
        from alphapulse_lib.results.samplers import sampler_of

        return sampler_of(self.kind, self.space, self.trials, self.seed)


def objective_of(name: str) -> Callable[[dict[str, Any]], float]:
    """How good a run is, the more the better.

    Raises
    ------
    InputError
        There is no such statistic.
    """
    plain, sign = name.removeprefix("-"), -1.0 if name.startswith("-") else 1.0
    if plain not in OBJECTIVES:
        raise InputError(
            f"objective={name!r} is no statistic to look for.",
            did_you_mean(plain, OBJECTIVES) or f"Such as {', '.join(OBJECTIVES[:5])}.",
        )

    def value(statistics: dict[str, Any]) -> float:
        found = statistics.get(plain)
        return nan if found is None else sign * float(found)

    return value


def check_counts(*, least: int = 1, **given: int | None) -> None:
    """Refuse what is no count of so many or more."""
    for name, value in given.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, Integral) or value < least):
            raise InputError(f"{name}={value!r} is not a count of {'one' if least else 'zero'} or more.")
