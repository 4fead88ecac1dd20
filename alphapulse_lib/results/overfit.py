"""How far a Sharpe ratio can be trusted, given its length, its shape and how many were tried.

`alphapulse_lib.results.snooping` asks the same of the trials' returns by the bootstrap.

Every Sharpe ratio here is per period (a daily one is not annualised), and kurtosis is not excess (a normal's is 3).

Sources
-------
Those of `alphapulse_lib.model.luck`, whose probabilistic and deflated Sharpe ratios are had from here, too; and
Bailey, D. and López de Prado, M. (2012), *The Sharpe Ratio Efficient Frontier*, Journal of Risk 15(2): the minimum
track record length.
Bailey, D., Borwein, J., López de Prado, M. and Zhu, Q. (2014), *Pseudo-Mathematics and Financial Charlatanism*, Notices
of the AMS 61(5): the minimum backtest length.
The same (2017), *The Probability of Backtest Overfitting*, Journal of Computational Finance 20(4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from math import comb, inf, isnan, nan
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphapulse_lib.errors import InputError
from alphapulse_lib.model.luck import (
    deflated_sharpe_ratio,
    expected_maximum_normal,
    expected_maximum_sharpe,
    probabilistic_sharpe_ratio,
    require_numbers,
    variance_factor,
)
from alphapulse_lib.results.trials import trial_returns

__all__ = [
    "Overfitting",
    "deflated_sharpe_ratio",
    "expected_maximum_sharpe",
    "minimum_backtest_length",
    "minimum_track_record_length",
    "probabilistic_sharpe_ratio",
    "probability_of_backtest_overfitting",
]

type Floats = NDArray[np.float64]

#: More partitions than these have more than a quarter of a million halves.
_MOST_PARTITIONS = 20
#: Numbers of one intermediate table: it bounds the memory, whatever the number of trials.
_AT_ONCE = 1 << 21

_NORMAL = NormalDist()


def minimum_track_record_length(
    sharpe: float, skewness: float, kurtosis: float, benchmark: float = 0.0, confidence: float = 0.95
) -> float:
    """How many observations it takes until the probabilistic Sharpe ratio reaches a confidence.

    Parameters
    ----------
    sharpe, skewness, kurtosis, benchmark
        As in `probabilistic_sharpe_ratio`.
    confidence : float
        Above 0 and below 1.

    Returns
    -------
    float
        A count of periods, not rounded; ``inf`` where the estimate does not exceed the benchmark. 1 of a confidence of
        one half or less: an estimate above the benchmark has more from its beginning.

    Raises
    ------
    InputError
        A confidence outside of (0, 1), or what is no number.

    Notes
    -----
    Bailey and López de Prado (2012), equation 13. The example is theirs: an annual 2 against 1, monthly, in years.

    Examples
    --------
    >>> round(minimum_track_record_length(2 / 12**0.5, 0, 3, benchmark=1 / 12**0.5) / 12, 2)
    3.24
    """
    require_numbers(confidence=confidence, benchmark=benchmark)
    if not 0 < confidence < 1:
        raise InputError(f"confidence={confidence!r} does not lie between 0 and 1.", "0.95 is usual.")
    variance = variance_factor(sharpe, skewness, kurtosis)
    if isnan(benchmark) or not variance > 0:
        return nan
    if sharpe <= benchmark:
        return inf
    errors = max(_NORMAL.inv_cdf(confidence), 0.0) / (float(sharpe) - float(benchmark))
    return 1 + variance * errors * errors  # a square too large for a number is infinite, where ** would raise


def minimum_backtest_length(trials: int, sharpe: float) -> float:
    """The length below which the best of so many trials without skill is expected to show a Sharpe ratio.

    Parameters
    ----------
    trials : int
        How many independent trials were made, one or more.
    sharpe : float
        The Sharpe ratio that the best of them shows, above zero.

    Returns
    -------
    float
        In the unit of the ratio: returns for one per period, years for one a year. 0 for a single trial.

    Raises
    ------
    InputError
        Fewer than one trial, a ratio that is not above zero, or what is no number.

    Notes
    -----
    Bailey, Borwein, López de Prado and Zhu (2014), theorem 2. The example is theirs: on five years no more than 45
    configurations may be tried, or one of them is expected to show a Sharpe ratio of 1 a year.

    Examples
    --------
    >>> minimum_backtest_length(45, 1.0) < 5 < minimum_backtest_length(46, 1.0)
    True
    """
    require_numbers(sharpe=sharpe)
    if not sharpe > 0:
        raise InputError(f"sharpe={sharpe!r} is not above zero.", "Without a gain there is nothing to doubt.")
    length = expected_maximum_normal(trials) / float(sharpe)
    return length * length  # too large for a number it is infinite, where ** would raise


@dataclass(frozen=True, slots=True)
class Overfitting:
    """What combinatorially symmetric cross-validation found; C is the number of ways to halve the partitions.

    Attributes
    ----------
    pbo : float
        The share of the halves whose best trial is no better than the median in the other half.
    logits : array of float, shape (C,)
        ln(w / (1 - w)) of the relative rank w in one half of the trial that was best in the other.
    in_sample, out_of_sample : array of float, shape (C,)
        The Sharpe ratios, per period, of that trial in the half it was chosen by and in the other.
    """

    pbo: float
    logits: Floats = field(repr=False)
    in_sample: Floats = field(repr=False)
    out_of_sample: Floats = field(repr=False)

    @property
    def probability_of_loss(self) -> float:
        """The share of the halves whose best trial loses money in the other half."""
        return float((self.out_of_sample < 0).mean())


def probability_of_backtest_overfitting(returns: Any, partitions: int = 16) -> Overfitting:
    """How often the trial that is best in one half of the time is no better than the median in the other half.

    Parameters
    ----------
    returns : DataFrame or array of float, shape (T, N)
        One column a trial, all of them that were made; one row a period, in the order of time.
    partitions : int
        Into how many stretches of equal length the time is cut: even, from 2 to 20. Every way to take half of them is
        looked at: 12,870 of 16. The oldest rows that do not fill the partitions are left out.

    Returns
    -------
    Overfitting
        ``.pbo``: near one half where nothing but luck chose; near 0 where the best is better than the others for good.

    Raises
    ------
    InputError
        Fewer than two trials, returns missing or infinite (told by column), an odd or impossible number of partitions,
        fewer than two rows for each.

    Notes
    -----
    Bailey, Borwein, López de Prado and Zhu (2017), section 3, with the Sharpe ratio for the performance. Trials that
    are alike share the mean of their ranks; one that never moves in a half has a ratio of 0 there if it made nothing.

    Examples
    --------
    >>> noise = np.random.default_rng(3).normal(0, 0.01, (960, 20))
    >>> skilled = noise + np.where(np.arange(20) == 7, 0.003, 0.0)
    >>> probability_of_backtest_overfitting(skilled).pbo
    0.0
    """
    values, _ = trial_returns(returns)
    whole = isinstance(partitions, int | np.integer) and not isinstance(partitions, bool)
    if not whole or partitions % 2 or not 2 <= partitions <= _MOST_PARTITIONS:
        raise InputError(
            f"partitions={partitions!r} is not an even count from 2 to {_MOST_PARTITIONS}.", "16 is usual."
        )
    if len(values) < 2 * partitions:
        raise InputError(
            f"{len(values)} rows are too few for {partitions} partitions of two each.",
            f"Take fewer: probability_of_backtest_overfitting(returns, partitions={len(values) // 4 * 2})."
            if len(values) >= 4
            else "Take a longer window.",
        )
    parts = _Parts.of(values, int(partitions))
    found = [parts.judge(chosen) for chosen in _halves(int(partitions), values.shape[1])]
    ranks, inside, outside = (np.concatenate(each) for each in zip(*found, strict=True))
    relative = ranks / (values.shape[1] + 1)
    logits = np.log(relative / (1 - relative))
    return Overfitting(float((logits <= 0).mean()), logits, inside, outside)


@dataclass(frozen=True, slots=True)
class _Parts:
    """The sums that any union of the partitions' Sharpe ratios is made of, each of shape (S, N)."""

    rows: int
    sums: Floats
    centred: Floats
    squares: Floats
    flat: Floats

    @classmethod
    def of(cls, values: Floats, partitions: int) -> _Parts:
        rows = len(values) // partitions
        values = values[len(values) - rows * partitions :]
        # Squares of distances from the column's mean: those of the returns themselves cancel out.
        distances = values - values.mean(axis=0)
        shape = (partitions, rows, values.shape[1])
        # What remains of a variance by rounding, where nothing moved.
        flat = 1e-12 * (distances**2).mean(axis=0) + 1e-28 * (values**2).max(axis=0)
        blocks = distances.reshape(shape)
        return cls(rows, values.reshape(shape).sum(axis=1), blocks.sum(axis=1), (blocks**2).sum(axis=1), flat)

    def judge(self, chosen: Floats) -> tuple[Floats, Floats, Floats]:
        """Of each half (a row of ones and zeros): the rank outside, and both ratios, of the trial best inside."""
        inside, outside = self._sharpe(chosen), self._sharpe(1 - chosen)
        best = inside.argmax(axis=1)[:, None]
        reached = np.take_along_axis(outside, best, axis=1)
        below, alike = (outside < reached).sum(axis=1), (outside == reached).sum(axis=1)
        return below + (alike + 1) / 2, np.take_along_axis(inside, best, axis=1)[:, 0], reached[:, 0]

    def _sharpe(self, chosen: Floats) -> Floats:
        count = self.rows * len(self.sums) // 2
        mean = chosen @ self.sums / count
        variance = (chosen @ self.squares - (chosen @ self.centred) ** 2 / count) / (count - 1)
        moves = variance > self.flat
        still = np.where(mean == 0, 0.0, np.copysign(inf, mean))
        return np.where(moves, mean / np.sqrt(np.where(moves, variance, 1.0)), still)


def _halves(partitions: int, trials: int) -> Iterator[Floats]:
    """Every way to choose half of the partitions, as rows of ones and zeros, some at a time."""
    ways = comb(partitions, partitions // 2)
    chosen = np.fromiter(
        (each for some in combinations(range(partitions), partitions // 2) for each in some),
        np.int64,
        ways * partitions // 2,
    ).reshape(ways, -1)
    marked = np.zeros((ways, partitions))
    np.put_along_axis(marked, chosen, 1.0, axis=1)
    step = max(_AT_ONCE // trials, 1)
    return (marked[at : at + step] for at in range(0, ways, step))
