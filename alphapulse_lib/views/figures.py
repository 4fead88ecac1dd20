"""Plotly figures of runs and prices, in the tearsheet's colours: blue and orange, on light and on dark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from alphapulse_lib.results import breakdown
from alphapulse_lib.results.equity import fill_ratios
from alphapulse_lib.views import numbers
from alphapulse_lib.views.drawing import is_level, spans_wide

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from alphapulse_lib.results.run import Run

__all__ = ["equity", "heatmap", "monthly", "price", "trades_on_price"]

#: Unless told, a figure cannot know the ground it stands on: these tones are read on white and on JupyterLab's dark.
_LIGHT = {
    "ink": "#737982",
    "rule": "rgba(128, 136, 144, 0.25)",
    "up": "#2f81d7",
    "down": "#d9772b",
    "other": "#8b949e",
    "paper": "#ffffff",
}
_DARK = {
    "ink": "#9da7b3",
    "rule": "#2d333b",
    "up": "#6cb6ff",
    "down": "#f0954d",
    "other": "#768390",
    "paper": "#0f1318",
}
#: Points of a line that can be told apart; of more, each bucket's lowest and highest are drawn.
_POINTS = 4000


def price(
    bars: pd.DataFrame,
    fills: pd.DataFrame | None = None,
    articles: pd.DataFrame | None = None,
    *,
    dark: bool = False,
) -> go.Figure:
    """Candles and volume of one symbol, with what was traded and what was published.

    Parameters
    ----------
    bars : pandas.DataFrame
        Of `ap.bars`, one symbol: ``ts``, ``open``, ``high``, ``low``, ``close``, ``volume``.
    fills : pandas.DataFrame, optional
        Of a run: ``ts``, ``side``, ``quantity``, ``price``.
    articles : pandas.DataFrame, optional
        Of `ap.news`: ``available_at``, ``headline``.
    dark : bool
        For a dark background.
    """
    tones = _DARK if dark else _LIGHT
    figure = make_subplots(2, 1, shared_xaxes=True, row_heights=[0.78, 0.22], vertical_spacing=0.02)
    figure.add_candlestick(
        x=bars["ts"],
        open=bars["open"],
        high=bars["high"],
        low=bars["low"],
        close=bars["close"],
        increasing={"line": {"color": tones["up"], "width": 1}},
        decreasing={"line": {"color": tones["down"], "width": 1}},
        name="price",
        row=1,
        col=1,
    )
    figure.add_bar(x=bars["ts"], y=bars["volume"], marker_color=tones["other"], name="volume", row=2, col=1)
    if fills is not None and len(fills):
        _add_fills(figure, fills, fills["price"], tones)
    if articles is not None and len(articles):
        _add_articles(figure, bars, articles, tones)
    figure.update_xaxes(rangeslider_visible=False)
    return _styled(figure, tones, 520)


def equity(run: Run, *, dark: bool = False) -> go.Figure:
    """Equity and drawdown of a run against its benchmark."""
    import pandas as pd

    tones = _DARK if dark else _LIGHT
    figure = make_subplots(2, 1, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.04)
    curves = ((numbers.against(run.spec), run.benchmark, "other", "other"), (run.strategy, run.equity, "up", "down"))
    amounts = [curve.to_numpy(np.float64) for _, curve, _, _ in curves]
    falls = [breakdown.drawdown(each, run.spec.cash) for each in amounts]
    for (name, curve, colour, fall), depths in zip(curves, falls, strict=True):
        moments, values = _thinned(curve)
        fallen, depth = _thinned(pd.Series(depths, curve.index))
        figure.add_scatter(x=moments, y=values, name=name, line={"color": tones[colour], "width": 1.6}, row=1, col=1)
        figure.add_scatter(
            x=fallen,
            y=depth,
            name=f"{name}, drawdown",
            line={"color": tones[fall], "width": 1.1},
            fill="tozeroy" if name == run.strategy else None,
            showlegend=False,
            row=2,
            col=1,
        )
    currency = numbers.currency(run.record)
    figure.update_yaxes(title_text=currency, tickformat=",", **_scale(*amounts), row=1, col=1)
    figure.update_yaxes(tickformat=",.0%", **_scale(*falls), row=2, col=1)
    return _styled(figure, tones, 460)


def _scale(*curves: NDArray[np.floating[Any]]) -> dict[str, Any]:
    """An axis: around its height where nothing moves, which Plotly would tell in parts of a cent."""
    held = np.concatenate([curve[np.isfinite(curve)] for curve in curves])
    if len(held) and is_level(float(held.min()), float(held.max())):
        room = 0.1 * abs(float(held[0])) or 1.0
        return {"type": "linear", "range": [float(held[0]) - room, float(held[0]) + room]}
    return {"type": "log" if spans_wide(*curves) else "linear"}


def trades_on_price(run: Run, *, dark: bool = False) -> go.Figure:
    """The fills of a run on the closes of the first instrument it traded, in shares of the window's first day."""
    tones = _DARK if dark else _LIGHT
    fills, marks = run.fills, run.marks
    symbol = fills["symbol"].iloc[0] if len(fills) else run.symbols[0]
    rows = marks[marks["symbol"] == symbol]
    closes = rows["close"] * rows["ratio"] if "ratio" in rows else rows["close"]
    mine = (fills["symbol"] == symbol).to_numpy()
    moments, values = _thinned(closes.set_axis(rows["ts"]))
    figure = make_subplots(1, 1)
    figure.add_scatter(x=moments, y=values, name=str(symbol), line={"color": tones["ink"], "width": 1.1})
    figure.update_yaxes(type="log" if spans_wide(closes.to_numpy(np.float64)) else "linear")
    if mine.any():
        ratios = fill_ratios(run.table("fills"), run.table("marks"))
        _add_fills(figure, fills[mine], fills["price"][mine] * ratios[mine], tones)
    return _styled(figure, tones, 420)


def monthly(run: Run, *, dark: bool = False) -> go.Figure:
    """The returns of a run month by month, a row a year."""
    tones = _DARK if dark else _LIGHT
    table = breakdown.monthly_returns(
        breakdown.by_session(run.spec, run.equity), run.spec.cash, numbers.place(run.spec).timezone
    )
    months = table.drop(columns="year").to_numpy(np.float64)
    most = float(np.nanmax(np.abs(months))) if np.isfinite(months).any() else 1.0
    names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    figure = go.Figure(
        go.Heatmap(
            x=names,
            y=[str(year) for year in table.index],
            z=months,
            text=[[numbers.percent(each) if np.isfinite(each) else "" for each in row] for row in months],
            texttemplate="%{text}",
            hovertemplate="%{x} %{y}: %{text}<extra></extra>",
            colorscale=[[0, tones["down"]], [0.5, tones["paper"]], [1, tones["up"]]],
            zmin=-most,
            zmax=most,
            showscale=False,
            xgap=1,
            ygap=1,
        )
    )
    _styled(figure, tones, 80 + 28 * len(table))
    figure.update_xaxes(showgrid=False)
    return figure.update_yaxes(autorange="reversed", type="category", showgrid=False)


def heatmap(
    across: list[Any],
    up: list[Any],
    cells: list[list[float]],
    x: str,
    y: str,
    objective: str,
    currency: str = "",
    *,
    dark: bool = False,
) -> go.Figure:
    """A sweep's objective over two parameters, as `alphapulse_lib.views.sweep_board.heat` gives it."""
    tones = _DARK if dark else _LIGHT
    values, form = np.array(cells, np.float64), numbers.statistic(objective, currency)
    shares = numbers.is_share(objective)
    most = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 1.0
    figure = go.Figure(
        go.Heatmap(
            x=[numbers.parameter(each) for each in across],
            y=[numbers.parameter(each) for each in up],
            z=values,
            text=[[form(each) if np.isfinite(each) else "" for each in row] for row in values],
            texttemplate="%{text}" if values.size <= 400 else None,
            hovertemplate=f"{x} %{{x}}, {y} %{{y}}: {objective} %{{text}}<extra></extra>",
            colorscale=[[0, tones["down"]], [0.5, tones["paper"]], [1, tones["up"]]],
            zmin=-most,
            zmax=most,
            colorbar={"title": {"text": objective}, "thickness": 12, "tickformat": ",.0%" if shares else None},
            xgap=1,
            ygap=1,
        )
    )
    _styled(figure, tones, 160 + 28 * min(len(up), 24))
    figure.update_xaxes(title=x, type="category", showgrid=False)
    return figure.update_yaxes(title=y, type="category", showgrid=False)


def _add_fills(figure: go.Figure, fills: pd.DataFrame, heights: Any, tones: dict[str, str]) -> None:
    for side, name, shape, colour in (
        ("buy", "bought", "triangle-up", "up"),
        ("sell", "sold", "triangle-down", "down"),
    ):
        mine = (fills["side"] == side).to_numpy()
        figure.add_scatter(
            x=fills["ts"][mine],
            y=np.asarray(heights)[mine],
            mode="markers",
            name=name,
            marker={"symbol": shape, "size": 9, "color": tones[colour], "line": {"width": 1, "color": tones["paper"]}},
            text=[
                f"{name} {numbers.count(quantity)} at {numbers.price(each)}"
                for quantity, each in zip(fills["quantity"][mine], fills["price"][mine], strict=True)
            ],
            hovertemplate="%{text}<extra></extra>",
        )


def _add_articles(figure: go.Figure, bars: pd.DataFrame, articles: pd.DataFrame, tones: dict[str, str]) -> None:
    """A mark at the high of the bar during which an article could first be read."""
    moments = articles["available_at"]
    where = np.minimum(np.searchsorted(bars["ts"].to_numpy(), moments.to_numpy()), len(bars) - 1)
    figure.add_scatter(
        x=bars["ts"].iloc[where],
        y=bars["high"].iloc[where] * 1.01,
        mode="markers",
        name="articles",
        marker={"symbol": "circle-open", "size": 7, "color": tones["ink"]},
        text=articles["headline"],
        hovertemplate="%{text}<extra></extra>",
    )


def _thinned(curve: pd.Series[float]) -> tuple[Any, Any]:
    """All points of a short line; of a long one the lowest and the highest of each bucket."""
    if len(curve) <= _POINTS:
        return curve.index, curve
    values = curve.to_numpy()
    width = -(-len(values) // (_POINTS // 2))
    kept = {0, len(values) - 1}
    for start in range(0, len(values), width):
        part = values[start : start + width]
        kept.update((start + int(part.argmin()), start + int(part.argmax())))
    found = curve.iloc[sorted(kept)]
    return found.index, found


def _styled(figure: go.Figure, tones: dict[str, str], height: int) -> go.Figure:
    axis = {"gridcolor": tones["rule"], "linecolor": tones["rule"], "zerolinecolor": tones["rule"], "automargin": True}
    figure.update_layout(
        template="none",
        height=height,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": tones["ink"], "family": "system-ui, sans-serif", "size": 13},
        margin={"l": 8, "r": 8, "t": 32, "b": 8},
        hovermode="x unified",
        hoverlabel={"bgcolor": tones["paper"]},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    )
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return figure
