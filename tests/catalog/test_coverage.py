"""Gaps counted by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from alphapulse_lib.catalog import schemas, writer
from alphapulse_lib.catalog.coverage import coverage, held, no_coverage
from alphapulse_lib.catalog.sessions import close_of
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window

MINUTE = 60 * 10**9


def write(root: Path, instrument: Instrument, period: str, stamps: list[int] | np.ndarray) -> None:
    ts = pa.array(stamps, pa.int64()).cast(schemas.TIME)
    writer.write_bars(
        root,
        instrument,
        period,
        pa.table(dict.fromkeys(schemas.FIGURES, np.ones(len(ts))) | {"ts": ts, "available_at": ts}),
        "x",
    )


def daily(root: Path, instrument: Instrument, days: list[str]) -> None:
    write(root, instrument, "1d", close_of("XNYS", np.array(days, "datetime64[D]")))


def rows(table: pa.Table) -> list[tuple]:
    plain = [column.cast(pa.int64()).to_pylist() for column in table.columns]
    return list(zip(*plain, strict=True))


def test_daily_gaps_skip_weekends_and_holidays(root: Path, aapl: Instrument, at):
    # July 2013: the 4th is a holiday, 6, 7, 13 and 14 a weekend. Missing: the 8th, the 10th and the 11th.
    daily(root, aapl, ["2013-07-02", "2013-07-03", "2013-07-05", "2013-07-09", "2013-07-12", "2013-07-15"])
    found = coverage(root, aapl, "1d")
    assert rows(found.gaps) == [
        (at("2013-07-08 20:00"), at("2013-07-08 20:00"), 1, 1),
        (at("2013-07-10 20:00"), at("2013-07-11 20:00"), 2, 2),
    ]
    assert rows(found.intervals) == [
        (at("2013-07-02 20:00"), at("2013-07-05 20:00"), 3),
        (at("2013-07-09 20:00"), at("2013-07-09 20:00"), 1),
        (at("2013-07-12 20:00"), at("2013-07-15 20:00"), 2),
    ]
    assert (found.rows, found.off_session, found.complete, found.root) == (6, 0, False, "team")


def test_a_window_that_asks_for_more_than_is_held(root: Path, aapl: Instrument, at):
    daily(root, aapl, ["2013-07-02", "2013-07-03", "2013-07-05"])
    assert coverage(root, aapl, "1d").complete
    found = coverage(root, aapl, "1d", Window.of("2013-07-01", "2013-07-09", "America/New_York"))
    assert [(row[0], row[1], row[2]) for row in rows(found.gaps)] == [
        (at("2013-07-01 20:00"), at("2013-07-01 20:00"), 1),
        (at("2013-07-08 20:00"), at("2013-07-09 20:00"), 2),
    ]


def test_the_future_is_no_gap(root: Path, aapl: Instrument):
    daily(root, aapl, ["2013-07-02", "2013-07-03"])
    found = coverage(root, aapl, "1d", Window.of("2013-07-02", "2300-01-01"))
    assert found.gaps["last"].cast(pa.int64())[-1].as_py() < 10**18 * 9


def test_bars_at_midnight_are_off_session(root: Path, aapl: Instrument, at):
    write(root, aapl, "1d", [at("2013-07-02"), at("2013-07-03")])
    assert coverage(root, aapl, "1d").off_session == 2


def test_weekly_bars_close_with_the_last_session_of_the_week(root: Path, aapl: Instrument, at):
    # The Friday after Thanksgiving is a session; Good Friday (2013-03-29) is none.
    fridays = ["2013-03-15 20:00", "2013-03-22 20:00", "2013-03-28 20:00", "2013-04-12 20:00"]
    write(root, aapl, "1w", [at(day) for day in fridays])
    found = coverage(root, aapl, "1w")
    assert rows(found.gaps) == [(at("2013-04-05 20:00"), at("2013-04-05 20:00"), 1, 1)]


def test_minutes_within_hours_are_complete(root: Path, aapl: Instrument, at):
    # Two full sessions, 390 minutes each, the second one half a day: 210 minutes.
    first = at("2013-07-02 13:30") + MINUTE * np.arange(1, 391)
    second = at("2013-07-03 13:30") + MINUTE * np.arange(1, 211)
    write(root, aapl, "1m", np.concatenate([first, second]))
    found = coverage(root, aapl, "1m")
    assert found.complete and found.off_session == 0
    assert rows(found.intervals) == [(int(first[0]), int(second[-1]), 600)]


def test_missing_minutes_and_missing_sessions(root: Path, aapl: Instrument, at):
    # 2013-07-02 has a hole from 15:00 to 16:00 UTC, 07-03 and 07-05 are missing, 07-08 is there with early bars.
    first = at("2013-07-02 13:30") + MINUTE * np.arange(1, 391)
    first = first[(first <= at("2013-07-02 15:00")) | (first >= at("2013-07-02 16:00"))]
    last = at("2013-07-08 13:30") + MINUTE * np.arange(1, 391)
    early = np.array([at("2013-07-08 12:00")])
    write(root, aapl, "1m", np.concatenate([first, early, last]))
    found = coverage(root, aapl, "1m")
    assert rows(found.gaps) == [
        (at("2013-07-02 15:00"), at("2013-07-02 16:00"), 0, 59),
        (at("2013-07-03 13:30"), at("2013-07-05 20:00"), 2, 210 + 390),
    ]
    assert found.off_session == 1
    assert [row[2] for row in rows(found.intervals)] == [90, 241, 391]


def test_a_quiet_name_has_no_gap_within_half_an_hour(root: Path, aapl: Instrument, at):
    write(root, aapl, "1m", at("2013-07-02 13:30") + MINUTE * np.arange(30, 391, 30))
    assert coverage(root, aapl, "1m").complete


def test_markets_that_never_close(root: Path, at):
    coin = Instrument("BTCUSD.CRYPTO", price_precision=2, size_precision=8)
    stamps = at("2021-10-01") + 15 * MINUTE * np.arange(1, 300)
    write(root, coin, "15m", np.delete(stamps, slice(100, 120)))
    found = coverage(root, coin, "15m")
    assert [(row[0], row[1], row[3]) for row in rows(found.gaps)] == [(int(stamps[99]), int(stamps[120]), 20)]
    assert found.off_session == 0


def test_nothing_held(root: Path, aapl: Instrument):
    writer.write_instruments(root, [aapl])
    found = coverage(root, aapl, "1d", Window.of("2013-01-01", "2013-02-01"))
    assert (found.rows, found.first, found.complete, found.root) == (0, None, False, "")
    assert held(root, aapl.id) == []
    assert "No bars of AAPL.XNAS are held at all" in str(no_coverage(root, aapl, Period(1, "d"), Window()))


def test_what_is_held_from_statistics_alone(root: Path, aapl: Instrument, at):
    daily(root, aapl, ["2013-07-02", "2013-07-03"])
    write(root, aapl, "1m", [at("2012-12-31 15:00"), at("2013-01-02 15:00")])
    told = [(str(each.period), each.rows, each.first, each.last) for each in held(root, aapl.id)]
    assert told == [
        ("1m", 2, at("2012-12-31 15:00"), at("2013-01-02 15:00")),
        ("1d", 2, at("2013-07-02 20:00"), at("2013-07-03 17:00")),
    ]
    error = no_coverage(root, aapl, Period(5, "m"), Window.of("2013-01-01", "2013-02-01", "America/New_York"))
    assert error.message == "No 5m bar of AAPL.XNAS from 2013-01-01 to 2013-02-01."
    assert error.hint == (
        "Held of AAPL.XNAS: 1m from 2012-12-31 to 2013-01-02 (2 bars); 1d from 2013-07-02 to 2013-07-03 (2 bars)."
    )


@pytest.mark.parametrize("period", ["2d", "3w"])
def test_longer_periods_have_no_calendar(root: Path, aapl: Instrument, period: str, at):
    write(root, aapl, period, [at("2013-07-02 20:00"), at("2013-09-03 20:00")])
    assert coverage(root, aapl, period).complete
