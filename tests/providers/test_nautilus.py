"""Catalogs of NautilusTrader 1.x, migrated: one that version 1.231.0 wrote (`tests/resources/nautilus_1.py`)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alphapulse_lib.catalog import ticks
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.reader import bar_floats
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import InputError, UnreadableFile
from alphapulse_lib.ingestion import importer
from alphapulse_lib.ingestion.report import Report
from alphapulse_lib.providers.contract import Request
from alphapulse_lib.providers.files import FilesProvider
from alphapulse_lib.providers.nautilus import NautilusProvider

OLD = Path(__file__).parents[1] / "resources" / "nautilus_1"
VENUES = {"SIM": "IDEALPRO", "BINANCE": "CRYPTO"}


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    return Roots(tmp_path / "catalog")


def migrated(roots: Roots, folder: Path = OLD, **options: object) -> Report:
    request = Request(folder, **{"venue": VENUES, **options})  # type: ignore[arg-type]
    return importer.ingest(NautilusProvider(), [request], roots)


def test_all_kinds_and_periods_come_as_one_import(roots: Roots) -> None:
    report = migrated(roots)
    assert (report.kind, len(report.quarantined)) == ("dataset", 0)
    assert report.written == 3 + 3 + 4 + 3 + 3  # listings, days, minutes, trades, quotes
    assert report.instruments == ("AAPL.XNAS", "BTCUSDT.CRYPTO", "EUR/USD.IDEALPRO")
    days = bar_floats(roots, "AAPL.XNAS", "1d").to_pandas()
    assert days.ts.astype(str).tolist() == [f"2020-01-0{day} 21:00:00+00:00" for day in (2, 3, 6)]
    assert days.open.tolist() == [296.24, 297.15, 293.79]
    assert days.close.tolist() == [300.35, 297.43, 299.8]
    assert days.volume.tolist() == [135647456, 146535512, 118518576]
    minutes = bar_floats(roots, "AAPL.XNAS", "1m").to_pandas()
    assert minutes.ts.iloc[0] == pd.Timestamp("2020-01-02 14:31", tz="UTC")
    assert minutes.close.tolist() == [296.30, 296.31, 296.32, 296.33]


def test_ticks_keep_their_sides_ids_and_sizes(roots: Roots) -> None:
    migrated(roots)
    trades = ticks.read(roots, "trades", "BTCUSDT.CRYPTO").to_pandas()
    assert trades.price.tolist() == [7200.17] * 3
    assert trades["size"].tolist() == [0.012345] * 3
    assert trades.aggressor_side.tolist() == ["BUY", "SELL", "NO_AGGRESSOR"]
    assert trades.trade_id.tolist() == ["t0", "t1", "t2"]
    quotes = ticks.read(roots, "quotes", "EUR/USD.IDEALPRO").to_pandas()
    assert quotes.bid.tolist() == [1.1172, 1.11721, 1.11722]
    assert quotes.ask_size.tolist() == [2_000_000] * 3


def test_instruments_keep_precision_currency_and_class(roots: Roots) -> None:
    migrated(roots)
    found = {each.id: each for each in Index(roots).instruments()}
    coin, pair = found["BTCUSDT.CRYPTO"], found["EUR/USD.IDEALPRO"]
    assert (coin.price_precision, coin.size_precision, coin.currency) == (2, 6, "USDT")
    assert (pair.price_precision, pair.size_precision, pair.currency, pair.asset_class) == (5, 0, "USD", "fx")


def test_what_the_catalog_cannot_hold_is_told(roots: Roots) -> None:
    notes = " ".join(migrated(roots).notes)
    assert "EURUSD.SIM-1-MINUTE-BID-EXTERNAL was left out: they are of bid prices" in notes


def test_again_it_changes_nothing_and_one_revert_takes_it_back(roots: Roots) -> None:
    first = migrated(roots)
    again = migrated(roots)
    assert (again.written, again.unchanged) == (0, first.written)
    importer.revert(roots, first.id)
    assert not Index(roots).instruments()


def test_stamps_may_be_opens(roots: Roots) -> None:
    migrated(roots, stamps="open")
    assert bar_floats(roots, "AAPL.XNAS", "1m").to_pandas().ts.iloc[0] == pd.Timestamp("2020-01-02 14:32", tz="UTC")


def test_a_venue_that_is_not_known_is_asked_for(roots: Roots) -> None:
    with pytest.raises(InputError, match=r"BTCUSDT.BINANCE trades at 'BINANCE'") as refused:
        migrated(roots, venue={"SIM": "IDEALPRO"})
    assert "venue={'BINANCE': 'XNAS'}" in refused.value.hint


def test_standard_precision_has_nine_decimals_in_eight_bytes(tmp_path: Path, roots: Roots) -> None:
    """By the published schema of the 64-bit builds: int64 figures, here of one bar."""
    bar_type = "AAPL.XNAS-1-DAY-LAST-EXTERNAL"
    folder = tmp_path / "old" / "data" / "bar" / bar_type
    folder.mkdir(parents=True)
    told = {"instrument_id": "AAPL.XNAS", "bar_type": bar_type, "price_precision": "2", "size_precision": "0"}
    figures = {"open": 296.24, "high": 300.6, "low": 295.19, "close": 300.35, "volume": 135647456}
    columns = {name: pa.array([round(value * 10**9)], pa.int64()) for name, value in figures.items()}
    stamp = pa.array([1_577_998_800_000_000_000], pa.uint64())
    table = pa.table({**columns, "ts_event": stamp, "ts_init": stamp}).replace_schema_metadata(told)
    pq.write_table(table, folder / "part-0.parquet")
    assert migrated(roots, tmp_path / "old").written == 2
    assert bar_floats(roots, "AAPL.XNAS", "1d").select(list(figures)).to_pylist() == [figures]


def test_what_is_no_such_catalog_is_refused(tmp_path: Path, roots: Roots) -> None:
    with pytest.raises(UnreadableFile, match="There is no folder"):
        migrated(roots, tmp_path / "absent")
    with pytest.raises(InputError, match="is no catalog"):
        migrated(roots, tmp_path)
    shutil.copytree(OLD, tmp_path / "old")
    for path in (tmp_path / "old").rglob("*DAY*/*.parquet"):
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UnreadableFile, match="is torn"):
        migrated(roots, tmp_path / "old")


@pytest.mark.parametrize("place", [0, 1])
def test_a_file_of_which_a_page_is_torn_is_named(tmp_path: Path, roots: Roots, place: int) -> None:
    """Its footer is whole: what is wrong is found as its rows are read, or that some are missing."""
    shutil.copytree(OLD, tmp_path / "old")
    path = next((tmp_path / "old").rglob("*DAY*/*.parquet"))
    pq.write_table(pq.read_table(path), path, use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[pq.read_metadata(path).row_group(0).column(3).data_page_offset + place] ^= 4
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=r"DAY.*parquet is .*torn"):
        migrated(roots, tmp_path / "old")


def test_the_files_provider_names_the_one_that_migrates(roots: Roots) -> None:
    with pytest.raises(InputError, match=r"NautilusTrader 1.x") as refused:
        importer.ingest(FilesProvider(), [Request(OLD)], roots)
    assert 'ap.ingest("nautilus"' in refused.value.hint


def test_a_multiplier_that_no_run_would_count_with_is_told(roots: Roots, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    shutil.copytree(OLD, folder)
    file = next(folder.glob("data/currency_pair/EURUSD.SIM/*.parquet"))
    rows = [row | {"multiplier": "50"} for row in pq.read_table(file).to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, pq.read_schema(file)), file)
    told = [each for each in migrated(roots, folder).notes if "multiplier" in each]
    assert told == ["EUR/USD.SIM has a multiplier of 50, which is not kept: one of it is worth its price here"]
