"""The price chart: the look of the pages, and what is put where."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bokeh.models import HoverTool

from hub.dashboards import assets
from hub.dashboards.catalog import Article
from hub.dashboards.charts import TONES, Drawing, drawn

ZONE = "America/New_York"


def bars(count: int, every: str = "1D", first: str = "2013-01-02 21:00") -> pd.DataFrame:
    closes = 100 + np.arange(count, dtype=float)
    ts = pd.date_range(first, periods=count, freq=every, tz="UTC")
    return pd.DataFrame(
        {"ts": ts, "open": closes - 1, "high": closes + 1, "low": closes - 2, "close": closes, "volume": closes}
    )


def article(moment: str, headline: str = "News") -> Article:
    at = pd.Timestamp(moment).value
    return Article("id", headline, "", "AAPL", 0.1, "finance", "sample", "", 1, at, at, ZONE)


def found(chart: Any, glyph: str) -> list[dict[str, Any]]:
    return [
        each.data_source.data
        for part in chart.children
        for each in part.renderers
        if type(each.glyph).__name__ == glyph
    ]


def test_its_colours_are_those_of_the_pages():
    css = assets.files()["look.css"].read_text()
    blocks = {False: css[: css.index("@media")], True: css[css.index(':root[data-theme="dark"]') :]}
    for dark, block in blocks.items():
        said = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block.split("}")[0]))
        assert {name: said[name] for name in TONES[dark]} == TONES[dark]


@pytest.mark.parametrize("style", ["candles", "line"])
@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize("count", [1, 2, 300])
def test_it_draws_any_number_of_bars(style: str, logarithmic: bool, count: int):
    chart = drawn(Drawing(bars(count), ZONE, "USD", style=style, logarithmic=logarithmic), dark=False)
    assert len(chart.children) == 2
    (volume,) = [each for each in found(chart.children and chart, "VBar") if "volume" in each][-1:]
    assert list(volume["x"]) == list(range(count))
    main = chart.children[0]
    assert main.y_range.start < 99 + (0 if style == "candles" else 1) <= main.y_range.end


def test_an_article_stands_on_the_bar_during_which_it_could_first_be_read():
    held = bars(3)
    moments = [
        article("2013-01-02T20:59Z", "before"),
        article("2013-01-02T21:01Z", "after"),
        article("2014-01-01T00:00Z"),
    ]
    (marks,) = found(drawn(Drawing(held, ZONE, "USD", articles=moments), dark=True), "Scatter")
    assert [(int(x), said.split(" ", 2)[2]) for x, said in zip(marks["x"], marks["said"], strict=True)] == [
        (0, "before"),
        (1, "after"),
    ]


def test_what_hovers_is_written_as_text_and_never_as_html():
    chart = drawn(Drawing(bars(3), ZONE, "USD", articles=[article("2013-01-03T12:00Z", "<b>x</b>")]), dark=False)
    tools = [tool for part in chart.children for tool in part.toolbar.tools if isinstance(tool, HoverTool)]
    assert tools
    assert all("safe" not in str(tool.tooltips) for tool in tools)


def test_a_split_is_marked_before_the_bar_that_first_shows_it():
    held = bars(5)
    at = pd.Timestamp("2013-01-04T14:30Z").value
    outside = pd.Timestamp("2000-01-01T00:00Z").value
    (words,) = found(drawn(Drawing(held, ZONE, "USD", splits=[(outside, 2.0), (at, 2.0)]), dark=False), "Text")
    assert (list(words["x"]), list(words["text"])) == ([1.5], [" 2:1 split"])


def test_a_dividend_is_marked_on_the_bar_of_its_ex_date_wherever_prices_are():
    paid = [
        (pd.Timestamp(day, tz=ZONE).value, 0.38) for day in ("2000-01-03", "2013-01-02", "2013-01-04", "2014-01-03")
    ]
    for logarithmic in (False, True):
        chart = drawn(Drawing(bars(5), ZONE, "USD", dividends=paid, logarithmic=logarithmic), dark=False)
        (marks,) = found(chart, "Scatter")
        assert (list(marks["x"]), marks["said"][1]) == ([0, 2], "0.38 a share, ex 2013-01-04")
        assert set(chart.children[0].extra_y_ranges) == {"frame"}


def test_sessions_are_divided_where_bars_are_shorter_than_days_and_not_too_many():
    def breaks(held: pd.DataFrame) -> list[list[float]]:
        chart = drawn(Drawing(held, ZONE, "USD", style="line"), dark=False)
        return [list(each["break"]) for each in found(chart, "Segment") if "break" in each]

    # New York's midnight is 05:00 UTC.
    assert breaks(bars(30, "1h", "2013-01-02 21:00")) == [[7.5]]
    assert breaks(bars(3, "1h", "2013-01-02 21:00")) == []
    assert breaks(bars(30)) == []
    assert breaks(bars(1000, "6h")) == []


def test_sentiment_is_drawn_below_on_the_bar_at_whose_close_it_was_known():
    held = bars(4)
    moods = pd.DataFrame({"ts": held["ts"].iloc[[1, 3]], "score": [0.5, -0.5], "articles": [2, 1]})
    chart = drawn(Drawing(held, ZONE, "USD", sentiment=moods), dark=False)
    assert len(chart.children) == 3
    (drawn_moods,) = [each for each in found(chart, "VBar") if "score" in each]
    assert list(drawn_moods["x"]) == [1, 3]
