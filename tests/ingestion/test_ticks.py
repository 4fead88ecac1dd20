"""Trades and quotes from files: judged, written, found unchanged, and taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alphapulse_lib.catalog import ticks
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.ingestion import importer
from alphapulse_lib.ingestion.report import Report
from alphapulse_lib.providers.contract import Request
from alphapulse_lib.providers.files import FilesProvider

SAMPLE = Path(__file__).parents[1] / "resources" / "es_ticks_40k_20130901.csv.gz"


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    return Roots(tmp_path / "catalog")


@pytest.fixture
def bring(tmp_path: Path, roots: Roots) -> Any:
    def bring_text(text: str, **options: Any) -> Report:
        path = tmp_path / "ticks.csv"
        path.write_text(text)
        return importer.ingest(FilesProvider(), [Request(path, symbol="ES", venue="XCME", **options)], roots)

    return bring_text


def held(roots: Roots, kind: Any) -> pd.DataFrame:
    frame: pd.DataFrame = ticks.read(roots, kind, "ES.XCME").to_pandas()
    return frame


TRADES = """time,price,size,id,side
2013-09-01 17:00:00.083,1640.25,8,a,buy
2013-09-01 17:00:00.083,1640.50,1,b,sell
2013-09-01 17:00:01,1640.25,2,c,
2013-09-01 17:00:02,0,2,d,
2013-09-01 17:00:03,1640.25,2,e,maybe
2013-09-01 17:00:01,1640.25,2,c,
2013-09-01 17:00:01,1641.25,2,c,
"""


def test_trades_are_judged_and_kept_in_their_order(bring: Any, roots: Roots) -> None:
    report = bring(TRADES, kind="trades")
    assert (report.written, report.kind, report.instruments) == (3, "trades", ("ES.XCME",))
    found = held(roots, "trades")
    # 17:00 in Chicago in September is 22:00 of UTC.
    assert found.ts.iloc[0] == pd.Timestamp("2013-09-01 22:00:00.083", tz="UTC")
    assert found.price.tolist() == [1640.25, 1640.5, 1640.25]
    assert found.aggressor_side.tolist() == ["BUY", "SELL", "NO_AGGRESSOR"]
    assert found.trade_id.tolist() == ["a", "b", "c"]
    assert report.quarantined[["line", "reason"]].values.tolist() == [
        [6, "side MAYBE is neither buy nor sell"],
        [5, "price 0 cannot be one"],
        [8, "line 4 has another trade of this id"],
    ]
    assert "rows that say the same as an earlier one, passed over: 1" in report.notes


def test_again_they_change_nothing_and_go_when_they_are_taken_back(bring: Any, roots: Roots) -> None:
    first = bring(TRADES, kind="trades")
    again = bring(TRADES, kind="trades")
    assert (again.written, again.unchanged) == (0, 3)
    importer.revert(roots, first.id)
    assert not len(held(roots, "trades"))


def test_quotes_without_sizes_have_none(bring: Any, roots: Roots) -> None:
    report = bring("ts,bid,ask\n2013-09-01T22:00:00Z,1640.25,1640.50\n2013-09-01T22:00:01Z,-1,1\n", kind="quotes")
    assert report.written == 1
    assert "no column of bid_size: it is 0" in report.notes
    assert report.quarantined.reason.tolist() == ["bid -1 cannot be one"]
    assert held(roots, "quotes")[["bid", "ask", "bid_size"]].values.tolist() == [[1640.25, 1640.5, 0.0]]


def test_a_new_instrument_has_the_decimals_of_all_its_months(tmp_path: Path, roots: Roots) -> None:
    stamps = pa.array([1_600_000_000_000_000_000, 1_700_000_000_000_000_000]).cast(pa.timestamp("ns", "UTC"))
    table = pa.table({"ts": stamps, "price": [1.5, 1.12345], "size": [1.0, 0.25]})
    pq.write_table(table, tmp_path / "t.parquet")
    request = Request(tmp_path / "t.parquet", kind="trades", symbol="EURUSD", venue="IDEALPRO")
    assert importer.ingest(FilesProvider(), [request], roots).written == 2
    assert ticks.read(roots, "trades", "EURUSD.IDEALPRO")["price"].to_pylist() == [1.5, 1.12345]


def test_real_trades_of_a_future_are_all_there(roots: Roots) -> None:
    request = Request(SAMPLE, kind="trades", symbol="ES", venue="XCME", timezone="America/Chicago")
    report = importer.ingest(FilesProvider(), [request], roots)
    told = pd.read_csv(SAMPLE)
    assert report.written + report.unchanged == len(told)
    assert held(roots, "trades").price.sum() == pytest.approx(told.Price.sum())
