"""Real trades of the E-mini future out of a catalog, against pandas reading the same file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import alphapulse_lib as ap
from alphapulse_lib.catalog import schemas, ticks, writer
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import NoCoverage
from alphapulse_lib.model.instrument import Instrument

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
