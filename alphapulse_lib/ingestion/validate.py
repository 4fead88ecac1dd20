"""Which bars and corporate actions can be used.

One that cannot be true is set aside with its reason; one that is merely odd is counted.

Set aside: a missing or endless figure, a price of zero or less, a high below the low, an open or close outside of
them, a negative volume, a figure too large to be held, a close in the future or before 1970, and a second bar for a
moment that says something else. Of corporate actions: an endless or too large amount, and a ratio that no split has.
Kept, and flagged: prices off the instrument's tick, and moves as large as those of 6 May 2010.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphapulse_lib.catalog.decimals import largest
from alphapulse_lib.model.instrument import SYMBOL

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["EXTREME", "Figures", "flagged", "impossible", "judge", "judge_actions", "oddities", "repeated"]

#: A bar whose range reaches further than this beyond its body is flagged.
EXTREME = 0.25
#: Differences below this part of a price are the noise of a computed figure.
_NOISE = 1e-9
#: New shares for one old, or old ones for one new, beyond what any split gave.
_MOST_SHARES = 10_000
#: Decimals of a dividend, as of a price, where nothing else is said.
_PRECISION = 4


@dataclass(frozen=True, slots=True)
class Figures:
    """The bars of one instrument, column by column; float64, times in nanoseconds of UTC."""

    ts: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Figures:
        return Figures(*(getattr(self, name)[rows] for name in self.__slots__))

    def __len__(self) -> int:
        return len(self.ts)


def judge(
    bars: Figures, now: int, precision: int = 4, size_precision: int = 0, known: NDArray[np.object_] | None = None
) -> NDArray[np.object_]:
    """Why each bar cannot be used; ``""`` where it can.

    Parameters
    ----------
    bars : Figures
        In any order.
    now : int
        Nanoseconds of UTC; a bar that closes later is not final.
    precision, size_precision : int
        Decimals of the instrument's prices and volumes: the more, the smaller the largest that can be held.
    known : numpy.ndarray of object, optional
        Why some cannot be used already: that stays said of them.

    Examples
    --------
    >>> one = np.array([10.0])
    >>> judge(Figures(np.array([1]), one, one - 1, one, one, one), 2).tolist()
    ['high 9 is below low 10']
    """
    reason = np.full(len(bars), "", object) if known is None else known.copy()
    settled = np.zeros(len(bars), np.bool_) if known is None else known.astype(np.bool_)
    top, bottom = bars.high * (1 + _NOISE), bars.low * (1 - _NOISE)

    def set_aside(where: NDArray[np.bool_], text: str, *columns: str) -> None:
        rows = np.flatnonzero(where & ~settled)
        if len(rows):
            figures = [getattr(bars, name)[rows] for name in columns]
            reason[rows] = [text.format(*row) for row in zip(*figures, strict=True)] if columns else text
            settled[rows] = True

    for name in ("open", "high", "low", "close", "volume"):
        set_aside(~np.isfinite(getattr(bars, name)), f"{name} {{:g}} is not a number", name)
    for name in ("open", "high", "low", "close"):
        set_aside(getattr(bars, name) >= largest(precision), f"{name} {{:g}} is too large", name)
        set_aside(getattr(bars, name) <= 0, f"{name} {{:.10g}} is not above 0", name)
    set_aside(bars.high < bottom, "high {:.10g} is below low {:.10g}", "high", "low")
    for name in ("open", "close"):
        price = getattr(bars, name)
        outside = (price > top) | (price < bottom)
        set_aside(outside, f"{name} {{:.10g}} lies outside low {{:.10g}} and high {{:.10g}}", name, "low", "high")
    set_aside(bars.volume < 0, "volume {:g} is negative", "volume")
    set_aside(bars.volume >= largest(size_precision), "volume {:g} is too large", "volume")
    set_aside(bars.ts > now, "it closes in the future")
    set_aside(bars.ts < 0, "it lies before 1970")
    return reason


def judge_actions(
    kind: NDArray[np.object_],
    ratio: NDArray[np.float64],
    amount: NDArray[np.float64],
    new_symbol: NDArray[np.object_] | None = None,
) -> NDArray[np.object_]:
    """Why each action cannot be used for what it says; ``""`` where it can. A figure that is not told is NaN.

    Examples
    --------
    >>> judge_actions(np.array(["split"], object), np.array([1e300]), np.array([np.nan])).tolist()
    ['a ratio of 1e+300 is not between 1/10,000 and 10,000']
    >>> judge_actions(np.array(["rename"], object), *np.full((2, 1), np.nan), np.array([""], object)).tolist()
    ['a rename needs the new symbol']
    """
    reason = np.full(len(kind), "", object)
    told_ratio = np.isin(kind, ["split"]) | (np.isin(kind, ["spin_off", "delisting"]) & ~np.isnan(ratio))
    wild = np.flatnonzero(told_ratio & ~((ratio >= 1 / _MOST_SHARES) & (ratio <= _MOST_SHARES)))
    reason[wild] = [
        f"a ratio of {each:g} is not between 1/{_MOST_SHARES:,} and {_MOST_SHARES:,}" for each in ratio[wild]
    ]
    told_amount = np.isin(kind, ["dividend"]) | (np.isin(kind, ["spin_off", "delisting"]) & ~np.isnan(amount))
    above = (amount > 0) | ((kind == "delisting") & (amount == 0))
    wild = np.flatnonzero(told_amount & ~(above & (amount < largest(_PRECISION))))
    reason[wild] = [f"an amount of {each:g} cannot be held" for each in amount[wild]]
    reason[(kind == "spin_off") & np.isnan(ratio) & np.isnan(amount)] = "a spin_off needs a ratio or an amount"
    if new_symbol is not None:
        for each in ("spin_off", "rename"):
            reason[(kind == each) & ((new_symbol == "") | (new_symbol == None))] = f"a {each} needs the new symbol"  # noqa: E711 an array of objects
        for at in np.flatnonzero((kind == "rename") & (reason == "")):
            if not re.match(SYMBOL, new_symbol[at]):
                reason[at] = f"new symbol {new_symbol[at][:60]} cannot name an instrument"
    return reason


def repeated(
    bars: Figures, available: NDArray[np.int64], lines: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.object_]]:
    """Bars for a moment that an earlier line has a bar for already.

    Parameters
    ----------
    available : numpy.ndarray of int64
        When each was available: versions of one bar that became available at different times are no repetition.
    lines : numpy.ndarray of int64
        Where each stands, for the reason.

    Returns
    -------
    numpy.ndarray of bool, numpy.ndarray of object
        Which say the same again, and why each of the others cannot be used (``""``: it can).
    """
    again, reason = np.zeros(len(bars), np.bool_), np.full(len(bars), "", object)
    if (bars.ts[1:] > bars.ts[:-1]).all():
        return again, reason
    order = np.lexsort((np.arange(len(bars)), available, bars.ts))
    first = np.ones(len(bars), np.bool_)
    first[1:] = (np.diff(bars.ts[order]) != 0) | (np.diff(available[order]) != 0)
    leader = order[np.maximum.accumulate(np.where(first, np.arange(len(bars)), 0))]
    later, leader = order[~first], leader[~first]
    same = np.ones(len(later), np.bool_)
    for name in ("open", "high", "low", "close", "volume"):
        same &= getattr(bars, name)[later] == getattr(bars, name)[leader]
    again[later[same]] = True
    reason[later[~same]] = [f"line {line} has another bar for this time" for line in lines[leader[~same]]]
    return again, reason


def impossible(bars: Figures, now: int) -> NDArray[np.object_]:
    """Why no catalog can hold each bar, whoever says that it is right; ``""`` where one can.

    A price of zero or less is possible: crude oil traded at -37.63 dollars on 20 April 2020.

    Examples
    --------
    >>> one = np.array([-37.63])
    >>> impossible(Figures(np.array([1]), one, one, one, one, np.array([5.0])), 2).tolist()
    ['']
    """
    why = judge(bars, now)
    below = np.array([each.endswith("is not above 0") for each in why], np.bool_)
    if below.any():  # Judged again with the prices lifted above zero: all else must hold of them too.
        lift = 1 - np.fmin(0, bars.low[below])
        opened, high, low, close = (getattr(bars, name)[below] + lift for name in ("open", "high", "low", "close"))
        why[below] = judge(Figures(bars.ts[below], opened, high, low, close, bars.volume[below]), now)
    why[bars.ts < 0] = "when it closed could not be told"
    return why


def oddities(bars: Figures, precision: int, size_precision: int = 0) -> dict[str, NDArray[np.bool_]]:
    """Which bars are odd, by what is odd about them; none of it makes a bar unusable.

    Parameters
    ----------
    bars : Figures
        Usable ones, in the order of time.
    precision, size_precision : int
        Decimals of the instrument's prices and volumes.
    """
    off_tick = np.zeros(len(bars), np.bool_)
    for name in ("open", "high", "low", "close"):
        off_tick |= _is_rounded(getattr(bars, name), precision)
    body_low, body_high = np.minimum(bars.open, bars.close), np.maximum(bars.open, bars.close)
    extreme = (bars.low < body_low * (1 - EXTREME)) | (bars.high > body_high * (1 + EXTREME))
    return {
        f"prices of more than {precision} decimals, rounded": off_tick,
        f"a range over {EXTREME:.0%} beyond open and close, kept": extreme,
        f"volume of more than {size_precision} decimals, rounded": _is_rounded(bars.volume, size_precision),
        "no volume": bars.volume == 0,
    }


def flagged(odd: Mapping[str, NDArray[np.bool_]]) -> dict[str, NDArray[np.bool_]]:
    """Of the oddities those that are kept bar by bar: prices off the tick, and extreme ranges."""
    prices, extreme, _, _ = odd.values()
    return {"off tick": prices, "extreme range": extreme}


def _is_rounded(values: NDArray[np.float64], precision: int) -> NDArray[np.bool_]:
    """Whether keeping that many decimals changes a value."""
    steps = values * 10.0**precision
    rounded: NDArray[np.bool_] = np.abs(steps - np.rint(steps)) > np.maximum(1e-6, steps * 1e-12)
    return rounded
