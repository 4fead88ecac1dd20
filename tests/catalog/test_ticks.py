"""Trades and quotes: three times, an import taken back, and NautilusTrader reading the files as its own."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from nautilus_trader.persistence import ParquetDataCatalog

from alphapulse_lib.catalog import layout, schemas, ticks, writer
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import InputError
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.window import Window, moment_ns

ES = Instrument("ES.XCME", price_precision=2)
AT = moment_ns("2013-09-02 14:30")


def trades(rows: list[tuple[int, float, float]], available: int | None = None, **more: list) -> pa.Table:
    ts = [stamp for stamp, _, _ in rows]
    return pa.table(
        {
            "ts": pa.array(ts, pa.int64()).cast(schemas.TIME),
            "price": [price for _, price, _ in rows],
            "size": [size for _, _, size in rows],
            "available_at": pa.array([available or stamp for stamp in ts], pa.int64()).cast(schemas.TIME),
            **more,
        }
    )


def quotes(rows: list[tuple[int, float, float]]) -> pa.Table:
    ts = pa.array([stamp for stamp, _, _ in rows]).cast(schemas.TIME)
    bid, ask = [row[1] for row in rows], [row[2] for row in rows]
    return pa.table(
        {
            "ts": ts,
            "bid": bid,
            "ask": ask,
            "bid_size": [1.0] * len(rows),
            "ask_size": [2.0] * len(rows),
            "available_at": ts,
        }
    )


def prices(root: Path, **asked: object) -> list[float]:
    return ticks.read(root, "trades", ES.id, **asked)["price"].to_pylist()


def test_nautilus_reads_trades_and_quotes_as_its_own(tmp_path: Path):
    sides = ["BUY", "SELL", "NO_AGGRESSOR"]
    rows = [(AT, 1640.25, 3.0), (AT, 1640.5, 1.0), (AT + 5, 1640.75, 2.0)]
    ticks.write_trades(tmp_path, ES, trades(rows, aggressor_side=sides, trade_id=["a", "b", "c"]), "x")
    ticks.write_quotes(tmp_path, ES, quotes([(AT, 1640.25, 1640.5), (AT, 1640.5, 1640.75)]), "x")
    catalog = ParquetDataCatalog(str(tmp_path))
    read = catalog.query_trade_ticks([ES.id])
    assert [(str(each.price), str(each.size), str(each.trade_id), each.ts_event) for each in read] == [
        ("1640.25", "3", "a", AT),
        ("1640.50", "1", "b", AT),
        ("1640.75", "2", "c", AT + 5),
    ]
    assert [each.aggressor_side.name for each in read] == sides
    assert str(read[0].instrument_id) == "ES.XCME"
    both = [
        (str(each.bid_price), str(each.ask_price), str(each.ask_size)) for each in catalog.query_quote_ticks([ES.id])
    ]
    assert both == [("1640.25", "1640.50", "2"), ("1640.50", "1640.75", "2")]


def test_what_nautilus_writes_has_the_same_columns(tmp_path: Path):
    import pyarrow.parquet as pq
    from nautilus_trader.model import AggressorSide, InstrumentId, Price, Quantity, QuoteTick, TradeId, TradeTick

    name, figures = InstrumentId.from_str(ES.id), (Price(1640.25, 2), Quantity(3, 0))
    (tmp_path / "theirs").mkdir()
    theirs = ParquetDataCatalog(str(tmp_path / "theirs"))
    theirs.write_trade_ticks([TradeTick(name, *figures, AggressorSide.BUY, TradeId("a"), AT, AT)])
    theirs.write_quote_ticks([QuoteTick(name, figures[0], figures[0], figures[1], figures[1], AT, AT)])
    ticks.write_trades(tmp_path / "ours", ES, trades([(AT, 1640.25, 3.0)], trade_id=["a"], aggressor_side=["BUY"]), "x")
    ticks.write_quotes(tmp_path / "ours", ES, quotes([(AT, 1640.25, 1640.25)]), "x")
    for kind in ticks.KINDS:
        [wanted], [written] = (list((tmp_path / who / "data" / kind / ES.id).iterdir()) for who in ("theirs", "ours"))
        schema = pq.read_schema(wanted)
        assert pq.read_schema(written).names[: len(schema.names)] == schema.names
        assert pq.read_schema(written).metadata == schema.metadata
        assert [pq.read_schema(written).field(each).type for each in schema.names] == schema.types


def test_three_times(tmp_path: Path):
    noon, evening = moment_ns("2013-09-02 17:00"), moment_ns("2013-09-02 22:00")
    day = moment_ns("2013-09-03")
    ticks.write_trades(tmp_path, ES, trades([(AT, 1640.25, 3.0)], trade_id=["a"]), "x", recorded_at=day)
    corrected = trades([(AT, 1641.25, 3.0)], evening, trade_id=["a"])
    merged = ticks.write_trades(tmp_path, ES, corrected, "y", recorded_at=2 * day - noon)
    assert (merged.new, merged.same, merged.restated) == (0, 0, 1)
    assert prices(tmp_path) == [1641.25]
    assert prices(tmp_path, as_of=noon) == [1640.25]
    assert prices(tmp_path, as_of=AT - 1) == []
    assert prices(tmp_path, recorded_as_of=day) == [1640.25]
    assert prices(tmp_path, recorded_as_of=day - 1) == []
    assert writer.remove_import(tmp_path, "y").trades == 1
    assert prices(tmp_path) == [1640.25]
    assert writer.remove_import(tmp_path, "x").trades == 1
    assert prices(tmp_path) == []
    assert layout.tick_folders(tmp_path, "trades") == []


def test_the_same_again_changes_nothing(tmp_path: Path):
    rows = [(AT, 1640.25, 3.0), (AT, 1640.25, 3.0), (AT, 1640.5, 3.0)]
    assert ticks.write_trades(tmp_path, ES, trades(rows), "x").new == 3
    again = ticks.write_trades(tmp_path, ES, trades(rows), "y")
    assert (again.new, again.same, again.restated) == (0, 3, 0)
    assert prices(tmp_path) == [1640.25, 1640.25, 1640.5]


def test_a_month_of_the_venues_calendar_a_file(tmp_path: Path):
    # 30 September, 23:30 in Chicago, is 1 October in UTC.
    late, next_month = moment_ns("2013-10-01 04:30"), moment_ns("2013-10-01 05:00")
    ticks.write_trades(tmp_path, ES, trades([(next_month, 3.0, 1.0), (AT, 1.0, 1.0), (late, 2.0, 1.0)]), "x")
    files = layout.parquet_files(layout.ticks_folder(tmp_path, "trades", ES.id))
    assert [each.name[:10] for each in files] == ["2013-09-01", "2013-10-01"]
    assert prices(tmp_path) == [1.0, 2.0, 3.0]
    assert prices(tmp_path, window=Window(late, late)) == [2.0]
    assert ticks.held(tmp_path, "trades", ES.id) == (3, AT, next_month)


def test_earlier_ticks_that_arrive_later_stand_in_their_place(tmp_path: Path):
    ticks.write_trades(tmp_path, ES, trades([(AT + 10, 2.0, 1.0)]), "x")
    ticks.write_trades(tmp_path, ES, trades([(AT, 1.0, 1.0)]), "y")
    assert prices(tmp_path) == [1.0, 2.0]
    assert len(ParquetDataCatalog(str(tmp_path)).query_trade_ticks([ES.id])) == 2


def test_a_personal_series_replaces_the_teams(tmp_path: Path):
    roots = Roots(tmp_path / "team", tmp_path / "own")
    ticks.write_trades(roots.team, ES, trades([(AT, 1.0, 1.0)]), "x")
    assert prices(roots) == [1.0]
    ticks.write_trades(roots.writable, ES, trades([(AT, 9.0, 1.0)]), "x")
    assert prices(roots) == [9.0]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (trades([(AT, 1.0, 1.0)]).drop_columns(["size"]), "without size"),
        (trades([(AT, float("nan"), 1.0)]), "cannot be kept"),
        (trades([(AT, 1.0, 1.0)], aggressor_side=["HUH"]), "side is 'HUH'"),
        (trades([(-5, 1.0, 1.0)]), "before 1970"),
    ],
)
def test_what_is_refused(tmp_path: Path, table: pa.Table, told: str):
    with pytest.raises(InputError, match=told):
        ticks.write_trades(tmp_path, ES, table, "x")
    assert prices(tmp_path) == []
