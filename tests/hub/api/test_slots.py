"""When a schedule fires: through changes of the clock, and never twice."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.api.schedules.output import DEFAULT, require_notebook, require_output, written
from hub.api.schedules.slots import known_zone, require_cron, slots

NEW_YORK = "America/New_York"


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 10**9


def local(cron: str, zone: str, after: str, count: int) -> list[str]:
    """The first slots by the clock on the wall, with its offset."""
    found = islice(slots(cron, zone, moment(after)), count)
    return [datetime.fromtimestamp(each / 1e9, ZoneInfo(zone)).strftime("%m-%d %H:%M %z") for each in found]


def test_a_daily_slot_keeps_to_the_wall_clock_over_both_changes():
    assert local("0 7 * * *", NEW_YORK, "2026-03-07T06:00-05:00", 2) == ["03-07 07:00 -0500", "03-08 07:00 -0400"]
    assert local("0 7 * * *", NEW_YORK, "2026-10-31T06:00-04:00", 2) == ["10-31 07:00 -0400", "11-01 07:00 -0500"]


def test_a_time_that_the_change_leaves_out_fires_when_the_clock_has_jumped():
    assert local("30 2 * * *", NEW_YORK, "2026-03-07T03:00-05:00", 2) == ["03-08 03:00 -0400", "03-09 02:30 -0400"]


def test_two_times_that_the_change_leaves_out_are_one_slot():
    assert local("15,45 2 * * *", NEW_YORK, "2026-03-07T03:00-05:00", 3) == [
        "03-08 03:00 -0400",
        "03-09 02:15 -0400",
        "03-09 02:45 -0400",
    ]


def test_a_time_that_the_change_brings_twice_fires_the_first_time_alone():
    assert local("30 1 * * *", NEW_YORK, "2026-10-31T12:00-04:00", 2) == ["11-01 01:30 -0400", "11-02 01:30 -0500"]
    # Between the two half past ones, the next is tomorrow's: not the one that has passed.
    assert local("30 1 * * *", NEW_YORK, "2026-11-01T01:10-05:00", 1) == ["11-02 01:30 -0500"]


def test_an_hourly_slot_comes_every_hour_whatever_the_clock_does():
    for after in ("2026-03-08T00:30-05:00", "2026-11-01T00:30-04:00"):
        found = list(islice(slots("0 * * * *", NEW_YORK, moment(after)), 6))
        assert {later - sooner for sooner, later in pairwise(found)} == {3600 * 10**9}


def test_a_zone_half_an_hour_off_and_one_with_a_half_hour_change():
    assert local("0 9 * * *", "Asia/Kolkata", "2026-01-01T00:00+00:00", 1) == ["01-01 09:00 +0530"]
    found = list(islice(slots("*/30 * * * *", "Australia/Lord_Howe", moment("2026-04-04T12:00+00:00")), 8))
    assert {later - sooner for sooner, later in pairwise(found)} == {1800 * 10**9}


def test_leap_days_and_last_fridays():
    assert local("0 0 29 2 *", "UTC", "2026-01-01T00:00+00:00", 1) == ["02-29 00:00 +0000"]
    assert local("0 16 * * 5L", "UTC", "2026-11-01T00:00+00:00", 2) == ["11-27 16:00 +0000", "12-25 16:00 +0000"]


@given(
    cron=st.sampled_from(["* * * * *", "*/7 1-3 * * *", "0,30 2 * * *", "5 */2 * * *", "30 1 * * 0", "59 23 L * *"]),
    zone=st.sampled_from([NEW_YORK, "Europe/London", "Australia/Lord_Howe", "UTC", "Africa/Casablanca"]),
    after=st.integers(min_value=1_700_000_000, max_value=1_900_000_000),
    cut=st.integers(min_value=0, max_value=10),
)
@settings(max_examples=60, deadline=None)
def test_slots_only_move_forward_and_going_on_from_one_misses_none(cron: str, zone: str, after: int, cut: int):
    found = list(islice(slots(cron, zone, after * 10**9), 12))
    assert found[0] > after * 10**9
    assert sorted(set(found)) == found
    assert list(islice(slots(cron, zone, found[cut]), 11 - cut)) == found[cut + 1 :]


@pytest.mark.parametrize("cron", ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "* * 31 2 *"])
def test_a_cron_that_never_fires_is_refused(cron: str):
    with pytest.raises(ValueError, match="never fires"):
        require_cron(cron)


@pytest.mark.parametrize(
    ("cron", "says"),
    [
        ("", "0 fields"),
        ("* * * *", "4 fields"),
        ("0 0 7 * * *", "6 fields"),
        ("60 * * * *", "bad minute"),
        ("* 24 * * *", "bad hour"),
        ("0 0 0 * *", "bad day-of-month"),
        ("0 0 * 13 *", "bad month"),
        ("0 0 * * 8", "bad day-of-week"),
        ("*/0 * * * *", "bad minute"),
        ("@daily", "1 fields"),
        ("a b c d e", "bad minute"),
        ("0 0 -1 * *", "bad day-of-month"),
        ("5-1 * * * *", "bad minute"),
        ("٣ * * * *", "bad minute"),
    ],
)
def test_a_cron_that_cannot_be_read_is_refused_with_what_is_wrong(cron: str, says: str):
    with pytest.raises(ValueError, match=says):
        require_cron(cron)


@given(st.text(alphabet="0123456789*/,-LW# ANMO", max_size=30))
@settings(max_examples=300, deadline=None)
def test_no_text_makes_the_reader_stumble(cron: str):
    try:
        read = require_cron(cron)
    except ValueError:
        return
    assert next(slots(read, NEW_YORK, int(datetime.now(UTC).timestamp()) * 10**9), None) is not None


@pytest.mark.parametrize("name", ["Mars/Base", "", "America", "../etc/passwd", "america/new_york", "EST5EDT4", "\0"])
def test_an_unknown_zone_is_not_known(name: str):
    assert not known_zone(name)


@pytest.mark.parametrize(
    "path",
    [
        *("../x.ipynb", "a/../../x.ipynb", "/etc/x.ipynb", "x.py", ".ipynb", ".jobs/x.ipynb", "a\\b.ipynb", "x.ipynb/"),
        *("a\nb.ipynb", "\ud800.ipynb", ""),
    ],
)
def test_what_is_no_notebook_of_a_workspace_is_refused(path: str):
    with pytest.raises(ValueError, match=r"out of the workspace|is no notebook|is hidden"):
        require_notebook(path)


@pytest.mark.parametrize(
    "template",
    ["../{date}.ipynb", "{firing.__class__}.ipynb", "{0}.ipynb", "{date!r}.ipynb", "{date:>9}.ipynb", "{.ipynb"],
)
def test_a_template_that_names_what_is_not_filled_in_is_refused(template: str):
    with pytest.raises(ValueError, match=r"out of the workspace|not filled in|is no template"):
        require_output(template)


def test_an_output_says_when_by_the_schedule_s_clock():
    slot = moment("2026-11-20T12:00+00:00")
    assert require_output(DEFAULT) == DEFAULT
    assert (
        written(DEFAULT, "a/sma.ipynb", slot, NEW_YORK, "0123456789")
        == "scheduled/sma-2026-11-20-070000-01234567.ipynb"
    )
    assert written("latest/{{x}}.ipynb", "a.ipynb", slot, "UTC", "f") == "latest/{x}.ipynb"
