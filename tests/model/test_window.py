"""Moments as people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pandas as pd
import pytest

from alphapulse_lib.errors import InputError, ReversedWindow
from alphapulse_lib.model.window import Window, moment_ns

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
    ],
)
def test_one_moment_written_in_many_ways(written) -> None:
    assert moment_ns(written, "America/New_York") == 1367415000 * SECOND


def test_nanoseconds_of_a_timestamp_are_kept() -> None:
    assert moment_ns(pd.Timestamp("2013-05-01 13:30:00.000000007Z")) == 1367415000 * SECOND + 7


def test_a_date_and_its_text_are_one() -> None:
    assert moment_ns(date(2013, 5, 1)) == moment_ns("2013-05-01") == moment_ns("20130501")


def test_reversed_is_refused() -> None:
    with pytest.raises(ReversedWindow, match="2014"):
        Window.of("2014-01-01", "2013-01-01")


@pytest.mark.parametrize("written", ["yesterday", "2013-13-01", 5, 3.2, []])
def test_what_is_no_moment_is_refused(written) -> None:
    with pytest.raises(InputError, match="not a moment"):
        Window.of(written)
