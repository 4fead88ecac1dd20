"""Is the best of many trials better than a benchmark, or the luckiest? Asked of the returns, by the bootstrap.

Sources
-------
White, H. (2000), *A Reality Check for Data Snooping*, Econometrica 68(5).
Hansen, P. R. (2005), *A Test for Superior Predictive Ability*, Journal of Business & Economic Statistics 23(4).
Politis, D. and Romano, J. (1994), *The Stationary Bootstrap*, Journal of the American Statistical Association 89.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphapulse_lib.errors import InputError
from alphapulse_lib.results.statistics import matched
from alphapulse_lib.results.trials import LARGEST, as_numbers, trial_returns

__all__ = ["Superiority", "reality_check", "superior_predictive_ability"]

type Floats = NDArray[np.float64]

#: Numbers of one intermediate table: it bounds the memory, whatever the number of periods.
_AT_ONCE = 1 << 21


@dataclass(frozen=True, slots=True)
class Superiority:
    """What a test said of the best trial.

    Attributes
    ----------
    p_value : float
        How probable the statistic is, or a larger one, when no trial is better than the benchmark.
    lower, upper : float
        Hansen's bounds of it: trials worse than the benchmark count for nothing, or as if they were as good as it.
        Of White's test both are the value itself.
    statistic : float
        Of the best trial: root of T times its mean excess return; Hansen's is divided by its deviation, zero or more.
    best : str
        The column that it is of.
    """

    p_value: float
    lower: float
    upper: float
    statistic: float
    best: str


def reality_check(
    returns: Any, benchmark: Any = None, *, resamples: int = 2000, block: float | None = None, seed: int = 0
) -> Superiority:
    """White's reality check: whether any trial's mean return is above the benchmark's, all of them considered.

    Parameters
    ----------
    returns : DataFrame or array of float, shape (T, N)
        One column a trial, all of them that were made; one row a period, in the order of time.
    benchmark : sequence of float, shape (T,), optional
        Returns at the same periods; nothing (cash without interest) unless told.
    resamples : int
        How many times the periods are drawn again.
    block : float, optional
        The mean length of the stretches that are drawn, one or more; the cube root of T unless told. The longer it
        is, the more memory of returns it keeps, and the more often noise is taken for skill.
    seed : int
        Of the drawing: the same gives the same.

    Returns
    -------
    Superiority
        ``p_value``: below 0.05 the best trial is more than luck, by the usual demand.

    Raises
    ------
    InputError
        Returns missing or infinite (told by column, or as the benchmark's), a benchmark of another length, an
        impossible number, a block longer than the returns.

    Notes
    -----
    White (2000), with the stationary bootstrap of Politis and Romano (1994). A poor trial in the table makes it harder
    to reject: `superior_predictive_ability` mends that.

    Examples
    --------
    >>> noise = np.random.default_rng(3).normal(0, 0.01, (500, 20))
    >>> reality_check(noise).p_value > 0.05, reality_check(noise + 0.002).p_value < 0.05
    (True, True)
    """
    excess, names = _excess(returns, benchmark)
    means = _resampled_means(excess, resamples, block, seed)
    best = int(excess.mean(axis=0).argmax())
    root = len(excess) ** 0.5
    reached = float(root * excess.mean(axis=0)[best])
    drawn = root * (means - excess.mean(axis=0)).max(axis=1)
    value = float((drawn >= reached).mean())  # what never moves shows as much in every drawing as it reached
    return Superiority(value, value, value, reached, names[best])


def superior_predictive_ability(
    returns: Any, benchmark: Any = None, *, resamples: int = 2000, block: float | None = None, seed: int = 0
) -> Superiority:
    """Hansen's test: the reality check with every trial measured in its own deviation, and poor ones set aside.

    Parameters
    ----------
    returns, benchmark, resamples, block, seed
        As in `reality_check`.

    Returns
    -------
    Superiority
        ``p_value`` is the consistent one.

    Raises
    ------
    InputError
        As in `reality_check`; and a trial whose excess return never varies, which has no deviation.

    Notes
    -----
    Hansen (2005): the deviations are the stationary bootstrap's own; a trial is set aside from the null when its mean
    lies below the benchmark's by more than the root of 2 ln ln T of its deviations.

    Examples
    --------
    >>> noise = np.random.default_rng(3).normal(0, 0.01, (500, 20))
    >>> superior_predictive_ability(noise).p_value > 0.05
    True
    """
    excess, names = _excess(returns, benchmark)
    length = _block(block, len(excess))
    deviation = np.sqrt(_long_run_variance(excess, length))
    flat = np.flatnonzero(~(deviation > 1e-12 * np.abs(excess).max(axis=0)))
    if len(flat):
        others = f", nor do those of {len(flat) - 1:,} more" if len(flat) > 1 else ""
        raise InputError(
            f"The returns of {names[flat[0]]!r} over the benchmark's never vary{others}.",
            "Leave out what never trades, and what is the benchmark itself: the test divides by their deviation.",
        )
    standard = excess / deviation
    mean, root = standard.mean(axis=0), len(excess) ** 0.5
    best = int(mean.argmax())
    reached = max(float(root * mean[best]), 0.0)
    means = _resampled_means(standard, resamples, length, seed)
    set_aside = root * mean < -((2 * log(log(len(excess)))) ** 0.5)
    centres = {"lower": np.maximum(mean, 0), "p_value": np.where(set_aside, 0, mean), "upper": mean}
    values = {
        # A statistic of zero, where no trial is better, is reached by every drawing.
        name: float((np.maximum(root * (means - centre).max(axis=1), 0) >= reached).mean())
        for name, centre in centres.items()
    }
    return Superiority(statistic=reached, best=names[best], **values)


def stationary_indices(rows: int, resamples: int, block: float, generator: np.random.Generator) -> NDArray[np.int64]:
    """Rows drawn with replacement in stretches of geometric length, which wrap at the end; shape (resamples, rows).

    Examples
    --------
    >>> stationary_indices(5, 1, 1e9, np.random.default_rng(1))
    array([[2, 3, 4, 0, 1]])
    """
    places = np.arange(rows)
    starts = generator.integers(rows, size=(resamples, rows))
    begins = generator.random((resamples, rows)) < 1 / block
    begins[:, 0] = True
    begun = np.maximum.accumulate(np.where(begins, places, 0), axis=1)
    return np.asarray((np.take_along_axis(starts, begun, axis=1) + places - begun) % rows)


def _resampled_means(values: Floats, resamples: int, block: float | None, seed: int) -> Floats:
    """The columns' means in each resample, shape (resamples, N): how often each row was drawn, times the rows."""
    rows = len(values)
    length = _block(block, rows)
    if isinstance(resamples, bool) or not isinstance(resamples, int | np.integer) or resamples < 1:
        raise InputError(f"resamples={resamples!r} is not a count of one or more.", "2000 is usual.")
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed={str(seed)[:60]!r} is not a whole number of zero or more.", "0 is usual.")
    generator = np.random.default_rng(seed)
    step = max(_AT_ONCE // rows, 1)
    found = []
    for at in range(0, resamples, step):
        some = min(step, resamples - at)
        drawn = stationary_indices(rows, some, length, generator) + rows * np.arange(some)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=some * rows).reshape(some, rows)
        found.append(counts @ values / rows)
    return np.concatenate(found)


def _long_run_variance(values: Floats, block: float) -> Floats:
    """The variance of root T times the mean under the stationary bootstrap, column by column; Hansen (2005).

    Its sum over all lags of kernel times autocovariance is one product of spectra.
    """
    rows = len(values)
    lags = np.arange(1, rows)
    stay = 1 - 1 / block
    kernel = (1 - lags / rows) * stay**lags + lags / rows * stay ** (rows - lags)
    weights = np.concatenate(([1.0], 2 * kernel))
    length = 1 << (2 * rows - 1).bit_length()
    step = max(_AT_ONCE // length, 1)
    found = []
    for at in range(0, values.shape[1], step):
        part = values[:, at : at + step] - values[:, at : at + step].mean(axis=0)
        spectrum = np.fft.rfft(part, length, axis=0)
        covariance = np.fft.irfft(np.abs(spectrum) ** 2, length, axis=0)[:rows] / rows
        found.append(weights @ covariance)
    return np.concatenate(found)


def _excess(returns: Any, benchmark: Any) -> tuple[Floats, tuple[str, ...]]:
    """Returns less the benchmark's."""
    values, names = trial_returns(returns, least=1)
    if len(values) < 8:
        raise InputError(f"{len(values)} returns are too few to draw from.", "Give eight or more.")
    if benchmark is None:
        return values, names
    if hasattr(benchmark, "reindex") and hasattr(returns, "reindex"):
        benchmark = matched(returns, benchmark)
    other = as_numbers(benchmark, "benchmark is no series of numbers.", "Give one return a period.")
    if other.ndim != 1 and other.shape[1:] != (1,):
        raise InputError(f"benchmark has the shape {other.shape}, not that of one series.", "Give one return a period.")
    if len(other) != len(values):
        raise InputError(f"returns hold {len(values)} rows and benchmark {len(other)}.", "Give the same periods.")
    other = other.reshape(-1, 1)
    bad = np.flatnonzero(~(np.abs(other) <= LARGEST))
    if len(bad):
        raise InputError(
            f"benchmark holds {other[bad[0], 0]} at row {bad[0]}.", "It needs a return at every period of the trials'."
        )
    return values - other, names


def _block(block: float | None, rows: int) -> float:
    if block is None:
        return float(rows ** (1 / 3))  # the rate that Politis and White (2004) found the best
    if isinstance(block, bool) or not isinstance(block, int | float | np.number) or not 1 <= block < float("inf"):
        raise InputError(f"block={block!r} is not a length of one or more.", "It is the mean length of a stretch.")
    if block > rows:
        raise InputError(
            f"block={block!r} is longer than the {rows:,} returns: every drawing would be nearly all of them.",
            f"Leave it out for their cube root, {rows ** (1 / 3):.1f}.",
        )
    return float(block)
