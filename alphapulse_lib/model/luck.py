"""What luck alone shows among many trials: the arithmetic that ledgers, hub and tearsheets share.

Every Sharpe ratio here is per period (a daily one is not annualised), and kurtosis is not excess (a normal's is 3).

Sources
-------
Bailey, D. and López de Prado, M. (2012), *The Sharpe Ratio Efficient Frontier*, Journal of Risk 15(2): the
probabilistic Sharpe ratio.
Bailey, D. and López de Prado, M. (2014), *The Deflated Sharpe Ratio*, Journal of Portfolio Management 40(5): the
expected maximum and the deflated Sharpe ratio.
"""

from __future__ import annotations

from math import e, inf, isnan, nan, sqrt
from numbers import Real
from statistics import NormalDist
from typing import Any

from alphapulse_lib.errors import InputError

__all__ = [
    "deflated_sharpe_ratio",
    "expected_maximum_normal",
    "expected_maximum_sharpe",
    "probabilistic_sharpe_ratio",
    "require_numbers",
    "variance_factor",
]

_NORMAL = NormalDist()
_EULER_MASCHERONI = 0.5772156649015329
#: Of numbers up to this one the products here are numbers still.
_LARGEST = 1e75


def probabilistic_sharpe_ratio(
    sharpe: float, observations: int, skewness: float, kurtosis: float, benchmark: float = 0.0
) -> float:
    """The probability that the true Sharpe ratio exceeds a benchmark, given one estimate of it.

    Parameters
    ----------
    sharpe : float
        The estimate, per period.
    observations : int
        How many returns it was estimated from.
    skewness, kurtosis : float
        Of those returns; kurtosis is not excess.
    benchmark : float
        The Sharpe ratio to exceed, per period.

    Returns
    -------
    float
        From 0 to 1; ``nan`` where there are fewer than two observations, where an input is ``nan``, or where skewness
        and kurtosis leave the estimate no positive variance.

    Raises
    ------
    InputError
        One of them is no number, is infinite or lies beyond 1e75; a kurtosis is negative.

    Notes
    -----
    Bailey and López de Prado (2012), equation 11.

    Examples
    --------
    >>> round(probabilistic_sharpe_ratio(0.458, 24, -2.448, 10.164), 3)
    0.913
    """
    require_numbers(observations=observations, benchmark=benchmark)
    variance = variance_factor(sharpe, skewness, kurtosis)
    if observations < 2 or isnan(benchmark) or not variance > 0:
        return nan
    return _NORMAL.cdf((sharpe - benchmark) * sqrt(observations - 1) / sqrt(variance))


def expected_maximum_sharpe(trials: int, variance: float) -> float:
    """The best Sharpe ratio that so many trials without any skill are expected to show.

    Parameters
    ----------
    trials : int
        How many independent trials were made, one or more.
    variance : float
        The variance of the trials' Sharpe ratios, in units of the squared per-period ratio.

    Returns
    -------
    float
        Per period; 0 for a single trial, among which nothing can be chosen.

    Raises
    ------
    InputError
        Fewer than one trial, a negative variance, or what is no number.

    Notes
    -----
    Bailey and López de Prado (2014), equation 1, with the expected Sharpe ratio of the trials 0.

    Examples
    --------
    >>> round(expected_maximum_sharpe(100, 0.5 / 250), 4)
    0.1132
    """
    require_numbers(variance=variance)
    largest = expected_maximum_normal(trials)
    if variance < 0:
        raise InputError(f"variance={variance!r} is negative.")
    return sqrt(variance) * largest


def deflated_sharpe_ratio(
    sharpe: float, observations: int, skewness: float, kurtosis: float, trials: int, variance: float
) -> float:
    """The probability that the true Sharpe ratio exceeds what luck alone would show among so many trials.

    Parameters
    ----------
    sharpe, observations, skewness, kurtosis
        As in `probabilistic_sharpe_ratio`.
    trials, variance
        As in `expected_maximum_sharpe`.

    Returns
    -------
    float
        From 0 to 1; above 0.95 is the usual demand.

    Raises
    ------
    InputError
        As `expected_maximum_sharpe`.

    Notes
    -----
    Bailey and López de Prado (2014), equation 2; the example is the paper's own: an annual 2.5 over 1,250 days.

    Examples
    --------
    >>> round(deflated_sharpe_ratio(2.5 / 250**0.5, 1250, -3, 10, trials=100, variance=0.5 / 250), 4)
    0.9004
    """
    benchmark = expected_maximum_sharpe(trials, variance)
    return probabilistic_sharpe_ratio(sharpe, observations, skewness, kurtosis, benchmark)


def expected_maximum_normal(trials: int) -> float:
    """The expected largest of so many draws from a standard normal; 0 for one, among which nothing is chosen."""
    require_numbers(trials=trials)
    if not 1 <= trials <= _LARGEST:
        raise InputError(f"trials={trials!r} is not a count of one or more.", "Count the run itself as a trial.")
    if trials == 1:
        return 0.0
    # -Z(1/N) is Z(1 - 1/N) without the loss of digits for a large N.
    largest = -_NORMAL.inv_cdf(1 / trials)
    next_largest = -_NORMAL.inv_cdf(1 / (trials * e))
    return (1 - _EULER_MASCHERONI) * largest + _EULER_MASCHERONI * next_largest


def variance_factor(sharpe: float, skewness: float, kurtosis: float) -> float:
    """The variance of a Sharpe estimate times its degrees of freedom (Mertens 2002); nan where an input is.

    Raises
    ------
    InputError
        One of them is no number, or a kurtosis is negative.
    """
    require_numbers(sharpe=sharpe, skewness=skewness, kurtosis=kurtosis)
    if kurtosis < 0:
        raise InputError(f"kurtosis={kurtosis!r} is negative.", "It is not excess here: a normal's is 3.")
    if isnan(sharpe) or isnan(skewness) or isnan(kurtosis):
        return nan
    sharpe, skewness, kurtosis = float(sharpe), float(skewness), float(kurtosis)
    return 1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2


def require_numbers(**given: Any) -> None:
    """Refuse arguments that are no numbers, or beyond all that can be reckoned with, by their names.

    Raises
    ------
    InputError
        One of them is no number (nan is one), is infinite, or lies beyond 1e75.
    """
    for name, value in given.items():
        if not isinstance(value, Real) or isinstance(value, bool):
            raise InputError(f"{name}={str(value)[:60]!r} is not a number.", "Such as ap.run(id).stats has them.")
        if abs(_float(value)) > _LARGEST:
            told = "a whole number beyond 1e75" if isinstance(value, int) else f"{value}"
            raise InputError(
                f"{name}={told} lies beyond all that can be reckoned with.", "Such as ap.run(id).stats has them."
            )


def _float(value: Any) -> float:
    """A number as a float; one that is too large for that is infinite."""
    try:
        return float(value)
    except OverflowError:
        return inf
