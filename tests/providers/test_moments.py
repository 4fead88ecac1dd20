"""Stamps in their many forms; datetime and zoneinfo are the judge."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from alphapulse_lib.errors import IngestError, InputError
from alphapulse_lib.providers.moments import Moments, known_zone, read_moments

NEW_YORK = "America/New_York"


def read(values: list[Any], **options: Any) -> Moments:
    return read_moments(pa.chunked_array([pa.array(values)]), what="when", **options)


def ns(*parts: int, zone: str = "UTC") -> int:
    return int(datetime(*parts, tzinfo=ZoneInfo(zone)).timestamp() * 1_000_000) * 1000  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "2013-05-31 09:30:00-04:00",
        "2013-05-31T13:30:00Z",
        "2013-05-31T13:30Z",
        "2013-05-31 13:30:00+0000",
        "2013-05-31 09:30 ET",
        "2013-05-31 08:30 EST",
        "Fri, 31 May 2013 13:30:00 GMT",
        " 9:30  AM ET Fri, 31 May 2013",
        "1370007000",
        "1370007000000",
        "1370007000000000",
        "1370007000000000000",
    ],
)
def test_forms_that_name_their_zone(text: str) -> None:
    found = read([text])
    assert found.reason.tolist() == [""]
    assert found.instant.tolist() == [ns(2013, 5, 31, 13, 30)]
    assert not found.naive.any()


@pytest.mark.parametrize(
    "text",
    [
        "2013-05-31 09:30:00",
        "2013-05-31T09:30",
        "2013/05/31 9:30",
        "20130531 093000",
        "20130531T0930",
        "05/31/2013 09:30",
        "31.5.2013 9:30",
        "May 31, 2013 9:30 AM",
        "31-May-13 09:30:00",
        "31 May 2013 09:30:00.000",
    ],
)
def test_forms_without_a_zone_are_taken_in_the_one_given(text: str) -> None:
    found = read([text], timezone=NEW_YORK)
    assert found.instant.tolist() == [ns(2013, 5, 31, 9, 30, zone=NEW_YORK)]
    assert found.naive.all()
    assert not found.bare.any()


@pytest.mark.parametrize(
    "value",
    ["2013-05-31", "20130531", 20130531, "31-May-13", "31-May-2013", "May 31, 2013", "31.05.2013", "5/31/13",
     date(2013, 5, 31), datetime(2013, 5, 31)],
)  # fmt: skip
def test_bare_dates(value: object) -> None:
    found = read([value])
    assert found.bare.all()
    assert found.wall.tolist() == [ns(2013, 5, 31)]


def test_the_clock_on_the_wall_is_kept_beside_the_instant() -> None:
    found = read(["2013-05-31 00:00:00-04:00", "2013-12-31 00:00:00-05:00"])
    assert found.wall.tolist() == [ns(2013, 5, 31), ns(2013, 12, 31)]
    assert found.instant.tolist() == [ns(2013, 5, 31, 4), ns(2013, 12, 31, 5)]


def test_zoned_timestamps_of_parquet() -> None:
    stamps = pa.array([datetime(2013, 5, 31, 13, 30, tzinfo=UTC)], pa.timestamp("us", NEW_YORK))
    found = read_moments(pa.chunked_array([stamps]), what="when")
    assert found.instant.tolist() == [ns(2013, 5, 31, 13, 30)]
    assert found.wall.tolist() == [ns(2013, 5, 31, 9, 30)]


def test_times_that_daylight_saving_skips_or_repeats_cannot_be_placed() -> None:
    found = read(["2021-03-14 02:30:00", "2021-11-07 01:30:00", "2021-11-07 02:30:00"], timezone=NEW_YORK)
    assert "did not exist" in found.reason[0]
    assert "happened twice" in found.reason[1]
    assert found.reason[2] == ""
    assert found.instant[2] == ns(2021, 11, 7, 7, 30)


def test_the_column_as_a_whole_tells_day_from_month() -> None:
    american, british = read(["03/04/2013", "03/25/2013"]), read(["03/04/2013", "25/03/2013"])
    assert american.wall.tolist() == [ns(2013, 3, 4), ns(2013, 3, 25)]
    assert british.wall.tolist() == [ns(2013, 4, 3), ns(2013, 3, 25)]
    assert "month/day/year, since 03/25/2013" in american.notes[0]


def test_day_and_month_are_not_guessed() -> None:
    with pytest.raises(IngestError, match="may be day/month or month/day") as refused:
        read(["03/04/2013", "05/06/2013"])
    assert "day_first" in refused.value.hint
    assert read(["03/04/2013"], day_first=True).wall.tolist() == [ns(2013, 4, 3)]
    assert read(["03/04/2013"], day_first=False).wall.tolist() == [ns(2013, 3, 4)]


def test_a_column_that_mixes_both_orders_is_refused() -> None:
    with pytest.raises(IngestError, match="mixes"):
        read(["25/03/2013", "03/25/2013"])


def test_times_without_any_zone_are_refused() -> None:
    with pytest.raises(IngestError, match="name no zone"):
        read(["2013-05-31 09:30:00"])


def test_one_time_without_a_zone_among_others_is_set_aside() -> None:
    found = read(["2013-05-31 09:30 ET", "2013-05-31 09:30"])
    assert found.reason.tolist() == ["", "names no time zone, as others do"]


@pytest.mark.parametrize(
    "text", ["yesterday", "2013-02-30", "2013-05-31 25:00", "31/31/2013", "2013-13-01", "9999-12-31x"]
)
def test_what_is_no_stamp_says_so(text: str) -> None:
    found = read(["2013-05-31", text], timezone="UTC", day_first=True)
    assert found.reason.tolist() == ["", f"stamp {text!r} is not understood"]


def test_an_absent_stamp_says_so() -> None:
    assert read(["2013-05-31", None, " "]).reason.tolist() == ["", "no stamp", "no stamp"]


def test_small_numbers_are_no_stamps() -> None:
    with pytest.raises(IngestError, match="no stamps"):
        read([1, 2, 3])


def test_an_unknown_zone_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match="US/Estern") as refused:
        known_zone("US/Estern")
    assert "US/Eastern" in refused.value.hint


@pytest.mark.parametrize("text", ["0013-05-31", "00130531", "31-May-0013", "May 31, 0013", "31.05.0013", "0099-12-31"])
def test_a_year_of_four_digits_is_no_year_of_two(text: str) -> None:
    assert read([text]).reason.tolist() == [f"stamp {text!r} is not understood"]
