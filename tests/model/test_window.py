"""Moments as people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from alphapulse_lib.errors import InputError, ReversedWindow
from alphapulse_lib.model.window import FOREVER, Window, moment_ns

SECOND = 1_000_000_000


def test_a_day_is_the_whole_day_where_the_exchange_is() -> None:
    window = Window.of("2013-05-01", "2013-05-01", "America/New_York")
    assert pd.Timestamp(window.start, tz="UTC") == pd.Timestamp("2013-05-01 04:00Z")
    assert pd.Timestamp(window.end, tz="UTC") == pd.Timestamp("2013-05-02 04:00Z") - pd.Timedelta(1, "ns")


def test_a_day_of_23_hours() -> None:
    window = Window.of("2013-03-10", "2013-03-10", "America/New_York")
    assert window.end - window.start + 1 == 23 * 3600 * SECOND


@pytest.mark.parametrize(
    "written",
    [
        "2013-05-01T13:30:00Z",
        "2013-05-01 09:30",
        datetime(2013, 5, 1, 13, 30, tzinfo=UTC),
        pd.Timestamp("2013-05-01 13:30Z"),
        np.datetime64("2013-05-01T09:30"),
        np.datetime64("2013-05-01T09:30:00.000000000"),
    ],
)
def test_one_moment_written_in_many_ways(written) -> None:
    assert moment_ns(written, "America/New_York") == 1367415000 * SECOND


def test_nanoseconds_of_a_timestamp_are_kept() -> None:
    assert moment_ns(pd.Timestamp("2013-05-01 13:30:00.000000007Z")) == 1367415000 * SECOND + 7
    assert moment_ns(np.datetime64("2013-05-01T13:30:00.000000007")) == 1367415000 * SECOND + 7


@pytest.mark.parametrize(
    ("written", "nanoseconds"),
    [
        ("2013-05-01T13:30:00.000000007Z", 7),
        ("2013-05-01 09:30:00.1234567-04:00", 123_456_700),
        ("20130501T133000,123456789+0000", 123_456_789),
        ("2013-05-01T13:30:00.123456Z", 123_456_000),
        ("2013-05-01T13:30:00.5Z", 500_000_000),
    ],
)
def test_nanoseconds_that_are_written_are_kept(written: str, nanoseconds: int) -> None:
    assert moment_ns(written) == 1367415000 * SECOND + nanoseconds


def test_a_date_and_its_text_are_one() -> None:
    assert moment_ns(date(2013, 5, 1)) == moment_ns("2013-05-01") == moment_ns("20130501")
    assert moment_ns(np.datetime64("2013-05-01"), end=True) == moment_ns("2013-05-01", end=True)


def test_an_end_before_all_that_is_held_is_not_reversed() -> None:
    window = Window.of(None, "1900-01-01")
    assert window.start == window.end == moment_ns("1900-01-02") - 1


def test_reversed_is_refused() -> None:
    with pytest.raises(ReversedWindow, match="2014"):
        Window.of("2014-01-01", "2013-01-01")


@pytest.mark.parametrize("written", ["yesterday", "2013-13-01", 5, 3.2, []])
def test_what_is_no_moment_is_refused(written) -> None:
    with pytest.raises(InputError, match="not a moment"):
        Window.of(written)


# pandas' last nanosecond is 2262-04-11 23:47:16.854775807 UTC, its first 1677-09-21 00:12:43.145224193.
@pytest.mark.parametrize(
    "written",
    ["9999-12-31", "9999-12-31 23:59", "2262-04-13", "2300-12-31", date(9999, 12, 31), np.datetime64("2300-01-01")],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_an_end_beyond_what_can_be_held_is_the_last_moment(written, zone: str) -> None:
    assert moment_ns(written, zone, end=True) == FOREVER - 1
    assert Window.of("2013-05-01", written, zone).end == FOREVER - 1, "FOREVER itself is an end that nobody set"


def test_the_last_day_that_ends_before_the_last_moment() -> None:
    assert moment_ns("2262-04-10", end=True) == pd.Timestamp("2262-04-11").value - 1


def test_a_start_beyond_what_can_be_held_is_refused() -> None:
    with pytest.raises(InputError, match="'9999-12-31' lies after 2262"):
        Window.of("9999-12-31")


@pytest.mark.parametrize("written", ["0001-01-01", "1677-09-19", date(1, 1, 1), datetime(1, 1, 1, tzinfo=UTC)])
def test_years_before_1678_are_refused(written) -> None:
    with pytest.raises(InputError, match="lies before 1678"):
        Window.of(written, None, "Asia/Tokyo")
    with pytest.raises(InputError, match="lies before 1678"):
        Window.of(None, written, "America/New_York")


def test_no_time_of_numpy_is_no_moment() -> None:
    with pytest.raises(InputError, match="not a moment"):
        Window.of(np.datetime64("NaT", "ns"))


def test_a_bar_that_closes_at_midnight_is_of_the_day_that_ends_then() -> None:
    whole = Window.of("2023-01-01", date(2023, 12, 31), by_close=True)
    assert whole == Window(moment_ns("2023-01-01") + 1, moment_ns("2024-01-01"))
    assert Window.of(np.datetime64("2023-01-01"), np.datetime64("2023-12-31"), by_close=True) == whole
    day_in_chicago = Window.of("2023-07-04", "2023-07-04", "America/Chicago", by_close=True)
    assert day_in_chicago == Window(moment_ns("2023-07-04T05:00Z") + 1, moment_ns("2023-07-05T05:00Z"))
    # Times are what they are, and what is open stays open.
    times = ("2023-01-01 00:00", datetime(2023, 12, 31, tzinfo=UTC))
    assert Window.of(*times, by_close=True) == Window.of(*times)
    assert Window.of(by_close=True) == Window.of()
    assert Window.of(end="2500-01-01", by_close=True) == Window.of(end="2500-01-01")
