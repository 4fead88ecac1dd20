"""Numbers as traders write them."""

from __future__ import annotations

import dataclasses
import math

import pytest
from small_runs import moment, spec

from alphapulse_lib.model.run import RunRecord, Series
from alphapulse_lib.model.window import FOREVER, Window
from alphapulse_lib.views import numbers


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (numbers.percent(-0.13379), "\N{MINUS SIGN}13.38%"),
        (numbers.percent(1.309199), "+130.92%"),
        (numbers.percent(0.0), "0.00%"),
        (numbers.percent(-0.00001), "0.00%"),
        (numbers.percent(12.3456), "+1,234.56%"),
        (numbers.percent(math.nan), "—"),
        (numbers.percent(0.5, 0, signed=False), "50%"),
        (numbers.statistic("expectancy")(0.0001234), "+0.012%"),
        (numbers.statistic("-volatility")(-0.2), "\N{MINUS SIGN}20.00%"),
        (numbers.statistic("sharpe")(-0.0012), "\N{MINUS SIGN}0.0012"),
        (numbers.statistic("sharpe")(0.0), "0.00"),
        (numbers.statistic("sharpe")(math.nan), "—"),
        (numbers.statistic("end_equity")(102_000.0), "102,000.00"),
        (numbers.statistic("end_equity", "JPY")(102_000.4), "102,000"),
        (numbers.statistic("-commission", "KWD")(-9.5), "\N{MINUS SIGN}9.500"),
        (numbers.statistic("average_trade", "JPY")(0.25), "0.25"),
        (numbers.statistic("sharpe", "JPY")(1.5), "1.50"),
        (numbers.statistic("trades")(1234.0), "1,234"),
        (numbers.statistic("-longest_under_water")(-12.5), "\N{MINUS SIGN}12.5"),
        (numbers.ratio(-1234.5), "\N{MINUS SIGN}1,234.50"),
        (numbers.ratio(math.inf), "—"),
        (numbers.money(1_000_000, "USD"), "1,000,000.00 USD"),
        (numbers.money(-0.5), "\N{MINUS SIGN}0.50"),
        (numbers.money(None, "USD"), "—"),
        (numbers.price(0.0625), "0.0625"),
        (numbers.price(12_345.1), "12,345.10"),
        (numbers.count(1e6), "1,000,000"),
        (numbers.count(0.015), "0.015"),
        (numbers.count(-50), "\N{MINUS SIGN}50"),
        (numbers.probability(0.954), "0.95"),
        (numbers.probability(1.0), ">0.99"),
        (numbers.probability(math.nan), "—"),
    ],
)
def test_numbers(text: str, wanted: str) -> None:
    assert text == wanted


def test_tones_follow_signs() -> None:
    assert [numbers.tone(value) for value in (1, -1, 0, math.nan, None)] == ["up", "down", "", "", ""]


def test_what_is_written_as_nothing_has_no_tone() -> None:
    assert [numbers.tone(value) for value in (0.00004, -0.00004, 0.00006, -0.00006)] == ["", "", "up", "down"]
    assert [numbers.tone(value, numbers.money) for value in (-1.8, -0.004)] == ["down", ""]


def record(**changes: object) -> RunRecord:
    of_spec = spec(**changes)
    rows = (
        Series("GOOG.XNAS-1-DAY-LAST-EXTERNAL", "team", 2, moment("2004-08-19 16:00"), moment("2013-03-01 16:00"), ""),
    )
    return RunRecord("a", of_spec.id, of_spec, "finished", "trial", "ada", 1, 2, {}, rows)


def test_a_window_is_told_in_days_of_the_venue() -> None:
    # The last nanosecond of a day in New York is the next day in UTC.
    told = numbers.window(record(start=moment("2010-01-04 00:00"), end=moment("2010-02-01 00:00") - 1))
    assert told == "2010-01-04 to 2010-01-31"


def test_a_window_from_the_close_before_begins_on_the_day_of_its_first_bar() -> None:
    def told(start: str) -> str:
        first, last = moment("2010-01-05 16:00"), moment("2010-02-01 16:00")
        held = (Series("GOOG.XNAS-1-DAY-LAST-EXTERNAL", "team", 19, first, last, ""),)
        return numbers.window(dataclasses.replace(record(start=moment(start), end=last), series=held))

    assert told("2010-01-04 16:00") == "2010-01-05 to 2010-02-01", "as a walk-forward's table tells the fold"
    assert told("2010-01-05 09:30") == "2010-01-05 to 2010-02-01"
    assert told("2010-01-02 00:00") == "2010-01-02 to 2010-02-01", "a day is told as it was asked for"


@pytest.mark.parametrize("instruments", [("SAP.XETR", "AIR.XPAR"), ("GOOG.XNAS", "COIN.CRYPTO")])
def test_days_of_several_zones_are_told_as_they_were_asked_for(instruments: tuple[str, str]) -> None:
    asked = Window.of("2019-06-03", "2021-03-31", by_close="COIN.CRYPTO" in instruments)
    told = record(instruments=instruments, start=asked.start, end=asked.end)
    assert numbers.window_in_full(told) == "2019-06-03 to 2021-03-31, UTC time"


def test_a_bar_that_ends_at_midnight_is_of_the_day_that_ends() -> None:
    held = (
        Series("TOY.XNAS-1-DAY-LAST-EXTERNAL", "team", 2, moment("2010-01-05 00:00"), moment("2010-01-07 00:00"), ""),
    )
    assert numbers.window(dataclasses.replace(record(start=0, end=FOREVER), series=held)) == "2010-01-04 to 2010-01-06"


def test_the_days_of_what_never_closes_are_told_as_they_were_asked_for() -> None:
    asked = Window.of("2023-01-01", "2023-12-31", by_close=True)
    coin = record(instruments=("COIN.CRYPTO",), start=asked.start, end=asked.end)
    assert numbers.window(coin) == "2023-01-01 to 2023-12-31"
    before = Window.of("2023-01-01", "2023-12-31")  # as an earlier version kept it
    assert numbers.window(record(instruments=("COIN.CRYPTO",), start=before.start, end=before.end)) == (
        "2023-01-01 to 2023-12-31"
    )


def test_an_open_window_is_told_as_it_was_read() -> None:
    assert numbers.window(record(start=0, end=FOREVER)) == "2004-08-19 to 2013-03-01"
    assert numbers.window(dataclasses.replace(record(start=0, end=FOREVER), series=())) == "open"


def test_an_open_window_of_a_run_that_read_nothing_is_told_in_words() -> None:
    def told(**window: int) -> str:
        return numbers.window_in_full(dataclasses.replace(record(**window), series=()))

    day = moment("2010-01-04 00:00")
    assert told(start=0, end=FOREVER) == "from the first bar to the last"
    assert told(start=0, end=day) == "the first bar to 2010-01-04, New York time"
    assert told(start=day, end=FOREVER) == "2010-01-04 to the last bar, New York time"
    assert numbers.window_in_full(record(start=0, end=FOREVER)) == "2004-08-19 to 2013-03-01, New York time"


def test_many_symbols_are_cut_and_counted() -> None:
    names = tuple(f"S{number}" for number in range(9))
    assert numbers.symbols(names) == "S0, S1, S2, S3 and 5 more"


def test_an_unknown_venue_is_told_in_utc() -> None:
    assert numbers.venue_of("X.NOWHERE").timezone == "UTC"
