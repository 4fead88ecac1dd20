"""Statistics of a series of returns; each formula names its source. The page of the docs is `reference/statistics.md`.

Returns are simple returns, one a period. Those that are ``nan`` are left out; a statistic that a series is too short
or too flat for is ``nan``, and nothing warns. Ratios are annualised by the periods in a year, as `empyrical` does.
"""

from __future__ import annotations

from math import inf, isfinite, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphapulse_lib.errors import InputError

__all__ = ["excess", "matched", "summary"]

type Floats = NDArray[np.floating[Any]]

#: The share of returns that counts as the tail of value at risk.
_TAIL = 0.05
#: A difference of two returns up to this is rounding.
_ROUNDING = 1e-14


def summary(
    returns: Any, benchmark: Any = None, periods_per_year: float = 252, risk_free: Any = 0.0
) -> dict[str, float]:
    """All statistics of a series of returns.

    Parameters
    ----------
    returns : sequence of float, shape (T,)
        Simple returns, one a period: 0.01 is one per cent. A pandas Series, a numpy array or a list.
    benchmark : sequence of float, shape (T,), optional
        Returns of what to compare with. Two pandas Series are matched by their index, anything else by position.
    periods_per_year : float
        252 for daily returns.
    risk_free : float or sequence of float, shape (T,)
        The risk-free return PER PERIOD, not per year: one for all, or that of each.

    Returns
    -------
    dict of str to float
        ``observations``, ``total_return``, ``cagr``, ``volatility``, ``downside_deviation``, ``sharpe``,
        ``sharpe_per_period``, ``sortino``, ``calmar``, ``omega``, ``max_drawdown`` (zero or less),
        ``time_under_water`` (share of the periods that end below a former peak), ``longest_under_water`` (the most of
        them in a row), ``tail_ratio``,
        ``value_at_risk`` and ``conditional_value_at_risk`` (returns at the worst twentieth), ``skewness``,
        ``kurtosis`` (not excess), and against the benchmark ``alpha`` (a year), ``beta``, ``correlation``,
        ``tracking_error``, ``information_ratio`` (both a year). ``nan`` where undefined.

    Raises
    ------
    InputError
        The returns are not numbers, are infinite or are not one series; the two lengths differ; two indexes share no
        period, or one alone names a time zone; a rate is no number.

    Examples
    --------
    >>> found = summary([0.01, -0.02, 0.03, 0.00])
    >>> round(found["sharpe"], 4), round(found["max_drawdown"], 4)
    (3.8129, -0.02)
    """
    if not (_is_number(periods_per_year) and periods_per_year > 0):
        raise InputError(f"periods_per_year={periods_per_year!r} is not a number above zero.", "Daily returns: 252.")
    values, other = _aligned(returns, benchmark)
    free = _risk_free(risk_free, len(values))
    held = ~np.isnan(values)
    years = held.sum() / periods_per_year
    with np.errstate(all="ignore"):
        alone = _alone(values[held], years, periods_per_year, free[held])
        both = held & ~np.isnan(other)
        against = _against(values[both], other[both], periods_per_year, free[both])
    return {
        name: value if isinstance(value, int) else _finite(float(value)) for name, value in (alone | against).items()
    }


def _alone(values: Floats, years: float, periods: float, risk_free: Floats) -> dict[str, float]:
    """What a series says by itself; in NumPy's floats, which overflow to what is not finite and never raise."""
    count = len(values)
    growth = np.prod(1 + values) if count else np.float64(nan)
    cagr = growth ** (1 / years) - 1 if count and growth >= 0 else nan
    over = excess(values, risk_free)
    deviation = _deviation(over)
    mean = over.mean() if count > 1 else nan
    # Sortino and van der Meer (1991): the root of the mean square of the shortfalls, over ALL periods.
    downside = np.sqrt(np.mean(np.minimum(over, 0) ** 2)) * periods**0.5 if count > 1 else nan
    drawdown = max_drawdown(values)
    below = under_water(_path(values))[1:]
    skewness, kurtosis = _shape(values)
    low, high = np.quantile(values, [_TAIL, 1 - _TAIL]) if count else (nan, nan)
    return {
        "observations": count,
        "total_return": growth - 1,
        "cagr": cagr,
        "volatility": _deviation(values, flat=0.0) * periods**0.5,
        "downside_deviation": downside,
        "sharpe": mean / deviation * periods**0.5,  # Sharpe (1994), annualised by the square root of time
        "sharpe_per_period": mean / deviation,
        "sortino": mean * periods / downside if downside > 0 else nan,
        "calmar": cagr / -drawdown if drawdown < 0 else nan,  # Young (1991), over the whole series
        "omega": _omega(over),
        "max_drawdown": drawdown,
        "time_under_water": below.mean() if count else nan,
        "longest_under_water": longest(below) if count else nan,
        "tail_ratio": abs(high) / abs(low) if low else nan,  # the 95th percentile over the 5th, both without sign
        "value_at_risk": low,
        "conditional_value_at_risk": _tail_mean(values),
        "skewness": skewness,
        "kurtosis": kurtosis,
    }


def _against(values: Floats, other: Floats, periods: float, risk_free: Floats) -> dict[str, float]:
    """What two series that are held at the same periods say of each other."""
    if len(values) < 2:
        return dict.fromkeys(("alpha", "beta", "correlation", "tracking_error", "information_ratio"), nan)
    mine, theirs = excess(values, risk_free), excess(other, risk_free)
    spread, wander = _deviation(mine), _deviation(theirs)
    # Not by np.cov: the matrix library that sums there came to another last digit in a container.
    joint = ((mine - mine.mean()) * (theirs - theirs.mean())).sum() / (len(mine) - 1)
    beta = joint / wander**2
    # Jensen (1968), the mean of a period compounded to a year.
    alpha = (1 + (mine - beta * theirs).mean()) ** periods - 1
    active = mine - theirs
    tracking = _deviation(active)
    return {
        "alpha": alpha,
        "beta": beta,
        "correlation": joint / (spread * wander),
        "tracking_error": _deviation(active, flat=0.0) * periods**0.5,
        # Grinold and Kahn (1999); Goodwin (1998) annualises like this.
        "information_ratio": active.mean() / tracking * periods**0.5,
    }


def excess(returns: Any, free: Floats) -> Any:
    """Returns over what was risk-free; shape (T,) or (T, N). 0 where rounding alone tells them apart.

    Examples
    --------
    >>> excess(np.array([0.5, 0.25]), np.array([0.25, 0.25 + 1e-16])).tolist()
    [0.25, 0.0]
    """
    over = np.asarray(returns) - (free if np.ndim(returns) == 1 else free[:, None])
    return np.where(np.abs(over) <= _ROUNDING, 0.0, over)


def max_drawdown(returns: Floats) -> float:
    """The deepest fall from a peak, a number of zero or less; the start counts as a peak.

    Examples
    --------
    >>> max_drawdown(np.array([-0.5, 1.0]))
    -0.5
    """
    if not len(returns):
        return nan
    path = _path(returns)
    return float(np.min(path / np.maximum.accumulate(path))) - 1


def under_water(path: Floats) -> NDArray[np.bool_]:
    """Of each value, whether it lies below one before it by more than rounding.

    Examples
    --------
    >>> under_water(np.array([1.0, 0.9, 1.1, 1.1])).tolist()
    [False, True, False, False]
    """
    peaks = np.maximum.accumulate(path)
    return np.asarray(path < peaks - 1e-12 * np.abs(peaks))


def longest(flags: NDArray[np.bool_]) -> int:
    """The most that are true in a row.

    Examples
    --------
    >>> longest(np.array([True, False, True, True]))
    2
    """
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _path(returns: Floats) -> Floats:
    """What one grows to, the start among it."""
    return np.concatenate(([1.0], np.cumprod(1 + returns)))


def _deviation(values: Floats, flat: float = nan) -> float:
    """The sample standard deviation; ``flat`` where all values are the same but for rounding."""
    if len(values) < 2:
        return nan
    if np.ptp(values) <= 1e-14 * max(1.0, float(np.abs(values).max())):
        return flat
    return np.float64(values.std(ddof=1))


def _omega(excess: Floats) -> float:
    """Keating and Shadwick (2002): all gains over all losses, against the risk-free return."""
    losses = -float(excess[excess < 0].sum())
    return float(excess[excess > 0].sum()) / losses if len(excess) > 1 and losses > 0 else nan


def _tail_mean(values: Floats) -> float:
    """Rockafellar and Uryasev (2000), from the sample: the mean of the returns at and below the worst twentieth."""
    if not len(values):
        return nan
    last = int((len(values) - 1) * _TAIL)
    return float(np.partition(values, last)[: last + 1].mean())


def _shape(values: Floats) -> tuple[float, float]:
    """The third and fourth standardised moments of the sample; a normal's are 0 and 3."""
    if np.isnan(_deviation(values)):
        return nan, nan
    standard = (values - values.mean()) / values.std()
    return float(np.mean(standard**3)), float(np.mean(standard**4))


def _aligned(returns: Any, benchmark: Any) -> tuple[Floats, Floats]:
    """Both series as arrays of one length; without a benchmark the second is all ``nan``."""
    if benchmark is None:
        values = _floats(returns, "returns")
        return values, np.full(len(values), nan)
    if hasattr(returns, "reindex") and hasattr(benchmark, "reindex"):
        benchmark = matched(returns, benchmark)
    values, other = _floats(returns, "returns"), _floats(benchmark, "benchmark")
    if len(values) != len(other):
        raise InputError(
            f"returns hold {len(values)} values and benchmark {len(other)}.",
            "Give two pandas Series with the times as index, and they are matched.",
        )
    return values, other


def matched(returns: Any, benchmark: Any) -> Any:
    """A benchmark's values at the periods of the returns, two pandas objects; missing where it has none.

    Raises
    ------
    InputError
        An index holds a value twice, one names a time zone and the other does not, or they share no period.
    """
    mine, theirs = returns.index, benchmark.index
    if mine.has_duplicates or theirs.has_duplicates:
        raise InputError("The index of returns or of benchmark holds a value twice.", "Give one return a period.")
    zones = [getattr(each, "tz", None) for each in (mine, theirs)]
    times = all(hasattr(each, "tz") for each in (mine, theirs))
    if times and (zones[0] is None) != (zones[1] is None):
        aware, naive = ("returns", "benchmark") if zones[0] is not None else ("benchmark", "returns")
        zone = zones[0] if zones[0] is not None else zones[1]
        raise InputError(
            f"The times of {aware} are of the zone {zone}, those of {naive} name none: they cannot be matched.",
            f"Name their zone, such as {naive}.tz_localize('{zone}').",
        )
    if len(mine) and not len(theirs):
        raise InputError(f"benchmark holds nothing, and returns {len(mine)} values.", "Leave the benchmark out.")
    if len(mine) and not mine.isin(theirs).any():
        raise InputError(
            f"returns, from {mine[0]} to {mine[-1]}, and benchmark, from {theirs[0]} to {theirs[-1]}, share no period.",
            "Of days, give both the same stamps, such as their closes; as lists they are matched by position.",
        )
    return benchmark.reindex(mine)


def _floats(values: Any, name: str) -> Floats:
    try:
        array = np.asarray(values, dtype=np.float64) if not np.iscomplexobj(values) else None
    except (TypeError, ValueError, OverflowError):
        array = None
    if array is None:
        raise InputError(f"{name} are not numbers.", "Give a list, an array or a Series of simple returns.")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise InputError(f"{name} have the shape {array.shape}, not that of one series.", "Choose one column.")
    if np.isinf(array).any():
        raise InputError(f"{name} hold an infinite value.", "A price of zero among them makes one: look for it.")
    return array


def _risk_free(given: Any, count: int) -> Floats:
    """The risk-free return of each of so many periods."""
    if np.ndim(given) == 0:
        if not _is_number(given):
            raise InputError(f"risk_free={given!r} is not a number.", "It is the return of one period, such as 0.0001.")
        return np.full(count, float(given))
    free = _floats(given, "risk_free")
    if len(free) != count or np.isnan(free).any():
        raise InputError(
            f"risk_free holds {np.count_nonzero(~np.isnan(free))} returns, and there are {count} periods.",
            "Give one for each of them, or one number for all.",
        )
    return free


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and bool(-inf < value < inf)


def _finite(value: float) -> float:
    return value if isfinite(value) else nan
