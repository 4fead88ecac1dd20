"""The axes of the price chart: where a year, a month, a day or an hour begins, and amounts as traders write them.

Bars stand side by side, so an axis counts bars; which of them begin something is worked out in the browser, for what is
in sight and for as many labels as have room.
"""

from __future__ import annotations

from typing import Any

from bokeh.models import BasicTicker, CustomJSTicker, CustomJSTickFormatter

__all__ = ["FONT", "amounts", "by_time", "plain"]

FONT = "system-ui, sans-serif"

# The finest units whose labels have room. A unit is how much of a moment's text changes where it begins, a number that
# its last two digits are a multiple of, and the pixels of a label.
_TICKS = """
const width = plot.properties.inner_width.is_unset ? 300 : plot.inner_width;  // unset until it is laid out
const first = Math.max(1, Math.ceil(cb_data.start)), last = Math.min(days.length - 1, Math.floor(cb_data.end));
const wide = days[0].length > 10 ? 50 : 84;  // of a day, with its year where bars are days
const units = [[4, 10, 50], [4, 5, 50], [4, 2, 50], [4, 1, 50], [7, 6, 66], [7, 3, 66], [7, 2, 66], [7, 1, 66],
               [10, 14, wide], [10, 7, wide], [10, 2, wide], [10, 1, wide], [13, 4, 60], [13, 2, 60], [13, 1, 60],
               [16, 30, 60], [16, 15, 60], [16, 5, 60], [16, 1, 60]];
const opens = (at) => days[at].slice(0, 10) !== days[at - 1].slice(0, 10);
let best = [];
for (const [length, step, room] of units) {
  if (length > days[0].length) break;
  const most = Math.max(2, Math.floor(width / room)), gap = 0.8 * (last - first + 1) / most, found = [];
  for (let at = first; at <= last && found.length <= most; at++) {
    const now = days[at].slice(0, length), number = +now.slice(-2);
    if (now === days[at - 1].slice(0, length)) continue;
    const kept = found.at(-1) ?? -Infinity, begins = opens(at);
    const fits = length < 10 ? (length === 4 ? number : number - 1) % step === 0
      : length === 10 ? at - kept >= 0.6 * step
      : begins || number % step === 0;
    if (!fits) continue;
    // Where the beginning of a day collides with a round time beside it, the day stays.
    if (length <= 10 || at - kept >= gap) found.push(at);
    else if (begins) found[found.length - 1] = at;
    else if (!opens(kept)) found.length = most + 1;
  }
  if (found.length <= most && found.length >= best.length) best = found;
}
return best.length ? best : [Math.round((first + last) / 2)];
"""

# A year where all that is marked are years; a month; a day; within a day the time, and the day where it begins.
_LABEL = """
const day = days[tick], starts = (at, length) => at < 1 || days[at].slice(0, length) !== days[at - 1].slice(0, length);
if (!day) return "";
for (const length of [4, 7]) if (ticks.every((at) => starts(at, length))) return day.slice(0, length);
if (day.length === 10) return day;
return starts(tick, 10) ? day.slice(5, 10) : day.slice(11, 16);
"""

_AMOUNT = """
for (const [size, letter] of [[1e9, "B"], [1e6, "M"], [1e3, "K"]]) {
  if (Math.abs(tick) >= size) return (tick / size).toLocaleString("en", {maximumFractionDigits: 1}) + letter;
}
return tick.toLocaleString("en", {maximumFractionDigits: 2});
"""


def by_time(plot: Any, days: list[str]) -> None:
    """Say on a chart's lower axis when its bars are.

    Parameters
    ----------
    plot : figure
        Its lower axis counts bars.
    days : list of str
        Of each bar, such as ``2013-03-01`` or ``2013-03-01 16:00``.
    """
    plot.xaxis.ticker = CustomJSTicker(args={"days": days, "plot": plot}, major_code=_TICKS)
    plot.xaxis.formatter = CustomJSTickFormatter(args={"days": days}, code=_LABEL)


def amounts(plot: Any) -> None:
    """Write an axis's numbers short: 50M, 1.5B."""
    plot.yaxis.formatter = CustomJSTickFormatter(code=_AMOUNT)
    plot.yaxis.ticker = BasicTicker(desired_num_ticks=2)


def plain(plot: Any, label: str, tones: dict[str, str]) -> None:
    """Give all axes of a chart the looks of the page, and the upright one its name."""
    for axis in plot.axis:
        axis.axis_line_color = axis.major_tick_line_color = tones["rule"]
        axis.minor_tick_line_color = None
        axis.major_label_text_color = axis.axis_label_text_color = tones["quiet"]
        axis.major_label_text_font = axis.axis_label_text_font = FONT
        axis.major_label_text_font_size = axis.axis_label_text_font_size = "11.5px"
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_standoff = 4
    plot.yaxis.axis_line_color = plot.yaxis.major_tick_line_color = None
    plot.yaxis.axis_label = label
    # As wide beside each part of the chart, whatever its numbers are.
    plot.min_border_right = 78
