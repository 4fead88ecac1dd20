"""Where the price chart's lower axis has its labels, worked out as in the browser."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from bokeh.plotting import figure

from hub.dashboards import axes

NODE = Path(sys.executable).with_name("node")
DAILY = [f"{day:%Y-%m-%d}" for day in pd.bdate_range("2012-03-01", "2013-03-01")]
MINUTES = [
    f"{minute:%Y-%m-%d %H:%M}"
    for day in ("2020-12-15", "2020-12-16", "2020-12-17", "2020-12-18")
    for minute in pd.date_range(f"{day} 09:31", f"{day} 16:00", freq="1min")
]
#: Pixels of a character of the labels, measured in Chromium.
LETTER = 6.7


def labels(days: list[str], width: int, first: float, last: float) -> dict[int, str]:
    plot = figure()
    axes.by_time(plot, days)
    (axis,) = plot.xaxis
    given = f"const days = {json.dumps(days)}, cb_data = {{start: {first}, end: {last}}};"
    laid = (
        f"const plot = {{properties: {{inner_width: {{is_unset: {str(not width).lower()}}}}}, inner_width: {width}}};"
    )
    code = (
        f"{given}{laid}const ticks = (() => {{ {axis.ticker.major_code} }})();"
        f"console.log(JSON.stringify(ticks.map((tick) => [tick, (() => {{ {axis.formatter.code} }})()])))"
    )
    done = subprocess.run([NODE], input=code, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("days", [DAILY, DAILY[:9], DAILY[:2], MINUTES, MINUTES[:40]], ids=len)
@pytest.mark.parametrize("width", [200, 270, 700, 1100])
@pytest.mark.parametrize("part", [(0.0, 1.0), (0.4, 0.6), (0.97, 1.0)])
def test_no_label_runs_into_the_next_one_and_there_is_one(days: list[str], width: int, part: tuple[float, float]):
    first, last = part[0] * len(days) - 0.6, part[1] * len(days) - 0.4
    found = labels(days, width, first, last)
    assert found
    places = [(at - first) / (last - first) * width for at in found]
    for left, right, word, following in zip(places, places[1:], found.values(), list(found.values())[1:], strict=False):
        assert right - left > (len(word) + len(following)) / 2 * LETTER, (found, places)


def test_a_year_of_days_is_labelled_by_the_first_sessions_of_months():
    assert labels(DAILY, 700, -0.6, 261.6) == {
        43: "2012-05", 87: "2012-07", 132: "2012-09", 175: "2012-11", 218: "2013-01", 261: "2013-03",
    }  # fmt: skip
    assert list(labels(DAILY, 270, -0.6, 261.6).values()) == ["2012-04", "2012-07", "2012-10", "2013-01"]


def test_minutes_are_labelled_by_round_times_and_by_the_day_where_one_begins():
    assert list(labels(MINUTES, 200, -0.6, len(MINUTES)).values()) == ["12-16", "12-17", "12-18"]
    assert list(labels(MINUTES, 270, 100, 190).values()) == ["11:30", "12:00", "12:30"]


def test_before_the_chart_is_laid_out_it_does_not_ask_how_wide_it_is():
    assert labels(DAILY, 0, -0.6, 261.6)
