"""The price chart: bars side by side without nights and weekends, volume, and what was published, in Bokeh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import panel as pn
from bokeh.core.properties import value
from bokeh.layouts import column
from bokeh.models import (
    ColumnDataSource,
    CustomJS,
    HoverTool,
    LayoutDOM,
    LinearScale,
    LogTicker,
    NumeralTickFormatter,
    PanTool,
    Range1d,
    ResetTool,
    WheelZoomTool,
)
from bokeh.models.annotations import Span
from bokeh.plotting import figure

from hub.dashboards import axes, times
from hub.dashboards.axes import FONT

if TYPE_CHECKING:
    import pandas as pd

    from hub.dashboards.catalog import Article

__all__ = ["TONES", "Drawing", "drawn", "pane"]

#: The colours of look.css, light and dark: a canvas cannot read them there. A test holds the two together.
TONES = {
    False: {"paper": "#ffffff", "ink": "#1c2128", "quiet": "#59636e", "rule": "#d8dee4", "up": "#0b5cad",
            "down": "#a84300", "other": "#8b949e"},
    True: {"paper": "#0f1318", "ink": "#e6edf3", "quiet": "#9da7b3", "rule": "#2d333b", "up": "#6cb6ff",
           "down": "#f0954d", "other": "#768390"},
}  # fmt: skip
#: With more breaks than these one sees nothing else.
_BREAKS = 130
#: How high what stands below the prices is.
_BELOW = 84

# Heights follow what is in sight.
_FIT = """
const data = bars.data, first = Math.max(0, Math.ceil(x.start)), last = Math.min(data.x.length - 1, Math.floor(x.end));
let low = Infinity, high = -Infinity, most = 0;
for (let at = first; at <= last; at++) {
  low = Math.min(low, data[floor][at]);
  high = Math.max(high, data[ceiling][at]);
  most = Math.max(most, data.volume[at]);
}
if (high < low) return;
const room = 0.04 * (high - low || high);
if (log) { y.start = low * 0.98; y.end = high * 1.03; } else { y.start = low - room; y.end = high + 1.5 * room; }
volume.end = most * 1.05 || 1;
"""


# Bokeh's own tooltip is white on every page; its labels are too faint on that.
_BAR = (
    f'<div style="font: 12px {FONT}; color: #1c2128; font-variant-numeric: tabular-nums"><b>@when</b>'
    + "".join(f"<br>{name.title()} @{name}{{0,0.00[00]}}" for name in ("open", "high", "low", "close"))
    + "<br>Volume @volume{0,0}</div>"
)


@dataclass(frozen=True)
class Drawing:
    """What a chart shows.

    Attributes
    ----------
    bars : pandas.DataFrame
        One instrument's, of `ap.bars`; at least one row.
    zone : str
        Its exchange's zone.
    currency : str
        What its prices are in.
    style : str
        ``"candles"`` or ``"line"``.
    articles : sequence of Article
        Marked on the bar during which they could first be read.
    splits : sequence of (int, float)
        When and into how many: a line in the chart.
    dividends : sequence of (int, float)
        When an ex-date begins and what a share is paid: a diamond at the foot.
    sentiment : pandas.DataFrame or None
        Of `ap.sentiment`, drawn below.
    """

    bars: pd.DataFrame
    zone: str
    currency: str
    style: str = "candles"
    logarithmic: bool = False
    articles: Sequence[Article] = ()
    splits: Sequence[tuple[int, float]] = field(default=())
    dividends: Sequence[tuple[int, float]] = field(default=())
    sentiment: pd.DataFrame | None = None
    height: int = 320


def pane(label: str) -> pn.pane.Bokeh:
    """An empty place for a chart."""
    return pn.pane.Bokeh(None, sizing_mode="stretch_width", name=label)  # type: ignore[no-untyped-call]


def drawn(what: Drawing, *, dark: bool) -> LayoutDOM:
    """The chart."""
    tones = TONES[dark]
    stamps = what.bars["ts"].dt.as_unit("ns").astype("int64").to_numpy()
    source, days = _source(what, stamps, tones)
    count = len(stamps)
    reach = Range1d(start=-0.6, end=count - 0.4, bounds=(-1, count), min_interval=min(8, count + 1))
    main = _empty(what.height, reach, tones, "log" if what.logarithmic else "linear", f"Price, {what.currency}")
    shown = _prices(main, source, what.style, tones, count)
    volume = _empty(_BELOW, reach, tones, label="Volume")
    volume.vbar(x="x", top="volume", width=0.7, source=source, fill_color=tones["other"], line_color=None)
    axes.amounts(volume)
    main.yaxis.formatter = NumeralTickFormatter(format="0,0.00")
    if what.logarithmic:
        main.yaxis.ticker = LogTicker(desired_num_ticks=8, mantissas=[1, 2, 5])
    parts = [main, volume]
    main.extra_y_ranges = {"frame": Range1d(start=0, end=1)}  # the same place whatever prices are in sight
    main.extra_y_scales = {"frame": LinearScale()}
    _mark_sessions(main, days, tones)
    _mark_splits(main, what.splits, stamps, tones)
    _mark_dividends(main, what, stamps, tones)
    _mark_articles(main, what, stamps, tones)
    if what.sentiment is not None and len(what.sentiment):
        parts.append(_moods(what.sentiment, stamps, reach, tones))
    main.add_tools(_hover(shown))
    for part in parts[:-1]:
        part.xaxis.visible = False
    parts[-1].height = _BELOW + 24  # the axis is within it
    axes.by_time(parts[-1], days)
    candles = what.style != "line"
    fit = CustomJS(
        args={
            "bars": source, "x": reach, "y": main.y_range, "volume": volume.y_range, "log": what.logarithmic,
            "floor": "low" if candles else "close", "ceiling": "high" if candles else "close",
        },
        code=_FIT,
    )  # fmt: skip
    reach.js_on_change("start", fit)
    reach.js_on_change("end", fit)
    return column(*parts, sizing_mode="stretch_width", spacing=0)


def _source(what: Drawing, stamps: Any, tones: dict[str, str]) -> tuple[ColumnDataSource, list[str]]:
    bars = what.bars
    steps = np.diff(stamps)
    intraday = bool(len(steps) and np.median(steps) < 20 * 3600 * 10**9)
    # A day's bar that closes at midnight is of the day that ends then.
    pattern, back = ("%Y-%m-%d %H:%M", 0) if intraday else ("%Y-%m-%d", 1)
    days = (bars["ts"] - np.timedelta64(back, "ns")).dt.tz_convert(what.zone).dt.strftime(pattern).tolist()
    rises = (bars["close"] >= bars["open"]).to_numpy()
    columns = {name: bars[name].to_numpy() for name in ("open", "high", "low", "close", "volume")}
    colours = np.where(rises, tones["up"], tones["down"]).tolist()
    return ColumnDataSource({"x": np.arange(len(bars)), "when": days, "colour": colours} | columns), days


def _empty(
    height: int, reach: Range1d, tones: dict[str, str], scale: Literal["linear", "log"] = "linear", label: str = ""
) -> figure:
    made = figure(
        height=height,
        sizing_mode="stretch_width",
        x_range=reach,
        y_axis_type=scale,
        y_axis_location="right",
        toolbar_location=None,
        tools=[],
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_color=None,
        min_border_left=4,
        min_border_top=4,
        min_border_bottom=2,
    )
    wheel = WheelZoomTool(dimensions="width", modifiers="ctrl")  # without it, the wheel scrolls the page
    made.add_tools(PanTool(dimensions="width"), wheel, ResetTool())
    made.toolbar.active_scroll = wheel
    made.xgrid.grid_line_color = None
    made.ygrid.grid_line_color = tones["rule"]
    axes.plain(made, label, tones)
    return made


def _prices(main: Any, source: ColumnDataSource, style: str, tones: dict[str, str], count: int) -> Any:
    data = source.data
    shown: Any
    if style == "line":
        low, high = float(np.min(data["close"])), float(np.max(data["close"]))
        shown = main.line(x="x", y="close", source=source, line_color=tones["up"], line_width=1.6)
    else:
        low, high = float(np.min(data["low"])), float(np.max(data["high"]))
        main.segment(x0="x", x1="x", y0="low", y1="high", source=source, line_color="colour", line_width=1)
        shown = main.vbar(
            x="x", width=0.7, top="open", bottom="close", source=source, fill_color="colour", line_color="colour",
            line_width=1 if count < 600 else 0.5,
        )  # fmt: skip
    room = 0.04 * (high - low or high)
    main.y_range = (
        Range1d(start=low * 0.98, end=high * 1.03)
        if low > 0 and _is_log(main)
        else Range1d(start=low - room, end=high + 1.5 * room)
    )
    last = float(data["close"][-1])
    main.add_layout(Span(location=last, dimension="width", line_color=tones["quiet"], line_dash=[2, 3], line_width=1))
    return shown


def _is_log(main: Any) -> bool:
    return type(main.y_scale).__name__ == "LogScale"


def _hover(shown: Any) -> HoverTool:
    return HoverTool(
        renderers=[shown],
        tooltips=_BAR,
        mode="vline",
        point_policy="follow_mouse",
        line_policy="nearest",
        attachment="horizontal",
    )


def _mark_sessions(main: Any, days: list[str], tones: dict[str, str]) -> None:
    """A line before the first bar of each day in the exchange's zone, where bars are shorter than days."""
    if len(days[0]) <= 10:
        return
    places = [at - 0.5 for at in range(1, len(days)) if days[at][:10] != days[at - 1][:10]]
    if 0 < len(places) <= _BREAKS:
        source = ColumnDataSource({"break": places})
        main.segment(
            x0="break", x1="break", y0=0, y1=1, source=source, y_range_name="frame", line_color=tones["rule"],
            line_width=1, level="underlay",
        )  # fmt: skip


def _mark_dividends(main: Any, what: Drawing, stamps: Any, tones: dict[str, str]) -> None:
    # The ex-date of the first bar begins before it.
    first = stamps[0] - 86_400 * 10**9
    inside = [(at, paid) for at, paid in what.dividends if first < at <= stamps[-1]]
    if not inside:
        return
    source = ColumnDataSource(
        {
            "x": [int(np.searchsorted(stamps, at)) for at, _ in inside],
            "y": [0.025] * len(inside),
            "said": [f"{paid:g} a share, ex {times.at(at, what.zone, '%Y-%m-%d')}" for at, paid in inside],
        }
    )
    marks = main.scatter(
        x="x", y="y", source=source, size=9, marker="diamond", y_range_name="frame", line_color=tones["ink"],
        fill_color=tones["paper"], line_width=1.2, level="overlay",
    )  # fmt: skip
    main.add_tools(HoverTool(renderers=[marks], tooltips=[("Dividend", "@said")], attachment="vertical"))


def _mark_splits(main: Any, splits: Sequence[tuple[int, float]], stamps: Any, tones: dict[str, str]) -> None:
    inside = [(at, ratio) for at, ratio in splits if stamps[0] < at <= stamps[-1]]
    if not inside:
        return
    places = [int(np.searchsorted(stamps, at)) for at, _ in inside]
    for place in places:
        main.add_layout(
            Span(location=place - 0.5, dimension="height", line_color=tones["quiet"], line_dash=[4, 3], line_width=1)
        )
    words = [f" {ratio:g}:1 split" for _, ratio in inside]
    main.text(
        x=[place - 0.5 for place in places], y=[main.y_range.start] * len(places), text=words, text_baseline="bottom",
        text_color=tones["quiet"], text_font=value(FONT), text_font_size="11px",
    )  # fmt: skip


def _mark_articles(main: Any, what: Drawing, stamps: Any, tones: dict[str, str]) -> None:
    by_bar: dict[int, list[str]] = {}
    for article in what.articles:
        place = int(np.searchsorted(stamps, article.available_at))
        if place < len(stamps) and article.available_at >= stamps[0] - 7 * 86_400 * 10**9:
            said = times.at(article.available_at, what.zone, "%m-%d %H:%M")
            by_bar.setdefault(place, []).append(f"{said} {article.headline}")
    if not by_bar:
        return
    tops = what.bars["close" if what.style == "line" else "high"].to_numpy()
    span = main.y_range.end - main.y_range.start
    source = ColumnDataSource(
        {
            "x": list(by_bar),
            "y": [tops[place] * 1.015 if what.logarithmic else tops[place] + 0.02 * span for place in by_bar],
            "said": [" · ".join(lines[:6]) for lines in by_bar.values()],
        }
    )
    marks = main.scatter(
        x="x", y="y", source=source, size=8, marker="circle", line_color=tones["ink"], fill_color=tones["paper"],
        line_width=1.4, level="overlay",
    )  # fmt: skip
    # Bokeh writes @said as text: whatever a headline holds, it is shown and not run.
    main.add_tools(HoverTool(renderers=[marks], tooltips=[("News", "@said")], attachment="vertical"))


def _moods(sentiment: pd.DataFrame, stamps: Any, reach: Range1d, tones: dict[str, str]) -> figure:
    told = sentiment["ts"].dt.as_unit("ns").astype("int64").to_numpy()
    places = np.searchsorted(stamps, told)
    inside = (places < len(stamps)) & (told >= stamps[0])
    scores = sentiment["score"].to_numpy()[inside]
    source = ColumnDataSource(
        {
            "x": places[inside],
            "score": scores,
            "articles": sentiment["articles"].to_numpy()[inside],
            "colour": np.where(scores >= 0, tones["up"], tones["down"]).tolist(),
        }
    )
    made = _empty(_BELOW, reach, tones, label="News")
    made.y_range = Range1d(start=-1.05, end=1.05)
    made.yaxis.ticker = [-1, 0, 1]
    bars = made.vbar(x="x", top="score", width=0.9, source=source, fill_color="colour", line_color="colour")
    made.add_layout(Span(location=0, dimension="width", line_color=tones["rule"], line_width=1))
    made.add_tools(HoverTool(renderers=[bars], tooltips=[("Score", "@score{+0.00}"), ("Articles", "@articles")]))
    return made
