"""Sessions that ticks are held of, by hand: 2013-07-03 closed at 13:00 in New York, 2013-07-04 was no session."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

import alphapulse_lib as ap
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.schemas import TIME
from alphapulse_lib.catalog.tick_coverage import _moments, tick_coverage
from alphapulse_lib.catalog.ticks import files_of, write_quotes, write_trades
from alphapulse_lib.catalog.writer import write_instruments
from alphapulse_lib.cli import app
from alphapulse_lib.errors import NoCoverage
from alphapulse_lib.model.window import Window

#: In New York: two sessions, a half one missing (its only trade came after the early close), one more; a month on.
TRADES = ["2013-07-01 09:30:00.5", "2013-07-02 16:00", "2013-07-03 15:00", "2013-07-05 10:00", "2013-07-05 10:01",
          "2013-08-01 08:00", "2013-08-01 12:00"]  # fmt: skip


def stamps(moments: list[str]) -> pa.Array:
    return pa.array(moments).cast(pa.timestamp("ns")).cast(TIME)


def new_york(moments: list[str]) -> list[str]:
    """New York's summer is four hours behind UTC."""
    return [f"{each[:11]}{int(each[11:13]) + 4:02}{each[13:]}" for each in moments]


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aapl) -> None:
    root = tmp_path / "catalog"
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(root))
    ts = stamps(new_york(TRADES))
    count = len(ts)
    write_instruments(root, [aapl])
    write_trades(
        root, aapl, pa.table({"ts": ts, "available_at": ts, "price": [1.0] * count, "size": [1.0] * count}), "x"
    )
    one = {name: [1.0] for name in ("bid", "ask", "bid_size", "ask_size")}
    write_quotes(root, aapl, pa.table({"ts": ts[:1], "available_at": ts[:1], **one}), "x")


@pytest.mark.usefixtures("held")
def test_the_sessions_held_and_missing() -> None:
    found = ap.coverage("AAPL", "trades", end="2013-07-08")
    assert (found.bars, found.missing_sessions, found.off_session, found.complete) == (5, 2, 1, False)
    assert found.intervals["bars"].tolist() == [2, 2]
    assert found.gaps["first"].astype(str).tolist() == ["2013-07-03 13:30:00+00:00", "2013-07-08 13:30:00+00:00"]
    assert found.gaps["last"].astype(str).tolist() == ["2013-07-03 17:00:00+00:00", "2013-07-08 20:00:00+00:00"]
    assert "Trades" in str(found) and "Trades" in found._repr_html_()


@pytest.mark.usefixtures("held")
def test_months_follow_each_other() -> None:
    found = ap.coverage("AAPL", "trades")
    assert (found.bars, found.off_session) == (7, 2)
    assert found.missing_sessions == 1 + 18, "the half day, and those from 2013-07-08 to the end of the month"
    assert ap.coverage("AAPL", "trades", "2013-08-01", "2013-08-01").complete
    assert ap.coverage("AAPL", "quotes", "2013-07-01", "2013-07-01").complete
    with pytest.raises(NoCoverage, match="quote"):
        ap.coverage("AAPL", "quotes", "2013-08-01", "2013-08-01")
    row = ap.instruments().iloc[0]
    assert (row["bars"], row["trades"], row["quotes"]) == (0, 7, 1)
    answer = CliRunner().invoke(app, ["coverage", "AAPL", "trades", "--json"])
    assert (answer.exit_code, '"missing_sessions": 19' in answer.stdout) == (0, True)


def test_a_month_is_read_in_parts_and_a_session_that_they_cut_is_one(root: Path, aapl, monkeypatch) -> None:
    """Seven ticks a second for three hours of each of four sessions: many row groups; memory has one of them."""
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(root))
    days = ["2013-07-01", "2013-07-02", "2013-07-05", "2013-07-08"]
    moments = np.concatenate([stamps([f"{day} 14:00"])[0].value + np.arange(75_600) * (10**9 // 7) for day in days])
    ts = pa.array(moments).cast(TIME)
    ones = np.ones(len(moments))
    write_instruments(root, [aapl])
    write_trades(root, aapl, pa.table({"ts": ts, "available_at": ts, "price": ones, "size": ones}), "x")
    parts = [
        group for _, path in files_of(Roots.of(root), "trades", aapl.id, Window()) for group in _moments(path, Window())
    ]
    assert len(parts) > 10
    assert max(map(len, parts)) <= 20_000, "of 302,400"
    assert np.array_equal(np.concatenate(parts), moments)
    found = tick_coverage(root, aapl, "trades")
    assert (found.rows, found.off_session, found.gaps["sessions"].to_pylist()) == (302_400, 0, [1])
    assert found.intervals["bars"].to_pylist() == [151_200, 151_200]
    assert found.intervals["last"].cast("int64").to_pylist() == [int(moments[151_199]), int(moments[-1])]
    within = tick_coverage(root, aapl, "trades", Window(int(moments[75_600]), int(moments[75_700])))
    assert (within.rows, within.first, within.last) == (101, int(moments[75_600]), int(moments[75_700]))
