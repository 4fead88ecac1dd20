from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import alphapulse_lib as ap
from alphapulse_lib import clock
from alphapulse_lib.catalog import writer
from alphapulse_lib.cli import app
from alphapulse_lib.errors import NoCoverage
from alphapulse_lib.model.instrument import Instrument
from tests.resources.toy_market import MINUTE, OPEN, SIX, write

DAY = 86_400 * 10**9


def test_instruments(catalog: Path):
    frame = ap.instruments()
    assert frame["symbol"].tolist() == ["AAPL", "MSFT"]
    assert frame["name"].tolist() == ["Apple Inc.", ""]
    assert frame["periods"].tolist() == ["1d", "1d"]
    assert frame["bars"].tolist() == [5, 2]
    assert frame["last"].tolist() == [
        pd.Timestamp("2013-07-08 20:00", tz="UTC"),
        pd.Timestamp("2013-07-03 17:00", tz="UTC"),
    ]


def test_a_torn_file_of_one_instrument_hides_no_other(catalog: Path):
    (torn,) = (catalog / "data" / "bars").glob("MSFT*/*.parquet")
    torn.write_bytes(torn.read_bytes()[:-40])
    frame = ap.instruments().set_index("symbol")
    assert frame["bars"].to_dict() == {"AAPL": 5, "MSFT": 0}
    assert frame["fault"]["AAPL"] == ""
    assert f"{torn} cannot be read" in frame["fault"]["MSFT"]


def test_an_instrument_without_bars_is_listed_all_the_same(catalog: Path):
    writer.write_instruments(catalog, [Instrument("IBM.XNYS")])
    row = ap.instruments().set_index("symbol").loc["IBM"]
    assert (row["periods"], row["bars"]) == ("", 0) and pd.isna(row["first"])


def test_coverage_and_its_gaps(catalog: Path):
    held = ap.coverage("MSFT", "1d")
    assert (held.bars, held.complete, held.missing_sessions, held.symbol, held.root) == (2, False, 1, "MSFT", "team")
    assert held.gaps["first"].tolist() == [pd.Timestamp("2013-07-02 20:00", tz="UTC")]
    assert held.intervals["bars"].tolist() == [1, 1]
    assert "missing 2013-07-02" in str(held)
    assert "missing 2013-07-02" in held._repr_html_()
    assert held.to_dict()["gaps"] == [
        {"first": "2013-07-02T20:00:00+00:00", "last": "2013-07-02T20:00:00+00:00", "sessions": 1, "bars": 1}
    ]
    assert ap.coverage("AAPL").complete
    assert ap.coverage("AAPL", "1d", "2013-06-28", "2013-07-08").missing_sessions == 1


def test_a_window_within_a_gap_is_answered_with_the_gap(catalog: Path):
    held = ap.coverage("MSFT", "1d", "2013-07-02", "2013-07-02")
    assert (held.bars, held.complete, held.missing_sessions, held.root) == (0, False, 1, "team")
    assert held.gaps["first"].tolist() == [pd.Timestamp("2013-07-02 20:00", tz="UTC")]
    assert held.intervals.empty and held.first is pd.NaT and held.last is pd.NaT
    assert (held.to_dict()["first"], held.to_dict()["bars"]) == (None, 0)
    assert "missing 2013-07-02" in str(held) and "First" not in str(held)
    assert "missing 2013-07-02" in held._repr_html_()
    told = CliRunner().invoke(app, ["coverage", "MSFT.XNAS", "1d", "--start", "2013-07-02", "--end", "2013-07-02"])
    assert told.exit_code == 0 and "missing 2013-07-02" in told.stdout


@pytest.mark.parametrize(
    ("symbol", "period", "start", "end"),
    [
        ("MSFT", "1d", "2013-06-27", "2013-06-28"),  # before the first bar
        ("MSFT", "1d", "2013-07-05", "2013-07-08"),  # after the last one
        ("AAPL", "1d", "2013-07-06", "2013-07-07"),  # held around it, but a weekend
        ("MSFT", "1m", "2013-07-02", "2013-07-02"),
    ],
)
def test_a_window_beyond_what_is_held_is_refused(catalog: Path, symbol: str, period: str, start: str, end: str):
    with pytest.raises(NoCoverage, match="Held of"):
        ap.coverage(symbol, period, start, end)


def test_check(catalog: Path):
    assert ap.check().empty
    (path,) = (catalog / "data/bars/MSFT.XNAS-1-DAY-LAST-EXTERNAL").iterdir()
    path.write_bytes(b"torn")
    found = ap.check()
    assert found["file"].tolist() == [str(path)] and "cannot be read" in found["problem"].iloc[0]


def test_bars_that_a_clock_ahead_of_this_one_recorded_are_told_to_be_so(
    catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NoCoverage) as refused:
        ap.coverage("MSFT", "1m")
    assert "from now" not in str(refused.value)
    ap.bars("AAPL", "1d")
    first = ap.sql("SELECT min(recorded_at) AS first FROM bars_1d").df()["first"][0].value
    # SQL tells a moment rounded to microseconds: from the middle of a second it is the same number of seconds away.
    monkeypatch.setattr(clock, "now_ns", lambda: first - 90_500_000_000)
    for ask in (ap.bars, ap.coverage):
        with pytest.raises(NoCoverage, match="But the first of them was recorded 91 s from now, by the clock of who"):
            ask("AAPL", "1d")


def test_bars_of_days_to_come_are_told_to_be_so(catalog: Path) -> None:
    later = (clock.now_ns() // DAY + np.array([20, 30, 31])) * DAY
    write("LATE", "1d", [OPEN + MINUTE, *later], [SIX[0]] * 4)
    assert len(ap.bars("LATE", "1d")) == 1
    start = str(np.datetime64(int(later[1]), "ns"))[:10]
    with pytest.raises(NoCoverage) as refused:
        ap.bars("LATE", "1d", start)
    assert f"But the first of them there is known from {start}" in str(refused.value)
    for ask in (lambda: ap.bars("LATE", "1d", "2021-01-01", "2021-02-01"), lambda: ap.bars("LATE", "1m")):
        with pytest.raises(NoCoverage) as refused:
            ask()
        assert "yet to come" not in str(refused.value)
