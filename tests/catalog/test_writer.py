"""What is written is read back by NautilusTrader and DuckDB, which know nothing of us."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path, PurePath

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nautilus_trader.persistence import ParquetDataCatalog

from alphapulse_lib import clock
from alphapulse_lib.catalog import actions, datasets, integrity, layout, reader, schemas, storage, writer
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.writer import Written
from alphapulse_lib.errors import CatalogBusy, InputError
from alphapulse_lib.model.instrument import Instrument, Listing
from alphapulse_lib.model.period import Period

DAILY = "AAPL.XNAS-1-DAY-LAST-EXTERNAL"
#: The guarantees of a folder are those of an object store too.
BOTH = pytest.mark.parametrize("root", ["folder", "store"], indirect=True)
TWO = [("2013-01-02 21:00", 10.0), ("2013-01-03 21:00", 11.0)]


def closes(root: PurePath, **moment: int) -> list[float]:
    return reader.bar_floats(root, "AAPL.XNAS", "1d", columns=["close"], **moment)["close"].to_pylist()


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def snapshot(root: PurePath) -> dict[str, bytes]:
    return {str(path): storage.read(path) for path in layout.all_parquet(root)}


def test_nautilus_reads_our_files_bar_for_bar(root: Path, aapl: Instrument):
    random = np.random.default_rng(0)
    ts = 10**18 + np.arange(1, 3001) * 86_400 * 10**9
    low = np.round(random.random(3000) * 2000, 4) + 1
    columns = {"open": low + 0.01, "high": low + 2.5, "low": low, "close": low + 1.1234}
    volume = random.integers(0, 10**12, 3000).astype(float)
    stamps = pa.array(ts).cast(schemas.TIME)
    table = pa.table({"ts": stamps, **columns, "volume": volume, "available_at": stamps})
    writer.write_instruments(root, [aapl])
    assert writer.write_bars(root, aapl, "1d", table, "one") == Written(rows_new=3000)

    catalog = ParquetDataCatalog(str(root))
    read = catalog.query_bars([DAILY])
    assert [bar.ts_event for bar in read] == ts.tolist() == [bar.ts_init for bar in read]
    for name in ("open", "high", "low", "close"):
        assert [str(getattr(bar, name)) for bar in read] == [f"{value:.4f}" for value in columns[name]]
    assert [str(bar.volume) for bar in read] == [f"{value:.0f}" for value in volume]
    some = catalog.query_bars([DAILY], start=int(ts[10]), end=int(ts[19]))
    assert [bar.ts_event for bar in some] == ts[10:20].tolist()
    (known,) = catalog.instruments()
    assert (str(known.id), known.price_precision, str(known.price_increment)) == ("AAPL.XNAS", 4, "0.0001")


def test_nautilus_reads_what_trades_in_parts(root: Path, bars: Callable[..., pa.Table]):
    coin = Instrument("BTC/USD.CRYPTO", price_precision=2, size_precision=8)
    writer.write_instruments(root, [coin])
    table = bars([("2021-10-02", 48200.12)]).set_column(5, "volume", pa.array([0.00000012]))
    writer.write_bars(root, coin, "1d", table, "one")
    catalog = ParquetDataCatalog(str(root))
    (bar,) = catalog.query_bars(["BTC/USD.CRYPTO-1-DAY-LAST-EXTERNAL"])
    assert (str(bar.close), str(bar.volume)) == ("48200.12", "0.00000012")
    (known,) = catalog.instruments()
    assert (str(known.id), known.price_precision, known.size_precision) == ("BTC/USD.CRYPTO", 2, 8)
    assert reader.bar_floats(root, coin.id, "1d")["volume"].to_pylist() == [0.00000012]


def test_duckdb_reads_the_same_files_with_our_columns(root: Path, aapl: Instrument, bars: Callable[..., pa.Table], at):
    with clock.at(datetime(2020, 1, 1, tzinfo=UTC)):
        writer.write_bars(root, aapl, "1d", bars(TWO), "one")
    rows = duckdb.sql(
        f"SELECT close, epoch_ns(ts_event), epoch_ns(available_at), epoch_ns(recorded_at), import_id "
        f"FROM '{root}/data/bars/*/*.parquet' ORDER BY ts_event"
    ).fetchall()
    stamps = [at(ts) for ts, _ in TWO]
    recorded = at("2020-01-01")
    assert [(float(close), *rest) for close, *rest in rows] == [
        (10.0, stamps[0], stamps[0], recorded, "one"),
        (11.0, stamps[1], stamps[1], recorded, "one"),
    ]


def test_layout_of_files(root: Path, aapl: Instrument, bars: Callable[..., pa.Table]):
    writer.write_instruments(root, [aapl])
    writer.write_bars(root, aapl, "1d", bars(TWO), "one")
    minutes = bars([("2012-12-31 20:59", 1.0), ("2013-01-02 14:31", 2.0)])
    writer.write_bars(root, aapl, "1m", minutes, "one")
    always = "1970-01-01T00-00-00-000000000Z_2262-04-11T23-47-16-854775807Z.parquet"
    assert files(root) == {
        "catalog.json",
        "catalog.lock",
        "instruments.parquet",
        "data/equity/AAPL.XNAS/1970-01-01T00-00-00-000000000Z_1970-01-01T00-00-00-000000000Z.parquet",
        f"data/bars/{DAILY}/{always}",
        "data/bars/AAPL.XNAS-1-MINUTE-LAST-EXTERNAL/"
        "2012-01-01T00-00-00-000000000Z_2012-12-31T23-59-59-999999999Z.parquet",
        "data/bars/AAPL.XNAS-1-MINUTE-LAST-EXTERNAL/"
        "2013-01-01T00-00-00-000000000Z_2013-12-31T23-59-59-999999999Z.parquet",
    }
    assert len(ParquetDataCatalog(str(root)).query_bars(["AAPL.XNAS-1-MINUTE-LAST-EXTERNAL"])) == 2
    schema = pq.read_schema(root / "data/bars" / DAILY / always)
    assert schema.names[:7] == ["open", "high", "low", "close", "volume", "ts_event", "ts_init"]
    assert schema.metadata[b"type_name"] == b"Bar"


@BOTH
def test_rows_in_any_order_are_filed_in_order(root: Path, aapl: Instrument, bars: Callable[..., pa.Table]):
    rows = [("2013-01-02 14:31", 2.0), ("2012-12-31 20:59", 1.0), ("2013-01-02 14:30", 3.0)]
    writer.write_bars(root, aapl, "1m", bars(rows), "one")
    assert reader.bar_floats(root, aapl.id, "1m")["close"].to_pylist() == [1.0, 3.0, 2.0]


@BOTH
def test_the_same_rows_again_change_no_byte(root: Path, aapl: Instrument, bars: Callable[..., pa.Table]):
    writer.write_instruments(root, [aapl])
    writer.write_bars(root, aapl, "1d", bars(TWO), "one")
    before = snapshot(root)
    assert writer.write_bars(root, aapl, "1d", bars(TWO), "two") == Written(rows_same=2)
    writer.write_instruments(root, [aapl], import_id="two")
    assert snapshot(root) == before


@BOTH
def test_a_restated_bar_replaces_the_old_one_for_today(root: Path, aapl: Instrument, bars: Callable[..., pa.Table], at):
    writer.write_bars(root, aapl, "1d", bars(TWO), "one", recorded_at=at("2013-02-01"))
    restated = bars([("2013-01-03 21:00", 12.0, "2013-01-10")])
    assert writer.write_bars(root, aapl, "1d", restated, "two", recorded_at=at("2013-03-01")) == Written(
        rows_restated=1
    )
    assert closes(root) == [10.0, 12.0]
    assert closes(root, as_of=at("2013-01-09")) == [10.0, 11.0]
    assert closes(root, as_of=at("2013-01-03")) == [10.0]
    assert closes(root, recorded_as_of=at("2013-02-28")) == [10.0, 11.0]
    assert closes(root, recorded_as_of=at("2013-01-31")) == []
    if isinstance(root, Path):
        assert [str(bar.close) for bar in ParquetDataCatalog(str(root)).query_bars([DAILY])] == ["10.0000", "12.0000"]


@BOTH
def test_an_older_vintage_changes_no_answer_recorded_before(root: Path, aapl, bars: Callable[..., pa.Table], at):
    late = bars([("2013-01-03 21:00", 12.0, "2013-01-10")])
    writer.write_bars(root, aapl, "1d", late, "one", recorded_at=at("2013-02-01"))
    moments = [at(f"2013-01-{day:02}") for day in range(1, 20)]
    before = [closes(root, as_of=moment, recorded_as_of=at("2013-02-02")) for moment in moments]
    early = bars([("2013-01-03 21:00", 11.0, "2013-01-04")])
    writer.write_bars(root, aapl, "1d", early, "two", recorded_at=at("2013-03-01"))
    assert [closes(root, as_of=moment, recorded_as_of=at("2013-02-02")) for moment in moments] == before
    assert closes(root) == [12.0]
    assert closes(root, as_of=at("2013-01-05")) == [11.0]


@BOTH
def test_an_import_is_taken_back_with_what_it_had_superseded(root: Path, aapl, bars: Callable[..., pa.Table], at):
    writer.write_instruments(root, [aapl], import_id="one")
    writer.write_bars(root, aapl, "1d", bars(TWO), "one")
    before = snapshot(root)
    other = Instrument("MSFT.XNAS")
    writer.write_instruments(root, [other], [Listing("MSFT", "XNAS", "MSFT.XNAS")], import_id="two")
    writer.write_bars(root, other, "1d", bars(TWO), "two")
    writer.write_bars(root, aapl, "1d", bars([("2013-01-03 21:00", 12.0), ("2013-01-04 21:00", 13.0)]), "two")
    actions.write(root, split(at("2013-01-04")), "two")
    datasets.write(root, "articles", article(at("2013-01-04")), "two")
    assert closes(root) == [10.0, 12.0, 13.0]

    removed = writer.remove_import(root, "two")
    assert (removed.bars, removed.actions, removed.articles, removed.instruments) == (4, 1, 1, ("MSFT.XNAS",))
    assert closes(root) == [10.0, 11.0]
    assert actions.read(root).num_rows == datasets.read(root, "articles").num_rows == 0
    assert [each.id for each in Index(root).instruments()] == ["AAPL.XNAS"]
    assert Index(root).listings() == []
    if isinstance(root, Path):
        assert [str(each.id) for each in ParquetDataCatalog(str(root)).instruments()] == ["AAPL.XNAS"]
    assert set(snapshot(root)) - {str(root / "listings.parquet")} == set(before)
    assert writer.remove_import(root, "two").bars == 0
    assert writer.remove_import(root, "one").instruments == ("AAPL.XNAS",)
    assert not storage.tree(root / "data") and not storage.tree(root / "revisions")


@BOTH
def test_taking_back_the_first_import_keeps_the_restatement(root: Path, aapl, bars: Callable[..., pa.Table]):
    writer.write_bars(root, aapl, "1d", bars(TWO), "one")
    writer.write_bars(root, aapl, "1d", bars([("2013-01-03 21:00", 12.0)]), "two")
    assert writer.remove_import(root, "one").bars == 2
    assert closes(root) == [12.0]
    assert not layout.superseded_files(root, "bars")


def split(available: int) -> pa.Table:
    row = {"instrument_id": "AAPL.XNAS", "kind": "split", "ex_date": date(2013, 1, 4), "ratio": 2.0}
    return pa.table({**{name: [value] for name, value in row.items()}, "available_at": [available], "source": ["x"]})


def article(available: int) -> pa.Table:
    row = {"source": "x", "id": "1", "published_at": available, "headline": "h", "available_at": available}
    return pa.table({name: [value] for name, value in row.items()})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda table: table.drop_columns(["volume"]), "without volume"),
        (lambda table: table.set_column(4, "close", pa.array([1.0, float("nan")])), "AAPL.XNAS close.*row 1"),
        (lambda table: table.set_column(0, "ts", pa.array([-1, 1]).cast(schemas.TIME)), "before 1970"),
        (lambda table: table.set_column(0, "ts", pa.array([None, 1]).cast(schemas.TIME)), "no time"),
    ],
)
@BOTH
def test_what_cannot_be_kept_is_refused_before_anything_is_written(root: Path, aapl, bars, change, told: str):
    with pytest.raises(InputError, match=told):
        writer.write_bars(root, aapl, "1d", change(bars(TWO)), "one")
    assert not storage.of(root).holds(root)


@BOTH
def test_a_second_writer_waits_and_then_says_who_is_in_the_way(root: Path, aapl, bars, monkeypatch):
    holding = "import sys, time\nfrom alphapulse_lib.catalog.publish import locked\n"
    holding += "from alphapulse_lib.location import location\n"
    holding += "with locked(location(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)\n"
    with subprocess.Popen([sys.executable, "-c", holding, str(root)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout and other.stdout.readline() == "held\n"
        monkeypatch.setattr("alphapulse_lib.catalog.publish.WAIT", 0.2)
        with pytest.raises(CatalogBusy, match=r"more than 0\.2 seconds"):
            writer.write_bars(root, aapl, "1d", bars(TWO), "one")
        other.kill()
    writer.write_bars(root, aapl, "1d", bars(TWO), "one")
    assert closes(root) == [10.0, 11.0]


#: Restates a series again and again; says so once, after the first time.
_RESTATING = """
import sys
import numpy as np, pyarrow as pa
from alphapulse_lib.catalog import reader, writer
from alphapulse_lib.location import location
from alphapulse_lib.model.instrument import Instrument
root, aapl = location(sys.argv[1]), Instrument("AAPL.XNAS")
table = reader.bar_floats(root, aapl.id, "1d")
table = table.append_column("available_at", table["ts"])
for number in range(100_000):
    close = pa.array(np.full(len(table), 10.0 + number % 7 / 10))
    changed = table.set_column(table.schema.get_field_index("close"), "close", close)
    writer.write_bars(root, aapl, "1d", changed, f"import {number}")
    if number == 1:
        print("restating", flush=True)
"""


@BOTH
def test_a_writer_killed_at_any_moment_leaves_whole_files(root: Path, aapl: Instrument, bars: Callable[..., pa.Table]):
    table = bars([(f"2013-01-{day:02} 21:00", 10.0) for day in (22, 23, 24, 25, 28, 29, 30, 31)])
    writer.write_instruments(root, [aapl])
    writer.write_bars(root, aapl, "1d", table, "first")
    for turn in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", _RESTATING, str(root)], stdout=subprocess.PIPE, text=True
        ) as other:
            assert other.stdout and other.stdout.readline() == "restating\n"
            time.sleep(0.011 * turn)
            other.kill()
        # At most a half-written file that nobody reads, which goes; nothing else may be wrong.
        assert {each.problem for each in integrity.check(root, repair=True)} <= {"was left by a writer that died"}
        assert integrity.check(root) == []
        assert len(set(closes(root))) == 1
        if isinstance(root, Path):
            assert len(ParquetDataCatalog(str(root)).query_bars([DAILY])) == 8
    writer.write_bars(root, aapl, "1d", table, "last")
    assert storage.of(root).leftovers(root) == []


@BOTH
def test_several_series_are_written_together_and_one_that_comes_twice_is_merged(
    root: PurePath, aapl: Instrument, bars: Callable[..., pa.Table]
):
    other, day = Instrument("MSFT.XNAS"), Period.parse("1d")
    writer.write_instruments(root, [aapl, other])
    later = bars([("2013-01-03 21:00", 12.0), ("2013-01-04 21:00", 13.0)])
    series = [
        writer.Bars(aapl, day, bars(TWO)),
        writer.Bars(other, day, bars(TWO)),
        writer.Bars(aapl, day, later, assumed=True),
    ]
    assert list(writer.write_series(root, series, "one")) == [
        Written(rows_new=2),
        Written(rows_new=2),
        Written(rows_new=1, rows_restated=1),
    ]
    assert closes(root) == [10.0, 12.0, 13.0]
    assert closes(root, as_of=clock.now_ns() - 86_400 * 10**9) == [10.0, 11.0, 13.0]
    assert reader.bar_floats(root, other.id, "1d", columns=["close"])["close"].to_pylist() == [10.0, 11.0]
    assert integrity.check(root) == []


def test_of_several_series_none_is_written_when_one_cannot_be(
    root: Path, aapl: Instrument, bars: Callable[..., pa.Table]
):
    wrong = bars(TWO).set_column(4, "close", pa.array([10.0, float("nan")]))
    series = [
        writer.Bars(aapl, Period.parse("1d"), bars(TWO)),
        writer.Bars(Instrument("MSFT.XNAS"), Period.parse("1d"), wrong),
    ]
    with pytest.raises(InputError, match=r"MSFT\.XNAS close"):
        list(writer.write_series(root, series, "one"))
    assert not list(root.rglob("*.parquet"))
