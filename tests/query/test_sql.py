from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alphapulse_lib.catalog import actions, datasets, floats, layout, reader, schemas, ticks, writer
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import CatalogDamaged, CatalogEmpty, QueryError
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.window import moment_ns
from alphapulse_lib.query import locked
from alphapulse_lib.query.sql import refusal, relation

AAPL, MSFT = Instrument("AAPL.XNAS", "Apple Inc."), Instrument("MSFT.XNAS")


def write(root: Path, instrument: Instrument, rows: list[tuple[str, float]], period: str = "1d") -> None:
    ts = pa.array([moment_ns(when) for when, _ in rows]).cast(schemas.TIME)
    close = [float(price) for _, price in rows]
    table = pa.table(dict.fromkeys(schemas.PRICES, close) | {"volume": [1e9] * len(rows), "ts": ts, "available_at": ts})
    writer.write_instruments(root, [instrument])
    writer.write_bars(root, instrument, period, table, "x")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three daily bars of two names, a minute, a split, and two articles with what they are about."""
    root = tmp_path / "it's a catalog"
    write(root, AAPL, [("2013-01-02 21:00", 549.03), ("2013-01-03 21:00", 542.1), ("2013-01-04 21:00", 527.0)])
    write(root, MSFT, [("2013-01-02 21:00", 27.62)])
    write(root, MSFT, [("2013-01-02 14:31", 27.25)], "1m")
    stamps = [moment_ns("2005-02-28 14:30")]
    split = {"instrument_id": ["AAPL.XNAS"], "kind": ["split"], "ex_date": [date(2005, 2, 28)], "ratio": [2.0]}
    actions.write(root, pa.table(split | {"available_at": stamps, "source": ["x"]}), "x")
    out = [moment_ns("2013-01-02 15:00"), moment_ns("2013-01-04 15:00")]
    ids = {"source": ["wire"] * 2, "published_at": out, "available_at": out}
    datasets.write(root, "articles", pa.table(ids | {"id": ["1", "2"], "headline": ["first", "second"]}), "x")
    about = {"article_id": ["1", "2"], "instrument_id": ["AAPL.XNAS"] * 2, "how": ["source"] * 2}
    datasets.write(root, "mentions", pa.table(ids | about), "x")
    return root


def answer(root: Path, sql: str, **moment: int) -> list[tuple]:
    return relation(root, sql, **moment).fetchall()


def test_every_view_is_there(root: Path):
    views = [
        "actions",
        "articles",
        "bars_1d",
        "bars_1m",
        "instruments",
        "listings",
        "mentions",
        "news",
        "quotes",
        "scores",
        "trades",
        "universe",
    ]
    assert answer(root, "SELECT name FROM (SHOW TABLES) ORDER BY 1") == [(name,) for name in views]
    told = {view: [row[0] for row in answer(root, f"DESCRIBE {view}")] for view in views}
    assert {view for view, columns in told.items() if "ts" not in columns} == {"instruments", "listings", "universe"}
    assert {view for view, columns in told.items() if "symbol" not in columns} == {"articles", "scores"}
    columns = [row[0] for row in answer(root, "DESCRIBE bars_1d")]
    assert columns[:8] == ["symbol", "instrument_id", "ts", "open", "high", "low", "close", "volume"]


def test_when_something_happened(root: Path):
    # The first moment of the ex-date in New York, and what the articles say of themselves.
    assert answer(root, "SELECT symbol, ts::VARCHAR, ex_date::VARCHAR FROM actions") == [
        ("AAPL", "2005-02-28 05:00:00+00", "2005-02-28")
    ]
    published = ["2013-01-02 15:00:00+00", "2013-01-04 15:00:00+00"]
    assert answer(root, "SELECT symbol, ts::VARCHAR FROM mentions ORDER BY ts") == [("AAPL", ts) for ts in published]
    assert answer(root, "SELECT symbol, ts::VARCHAR FROM news ORDER BY ts") == [("AAPL", ts) for ts in published]
    assert answer(root, "SELECT id, ts::VARCHAR FROM articles ORDER BY ts") == list(zip("12", published, strict=True))


def test_views_of_what_is_not_held_are_empty(tmp_path: Path):
    write(tmp_path, AAPL, [("2013-01-02 21:00", 549.03)])
    for view in ("trades", "quotes", "articles", "mentions", "scores", "news", "actions"):
        assert answer(tmp_path, f"FROM {view} WHERE ts > '2013-01-01'") == []
    assert answer(tmp_path, "SELECT symbol, max(price) FROM trades WHERE symbol = 'AAPL' GROUP BY ALL") == []


def test_bars(root: Path):
    rows = answer(root, "SELECT symbol, instrument_id, ts, close FROM bars_1d WHERE ts >= '2013-01-03' ORDER BY ts")
    assert rows == [
        ("AAPL", "AAPL.XNAS", datetime(2013, 1, 3, 21, tzinfo=UTC), 542.1),
        ("AAPL", "AAPL.XNAS", datetime(2013, 1, 4, 21, tzinfo=UTC), 527.0),
    ]
    assert answer(root, "SELECT sum(close * volume)::BIGINT FROM bars_1d WHERE symbol = 'MSFT'") == [(27_620_000_000,)]
    assert answer(root, "SELECT year(ts), date_trunc('month', ts)::DATE FROM bars_1m") == [(2013, date(2013, 1, 1))]


def test_the_frames_a_relation_gives(root: Path):
    found = relation(root, "SELECT ts, close FROM bars_1d WHERE symbol = 'AAPL' ORDER BY ts")
    assert found.df()["close"].tolist() == found.pl()["close"].to_list() == [549.03, 542.1, 527.0]
    assert found.to_arrow_table()["close"].to_pylist() == [549.03, 542.1, 527.0]
    assert str(found.df()["ts"].dtype) == "datetime64[us, UTC]"


def test_instruments_and_actions(root: Path):
    assert answer(root, "SELECT id, symbol, name, price_precision FROM instruments ORDER BY id") == [
        ("AAPL.XNAS", "AAPL", "Apple Inc.", 4),
        ("MSFT.XNAS", "MSFT", "", 4),
    ]
    assert answer(root, "SELECT kind, ex_date, ratio, amount FROM actions") == [("split", date(2005, 2, 28), 2.0, None)]


def test_news_beside_bars(root: Path):
    rows = answer(
        root,
        """
        SELECT b.close, n.symbol, n.headline
        FROM bars_1d b
        ASOF JOIN news n ON b.instrument_id = n.instrument_id AND b.ts >= n.available_at
        ORDER BY b.ts
        """,
    )
    assert rows == [(549.03, "AAPL", "first"), (542.1, "AAPL", "first"), (527.0, "AAPL", "second")]


def test_a_bar_sees_the_words_that_were_out_by_then(root: Path):
    stamps = {"published_at": [moment_ns("2013-01-02 15:00")], "available_at": [moment_ns("2013-01-03 16:00")]}
    words = {"source": ["wire"], "id": ["1"], "headline": ["first, corrected"]}
    about = {"source": ["wire"], "article_id": ["1"], "instrument_id": ["AAPL.XNAS"], "how": ["source"]}
    datasets.write(root, "articles", pa.table(words | stamps), "y")
    datasets.write(root, "mentions", pa.table(about | stamps), "y")
    join = """
        SELECT n.headline, n.published_at
        FROM bars_1d b
        ASOF JOIN news n ON b.instrument_id = n.instrument_id AND b.ts >= n.available_at
        ORDER BY b.ts
        """
    first, second = datetime(2013, 1, 2, 15, tzinfo=UTC), datetime(2013, 1, 4, 15, tzinfo=UTC)
    assert answer(root, join) == [("first", first), ("first, corrected", first), ("second", second)]
    before = answer(root, "SELECT headline FROM news ORDER BY available_at", as_of=moment_ns("2013-01-03 15:59"))
    assert before == [("first",)]
    assert answer(root, "FROM news", recorded_as_of=moment_ns("2013-02-01")) == []


def test_a_person_reads_the_news_in_their_own_version(root: Path, tmp_path: Path):
    roots = Roots(root, tmp_path / "own")
    stamps = [moment_ns("2013-01-04 15:00")]
    row = {"source": ["wire"], "id": ["2"], "headline": ["mine"], "published_at": stamps, "available_at": stamps}
    datasets.write(roots.writable, "articles", pa.table(row), "x")
    rows = relation(roots, "SELECT headline FROM news ORDER BY available_at").fetchall()
    assert rows == [("first",), ("mine",)]


def test_as_of_a_moment(root: Path):
    write(root, AAPL, [("2013-01-03 21:00", 999.0)])
    revised = {"source": ["wire"], "id": ["1"], "headline": ["first, corrected"]}
    stamps = {"published_at": [moment_ns("2013-01-02 15:00")], "available_at": [moment_ns("2013-01-03 16:00")]}
    datasets.write(root, "articles", pa.table(revised | stamps), "y")
    closes = "SELECT close FROM bars_1d WHERE symbol = 'AAPL' ORDER BY ts"
    assert answer(root, closes) == [(549.03,), (999.0,), (527.0,)]
    assert answer(root, closes, as_of=moment_ns("2013-01-03 21:00")) == [(549.03,), (542.1,)]
    headlines = "SELECT headline FROM articles ORDER BY published_at"
    assert answer(root, headlines) == [("first, corrected",), ("second",)]
    assert answer(root, headlines, as_of=moment_ns("2013-01-03 15:00")) == [("first",)]
    assert answer(root, closes, recorded_as_of=moment_ns("2013-02-01")) == []


def test_a_personal_root_over_the_teams(root: Path, tmp_path: Path):
    roots = Roots(root, tmp_path / "own")
    write(roots.writable, AAPL, [("2013-01-02 21:00", 1.0)])
    row = {"source": ["wire"], "id": ["2"], "headline": ["mine"]}
    stamps = [moment_ns("2013-01-04 15:00")]
    datasets.write(roots.writable, "articles", pa.table(row | {"published_at": stamps, "available_at": stamps}), "x")
    assert relation(roots, "SELECT symbol, close FROM bars_1d ORDER BY 1").fetchall() == [
        ("AAPL", 1.0),
        ("MSFT", 27.62),
    ]
    assert relation(roots, "SELECT headline FROM articles ORDER BY 1").fetchall() == [("first",), ("mine",)]


def test_shared_symbols_and_currency_pairs(root: Path):
    write(root, Instrument("AAPL.XETR", currency="EUR"), [("2013-01-02 16:30", 400.0)])
    write(root, Instrument("EUR/USD.IDEALPRO"), [("2013-01-02 22:00", 1.3185)])
    rows = answer(root, "SELECT DISTINCT symbol, instrument_id FROM bars_1d ORDER BY 1")
    assert rows == [
        ("AAPL.XETR", "AAPL.XETR"),
        ("AAPL.XNAS", "AAPL.XNAS"),
        ("EUR/USD", "EUR/USD.IDEALPRO"),
        ("MSFT", "MSFT.XNAS"),
    ]


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELEC 1", 'syntax error at or near "SELEC"'),
        (
            "SELECT * FROM bars_2d",
            "(?s)bars_2d does not exist.*The catalog's views: actions, articles, bars_1d, bars_1m",
        ),
        ("SELECT clos FROM bars_1d", '(?s)"clos" not found.*"close"'),
        ("SELECT 1; SELECT 2", "One reading statement"),
        ("", "One reading statement"),
        ("CREATE TABLE mine AS SELECT 1", "never written by SQL"),
        ("COPY (SELECT 1) TO 'x.csv'", "never written by SQL"),
        ("DROP VIEW bars_1d", "never written by SQL"),
        ("ATTACH 'x.db'", "never written by SQL"),
        ("INSERT INTO instruments VALUES (1)", "never written by SQL"),
        ("EXPLAIN ANALYZE COPY (SELECT 1) TO 'x.csv'", "never written by SQL"),
        ("explain (analyze, format json) COPY (SELECT 1) TO 'x.csv'", "never written by SQL"),
        ("EXPLAIN /* (SELECT 1) */ ANALYZE COPY (SELECT 1) TO 'x.csv'", "syntax error"),
    ],
)
def test_what_duckdb_or_we_refuse(root: Path, sql: str, told: str):
    with pytest.raises(QueryError, match=told):
        relation(root, sql)


@pytest.mark.parametrize("how", ["EXPLAIN", "explain analyze", "EXPLAIN (ANALYZE, FORMAT json)"])
def test_a_query_is_explained(root: Path, how: str):
    assert "bars_1d" in str(answer(root, f"{how} SELECT 'bars_1d', close FROM bars_1d"))


def read_by(root: Path, sql: str, **moment: int) -> tuple[int, int]:
    """How many files and row groups DuckDB read for a query, by its own account."""
    plan = answer(root, f"EXPLAIN ANALYZE {sql}", **moment)[0][1]
    files = re.search(r"Total Files Read: (\d+)", plan)
    groups = re.search(r"Row Groups Scanned: (\d+) /", plan)
    return int(files[1]) if files else 0, int(groups[1]) if groups else 0


def test_other_instruments_and_other_years_are_not_read(tmp_path: Path):
    root, known = tmp_path / "catalog", [Instrument(f"N{number}.XNAS") for number in range(12)]
    known += [Instrument("EUR/USD.IDEALPRO"), Instrument("N3.XNYS")]
    for each in known:
        write(root, each, [("2013-01-02 14:31", 1.0), ("2014-01-02 14:31", 2.0)], "1m")
    assert read_by(root, "SELECT sum(close) FROM bars_1m") == (28, 28)
    assert read_by(root, "SELECT sum(close) FROM bars_1m WHERE symbol = 'N5'") == (2, 2)
    assert read_by(root, "SELECT sum(close) FROM bars_1m WHERE symbol IN ('N3.XNYS', 'EUR/USD')") == (4, 4)
    assert read_by(root, "SELECT sum(close) FROM bars_1m WHERE instrument_id = 'N3.XNAS'") == (2, 2)
    year = "ts BETWEEN '2014-01-01' AND '2014-12-31'"
    one = f"SELECT sum(close) FROM bars_1m WHERE symbol = 'N5' AND {year}"
    assert read_by(root, one) == (2, 1)
    assert answer(root, one) == [(2.0,)]
    assert read_by(root, one, as_of=moment_ns("2015-01-01"))[0] == 2
    assert answer(root, one, as_of=moment_ns("2014-01-01")) == [(None,)]


def test_trades_and_quotes(tmp_path: Path):
    root, at = tmp_path / "catalog", moment_ns("2013-09-02 14:30")
    known = [Instrument("ES.XCME", price_precision=2), Instrument("NQ.XCME", price_precision=2)]
    writer.write_instruments(root, known)
    times = dict.fromkeys(("ts", "available_at"), pa.array([at, at + 1, at + 2]).cast(schemas.TIME))
    figures = {"price": [1640.25, 1640.5, 1640.75], "size": [3.0, 1.0, 2.0]}
    both = {"bid": [1.0, 2.0, 3.0], "ask": [2.0, 3.0, 4.0], "bid_size": [1.0] * 3, "ask_size": [1.0] * 3}
    for each in known:
        ticks.write_trades(root, each, pa.table(times | figures), "x")
        ticks.write_quotes(root, each, pa.table(times | both), "x")
    # Hand computation: (1640.25 * 3 + 1640.5 + 1640.75 * 2) / 6
    price = "SELECT sum(price * size) / sum(size) FROM trades WHERE symbol = 'ES'"
    assert answer(root, price)[0][0] == pytest.approx(9842.75 / 6)
    assert read_by(root, price) == (1, 1)
    quoted = answer(root, "SELECT bid, ask FROM quotes WHERE symbol = 'NQ' ORDER BY ts_ns", as_of=at + 1)
    assert quoted == [(1.0, 2.0), (2.0, 3.0)]


def test_the_files_own_decimals(root: Path):
    rows = answer(root, "SELECT symbol, close, typeof(close) FROM exact.bars_1d WHERE ts >= '2013-01-04'")
    assert rows == [("AAPL", Decimal("527"), "DECIMAL(38,16)")]


def test_a_bound_is_kept_to_the_nanosecond(tmp_path: Path):
    root, moment = tmp_path / "catalog", moment_ns("2013-01-02 21:00")
    ts, available = (pa.array([each]).cast(schemas.TIME) for each in (moment, moment + 500))
    figures = {name: [1.0] for name in schemas.FIGURES}
    writer.write_instruments(root, [AAPL])
    writer.write_bars(root, AAPL, "1d", pa.table(figures | {"ts": ts, "available_at": available}), "x")
    assert answer(root, "SELECT count(*) FROM bars_1d", as_of=moment + 499) == [(0,)]
    assert answer(root, "SELECT count(*) FROM bars_1d", as_of=moment + 500) == [(1,)]


def test_our_own_variables_are_no_tables(root: Path):
    with pytest.raises(QueryError, match="does not exist"):
        relation(root, "SELECT * FROM index")


def test_an_empty_catalog(tmp_path: Path):
    with pytest.raises(CatalogEmpty, match="make up"):
        relation(tmp_path / "none", "SELECT 1")


def without_floats(root: Path) -> None:
    """As an AlphaPulse of format 1 wrote it."""
    for path in layout.bar_files(root):
        pq.write_table(pq.ParquetFile(path).read().drop_columns([*floats.COLUMNS]), path)


EVERYTHING = f"SELECT symbol, instrument_id, ts, {', '.join(schemas.FIGURES)}, recorded_at FROM bars_1d ORDER BY ALL"


def test_bars_of_a_catalog_of_format_1(root: Path):
    restated = pa.array([moment_ns("2013-01-04 22:00")]).cast(schemas.TIME)
    row = {key: [528.0] for key in schemas.PRICES} | {"volume": [1.0], "available_at": restated}
    writer.write_bars(root, AAPL, "1d", pa.table(row | {"ts": pa.array([moment_ns("2013-01-04 21:00")])}), "y")
    past = {"as_of": moment_ns("2013-01-04 21:30")}
    now, then = answer(root, EVERYTHING), answer(root, EVERYTHING, **past)
    frame = reader.bar_floats(root, "AAPL.XNAS", "1d")
    assert now != then
    without_floats(root)
    (root / "catalog.json").write_text('{"format": 1}')
    assert answer(root, EVERYTHING) == now and answer(root, EVERYTHING, **past) == then
    assert reader.bar_floats(root, "AAPL.XNAS", "1d") == frame
    # One root of each format, side by side.
    write(root.parent / "own", MSFT, [("2013-01-02 21:00", 27.62)])
    assert [row[:4] for row in relation(Roots(root, root.parent / "own"), EVERYTHING).fetchall()] == [
        r[:4] for r in now
    ]


def test_a_file_without_floats_is_not_taken_for_one_without_prices(root: Path):
    without_floats(root)
    with pytest.raises(CatalogDamaged, match=r"lacks open_float(.|\n)*alphapulse check --repair"):
        answer(root, "SELECT close FROM bars_1d")
    assert answer(root, "SELECT count(*) FROM exact.bars_1d WHERE close > 0") == [(4,)]
    assert reader.bar_floats(root, "AAPL.XNAS", "1d")["close"].to_pylist() == [549.03, 542.1, 527.0]


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def without(*columns: str) -> Callable[[Path], None]:
    return lambda path: pq.write_table(pq.ParquetFile(path).read().drop_columns([*columns]), path)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (without("available_at"), "lacks available_at[.]"),
        (without("recorded_at"), "lacks recorded_at[.]"),
        (without("ts_event"), "lacks ts_event[.]"),
        (lambda path: pq.write_table(pa.table({"close": [1.0]}), path), "lacks ts_event, open_float"),
        (torn, "is no whole Parquet file"),
        (lambda path: path.write_text("symbol,close"), "is no whole Parquet file"),
        (lambda path: path.write_bytes(b""), "is no whole Parquet file"),
    ],
)
@pytest.mark.parametrize("query", ["count(*) FROM bars_1d", "sum(close) FROM BARS_1D WHERE ts > '2000-01-01'"])
def test_a_file_that_is_not_what_it_should_be_is_never_left_out_of_an_answer(
    root: Path, harm: Callable[[Path], None], told: str, query: str
):
    [path] = reader.bar_files(root, "AAPL.XNAS", "1d")
    harm(path)
    for moment in ({}, {"as_of": moment_ns("2013-01-04")}):
        with pytest.raises(CatalogDamaged, match=f"{re.escape(str(path))} {told}(.|\n)*`alphapulse check`"):
            relation(root, f"SELECT {query}", **moment)
        # Whoever asks for another name, or another view, is answered.
        assert answer(root, f"SELECT {query.partition(' WHERE')[0]} WHERE symbol = 'MSFT'", **moment)[0][0] in (
            1,
            27.62,
        )
        assert answer(root, "SELECT close FROM bars_1m", **moment) == [(27.25,)]
        assert answer(root, "DESCRIBE bars_1d", **moment)
        with pytest.raises(CatalogDamaged, match=told):
            relation(root, f"EXPLAIN ANALYZE SELECT {query}", **moment)


def test_ticks_of_a_file_without_a_moment_are_no_answer(tmp_path: Path):
    ts = pa.array([moment_ns("2013-01-02 21:00")]).cast(schemas.TIME)
    writer.write_instruments(tmp_path, [AAPL])
    ticks.write_trades(tmp_path, AAPL, pa.table({"ts": ts, "available_at": ts, "price": [1.0], "size": [2.0]}), "x")
    [(_, path)] = ticks.files(tmp_path, "trades")
    without("conditions")(path)
    assert answer(tmp_path, "SELECT price FROM trades") == [(1.0,)]
    without("available_at")(path)
    with pytest.raises(CatalogDamaged, match="lacks available_at"):
        relation(tmp_path, "SELECT price FROM trades")


def test_a_page_that_is_torn_in_mid_file_is_told_as_a_damaged_file(root: Path):
    """DuckDB names no file of it, and only when it comes to the page."""
    [path] = reader.bar_files(root, "AAPL.XNAS", "1d")
    file = pq.ParquetFile(path)
    column = file.metadata.row_group(0).column(file.schema.names.index("close_float"))
    content, start = bytearray(path.read_bytes()), column.dictionary_page_offset or column.data_page_offset
    content[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(content)
    with pytest.raises(duckdb.Error) as met:
        answer(root, "SELECT sum(close) FROM bars_1d")
    assert isinstance(refusal(Roots(root), met.value), CatalogDamaged)
    with pytest.raises(CatalogDamaged, match="`alphapulse check` finds out which"):
        locked.answer(root, "SELECT sum(close) FROM bars_1d")


@pytest.mark.parametrize(("place", "bit", "why"), [(3, 1, "Page sizes must be >= 0"), (19, 8, "attempted to read")])
def test_a_flipped_bit_in_the_head_of_a_page_is_told_as_the_file_that_has_it(
    root: Path, place: int, bit: int, why: str
):
    """Its footer is as it was, and DuckDB speaks of an input, as it does of a query."""
    path, torn = (reader.bar_files(root, each, "1d")[0] for each in ("MSFT.XNAS", "AAPL.XNAS"))
    file = pq.ParquetFile(path)
    column = file.metadata.row_group(0).column(file.schema.names.index("close_float"))
    content, start = bytearray(path.read_bytes()), column.dictionary_page_offset or column.data_page_offset
    content[start + place] ^= bit
    path.write_bytes(content)
    torn.write_bytes(torn.read_bytes()[:-50])  # which the query leaves shut
    with pytest.raises(duckdb.Error) as met:
        answer(root, "SELECT close FROM bars_1d WHERE symbol = 'MSFT'")
    refused = refusal(Roots(root), met.value)
    assert isinstance(refused, CatalogDamaged) and refused.message.startswith(f"{path} cannot be read: {why}")
    with pytest.raises(CatalogDamaged, match=r"(?s)MSFT\.XNAS-1-DAY.*import its data again"):
        locked.answer(root, "SELECT close FROM bars_1d WHERE symbol = 'MSFT'")


def test_a_float_is_the_nearest_to_its_decimal(tmp_path: Path):
    random = np.random.default_rng(3)
    prices = np.round(np.exp(random.uniform(-4, 20, 20_000)), 4)
    days = moment_ns("1971-01-01") + np.arange(20_000) * 86_400 * 10**9
    write(
        tmp_path,
        AAPL,
        [(str(np.datetime64(int(day), "ns"))[:16], price) for day, price in zip(days, prices, strict=True)],
    )
    rows = answer(tmp_path, "SELECT f.close, e.close FROM bars_1d f JOIN exact.bars_1d e USING (ts)")
    assert len(rows) == 20_000 and all(found == float(exact) for found, exact in rows)
