"""Splits and dividends recovered from raw closes beside adjusted ones.

An adjusted close is the raw one times a factor that changes on ex-dates alone: the factor's step tells what happened.
With ``C`` the raw close, ``A`` the adjusted one and ``g = (A/C on the ex-date) / (A/C on the session before)``:

- a split of ``r`` new shares for one old gives ``g = r``; it is one where ``g`` lies within 5 parts in 100,000 of a
  ratio that splits have (n:1 to n:5, 1:n, 11:10, 21:20) and the raw price moved with it;
- a dividend ``d`` gives ``g = C_before / (C_before - d)`` where a vendor divides by the close before (CRSP, Yahoo), or
  ``g = 1 + d / C_ex`` where it divides by the close of the ex-date. The rule whose dividends come out rounder is used.

Tolerance: each ratio ``A/C`` is known to half a unit of the adjusted close's last written decimal, and a step counts
only beyond what that allows (and beyond a part in 100,000), so adjusted closes of two decimals show no small dividends.
An amount is rounded to the coarsest of 1, 1/2, 1/10 and 1/100 cent within the tolerance. A spin-off shows as a
dividend of its worth. Nothing can be recovered on the first session. Announcements are not in such data: an action
counts as known from the open of its ex-date, when at the latest it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Action", "recover"]

#: The least step of the factor that is believed.
_LEAST = 1e-5
#: How far a step may lie from the ratio of a split, relatively, beyond the rounding of the closes.
_SPLIT_TOLERANCE = 5e-5
#: A step smaller than this is never a split: 21 for 20 is the smallest there is.
_SMALLEST_SPLIT = 0.0475
#: The ratios splits have: n for 1 to 5 and the reverse of n for 1, and stock dividends of 10 and 5 per cent.
_RATIOS = sorted(
    {Fraction(new, old) for new in range(1, 51) for old in range(1, 6) if new > old}
    | {Fraction(1, old) for old in range(2, 51)}
    | {Fraction(11, 10), Fraction(21, 20)}
)
_RATIO_VALUES = np.array([float(each) for each in _RATIOS])


@dataclass(frozen=True, slots=True)
class Action:
    """What happened before one session's open.

    Attributes
    ----------
    row : int
        The session's place in the series.
    kind : {"split", "dividend"}
    value : float
        New shares for one old, or the amount a share in the shares of that day.
    tolerance : float
        How far the true value may lie from it.
    """

    row: int
    kind: str
    value: float
    tolerance: float


def recover(close: NDArray[np.float64], adjusted: NDArray[np.float64]) -> list[Action]:
    """The splits and dividends between raw and adjusted closes.

    Parameters
    ----------
    close, adjusted : numpy.ndarray of float64
        One value a session, in the order of time, raw and adjusted; all above zero.

    Examples
    --------
    >>> recover(np.array([100.0, 50.0, 51.0]), np.array([50.0, 50.0, 51.0]))
    [Action(row=1, kind='split', value=2.0, tolerance=0.0)]
    """
    if len(close) < 2:
        return []
    factor = adjusted / close
    blur = _half_unit(adjusted) / adjusted
    step = factor[1:] / factor[:-1]
    slack = blur[1:] + blur[:-1] + 1e-12
    rows = np.flatnonzero(np.abs(step - 1) > slack + _LEAST) + 1
    splits: dict[int, Fraction] = {}
    for row in rows:
        ratio = _split(step[row - 1], slack[row - 1], close[row] / close[row - 1])
        if ratio is not None:
            splits[int(row)] = ratio
    rest = np.array([step[row - 1] / float(splits.get(int(row), 1)) for row in rows])
    paid = [at for at, row in enumerate(rows) if rest[at] - 1 > slack[row - 1] + _LEAST]
    before = np.array([close[row - 1] / float(splits.get(int(row), 1)) for row in rows])
    amounts = _amounts(rest[paid], before[paid], close[rows[paid]], slack[rows[paid] - 1])
    actions = [Action(row, "split", float(ratio), 0.0) for row, ratio in splits.items()]
    actions += [
        Action(int(rows[at]), "dividend", amount, tolerance)
        for at, (amount, tolerance) in zip(paid, amounts, strict=True)
    ]
    return sorted(actions, key=lambda each: (each.row, each.kind))


def _half_unit(adjusted: NDArray[np.float64]) -> float:
    """Half of the last decimal that adjusted closes are written with; as floats of 32 bits, half of their spacing."""
    for decimals in range(11):
        scaled = adjusted * 10.0**decimals
        if (np.abs(scaled - np.rint(scaled)) < 1e-6 * np.maximum(1, np.abs(scaled) * 1e-9)).all():
            return 0.5 * 10.0**-decimals
    if (adjusted.astype(np.float32).astype(np.float64) == adjusted).all():
        return float(np.spacing(np.float32(adjusted.max())))
    return 0.5e-10


def _split(step: float, slack: float, move: float) -> Fraction | None:
    """The ratio of a split, if the step is one: alone, or with a dividend on the same day."""
    if abs(step - 1) < _SMALLEST_SPLIT - slack:
        return None
    near = _RATIOS[int(np.argmin(np.abs(_RATIO_VALUES / step - 1)))]
    if abs(step / float(near) - 1) <= slack + _SPLIT_TOLERANCE and _fell_with(move, float(near)):
        return near
    whole = Fraction(round(step)) if step >= 1.9 else None
    if whole and whole > 1 and 1 < step / float(whole) < 1.04 and _fell_with(move, float(whole)):
        return whole
    return None


def _fell_with(move: float, ratio: float) -> bool:
    """Whether the raw price moved as such a split moves it, rather than staying where it was."""
    return bool(abs(np.log(move * ratio)) < abs(np.log(move)))


def _amounts(
    step: NDArray[np.float64], before: NDArray[np.float64], on: NDArray[np.float64], slack: NDArray[np.float64]
) -> list[tuple[float, float]]:
    """Amount and tolerance of each dividend, by whichever rule makes them rounder."""
    by_before, by_ex = before * (1 - 1 / step), on * (step - 1)
    tolerance = np.maximum(before, on) * slack
    chosen = min((by_before, by_ex), key=lambda each: float(np.abs(each - np.round(each, 4)).sum()))
    return [
        (_rounded(float(value), float(allowed)), float(allowed))
        for value, allowed in zip(chosen, tolerance, strict=True)
    ]


def _rounded(value: float, allowed: float) -> float:
    for unit in (100, 200, 1000, 10_000):
        near = round(value * unit) / unit
        if near > 0 and abs(near - value) <= max(allowed, 1e-7):
            return near
    return round(value, 6)
