"""Whether a split shows in a step of the price over its ex-date, or has been taken out of the prices.

A split of ``k`` new shares for one old moves a traded price by ``-ln k``, and an adjusted one not at all; either is
beside what the price does anyway. Of that the series' own other steps tell: ``ln`` of each session's open over the
close before it. They have heavy tails, so they are taken as Student's t with three degrees of freedom, whose scale is
their median over its own (0.765). What remains are the odds of the two: a 5:4 split in a share that opens half a per
cent away from the close before is told beyond doubt, one of 1.03:1 is not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["hides", "may_hide", "odds", "usual"]

type Floats = NDArray[np.float64]

#: The median of the absolute value of Student's t with three degrees of freedom.
_MEDIAN = 0.7648923284
#: Of fewer steps the scale of a lively share is taken, where theirs is less.
_ENOUGH, _LIVELY = 20, 0.03
#: Of a price that hardly moves the scale: a tick of some price is no proof.
_LEAST = 0.002
#: From this ratio on the likelier of the two is believed; nearer to one where it is a thousand times likelier.
_TELLING = 1.4
_SURE, _DOUBTFUL = np.log(1000.0), np.log(20.0)


def usual(steps: Floats) -> float:
    """The scale of a series' steps, as natural logarithms; those over ex-dates left out."""
    sizes = np.abs(steps[np.isfinite(steps)])
    scale = float(np.median(sizes)) / _MEDIAN if len(sizes) else 0.0
    return max(scale, _LEAST if len(sizes) >= _ENOUGH else _LIVELY)


def odds(step: float, ratio: float, scale: float) -> float:
    """How much likelier it is that a split was taken out of the prices than that it shows.

    Parameters
    ----------
    step : float
        Natural logarithm of the price after over the price before.
    ratio : float
        New shares for one old.
    scale : float
        See `usual`.

    Returns
    -------
    float
        The natural logarithm of the odds; below zero where the split shows.

    Examples
    --------
    >>> round(odds(0.004, 1.25, 0.006), 1)
    12.1
    >>> round(odds(-0.22, 1.25, 0.006), 1)
    -12.0
    """
    adjusted, traded = step / scale, (step + np.log(ratio)) / scale
    return float(2 * (np.log1p(traded**2 / 3) - np.log1p(adjusted**2 / 3)))


def hides(step: float, ratio: float, scale: float) -> bool:
    """Whether a split does not show, beyond doubt."""
    return odds(step, ratio, scale) > (0.0 if max(ratio, 1 / ratio) >= _TELLING else _SURE)


def may_hide(step: float, ratio: float, scale: float) -> bool:
    """Whether it is twenty times likelier that a split does not show."""
    return hides(step, ratio, scale) or odds(step, ratio, scale) > _DOUBTFUL
