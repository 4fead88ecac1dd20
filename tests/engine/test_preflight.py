"""What is refused before a run: gaps and stamps, told with what to do."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import alphapulse_lib as ap
from alphapulse_lib import errors
from alphapulse_lib.catalog import actions
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.sessions import sessions
from tests.resources.toy_market import MINUTE, OPEN, SIX, Planned, write, write_minutes

DAY = 24 * 60 * MINUTE


def closes(first: str, count: int, venue: str = "XNAS") -> np.ndarray:
    known = sessions(venue)
    start = int(np.searchsorted(known.days, np.datetime64(first)))
    return known.closes[start : start + count]


def backtest(period: str = "1d", **given: object):
    return ap.backtest(Planned, "TOY", period, params={"plan": {}}, progress=False, **given)


def test_a_few_missing_sessions_are_told() -> None:
    kept = np.delete(closes("2012-01-03", 1250), [100, 101])
    write("TOY", "1d", kept, [SIX[0]] * len(kept))
    with pytest.warns(UserWarning, match="lacks 2 of 1,250 sessions: 2012-05-25, 2012-05-29"):
        run = backtest()
    assert "lacks 2 of 1,250 sessions" in run.log


def test_many_missing_sessions_are_refused_unless_allowed() -> None:
    kept = np.delete(closes("2019-01-02", 250), np.arange(100, 120))
    write("TOY", "1d", kept, [SIX[0]] * len(kept))
    with pytest.raises(errors.CoverageGap, match=r"lacks 20 of 250 sessions(.|\n)*gaps='allow'"):
        backtest()
    with pytest.warns(UserWarning, match="lacks 20"):
        backtest(gaps="allow")


def test_a_window_that_is_not_held_whole_is_told() -> None:
    """Of XNAS's calendar: 2019-01-02 was a Wednesday, and the four days before it that are asked for were sessions."""
    kept = closes("2019-01-02", 20)
    write("TOY", "1d", kept, [SIX[0]] * len(kept))
    with pytest.warns(UserWarning, match="is held: 1d of TOY from 2019-01-02 to 2019-01-30, without 4 sessions"):
        run = backtest(start="2018-12-26")
    assert len(run.warnings) == 1
    with pytest.warns(UserWarning, match="without 2 sessions"):
        backtest(start="2019-01-02", end="2019-02-03")  # a Thursday and a Friday, then the weekend
    with pytest.warns(UserWarning, match="without 1 session"):
        backtest(end="2019-02-05", as_of="2019-01-31")
    for asked in ({}, {"start": "2019-01-01"}, {"end": "2019-01-30"}, {"end": "2019-02-03", "as_of": "2019-01-30"}):
        assert backtest(**asked).warnings == ()


def test_what_never_closes_lacks_its_weekends_as_any_other_days() -> None:
    days = np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]")
    known = sessions("CRYPTO")
    every = known.closes[np.searchsorted(known.days, days)]
    weekdays = every[np.is_busday(days)]  # as vendors have it that know shares alone
    write("TOY", "1d", weekdays, [SIX[0]] * len(weekdays), venue="CRYPTO")
    with pytest.raises(errors.CoverageGap, match="TOY 1d lacks 16 of 60 sessions: 2024-01-06, 2024-01-07, "):
        backtest()
    week = every[:5]  # Monday to Friday
    write("TICK", "1d", week, [SIX[0]] * len(week), venue="CRYPTO")
    held = "TICK from 2024-01-01 to 2024-01-05, without"
    for start, end, lacking in (
        (None, "2024-01-06", "1 session"),  # Saturday's
        (None, "2024-01-07", "2 sessions"),
        ("2023-12-31", "2024-01-06", "2 sessions"),  # and Sunday's, before
        ("2023-12-31", "2024-01-05", "1 session"),
    ):
        with pytest.warns(UserWarning, match=f"{held} {lacking}"):
            ap.backtest(Planned, "TICK", "1d", start, end, params={"plan": {}}, progress=False)


def test_whole_sessions_without_minutes_are_a_gap() -> None:
    stamps = [OPEN + DAY * day + MINUTE * n for day in (0, 1, 2, 14, 15) for n in (1, 2)]
    write_minutes("TOY", [SIX[0]] * len(stamps), closes=stamps)
    with pytest.raises(errors.CoverageGap, match="lacks 7 of 12 sessions"):
        backtest("1m")


@pytest.mark.parametrize(("shift", "words"), [("midnight", "at midnight"), ("opens", "at the session's open")])
def test_daily_bars_that_are_not_stamped_at_closes_are_refused(shift: str, words: str) -> None:
    known = sessions("XNAS")
    days = known.days[-300:-250]
    stamps = known.opens[-300:-250] if shift == "opens" else days.astype("datetime64[ns]").astype(np.int64)
    write("TOY", "1d", stamps, [SIX[0]] * 50)
    with pytest.raises(errors.WrongStamps, match=words):
        backtest()


# --- splits that show, and splits that do not ----------------------------------------------------------------------


def split_toy(
    ratio: float, *, shows: bool, scale: float = 0.006, count: int = 250, period: str = "1d", venue: str = "XNAS"
) -> str:
    """Write a year of days with a split in its middle; its ex-date."""
    days, stamps = sessions(venue).days, closes("2019-01-02", count, venue)
    nights, hours = np.random.default_rng(3).normal(0, scale, (2, count))
    nights[count // 2] -= np.log(ratio) if shows else 0.0
    path = np.cumsum(np.column_stack([nights, hours]).ravel()).reshape(count, 2)
    opens, ends = (100 * np.exp(path)).round(4).T
    bars = np.column_stack([opens, np.maximum(opens, ends), np.minimum(opens, ends), ends])
    if period == "1w":
        weeks = np.flatnonzero(np.append(np.diff((stamps // DAY + 3) // 7) > 0, True))
        starts = np.append(0, weeks[:-1] + 1)
        bars = np.array([[bars[a, 0], bars[a : b + 1, 1].max(), bars[a : b + 1, 2].min(), bars[b, 3]]
                         for a, b in zip(starts, weeks, strict=True)])  # fmt: skip
        write("TOY", "1w", stamps[weeks], bars)
    else:
        write("TOY", "1d", stamps, bars, venue=venue)
    day = days[np.searchsorted(days, np.datetime64("2019-01-02")) + count // 2].item()
    table = pa.table(
        {
            "instrument_id": [f"TOY.{venue}"],
            "kind": ["split"],
            "ex_date": [day],
            "ratio": [ratio],
            "amount": pa.array([None], pa.float64()),
            "available_at": pa.array([int(stamps[0])], pa.int64()).cast(pa.timestamp("ns", "UTC")),
            "source": ["toy"],
        }
    )
    actions.write(Roots.of_settings().writable, table, "toy")
    return str(day)


@pytest.mark.parametrize("ratio", [1.1, 1.25, 1.5, 0.8])
def test_a_small_split_that_does_not_show_is_refused(ratio: float) -> None:
    day = split_toy(ratio, shows=False)
    with pytest.raises(errors.AdjustedAsRaw, match=f"the {ratio:g}:1 split of {day} does not show"):
        backtest()
    assert backtest(adjust="none").warnings == ()  # there is nothing to follow


@pytest.mark.parametrize("ratio", [1.1, 1.25, 1.5, 0.8])
def test_a_small_split_that_shows_is_followed_and_told_where_it_is_not(ratio: float) -> None:
    day = split_toy(ratio, shows=True)
    assert backtest().warnings == ()
    (told,) = backtest(adjust="none").warnings
    change = f"a loss of {1 - 1 / ratio:.0%}" if ratio > 1 else f"a gain of {1 / ratio - 1:.0%}"
    assert told.startswith(f"TOY splits while it is run, {ratio:g}:1 of {day}, and adjust='none' follows no split")
    assert f"what is held over the first shows {change} that nobody has" in told


@pytest.mark.parametrize("venue", ["XTKS", "XPAR"])
def test_a_split_is_told_by_the_day_of_its_venue_which_begins_on_the_day_before_in_utc(venue: str) -> None:
    day = split_toy(2.0, shows=False, venue=venue)
    with pytest.raises(errors.AdjustedAsRaw, match=f"the 2:1 split of {day} does not show"):
        backtest()
    day = split_toy(2.0, shows=True, venue=venue)
    (told,) = backtest(adjust="none").warnings
    assert told.startswith(f"TOY splits while it is run, 2:1 of {day}, ")


def test_a_split_that_may_not_show_is_told_and_run() -> None:
    day = split_toy(1.1, shows=False, scale=0.02)
    (told,) = backtest().warnings
    assert told.startswith(f"The prices of TOY may be adjusted for a split that is followed: 1.1:1 of {day}, ")
    assert backtest(adjust="none").warnings == ()


@pytest.mark.parametrize("shows", [True, False])
def test_a_split_within_a_week_is_told_by_the_weeks_closes(shows: bool) -> None:
    """The week of the ex-date, a Wednesday, opens before the split; its open alone would tell that it does not show."""
    day = split_toy(2.0, shows=shows, period="1w", count=252)
    assert np.datetime64(day).item().isoweekday() == 3
    if not shows:
        with pytest.raises(errors.AdjustedAsRaw, match=f"the 2:1 split of {day} does not show"):
            backtest("1w")
        return
    assert backtest("1w").warnings == ()
    (told,) = backtest("1w", adjust="none").warnings
    assert "a loss of 50%" in told
