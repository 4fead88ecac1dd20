"""Queries that try to break out of the process they are locked in."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from alphapulse_lib.catalog import schemas, writer
from alphapulse_lib.errors import CatalogEmpty, QueryError
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.window import moment_ns
from alphapulse_lib.query.locked import Limits, answer

AAPL = Instrument("AAPL.XNAS")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("locked") / "it's a catalog"
    days = [f"2013-01-0{day} 21:00" for day in (2, 3, 4)]
    ts = pa.array([moment_ns(each) for each in days]).cast(schemas.TIME)
    close = [549.03, 542.1, 527.0]
    figures = dict.fromkeys(schemas.PRICES, close) | {"volume": [1e9] * 3}
    writer.write_instruments(root, [AAPL])
    writer.write_bars(root, AAPL, "1d", pa.table(figures | {"ts": ts, "available_at": ts}), "x")
    return root


def test_a_query_is_answered(root: Path):
    found = answer(root, "SELECT symbol, ts, close FROM bars_1d ORDER BY ts")
    assert found["close"].to_pylist() == [549.03, 542.1, 527.0]
    assert answer(root, "SELECT id FROM instruments")["id"].to_pylist() == ["AAPL.XNAS"]
    past = answer(root, "SELECT count(*) AS held FROM bars_1d", as_of=moment_ns("2013-01-03 21:00"))
    assert past["held"].to_pylist() == [2]


@pytest.mark.parametrize(
    "sql",
    [
        "FROM read_csv('/etc/passwd')",
        "FROM '/etc/passwd'",
        "FROM read_text('/etc/passwd')",
        "FROM read_blob('/proc/self/environ')",
        "FROM read_text('/proc/self/cmdline')",
        "FROM glob('/etc/*')",
        "FROM sniff_csv('/etc/passwd')",
        "FROM parquet_metadata('/etc/passwd')",
        "FROM read_json('/etc/passwd')",
        "FROM read_duckdb('/etc/passwd')",
        "FROM 'https://example.com/x.parquet'",
        "FROM read_parquet('s3://bucket/x.parquet')",
        "COPY (SELECT 1) TO '/tmp/out.csv'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '/tmp/out.csv'",
        "EXPORT DATABASE '/tmp/out'",
        "ATTACH '/tmp/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "LOAD '/tmp/x.duckdb_extension'",
        "SET enable_external_access = true",
        "RESET enable_external_access",
        "SET memory_limit = '100GB'",
        "PRAGMA enable_external_access = true",
        "CALL enable_logging()",
        "CREATE FUNCTION f() AS (SELECT 1)",
        "SELECT getenv('HOME')",
        "FROM roots",
        "FROM sys.argv",
        "FROM query('COPY (SELECT 1) TO ''/tmp/out.csv''')",
        "SELECT 1; SET memory_limit = '100GB'",
        "FROM arrow_scan(0, 0, 0)",
        "FROM python_map_function()",
        "FROM duckdb_secrets(x := 1)",
    ],
)
def test_no_way_out(root: Path, sql: str):
    with pytest.raises(QueryError):
        answer(root, sql)
    assert not Path("/tmp/out.csv").exists()


def test_a_file_of_the_catalog_that_no_view_shows_is_shut_too(root: Path):
    with pytest.raises(QueryError, match="Permission"):
        answer(root, f"FROM read_parquet('{str(root).replace("'", "''")}/instruments.parquet')")


def test_the_environment_holds_no_secret(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("APCA_API_SECRET_KEY", "hidden")
    settings = answer(root, "SELECT name, value FROM duckdb_settings()").to_pylist()
    assert "hidden" not in str(settings)
    assert {row["name"]: row["value"] for row in settings}["enable_external_access"] == "false"


@pytest.mark.parametrize(
    "sql",
    [
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
        "SELECT count(*) FROM range(10000000000000) a WHERE hash(a.range) = 1",
    ],
)
def test_a_query_without_an_end_is_stopped(root: Path, sql: str):
    with pytest.raises(QueryError, match=r"longer than 5 seconds|MB|Memory"):
        answer(root, sql, limits=Limits(seconds=5, memory=128))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT list(a.range || b.range) FROM range(100000) a, range(100000) b",
        "SELECT a.range, b.range FROM range(100000) a, range(100000) b ORDER BY hash(a.range + b.range)",
        "SELECT length(repeat('x', 4000000000))",
        "SELECT len(range(2000000000))",
        "SELECT DISTINCT hash(range) FROM range(1000000000)",
    ],
)
def test_memory_is_not_filled(root: Path, sql: str):
    with pytest.raises(QueryError, match=r"(?i)memory|MB|longer than|maximum|limit"):
        answer(root, sql, limits=Limits(seconds=20, memory=128))


def test_too_many_rows(root: Path):
    with pytest.raises(QueryError, match="more than 1,000 rows"):
        answer(root, "FROM range(1000000)", limits=Limits(rows=1000))


def test_an_empty_catalog(tmp_path: Path):
    with pytest.raises(CatalogEmpty, match="make up"):
        answer(tmp_path / "none", "SELECT 1")
