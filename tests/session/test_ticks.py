"""Real trades of the E-mini future out of a catalog, against pandas reading the same file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import alphapulse_lib as ap
from alphapulse_lib.catalog import schemas, ticks, writer
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import InputError, NoCoverage, UnknownPeriod
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.query import reading

ES = Instrument("ES.XCME", price_precision=2)


@pytest.fixture
def printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Six trades over two local days, two of them at one moment."""
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(tmp_path / "catalog"))
    local = ["2013-09-02 23:59:59", "2013-09-03 00:00:00", "2013-09-03 08:30:00", "2013-09-03 08:30:00"]
    ts = pd.to_datetime([*local, "2013-09-03 15:15:00", "2013-09-04 00:00:00"]).tz_localize("America/Chicago")
    frame = pd.DataFrame({"ts": ts.tz_convert("UTC"), "price": [1640.25, 1641, 1642.5, 1642.25, 1643, 1644]})
    stamps = pa.array(frame["ts"].astype("datetime64[ns, UTC]")).cast(schemas.TIME)
    table = {"ts": stamps, "available_at": stamps, "price": frame["price"].to_numpy(), "size": [1.0] * 6}
    root = Roots.of_settings().writable
    writer.write_instruments(root, [ES, Instrument("NQ.XCME")])
    ticks.write_trades(root, ES, pa.table(table), "x")
    return frame


def test_a_day_is_the_exchanges(printed: pd.DataFrame):
    day = ap.trades("ES", "2013-09-03", "2013-09-03")
    assert day["price"].tolist() == [1641, 1642.5, 1642.25, 1643]
    assert day["ts"].tolist() == printed["ts"].iloc[1:5].tolist()
    assert list(day.columns) == [
        *("symbol", "ts", "price", "size", "aggressor_side", "trade_id", "conditions", "exchange")
    ]
    assert ap.trades("ES", "2013-09-03", as_of="2013-09-03 08:29:59")["price"].tolist() == [1641]
    assert len(ap.trades("ES", frame="polars")) == ap.trades("ES", frame="arrow").num_rows == 6


def test_nothing_there_says_what_is_held(printed: pd.DataFrame):
    with pytest.raises(NoCoverage, match=r"Held: 6 from 2013-09-02 23:59 to 2013-09-04 00:00 \(America/Chicago\)"):
        ap.trades("ES", "2014-01-01")
    with pytest.raises(NoCoverage, match=r"No quotes of ES.XCME are held"):
        ap.quotes("ES")
    with pytest.raises(NoCoverage, match=r"No trades of NQ.XCME are held"):
        ap.trades(["ES", "NQ"])


def test_bars_of_trades_by_name_of_their_period(printed: pd.DataFrame):
    # The calendar's days end at 00:00 UTC, which is 19:00 in Chicago: the last bar ends there, half full. The first one
    # closes as the day before ends in Chicago, and is of that: futures trade over midnight.
    bars = ap.bars("ES", "2-TICK", "2013-09-02", "2013-09-03", timezone="America/Chicago")
    assert bars["ts"].dt.strftime("%d %H:%M").tolist() == ["03 00:00", "03 08:30", "03 19:00"]
    expected = [[1640.25, 1641, 2], [1642.5, 1642.25, 2], [1643, 1643, 1]]
    assert len(ap.bars("ES", "2-TICK", "2013-09-03", "2013-09-03")) == 2
    assert bars[["open", "close", "volume"]].to_numpy().tolist() == expected
    assert ap.bars("ES", "1h", "2013-09-03 08:00", "2013-09-03 09:00", source="trades")["close"].tolist() == [1642.25]
    assert ap.prices("ES", "1h", "2013-09-03 08:00", "2013-09-03 09:00", source="trades")["ES"].tolist() == [1642.25]
    assert ap.bars("ES", "1d", source="trades", as_of="2013-09-03")["volume"].tolist() == [5]


@pytest.mark.parametrize(
    ("ask", "error", "told"),
    [
        (lambda: ap.bars("ES", "2-TICK", source="bars"), InputError, "source='trades'"),
        (lambda: ap.bars("ES", "TICK"), UnknownPeriod, "1000-TICK"),
        (lambda: ap.bars("ES", "0-VOLUME"), UnknownPeriod, "1000-VOLUME"),
        (lambda: ap.bars("ES", "1h", source="trade"), InputError, "Did you mean trades"),
        (lambda: ap.bars("ES", "2-TICK", source="quotes"), NoCoverage, "No quotes of ES.XCME are held"),
        (lambda: ap.bars("NQ", "2-TICK"), NoCoverage, "No trades of NQ.XCME are held"),
        (lambda: ap.trades("ES", session="regullar"), InputError, "Did you mean regular"),
        (lambda: ap.trades("ES", timezone="America/New York"), InputError, "Did you mean America/New_York"),
        (lambda: ap.trades("ES", timezone=5), InputError, "timezone=5 is not known"),
        (lambda: ap.trades("ES", frame="batch"), InputError, "Did you mean batches"),
    ],
)
def test_what_cannot_be_asked_of_ticks_says_what_can(printed: pd.DataFrame, ask, error: type[Exception], told: str):
    with pytest.raises(error, match=told):
        ask()


def test_a_stream_is_the_table_cut(printed: pd.DataFrame, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "_MOST_ROWS", 2)
    stream = ap.trades("ES", timezone="America/Chicago", frame="batches")
    assert isinstance(stream, pa.RecordBatchReader)
    parts = list(stream)
    assert len(parts) > 1
    whole = ap.trades("ES", timezone="America/Chicago", frame="arrow")
    assert pa.Table.from_batches(parts).equals(whole.combine_chunks())
    assert ap.trades("ES", timezone="America/Chicago", order="symbol", frame="arrow").equals(whole)
    bars = pa.Table.from_batches(ap.bars("ES", "2-TICK", frame="batches"))
    assert bars.equals(ap.bars("ES", "2-TICK", frame="arrow").combine_chunks())
    with pytest.raises(NoCoverage, match="No trades of NQ"):
        ap.trades(["ES", "NQ"], frame="batches")
    with pytest.raises(NoCoverage, match=r"No trades of ES\.XCME there"):
        ap.trades("ES", as_of="2013-09-01", frame="batches").read_all()


def test_a_window_within_a_gap_of_ticks_is_answered_with_its_sessions(printed: pd.DataFrame):
    far = pa.array([pd.Timestamp("2013-12-03 10:00", tz="America/Chicago").tz_convert("UTC")]).cast(schemas.TIME)
    ticks.write_trades(
        Roots.of_settings().writable,
        ES,
        pa.table({"ts": far, "available_at": far, "price": [1640.0], "size": [1.0]}),
        "y",
    )
    held = ap.coverage("ES", "trades", "2013-10-07", "2013-10-11")
    assert (held.bars, held.missing_sessions, held.root) == (0, 5, "team")
    with pytest.raises(NoCoverage, match=r"No trades of ES\.XCME there"):
        ap.coverage("ES", "trades", "2014-01-06", "2014-01-10")
