"""A catalog in an object store, against a real S3-speaking server: what a desk does all day."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Barrier

import pandas as pd
import pytest
from desk_in_a_store import SYMBOLS, TABLE, daily
from object_store import Edge, ObjectStore

import alphapulse_lib as ap
from alphapulse_lib import clock
from alphapulse_lib.catalog import layout, reader
from alphapulse_lib.catalog.publish import locked, publish_table
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import (
    CatalogEmpty,
    QueryError,
)
from alphapulse_lib.location import ObjectPath
from alphapulse_lib.query import locked as locked_sql

#: The root is a bucket's, and the settings' catalog.
pytestmark = pytest.mark.parametrize("root", ["store"], indirect=True)


def test_a_day_of_a_desk(root: ObjectPath, tmp_path: Path):
    """Ingest, ask, restate, look back, take back: the numbers are those of the files, by pandas alone."""
    first, second = daily(tmp_path), daily(tmp_path, add=1.0)
    told = pd.read_csv(first)
    with pytest.raises(CatalogEmpty, match="s3://"):
        ap.bars("ACME", "1d")
    report = ap.ingest("files", first, period="1d")
    assert report.written == len(told)
    moment = clock.now_ns()
    expected = told[told.symbol == "BOLT"].close.to_list()
    assert ap.bars("BOLT", "1d").close.to_list() == expected
    assert ap.prices(["ACME", "BOLT", "CORE"], "1d").shape == (250, 3)
    again = ap.ingest("files", second, period="1d")
    assert (again.restated, again.written) == (len(told), 0)
    assert ap.bars("BOLT", "1d").close.to_list() == [each + 1 for each in expected]
    held = pd.Timestamp(moment, tz="UTC")
    assert ap.bars("BOLT", "1d", recorded_as_of=held).close.to_list() == expected
    query = "SELECT symbol, sum(close) AS total FROM bars_1d GROUP BY symbol ORDER BY symbol"
    totals = told.groupby("symbol").close.sum()
    assert ap.sql(query, recorded_as_of=held).df().total.to_list() == pytest.approx(totals.to_list())
    assert ap.sql(query).df().total.to_list() == pytest.approx((totals + 250).to_list())
    assert ap.coverage("ACME", "1d").complete
    assert ap.check().empty
    ap.revert(again.id)
    assert ap.bars("BOLT", "1d").close.to_list() == expected
    assert ap.check().empty and not layout.superseded_files(root, "bars")
    ap.revert(report.id)
    assert not layout.all_parquet(root / "data") and ap.check().empty


def test_the_command_line_says_the_same(root: ObjectPath, tmp_path: Path):
    def run(*words: str) -> str:
        command = [sys.executable, "-c", "from alphapulse_lib.cli import main; main()", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("ingest", "files", str(daily(tmp_path)), "--period", "1d")
    assert json.loads(run("check", "--json")) == []
    assert "250" in run("coverage", "ACME", "1d")


def test_a_backtest_reads_it(root: ObjectPath, tmp_path: Path):
    from alphapulse_lib.engine.strategies import SmaCross

    path = daily(tmp_path)
    ap.ingest("files", path, period="1d")
    asked = {"params": {"fast": 5, "slow": 20}, "cash": 100_000}
    run = ap.backtest(SmaCross, "ACME", "1d", **asked)
    os.environ["ALPHAPULSE_CATALOG"] = str(tmp_path / "folder")  # which monkeypatch puts back
    ap.ingest("files", path, period="1d")
    assert run.stats["end_equity"] == ap.backtest(SmaCross, "ACME", "1d", **asked).stats["end_equity"]
    assert run.stats["trades"] > 0


def test_a_query_opens_only_what_it_names(edge: Edge, root: ObjectPath, tmp_path: Path):
    ap.ingest("files", daily(tmp_path), period="1d")

    def opened(ask: Callable[[], object]) -> set[str]:
        edge.seen.clear()
        ask()
        return {Path(path).parent.name.partition(".")[0] for path in edge.asked("GET", ".parquet") if "/bars/" in path}

    assert opened(lambda: reader.bar_table(root, "BOLT.XNAS", "1d")) == {"BOLT"}
    assert len(edge.seen) <= 4  # listed, and read in one request
    assert opened(lambda: ap.sql("SELECT sum(close) FROM bars_1d WHERE symbol = 'BOLT'").fetchall()) == {"BOLT"}
    named = "SELECT symbol, sum(close) FROM bars_1d WHERE symbol IN ('BOLT', 'CORE') GROUP BY 1"
    assert opened(lambda: ap.sql(named).fetchall()) == {"BOLT", "CORE"}
    assert opened(lambda: ap.sql("SELECT count(*) FROM bars_1d WHERE volume > 0").fetchall()) == set(SYMBOLS)
    # One request an object, however often DuckDB opens it.
    assert max(Counter(edge.asked("GET", ".parquet")).values()) == 1


def test_several_names_are_asked_for_at_a_time(edge: Edge, root: ObjectPath, tmp_path: Path):
    """No file is answered before all three are asked for: who asked for one after the other would wait in vain."""
    path = daily(tmp_path)
    ap.ingest("files", path, period="1d")
    meeting = Barrier(3, timeout=60)

    def together(method: str, path: str) -> str:
        if method == "GET" and "/bars/" in path and path.endswith(".parquet"):
            meeting.wait()
        return ""

    edge.harm = together
    table = ap.prices(SYMBOLS, "1d")
    assert not meeting.broken
    told = pd.read_csv(path)
    for symbol in SYMBOLS:
        assert table[symbol].to_list() == told[told.symbol == symbol].close.to_list()


def test_locked_sql_reads_the_root_and_nothing_else(root: ObjectPath, object_store: ObjectStore, tmp_path: Path):
    ap.ingest("files", daily(tmp_path), period="1d")
    other = object_store.bucket()
    with locked(other):
        publish_table(other, other / "secret.parquet", TABLE)
    counted = locked_sql.answer(Roots(root), "SELECT count(*) AS bars FROM bars_1d WHERE symbol = 'ACME'")
    assert counted.to_pylist() == [{"bars": 250}]
    for reached in (other / "secret.parquet", root / "instruments.parquet"):
        with pytest.raises(QueryError, match="Cannot access file"):
            locked_sql.answer(Roots(root), f"SELECT * FROM read_parquet('{reached}')")
    with pytest.raises(QueryError, match="getenv does not exist"):
        locked_sql.answer(Roots(root), "SELECT getenv('AWS_SECRET_ACCESS_KEY')")


def test_sql_of_a_person_reaches_no_other_object_either(root: ObjectPath, object_store: ObjectStore, tmp_path: Path):
    ap.ingest("files", daily(tmp_path), period="1d")
    other = object_store.bucket()
    with locked(other):
        publish_table(other, other / "secret.parquet", TABLE)
    with pytest.raises(QueryError, match="No files found"):
        ap.sql(f"SELECT * FROM read_parquet('{other}/secret.parquet')")
