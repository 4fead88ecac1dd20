"""Charts: what is drawn lies where the numbers say, and nothing is lost on the way."""

from __future__ import annotations

import json
import re
import warnings
from html.parser import HTMLParser

import numpy as np
import pytest

from alphapulse_lib.views import numbers
from alphapulse_lib.views.drawing import Bars, Line, Marker, chart, spark

DAY = 86_400 * 10**9


def drawn(values: list[float], **changes: object) -> str:
    given: dict = {"label": lambda value, _: f"{value:g}", "day": lambda at: numbers.day(at)}
    return chart(np.arange(len(values)) * DAY, [Line("x", np.array(values, float))], **(given | changes))


def points(html: str) -> list[tuple[float, float]]:
    path = re.search(r'class="line main" d="([^"]+)"', html)
    assert path
    return [(float(a), float(b)) for a, b in re.findall(r"[ML]([\d.]+) ([\d.e-]+)", path[1])]


def ticks(html: str) -> dict[float, float]:
    return {float(text): float(top) for top, text in re.findall(r'class="y" style="top:([\d.]+)%">([^<]+)<', html)}


def data(html: str) -> dict:
    found = re.search(r'<script type="application/json">(.*?)</script>', html, re.S)
    assert found
    return json.loads(found[1])


def test_points_and_ticks_share_one_scale() -> None:
    html = drawn([10, 20, 15])
    (x0, y0), (x1, y1), (x2, _) = points(html)
    assert (x0, x1, x2) == (0, 500, 1000)
    at = ticks(html)
    assert at[10] == pytest.approx(y0)
    assert at[20] == pytest.approx(y1)


def test_a_logarithmic_scale_gives_equal_factors_equal_room() -> None:
    (_, one), (_, ten), (_, hundred) = points(drawn([1, 10, 100], logarithmic=True))
    assert one - ten == pytest.approx(ten - hundred, abs=0.02)


@pytest.mark.parametrize(
    "values", [[1.0, 1.00001, 1.00002], [1.0, 1.0000000001], [1.0, 1.001, 0.999], [1.0, 2.0, 40.0]]
)
def test_heights_that_differ_are_called_differently(values: list[float]) -> None:
    html = drawn(values, label=lambda value, more: numbers.ratio(value, 2 + more), title="Growth of 1")
    called = [text for _, text in re.findall(r'class="y" style="top:([\d.]+)%">([^<]+)<', html)]
    assert len(called) >= 3
    assert len(set(called)) == len(called)
    assert data(html)["s"]["x"][0] != data(html)["s"]["x"][1], "the pointer tells them apart, too"


@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize("rest", [0.0, 1.5e-11, 1e-9])
def test_what_sums_leave_of_nothing_is_no_move(rest: float, logarithmic: bool) -> None:
    """Of a price of 1.13 that a split of 5:1 makes 0.226, a held share is worth 1.1300000000000001 before it."""
    values = [100_000.0, 100_000.0 + rest, 100_000.0]
    html = drawn(values, label=lambda value, more: f"{value:,.{more}f}", logarithmic=logarithmic)
    called = re.findall(r'class="y" style="[^"]*">([^<]+)<', html)
    assert "100,000" in called
    assert set(called) <= {"95,000", "100,000", "105,000"}
    assert {height for _, height in points(html)} == {50.0}
    nothing = drawn([0.0, -rest / 1e5, 0.0], zero=True, label=lambda value, more: f"{value:.{more}%}")
    assert re.findall(r'class="y" style="[^"]*">([^<]+)<', nothing) == ["0%"]
    assert len(set(re.findall(r",([\d.]+)", spark(np.array(values)).split("points=")[1]))) == 1


def test_a_wide_range_needs_no_more_decimals_than_usual() -> None:
    html = drawn([1.0, 2.0, 3.0], label=lambda value, more: numbers.ratio(value, 2 + more))
    assert set(re.findall(r'class="y" style="[^"]*">([^<]+)<', html)) >= {"1.00", "2.00", "3.00"}


def test_a_hole_lifts_the_pen() -> None:
    path = re.search(r'class="line main" d="([^"]+)"', drawn([1, 2, float("nan"), 3, 4]))
    assert path
    assert path[1].count("M") == 2


def test_the_highest_and_the_lowest_of_many_points_are_drawn() -> None:
    values = np.sin(np.arange(100_000) / 3000)
    values[54_321], values[77_777] = 9, -9
    html = drawn(values.tolist())
    heights = [y for _, y in points(html)]
    assert len(heights) < 1000
    assert {"9", "-9"} <= set(data(html)["s"]["x"])


def test_the_pointer_says_what_is_drawn() -> None:
    assert data(drawn([10, float("nan"), 15])) == {
        "x": [0, 500, 1000],
        "t": ["1970-01-01", "1970-01-02", "1970-01-03"],
        "s": {"x": ["10", "", "15"]},
    }


def test_bars_stand_on_zero_and_are_told_apart_by_sign() -> None:
    html = chart(
        np.arange(3) * DAY,
        [Bars("b", np.array([1.0, -2.0, 0.0]))],
        label=lambda value, _: str(value),
        day=numbers.day,
        zero=True,
    )
    assert html.count("Z") == 2
    assert 'class="bars up"' in html
    assert 'class="bars down"' in html


def test_markers_lie_on_the_line() -> None:
    html = drawn([10, 20, 15], markers=[Marker(DAY, 20.0, "▲", "up", "bought <1>")])
    left, top = re.search(r'class="mark up" style="left:([\d.]+)%;top:([\d.]+)%"', html).groups()  # type: ignore[union-attr]
    assert (float(left), float(top)) == (50, pytest.approx(points(html)[1][1]))
    assert "bought &lt;1&gt;" in html


def test_links_on_a_chart_are_no_part_of_an_image() -> None:
    marker = Marker(DAY, 20.0, "\N{BULLET}", "news", "said", "row-1")
    assert 'role="img"' in drawn([10, 20, 15], markers=[Marker(DAY, 20.0, "\N{BULLET}")])
    assert 'role="group"' in drawn([10, 20, 15], markers=[marker])


def test_names_cannot_break_out() -> None:
    html = chart(
        np.arange(2),
        [Line("</script><b>", np.ones(2))],
        label=lambda value, _: str(value),
        day=numbers.day,
        title='"><b>',
    )

    seen = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            seen.append(tag)

    Tags().feed(html)
    assert "svg" in seen
    assert "b" not in seen


@pytest.mark.parametrize("values", [[], [5], [5, 5, 5], [0, 0], [float("nan")] * 3, [1e-9, 2e-9], [-1e12, 1e12]])
@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize("zero", [False, True])
def test_nothing_warns_and_nothing_is_infinite(values: list[float], logarithmic: bool, zero: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        html = drawn(values, logarithmic=logarithmic, zero=zero)
    assert "nan" not in html
    assert "inf" not in html


@pytest.mark.parametrize(("count", "first"), [(2000, "1971"), (200, "1970-02"), (20, "01-0")])
def test_ticks_are_years_months_or_days_as_fits(count: int, first: str) -> None:
    found = re.findall(r'class="x[^>]+>([^<]+)<', drawn(list(range(count))))
    assert 2 <= len(found) <= 12
    assert found[0].startswith(first)


def test_a_spark_of_nothing_is_nothing() -> None:
    assert spark(np.array([1.0])) == ""
    assert spark(np.full(500, 3.0)).count(",") <= 120
