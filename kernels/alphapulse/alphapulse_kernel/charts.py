"""Plotly figures that nobody gave a template: readable on JupyterLab's light and dark ground alike, and calm.

Their ground is transparent and their ink a grey with enough contrast on both. Rises are blue and falls orange, which
colour-blind people tell apart.
"""

from __future__ import annotations

from typing import Any

__all__ = ["TYPE", "show"]

#: Module and name of the figures that are shown by `show`.
TYPE = ("plotly.graph_objs._figure", "Figure")

_INK, _RULE, _UP, _DOWN = "#737982", "rgba(128, 136, 144, 0.25)", "#2f81d7", "#d9772b"
_AXIS = {
    "title": {"font": {"size": 13}},
    "gridcolor": _RULE,
    "linecolor": _RULE,
    "zerolinecolor": _RULE,
    "automargin": True,
}
_STICKS = {"increasing": {"line": {"color": _UP}}, "decreasing": {"line": {"color": _DOWN}}}
_TEMPLATE: dict[str, Any] = {
    "layout": {
        "paper_bgcolor": "rgba(0, 0, 0, 0)",
        "plot_bgcolor": "rgba(0, 0, 0, 0)",
        "font": {"color": _INK, "family": "system-ui, sans-serif", "size": 13},
        "title": {"x": 0, "xanchor": "left", "font": {"size": 14}},
        "colorway": [_UP, _DOWN, "#8a63d2", "#2a9d8f", "#b58900", "#737982"],
        "legend": {"title": {"font": {"size": 13}}},
        "margin": {"l": 8, "r": 8, "t": 48, "b": 8},
        "height": 380,
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": "#262c33", "font": {"color": "#f0f6fc"}},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
    },
    "data": {"candlestick": [_STICKS], "ohlc": [_STICKS]},
}


def show(figure: Any) -> None:
    """Show a figure; one that has Plotly's own template is shown in ours and is itself not changed."""
    import plotly.graph_objects
    import plotly.io

    if figure.layout.template == plotly.io.templates["plotly"]:
        shown = plotly.graph_objects.Figure(figure)
        shown.layout.template = _TEMPLATE
        _repaint(shown)
        figure = shown
    plotly.io.show(figure)


def _repaint(figure: Any) -> None:
    """Plotly Express paints the colours of its template onto every trace: exchange those, and only those."""
    import plotly.io

    theirs = plotly.io.templates["plotly"].layout.colorway
    ours = _TEMPLATE["layout"]["colorway"]
    exchanged = {colour: ours[place % len(ours)] for place, colour in enumerate(theirs)}
    for trace in figure.data:
        for part in filter(None, (getattr(trace, "line", None), getattr(trace, "marker", None))):
            colour = getattr(part, "color", None)
            if isinstance(colour, str) and colour in exchanged:
                part.color = exchanged[colour]
