"""What `ap.sweep` and `ap.walk_forward` look for alike, and where: a space of parameters, a sampler, an objective."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import nan
from numbers import Integral
from typing import TYPE_CHECKING, Any

from alphapulse_lib.errors import InputError, did_you_mean
from alphapulse_lib.session.choices import one_of
from alphapulse_lib.session.hub import warn

if TYPE_CHECKING:
    from alphapulse_lib.results.samplers import Sampler, Space

__all__ = ["OBJECTIVES", "OF_RETURNS", "Search", "check_counts", "check_kfold", "lost_all", "objective_of"]

#: What a sweep may look for: statistics of a run of which more is better. With a minus before it, less is. All of them
#: but those that are alike for all trials, and those that every further trial of the family changes.
OBJECTIVES = (
    *("sharpe", "sortino", "calmar", "omega", "cagr", "total_return", "end_equity", "probabilistic_sharpe"),
    *("profit_factor", "hit_rate", "average_trade", "tail_ratio", "max_drawdown", "volatility", "turnover", "alpha"),
    *("information_ratio", "expectancy", "capacity", "average_win", "average_loss", "sharpe_per_period", "skewness"),
    *("kurtosis", "value_at_risk", "conditional_value_at_risk", "downside_deviation", "time_under_water"),
    *("longest_under_water", "minimum_track_record", "beta", "correlation", "tracking_error", "exposure"),
    *("gross_exposure", "max_gross_exposure", "participation", "commission", "trades", "fills", "orders"),
    "orders_rejected",
)
#: What a k-fold can look for, whose two stretches make one series of returns, but not one run; and a walk whose tests'
#: runs begin before their test.
OF_RETURNS = (
    *("sharpe", "sortino", "calmar", "omega", "cagr", "total_return", "tail_ratio", "max_drawdown", "volatility"),
    *("sharpe_per_period", "skewness", "kurtosis", "value_at_risk", "conditional_value_at_risk", "downside_deviation"),
    *("time_under_water", "longest_under_water"),
)
#: Losses that are told below zero: with a minus before it, the worst one would be the best.
_DEEPEST = ("-max_drawdown", "-value_at_risk", "-conditional_value_at_risk")


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
        if objective in _DEEPEST:
            less = objective.removeprefix("-")
            warn(
                f"objective={objective!r} ranks the worst first: {less} is a loss below zero. {less!r} ranks the least."
            )
        one_of("sampler", sampler, SAMPLERS)
        check_counts(trials=trials, patience=patience)
        found = cls(space_of(grid), sampler, trials, seed, objective, better, patience)
        if sampler != "grid" and trials is not None and (there := found.proposals().total) < trials:
            warn(f"trials={trials:,}, but the parameters have {there:,} combinations: each is tried once.")
        return found

    def proposals(self) -> Sampler:
        """What proposes the parameters of each trial, from its beginning."""
        from alphapulse_lib.results.samplers import sampler_of

        return sampler_of(self.kind, self.space, self.trials, self.seed)


def objective_of(name: str) -> Callable[[dict[str, Any]], float]:
    """How good a run is, the more the better; ``nan`` of one that lost its account: no broker lets that trade on.

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
        return nan if found is None or lost_all(statistics) else sign * float(found)

    return value


def lost_all(statistics: Mapping[str, Any]) -> bool:
    """Whether an account was worth nothing at some moment, or less, whatever it came to after it."""
    deepest = statistics.get("max_drawdown")
    return deepest is not None and deepest <= -1


def check_counts(hint: str = "Give a whole number.", *, least: int = 1, **given: int | None) -> None:
    """Refuse what is no count of so many or more."""
    for name, value in given.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, Integral) or value < least):
            raise InputError(f"{name}={value!r} is not a count of {'one' if least else 'zero'} or more.", hint)


def check_kfold(search: Search) -> None:
    """Refuse what a k-fold cannot look for, or not so."""
    if search.kind == "tpe" or search.patience is not None:
        raise InputError(
            "A k-fold judges parameters by two windows together, so a sampler cannot learn from one, nor patience end.",
            "sampler='grid' or 'random', without patience.",
        )
    one_of("objective", search.objective.removeprefix("-"), OF_RETURNS)
