"""When bars closed. The answers are the exchange's published hours, by hand and as they follow from its rules."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from alphapulse_lib.errors import IngestError, InputError
from alphapulse_lib.ingestion.closes import close_times, meaning_of, stamp_doubts
from alphapulse_lib.model.instrument import Venue, venue
from alphapulse_lib.model.period import Period
from tests.resources.nyse import published

NYSE = venue("XNYS")


def ns(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 10**9


def closes(
    texts: list[str], period: str, stamps: str, zone: str = "America/New_York", place: Venue = NYSE
) -> tuple[list[int], list[str]]:
    bare = np.array([len(text) == 10 for text in texts])
    wall = np.array([ns(text) for text in texts])
    instant = np.array([ns(text, "UTC" if flag else zone) for text, flag in zip(texts, bare, strict=True)])
    ts, reason = close_times(wall, instant, bare, venue=place, period=Period.parse(period), stamps=stamps)  # type: ignore[arg-type]
    return ts.tolist(), reason.tolist()


@pytest.mark.parametrize("stamps", ["session", "open", "close"])
def test_a_daily_bar_closes_with_its_session(stamps: str) -> None:
    """16:00 in New York in summer and in winter, 13:00 on the eve of Independence Day."""
    ts, reason = closes(["2013-05-01", "2013-12-02", "2013-07-03"], "1d", stamps)
    assert reason == ["", "", ""]
    assert ts == [ns("2013-05-01T20:00"), ns("2013-12-02T21:00"), ns("2013-07-03T17:00")]


def test_every_session_of_34_years() -> None:
    known = published()
    ts, reason = closes([f"{day:%Y-%m-%d}" for day in known.index], "1d", "session")
    assert not any(reason)
    assert ts == known["close"].to_numpy().astype(np.int64).tolist()


def test_a_day_without_a_session_says_so() -> None:
    _, reason = closes(["2013-05-01", "2013-07-04", "2013-05-04"], "1d", "session")
    assert reason == ["", "2013-07-04 is no session of XNYS", "2013-05-04 is no session of XNYS"]


def test_midnight_in_new_york_told_in_utc_is_that_day() -> None:
    ts, reason = closes(["2013-05-01T04:00", "2013-12-02T05:00"], "1d", "session", zone="UTC")
    assert reason == ["", ""]
    assert ts == [ns("2013-05-01T20:00"), ns("2013-12-02T21:00")]


def test_a_daily_bar_stamped_at_its_close_keeps_its_stamp() -> None:
    assert closes(["2013-05-01T16:15"], "1d", "close")[0] == [ns("2013-05-01T20:15")]


@pytest.mark.parametrize(
    ("period", "stamp", "day"),
    [
        ("1d", "2024-01-08T00:00", "2024-01-07"),
        ("1w", "2024-01-08T00:00", "2024-01-03"),
        ("1mo", "2024-02-01T00:00", "2024-01-01"),
    ],
)
def test_where_nothing_closes_midnight_is_the_close_of_the_day_that_ends(period: str, stamp: str, day: str) -> None:
    """As a Nautilus catalog and our own bars have it; it was taken for the beginning of the bar after."""
    coins = venue("CRYPTO")
    assert closes([stamp], period, "close", "UTC", coins) == ([ns(stamp)], [""])
    assert closes([day], period, "session", "UTC", coins) == ([ns(stamp)], [""])
    assert closes(["2024-01-08T00:00"], "1d", "session", "UTC", coins)[0] == [ns("2024-01-09T00:00")]
    # At the week's days alone, whose zone has another midnight.
    assert closes(["2024-01-04T00:00"], "1d", "close", "UTC", venue("XCME")) == ([ns("2024-01-04T00:00")], [""])
    assert closes(["2024-01-04"], "1d", "session", "UTC", venue("XCME")) == ([ns("2024-01-05T00:00")], [""])
    # A stamp that is no midnight stays as it is, as at an exchange.
    assert closes(["2024-01-07T16:00"], "1d", "close", "UTC", coins) == ([ns("2024-01-07T16:00")], [""])


def test_a_weekly_bar_closes_with_the_last_session_of_its_week() -> None:
    """Stamped on its Monday or its Friday; 29 March 2013 was Good Friday."""
    ts, reason = closes(["2013-05-06", "2013-05-10", "2013-03-25"], "1w", "session")
    assert reason == ["", "", ""]
    assert ts == [ns("2013-05-10T20:00"), ns("2013-05-10T20:00"), ns("2013-03-28T20:00")]


def test_a_monthly_bar_closes_with_the_last_session_of_its_month() -> None:
    """Stamped on its first or its last day; 29 March 2013 was Good Friday, and the 30th and 31st a weekend."""
    ts, reason = closes(["2013-03-01", "2013-03-31", "2013-05-31"], "1mo", "session")
    assert reason == ["", "", ""]
    assert ts == [ns("2013-03-28T20:00"), ns("2013-03-28T20:00"), ns("2013-05-31T20:00")]


@pytest.mark.parametrize(
    ("period", "stamp", "close"),
    [
        ("3mo", "2013-04-01", "2013-06-28T20:00"),
        ("3mo", "2013-06-28", "2013-06-28T20:00"),
        ("12mo", "2013-01-01", "2013-12-31T21:00"),
        ("2w", "2013-04-29", "2013-05-10T20:00"),
        ("5d", "2013-07-01", "2013-07-08T20:00"),
    ],
)
def test_a_bar_of_several_sessions_closes_with_the_last_of_them(period: str, stamp: str, close: str) -> None:
    """A quarter that closed with its first month would be known two months early. Independence Day is no session."""
    assert closes([stamp], period, "session") == ([ns(close)], [""])


def test_a_bar_of_several_weeks_stamped_at_its_close_keeps_its_week() -> None:
    assert closes(["2013-05-10"], "2w", "close") == ([ns("2013-05-10T20:00")], [""])


def test_minutes_stamped_at_their_open_close_a_minute_later() -> None:
    texts = ["2013-05-01T09:30", "2013-05-01T09:31"]
    assert closes(texts, "1m", "open")[0] == [ns("2013-05-01T13:31"), ns("2013-05-01T13:32")]
    assert closes(texts, "1m", "close")[0] == [ns("2013-05-01T13:30"), ns("2013-05-01T13:31")]


def test_dates_are_no_stamps_of_minutes() -> None:
    with pytest.raises(IngestError, match="dates without a time") as refused:
        closes(["2013-05-01", "2013-05-02"], "1m", "open")
    assert "period='1d'" in refused.value.hint


def test_daily_data_called_minutes_is_refused() -> None:
    with pytest.raises(IngestError, match="no two of them lie on one day"):
        closes([f"2013-05-{day:02}T16:00" for day in (1, 2, 3, 6, 7)], "1m", "close")


def test_minutes_called_daily_are_refused() -> None:
    with pytest.raises(IngestError, match="many a day"):
        closes([f"2013-05-01T09:{minute}" for minute in range(30, 40)], "1d", "session")


def test_minutes_called_hours_are_refused_with_their_spacing() -> None:
    with pytest.raises(IngestError, match="1m apart"):
        closes([f"2013-05-01T09:{minute}" for minute in range(30, 40)], "1h", "open")


def test_what_the_stamps_of_minutes_mean_must_be_told() -> None:
    assert meaning_of(None, Period.parse("1d")) == "session"
    for stamps in (None, "session"):
        with pytest.raises(InputError, match="opens or their closes"):
            meaning_of(stamps, Period.parse("1m"))  # type: ignore[arg-type]


def test_opens_declared_as_closes_are_doubted() -> None:
    """Two sessions of minutes from 09:30 to 15:59: that is how opens are stamped."""
    stamps = np.concatenate([ns(f"2013-05-0{day}T13:30") + np.arange(390) * 60 * 10**9 for day in (1, 2)])
    minute = Period.parse("1m")
    assert any("opens" in doubt for doubt in stamp_doubts(stamps, NYSE, minute, "close"))
    assert stamp_doubts(stamps + minute.nanoseconds, NYSE, minute, "open") == {"outside the sessions of XNYS, kept": 0}
    assert any("closes" in doubt for doubt in stamp_doubts(stamps + 2 * minute.nanoseconds, NYSE, minute, "open"))


def test_bars_before_the_opening_are_counted() -> None:
    early = np.array([ns("2013-05-01T12:00"), ns("2013-05-01T14:00")])
    assert stamp_doubts(early, NYSE, Period.parse("1m"), "close")["outside the sessions of XNYS, kept"] == 1
