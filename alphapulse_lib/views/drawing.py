"""Charts as SVG and HTML that need no script, no network and no font, sharp at every width and on paper.

Lines are drawn in an SVG that is stretched to its box; words and markers are HTML laid over it at per cents, so that
they never stretch. Points stand at equal distances, bar by bar: nights and weekends take no room. Colours are CSS
classes, so light and dark need no second drawing. The numbers under the pointer come with the drawing as JSON, for a
page that has a script.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bars", "Line", "Marker", "chart", "is_level", "spans_wide", "spark"]

type Floats = NDArray[np.floating[Any]]
type Integers = NDArray[np.int64]

#: Buckets of which the lowest and the highest point are drawn: more cannot be seen.
_BUCKETS = 360
_WIDTH, _HEIGHT = 1000, 100
#: Decimals beyond the usual ones of which nothing is left in a double.
_FINEST = 12
#: What sums of doubles leave of nothing, as a share of what was summed.
_NOISE = 1e-12


@dataclass(frozen=True, slots=True)
class Line:
    """One value a moment. ``fill`` colours the space down (or up) to zero or to the chart's floor."""

    name: str
    values: Floats
    style: str = "main"
    fill: bool = False


@dataclass(frozen=True, slots=True)
class Bars:
    """One column a moment, from zero; coloured by its sign."""

    name: str
    values: Floats


@dataclass(frozen=True, slots=True)
class Marker:
    """A sign on the chart: its moment, its height (not a number: at the bottom), its character, what it says under the
    pointer, and the id of the element that it leads to.
    """

    at: int
    value: float
    text: str
    style: str = ""
    title: str = ""
    target: str = ""


def chart(
    moments: Integers,
    series: Sequence[Line | Bars],
    *,
    label: Callable[[float, int], str],
    day: Callable[[int], str],
    height: int = 220,
    logarithmic: bool = False,
    zero: bool = False,
    markers: Sequence[Marker] = (),
    title: str = "",
    most_days: int = 10,
) -> str:
    """A chart as HTML.

    Parameters
    ----------
    moments : array of int64, shape (T,)
        Nanoseconds of UTC, rising.
    series : sequence of Line or Bars
        Each of T values; ``nan`` leaves a hole.
    label : callable
        Writes a value with so many decimals more than usual: 0, but where the range is so small that two heights would
        be called alike.
    day : callable
        Writes a moment as ``YYYY-MM-DD`` or longer; the ticks are taken from its beginning.
    height : int
        In CSS pixels.
    logarithmic : bool
        Equal distances are equal factors; for values above zero.
    zero : bool
        Zero is always inside.
    markers : sequence of Marker
        Drawn over the lines.
    title : str
        What a screen reader says.
    most_days : int
        How many moments are named along it, at most.
    """
    keep = _kept(series, len(moments))
    scale = _Scale.of(series, logarithmic=logarithmic, zero=zero)
    if scale is None or not any(isinstance(each, Bars) or len(each.values) > 1 for each in series):
        return f'<div class="chart empty" style="height:{height}px">Nothing to draw.</div>'
    more = _decimals(scale.ticks, label)

    def written(value: float) -> str:
        return label(value, more)

    places = np.linspace(0, _WIDTH, len(moments)) if len(moments) > 1 else np.array([_WIDTH / 2])
    drawn = "".join(_drawn(each, places, keep, scale) for each in series)
    rules = "".join(f'<path class="rule" d="M0 {_y(scale, tick)}H{_WIDTH}"/>' for tick in scale.ticks)
    heights = "".join(
        f'<span class="y" style="top:{_y(scale, tick)}%">{escape(written(tick))}</span>' for tick in scale.ticks
    )
    days = [day(int(moment)) for moment in moments[keep]]
    ticks = "".join(
        f'<span class="x{" other" if number % 2 else ""}" style="left:{_left(int(keep[at]), len(moments))}%">'
        f"{escape(text)}</span>"
        for number, (at, text) in enumerate(_day_ticks(days, most_days))
    )
    signs = "".join(_sign(each, moments, scale) for each in markers)
    role = "group" if any(each.target for each in markers) else "img"  # of an image nobody hears the links inside
    return (
        f'<figure class="chart" style="height:{height}px"><div class="plot" role="{role}" aria-label="{escape(title)}">'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" aria-hidden="true">{rules}{drawn}</svg>'
        f"{signs}{heights}{ticks}</div>{_data(series, days, keep, len(moments), written)}</figure>"
    )


def spark(values: Floats, width: int = 180, height: int = 36) -> str:
    """A line without words, for a card."""
    held = values[np.isfinite(values)]
    if len(held) < 2:
        return ""
    low, high = float(held.min()), float(held.max())
    keep = np.unique(np.linspace(0, len(held) - 1, min(len(held), 120)).astype(int))
    x = keep / (len(held) - 1) * width
    span = 1.0 if is_level(low, high) else high - low
    y = height - 2 - (held[keep] - low) / span * (height - 4)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return (
        f'<svg class="spark" width="{width}" height="{height}" viewBox="0 0 {width} {height}" aria-hidden="true">'
        f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>'
    )


def spans_wide(*curves: Floats) -> bool:
    """Whether curves span more than a factor of three, so that equal factors are better shown as equal distances."""
    held = np.concatenate([curve[np.isfinite(curve)] for curve in curves])
    return bool(len(held) and held.min() > 0 and held.max() / held.min() > 3)


def is_level(low: float, high: float) -> bool:
    """Whether two heights differ by no more than sums of doubles do.

    Examples
    --------
    >>> is_level(100_000.0, 100_000.00000000003), is_level(100_000.0, 100_000.01)
    (True, False)
    """
    return abs(high - low) <= _NOISE * max(abs(low), abs(high), 1.0)


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to heights; ``low`` and ``high`` are logarithms where it is logarithmic."""

    low: float
    high: float
    logarithmic: bool
    ticks: tuple[float, ...]

    @classmethod
    def of(cls, series: Sequence[Line | Bars], *, logarithmic: bool, zero: bool) -> _Scale | None:
        parts = [each.values[np.isfinite(each.values)] for each in series]
        values = np.concatenate(parts) if parts else np.empty(0)
        if not len(values):
            return None
        low, high = float(values.min()), float(values.max())
        if zero:
            low, high = min(low, 0.0), max(high, 0.0)
        if is_level(low, high):  # no scale is made of what is left of nothing
            low = high = 0.0 if is_level(low, 0.0) else low
        if logarithmic and low > 0:
            ticks = _log_ticks(low, high)
            span = (math.log(high) - math.log(low)) or 0.1
            return cls(math.log(low) - 0.04 * span, math.log(high) + 0.04 * span, True, ticks)
        if low == high == 0:  # nothing ever happened: there is no scale to tell
            return cls(-1.0, 1.0, False, (0.0,))
        span = (high - low) or abs(high) or 1.0
        bottom = low if zero and low == 0 else low - 0.05 * span
        top = high if zero and high == 0 else high + 0.05 * span
        top = top if top > bottom else bottom + span
        return cls(bottom, top, False, _round_ticks(bottom, top))

    def height(self, values: Floats) -> Floats:
        """Per cent from the top."""
        with np.errstate(all="ignore"):
            placed = np.log(values) if self.logarithmic else values
        return np.round((self.high - placed) / (self.high - self.low) * _HEIGHT, 2)


def _drawn(each: Line | Bars, places: Floats, keep: Integers, scale: _Scale) -> str:
    if isinstance(each, Bars):
        return _columns(each, places, scale)
    values = each.values[keep]
    held = np.isfinite(values)
    x, y = places[keep], scale.height(values)
    path, pen = [], "M"
    for place, height, there in zip(x.tolist(), y.tolist(), held.tolist(), strict=True):
        if there:
            path.append(f"{pen}{place:.1f} {height:g}")
        pen = "L" if there else "M"
    line = "".join(path)
    if not line:
        return ""
    area = ""
    if each.fill and held.all():
        floor = scale.height(np.array([0.0]))[0] if not scale.logarithmic else _HEIGHT
        floor = min(max(floor, 0.0), _HEIGHT)
        area = f'<path class="area {each.style}" d="{line}L{x[-1]:.1f} {floor:g}L{x[0]:.1f} {floor:g}Z"/>'
    return f'{area}<path class="line {each.style}" d="{line}"/>'


def _columns(each: Bars, places: Floats, scale: _Scale) -> str:
    """Bars as two strokes, one for each sign; at most as many as there are moments, so keep those few."""
    width = _WIDTH / max(len(places), 1) * 0.7
    floor = scale.height(np.array([0.0]))[0]
    parts = {"up": [], "down": []}  # type: dict[str, list[str]]
    for place, value, height in zip(
        places.tolist(), each.values.tolist(), scale.height(each.values).tolist(), strict=True
    ):
        if math.isfinite(value) and value:
            left = min(max(place - width / 2, 0), _WIDTH - width)
            parts["up" if value > 0 else "down"].append(f"M{left:.1f} {floor:g}h{width:.1f}V{height:g}h-{width:.1f}Z")
    return "".join(f'<path class="bars {sign}" d="{"".join(paths)}"/>' for sign, paths in parts.items() if paths)


def _sign(each: Marker, moments: Integers, scale: _Scale) -> str:
    left = _left(min(int(np.searchsorted(moments, each.at)), len(moments) - 1), len(moments))
    top = scale.height(np.array([each.value]))[0] if math.isfinite(each.value) else _HEIGHT
    name, leads = ("a", f' href="#{escape(each.target)}"') if each.target else ("i", "")
    said = f' title="{escape(each.title)}"' + (f' aria-label="{escape(each.title)}"' if leads else "")
    return (
        f'<{name} class="mark {each.style}"{leads} style="left:{left}%;top:{top:g}%"{said}>{escape(each.text)}</{name}>'
    )


def _data(
    series: Sequence[Line | Bars], days: list[str], keep: Integers, total: int, label: Callable[[float], str]
) -> str:
    """What the pointer says: places in thousandths of the width, moments, and each series' values as written."""
    written = {
        each.name: [label(value) if math.isfinite(value) else "" for value in each.values[keep].tolist()]
        for each in series
    }
    places = [round(1000 * int(at) / max(total - 1, 1)) for at in keep]
    text = json.dumps({"x": places, "t": days, "s": written}, separators=(",", ":"), ensure_ascii=False)
    return f'<script type="application/json">{text.replace("<", chr(92) + "u003c")}</script>'


def _kept(series: Sequence[Line | Bars], total: int) -> Integers:
    """The moments to draw: all of few; of many each bucket's first, lowest and highest of every line."""
    if total <= 2 * _BUCKETS or any(isinstance(each, Bars) for each in series):
        return np.arange(total)
    edges = np.linspace(0, total, _BUCKETS + 1).astype(np.int64)
    kept = {0, total - 1}
    for each in series:
        held = np.isfinite(each.values)
        filled = np.where(held, each.values, each.values[held][0] if held.any() else 0.0)
        for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            part = filled[start:stop]
            kept.update((start + int(part.argmin()), start + int(part.argmax())))
    return np.array(sorted(kept))


def _left(at: int, total: int) -> str:
    return f"{100 * at / max(total - 1, 1):.2f}"


def _decimals(ticks: Sequence[float], label: Callable[[float, int], str]) -> int:
    """How many decimals more than usual tell all ticks apart."""
    return next((more for more in range(_FINEST) if len({label(each, more) for each in ticks}) == len(ticks)), _FINEST)


def _y(scale: _Scale, value: float) -> str:
    return f"{scale.height(np.array([value]))[0]:g}"


def _round_ticks(low: float, high: float, about: int = 4) -> tuple[float, ...]:
    if high <= low:
        return (low,)
    raw = (high - low) / about
    power = 10 ** math.floor(math.log10(raw))
    step = min((each for each in (1, 2, 5, 10) if each * power >= raw), default=10) * power
    first = math.ceil(low / step - 1e-9)
    return tuple(round(number * step, 12) for number in range(first, math.floor(high / step + 1e-9) + 1))


def _log_ticks(low: float, high: float) -> tuple[float, ...]:
    """Ones, twos and fives of each power of ten; round steps where the range is narrow."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = tuple(digit * 10.0**power for power in powers for digit in (1, 2, 5) if low <= digit * 10.0**power <= high)
    return found if len(found) >= 3 else tuple(tick for tick in _round_ticks(low, high) if tick > 0)


def _day_ticks(days: list[str], most: int = 10) -> list[tuple[int, str]]:
    """Where a new year, month, day or hour begins, by the coarsest of them that gives enough ticks; evenly thinned.

    Of hours the first tick of a day tells the day.
    """
    found: list[tuple[int, str]] = []
    for length, first, last in ((4, 0, 4), (7, 0, 7), (10, 5, 10), (13, 11, 16)):
        if days and len(days[0]) < length:
            break
        found = [(at, days[at][first:last]) for at in range(1, len(days)) if days[at][:length] != days[at - 1][:length]]
        if len(found) >= 4:
            break
    step = -(-len(found) // most)
    found = found[:: max(step, 1)]
    if any(":" in text for _, text in found):
        told = ["", *(days[at][:10] for at, _ in found)]
        found = [(at, days[at][5:10] if days[at][:10] != told[n] else text) for n, (at, text) in enumerate(found)]
    return found
