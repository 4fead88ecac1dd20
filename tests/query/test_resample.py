"""Bars of longer periods: on the sample's SPY minutes against pandas, half a day and a change of clocks by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import alphapulse_lib as ap
from alphapulse_lib.catalog import schemas, writer
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.errors import NoCoverage
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.window import Window, moment_ns
from alphapulse_lib.query.bars import bars

AAA = Instrument("AAA.XNYS")
HOW = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}


def write(root: Path, period: str, local: list[str], closes: list[float] | None = None) -> None:
    """Bars of New York's clock."""
    ts = pa.array([moment_ns(each, "America/New_York") for each in local]).cast(schemas.TIME)
    close = np.array(closes or np.arange(1.0, len(local) + 1))
    figures = dict.fromkeys(schemas.PRICES, close)
    writer.write_instruments(root, [AAA])
    table = pa.table(figures | {"volume": np.ones(len(local)), "ts": ts, "available_at": ts})
    writer.write_bars(root, AAA, period, table, "x")


def read(root: Path, period: str, **asked: Any) -> list[tuple[str, float, float]]:
    """Close's moment in New York, close and volume."""
    table = bars(root, [AAA], period, **asked)
    ts = table["ts"].to_pandas().dt.tz_convert("America/New_York").dt.strftime("%m-%d %H:%M")
    return list(zip(ts, table["close"].to_pylist(), table["volume"].to_pylist(), strict=True))


@pytest.mark.parametrize(("period", "minutes"), [("5m", 5), ("15m", 15), ("1h", 60)])
def test_spy_against_pandas(sample: Path, period: str, minutes: int):
    fine = ap.bars("SPY", "1m", adjust="none").set_index("ts")
    local = fine.tz_convert("America/New_York")
    days = []
    for day, rows in local.groupby(local.index.date):
        opens, closes = (pd.Timestamp(f"{day} {at}", tz="America/New_York") for at in ("09:30", "16:00"))
        inside = rows[(rows.index > opens) & (rows.index <= closes)]
        made = inside.resample(f"{minutes}min", closed="right", label="right", origin=opens).agg(HOW).dropna()
        days.append(made.set_axis(made.index.where(made.index <= closes, closes)))
    expected = pd.concat(days)
    found = ap.bars("SPY", period, adjust="none").set_index("ts").tz_convert("America/New_York")
    found = found[
        (found.index.time > pd.Timestamp("09:30").time()) & (found.index.time <= pd.Timestamp("16:00").time())
    ]
    assert found.index.tolist() == expected.index.tolist()
    assert np.array_equal(found[list(HOW)].to_numpy(float), expected.to_numpy(float))


def test_a_bar_ends_with_half_a_day(tmp_path: Path):
    write(tmp_path, "30m", ["2013-07-03 10:00", "2013-07-03 12:30", "2013-07-03 13:00", "2013-07-03 13:30"])
    assert read(tmp_path, "1h") == [
        ("07-03 10:30", 1, 1),
        ("07-03 12:30", 2, 1),
        ("07-03 13:00", 3, 1),
        ("07-03 14:00", 4, 1),
    ]
    assert read(tmp_path, "1d") == [("07-03 13:00", 3, 3)]


def test_the_clocks_change(tmp_path: Path):
    # New York's clocks went forward on Sunday 2013-03-10: the same hours of the day on both sides.
    write(tmp_path, "30m", ["2013-03-08 10:00", "2013-03-08 10:30", "2013-03-11 10:00", "2013-03-11 10:30"])
    assert read(tmp_path, "1h") == [("03-08 10:30", 2, 2), ("03-11 10:30", 4, 2)]


def test_a_week_ends_with_its_last_session_and_not_before(tmp_path: Path):
    # Friday 2013-03-29 was Good Friday: that week ended on Thursday.
    days = ["2013-03-22", "2013-03-25", "2013-03-26", "2013-03-27", "2013-03-28", "2013-04-01"]
    write(tmp_path, "1d", [f"{day} 16:00" for day in days])
    whole = [("03-22 16:00", 1, 1), ("03-28 16:00", 5, 4), ("04-05 16:00", 6, 1)]
    assert read(tmp_path, "1w") == whole
    assert read(tmp_path, "1w", as_of=moment_ns("2013-03-28 19:59")) == whole[:1]
    assert read(tmp_path, "1w", as_of=moment_ns("2013-03-28 20:00")) == whole[:2]


def test_what_cannot_be_made(tmp_path: Path):
    write(tmp_path, "15m", ["2013-03-08 10:00"])
    for period in ("1m", "20m", "30s"):
        with pytest.raises(NoCoverage, match=r"Held of AAA.XNYS: 15m"):
            bars(tmp_path, [AAA], period)


def test_months_quarters_and_several_sessions_end_with_their_last_session(tmp_path: Path):
    # By hand from the exchange's calendar: Good Friday 2013-03-29 was the month's and the quarter's last weekday.
    days = ["2013-01-31", "2013-02-01", "2013-02-28", "2013-03-01", "2013-03-28", "2013-04-01"]
    write(tmp_path, "1d", [f"{day} 16:00" for day in days])
    months = [("01-31 16:00", 1, 1), ("02-28 16:00", 3, 2), ("03-28 16:00", 5, 2), ("04-30 16:00", 6, 1)]
    assert read(tmp_path, "1mo") == months
    assert read(tmp_path, "1mo", as_of=moment_ns("2013-02-28 20:59")) == months[:1]
    assert read(tmp_path, "3mo") == [("03-28 16:00", 5, 5), ("06-28 16:00", 6, 1)]
    window = Window.of("2013-02-01", "2013-03-31", "America/New_York")
    assert read(tmp_path, "1mo", window=window) == months[1:3]


def test_five_sessions_are_the_same_whatever_is_asked_for(sample: Path):
    daily = ap.bars("AAPL", "1d", "2012-01-01", "2012-12-31", adjust="none")
    fives = ap.bars("AAPL", "5d", "2012-01-01", "2012-12-31", adjust="none")
    known = sessions("XNAS")
    # Counted from the calendar's first session of 1970 on.
    number = np.searchsorted(known.closes, daily["ts"].astype("int64")) // 5
    whole = [rows for _, rows in daily.groupby(number) if len(rows) == 5]
    expected = [
        (r["ts"].iloc[-1], r["open"].iloc[0], r["high"].max(), r["close"].iloc[-1], r["volume"].sum()) for r in whole
    ]
    ends = {each[0] for each in expected}
    found = [row for row in fives[["ts", "open", "high", "close", "volume"]].itertuples(index=False) if row.ts in ends]
    assert len(expected) == 49
    assert [tuple(row) for row in found] == expected
    part = ap.bars("AAPL", "5d", fives["ts"].iloc[10], fives["ts"].iloc[20], adjust="none")
    assert part.equals(fives.iloc[10:21].reset_index(drop=True))
