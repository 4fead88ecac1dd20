"""A catalog in an object store, against a real S3-speaking server: what a folder gives by renames, conditions give."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from object_store import Edge, ObjectStore

import alphapulse_lib as ap
from alphapulse_lib import clock
from alphapulse_lib.catalog import integrity, layout, lease, objects, reader, storage, writer
from alphapulse_lib.catalog.parquet import whole
from alphapulse_lib.catalog.publish import locked, publish_bytes, publish_table, withdraw
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.errors import (
    CatalogBusy,
    CatalogChanged,
    CatalogEmpty,
    CatalogError,
    CatalogReadOnly,
    CatalogUnreachable,
    QueryError,
)
from alphapulse_lib.location import ObjectPath
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.query import locked as locked_sql
from alphapulse_lib.query.sql import told

TABLE = pa.table({"a": [1, 2, 3]})
SYMBOLS = ("ACME", "BOLT", "CORE")


@pytest.fixture
def edge(object_store: ObjectStore, bucket: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edge]:
    """The network between this test and the store."""
    between = Edge(object_store)
    monkeypatch.setenv("AWS_ENDPOINT_URL", between.url)
    yield between
    between.close()


@pytest.fixture
def root(bucket: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> ObjectPath:
    """The settings' catalog."""
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(bucket))
    return bucket


def daily(folder: Path, *, days: int = 250, add: float = 0.0) -> Path:
    """A file of bars as a person has it."""
    calendar = sessions("XNAS").days[9_000 : 9_000 + days].astype(str)
    frames = []
    for number, symbol in enumerate(SYMBOLS):
        close = np.round(50 + number + add + np.random.default_rng(number).random(days), 2)
        frames.append(
            pd.DataFrame({"symbol": symbol, "venue": "XNAS", "date": calendar, "open": close, "high": close + 1,
                          "low": close - 1, "close": close, "volume": 1000})
        )  # fmt: skip
    path = folder / f"daily-{days}-{add}.csv"
    pd.concat(frames).to_csv(path, index=False)
    return path


def closes(root: ObjectPath, symbol: str = "ACME", **moment: int) -> list[float]:
    return reader.bar_floats(root, f"{symbol}.XNAS", "1d", columns=["close"], **moment)["close"].to_pylist()


def elsewhere(root: ObjectPath, seconds: float, expected: str | None = None) -> str:
    """A writer on another machine has the lease; the version it left."""
    content = {"owner": "another", "lease": seconds, "process": "there:1:1", "machine": "another"}
    lock = root / "catalog.lock"
    return objects.store_of(lock.bucket).put(lock.key, json.dumps(content).encode(), expected)


def lock_version(root: ObjectPath) -> str:
    found = objects.store_of(root.bucket).head((root / "catalog.lock").key)
    assert found
    return found[0]


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


def test_a_writer_of_another_machine_is_waited_for_and_its_lease_expires(root: ObjectPath):
    with locked(root):
        publish_table(root, root / "a.parquet", TABLE)
    elsewhere(root, 1.0, lock_version(root))
    assert storage.of(root).is_locked(root)
    with pytest.raises(CatalogBusy, match=r"there:1:1.*more than 0\.2 seconds"), locked(root, 0.2):
        pass
    began = time.monotonic()
    with locked(root):
        publish_table(root, root / "b.parquet", TABLE)
    assert time.monotonic() - began > 0.9  # it may well have been alive until then
    assert storage.exists(root / "b.parquet")


def test_who_renews_its_lease_keeps_it(root: ObjectPath, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lease, "LEASE", 0.6)
    monkeypatch.setattr(lease, "_machine", lambda: "")
    refused = []

    def other() -> None:
        try:
            lease.Claim.wait(objects.store_of(root.bucket), (root / "catalog.lock").key, "the catalog", 2.5).release()
        except CatalogBusy as busy:
            refused.append(busy)

    with locked(root):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        publish_table(root, root / "a.parquet", TABLE)
    assert len(refused) == 1
    other()
    assert len(refused) == 1


def test_a_slow_writer_that_lost_its_lease_overwrites_nothing(root: ObjectPath, monkeypatch: pytest.MonkeyPatch):
    path = root / "data" / "x.parquet"
    with locked(root):
        publish_table(root, path, TABLE)
    newer = pa.table({"a": [9]})
    with locked(root):
        assert whole(path).equals(TABLE)
        # Another machine takes over while this one is stopped, and writes.
        elsewhere(root, 60.0, lock_version(root))
        sink = pa.BufferOutputStream()
        pa.parquet.write_table(newer, sink)
        store = objects.store_of(root.bucket)
        store.put(path.key, sink.getvalue().to_pybytes(), store.head(path.key)[0])
        with pytest.raises(CatalogChanged, match=r"(?s)x\.parquet changed meanwhile.*nothing was lost"):
            publish_table(root, path, pa.table({"a": [1, 2, 3, 4]}))
        with pytest.raises(CatalogChanged):
            withdraw(path)
    assert whole(path).equals(newer)
    # The lease it had no more is not given up in the other one's name.
    assert storage.of(root).is_locked(root)


def test_a_writer_that_was_not_heard_of_writes_no_more(root: ObjectPath, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lease, "LEASE", 0.5)
    with locked(root):
        publish_table(root, root / "a.parquet", TABLE)
        monkeypatch.setattr(lease.Claim, "_keep", lambda self: None)
    with locked(root):
        time.sleep(0.7)
        with pytest.raises(CatalogBusy, match=r"lost the catalog.*writes no more"):
            publish_table(root, root / "b.parquet", TABLE)
    assert not storage.exists(root / "b.parquet")


def test_an_object_put_behind_our_back_is_not_overwritten(root: ObjectPath):
    store, path = objects.store_of(root.bucket), root / "new.parquet"
    with locked(root):
        assert not storage.exists(path)
        store.put(path.key, b"somebody's", None)
        with pytest.raises(CatalogChanged):
            publish_table(root, path, TABLE)
    assert storage.read(path) == b"somebody's"


def test_puts_that_fail_at_the_edge(edge: Edge, root: ObjectPath):
    path = root / "data" / "x.parquet"
    with locked(root):
        publish_bytes(root, path, b"before")
    times: Counter[str] = Counter()

    def harmed(kind: str, count: int) -> Callable[[str, str], str]:
        times.clear()

        def harm(method: str, asked: str) -> str:
            if method != "PUT" or not asked.endswith("x.parquet"):
                return ""
            times[kind] += 1
            return kind if times[kind] <= count else ""

        return harm

    for kind in ("refuse", "swallow", "cut request"):
        edge.harm = harmed(kind, 1)
        with locked(root):
            publish_bytes(root, path, kind.encode())
        assert (storage.read(path), times[kind]) == (kind.encode(), 2 if kind != "swallow" else times[kind])
    for kind in ("refuse", "cut request"):
        edge.harm = harmed(kind, 1000)
        with locked(root), pytest.raises(CatalogUnreachable, match=r"x\.parquet"):
            publish_bytes(root, path, b"never")
        edge.harm = lambda method, asked: ""
        assert storage.read(path) == b"cut request"
    with locked(root):
        publish_bytes(root, path, b"after")
    assert storage.read(path) == b"after"


def test_answers_cut_at_the_edge_are_never_taken_for_whole(edge: Edge, root: ObjectPath):
    with locked(root):
        publish_table(root, root / "x.parquet", TABLE)
    cut = Counter[str]()

    def once(method: str, asked: str) -> str:
        cut[method] += asked.endswith("x.parquet")
        return "cut answer" if method == "GET" and asked.endswith("x.parquet") and cut[method] == 1 else ""

    edge.harm = once
    assert whole(root / "x.parquet").equals(TABLE)
    edge.harm = lambda method, asked: "cut answer" if method == "GET" else ""
    with pytest.raises(CatalogUnreachable, match=r"x\.parquet"):
        whole(root / "x.parquet")


def test_a_store_that_is_not_there_or_refuses_is_told(root: ObjectPath, monkeypatch: pytest.MonkeyPatch):
    with (
        pytest.raises(CatalogReadOnly, match="There is no bucket 'nobody-made-it'"),
        locked(ObjectPath("s3://nobody-made-it/catalog")),
    ):
        pass
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(CatalogUnreachable, match="AWS_ENDPOINT_URL"):
        ap.instruments()


def large(root: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> tuple[Instrument, pa.Table]:
    """A series whose object is read by ranges."""
    monkeypatch.setattr(objects, "AT_ONCE", 2_000)
    instrument = Instrument("ACME.XNAS")
    ts = pa.array(10**18 + np.arange(40_000) * 86_400 * 10**8).cast(pa.timestamp("ns", "UTC"))
    price = np.round(np.random.default_rng(0).random(40_000) + 10, 4)
    table = pa.table({"ts": ts, "open": price, "high": price + 1, "low": price - 1, "close": price,
                      "volume": price, "available_at": ts})  # fmt: skip
    writer.write_instruments(root, [instrument])
    writer.write_bars(root, instrument, "1d", table, "one")
    return instrument, table


def test_large_objects_are_read_by_ranges(root: ObjectPath, monkeypatch: pytest.MonkeyPatch):
    instrument, table = large(root, monkeypatch)
    assert reader.bar_floats(root, instrument.id, "1d")["close"].to_pylist() == table["close"].to_pylist()
    ((total,),) = ap.sql("SELECT sum(close) FROM bars_1d").fetchall()
    assert total == pytest.approx(sum(table["close"].to_pylist()))


def replaced_at(edge: Edge, request: int, write: Callable[[], object]) -> Counter[str]:
    """A writer replaces the bars as a reader's nth request for them is on its way."""
    gets = Counter[str]()

    def replace(method: str, asked: str) -> str:
        if method == "GET" and "/data/bars/" in asked and "list-type" not in asked:
            gets["bars"] += 1
            if gets["bars"] == request:
                edge.harm = lambda method, asked: ""
                write()
        return ""

    edge.harm = replace
    return gets


def test_one_replaced_while_it_is_read_is_read_again_whole(
    edge: Edge, root: ObjectPath, monkeypatch: pytest.MonkeyPatch
):
    instrument, table = large(root, monkeypatch)
    doubled = twice(table)
    gets = replaced_at(edge, 2, lambda: writer.write_bars(root, instrument, "1d", doubled, "two"))
    # What was held when it was asked, out of what the new version superseded meanwhile; and then the new one.
    assert reader.bar_floats(root, instrument.id, "1d")["close"].to_pylist() == table["close"].to_pylist()
    assert gets["bars"] == 2  # its end was read, then its rows were to come
    assert reader.bar_floats(root, instrument.id, "1d")["close"].to_pylist() == doubled["close"].to_pylist()


def test_a_query_whose_object_was_replaced_says_so_and_is_asked_again(
    edge: Edge, root: ObjectPath, monkeypatch: pytest.MonkeyPatch
):
    instrument, table = large(root, monkeypatch)
    doubled = twice(table)
    query = ap.sql("SELECT sum(close) AS total FROM bars_1d")
    replaced_at(edge, 2, lambda: writer.write_bars(root, instrument, "1d", doubled, "two"))
    with pytest.raises(duckdb.Error) as refused:
        query.fetchall()
    assert told(refused.value).startswith("s3://") and "changed meanwhile" in told(refused.value)
    assert query.fetchall() == [(pytest.approx(sum(doubled["close"].to_pylist())),)]


def test_a_bucket_that_keeps_versions_lets_a_query_read_on(
    edge: Edge, root: ObjectPath, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
):
    object_store.keep_versions(root.bucket)
    instrument, table = large(root, monkeypatch)
    query = ap.sql("SELECT sum(close) AS total FROM bars_1d")
    replaced_at(edge, 2, lambda: writer.write_bars(root, instrument, "1d", twice(table), "two"))
    assert query.fetchall() == [(pytest.approx(sum(table["close"].to_pylist())),)]


def twice(table: pa.Table) -> pa.Table:
    for name in ("open", "high", "low", "close"):
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(table[name].to_numpy() * 2))
    return table


#: An import in a process of its own, which is killed from outside.
IMPORTING = "import sys, alphapulse_lib as ap; ap.ingest('files', sys.argv[1], period='1d')"


def besiege(edge: Edge, root: ObjectPath, tmp_path: Path, kills: int) -> str:
    """Restating imports, killed as their nth request arrives: by turns before it is passed on and after."""
    first, second = daily(tmp_path), daily(tmp_path, add=1.0)
    ap.ingest("files", first, period="1d")
    before = {symbol: closes(root, symbol) for symbol in SYMBOLS}
    wanted = {symbol: [each + 1 for each in before[symbol]] for symbol in SYMBOLS}
    moment, ended, count = clock.now_ns(), Counter[str](), 0

    def importing() -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", IMPORTING, str(second)], stderr=subprocess.PIPE, text=True)

    edge.seen.clear()
    undisturbed = importing()
    assert undisturbed.wait(240) == 0
    steps = len(edge.seen)
    assert {symbol: closes(root, symbol) for symbol in SYMBOLS} == wanted
    chosen = np.random.default_rng(20261126).choice(steps, min(kills, steps), replace=False)
    for number, step in enumerate(chosen):
        for record in list(storage.files(root / "imports"))[1:]:
            if record.suffix == ".json" and json.loads(storage.read(record))["status"] != "reverted":
                ap.revert(record.stem)
        assert {symbol: closes(root, symbol) for symbol in SYMBOLS} == before
        seen = 0
        process = importing()

        def kill(method: str, asked: str, number: int = number, step: int = int(step)) -> str:
            nonlocal seen
            seen += 1
            if seen - 1 != step:
                return ""
            process.send_signal(signal.SIGKILL)  # noqa: B023 each turn's own, which ends within the turn
            process.wait()  # noqa: B023
            return "swallow" if number % 2 else "cut request"

        edge.harm = kill
        ended[signal.Signals(-code).name if (code := process.wait(240)) else "ended before its kill"] += 1
        edge.harm = lambda method, asked: ""
        for symbol in SYMBOLS:  # Whatever happened, each series is the old one or the new one, whole.
            assert closes(root, symbol) in (before[symbol], wanted[symbol])
            assert closes(root, symbol, recorded_as_of=moment) == before[symbol]
        ap.ingest("files", second, period="1d")
        assert {symbol: closes(root, symbol) for symbol in SYMBOLS} == wanted
        assert {symbol: closes(root, symbol, recorded_as_of=moment) for symbol in SYMBOLS} == before
        assert integrity.check(root) == []
        assert not [path for path in storage.files(root / "imports") if path.suffix == ".unfinished"]
        count += 1
    assert ended["SIGKILL"]
    return f"{count} kills of imports of {steps} requests: {dict(ended)}"


def test_imports_killed_in_the_middle_tear_lose_and_double_nothing(
    edge: Edge, root: ObjectPath, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    told = besiege(edge, root, tmp_path, 4)
    with capsys.disabled():
        sys.stdout.write(f"\n{told}\n")


@pytest.mark.siege
@pytest.mark.timeout(3600)
def test_forty_kills_tear_lose_and_double_nothing(
    edge: Edge, root: ObjectPath, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    told = besiege(edge, root, tmp_path, 40)
    with capsys.disabled():
        sys.stdout.write(f"\n{told}\n")


def test_an_error_of_the_store_in_mid_import_is_told_and_the_next_import_does_the_rest(
    edge: Edge, root: ObjectPath, tmp_path: Path
):
    path = daily(tmp_path)
    edge.harm = lambda method, asked: "refuse" if method == "PUT" and "/bars/CORE" in asked else ""
    with pytest.raises(CatalogError, match="CORE"):
        ap.ingest("files", path, period="1d")
    edge.harm = lambda method, asked: ""
    assert (len(closes(root, "ACME")), len(closes(root, "CORE"))) == (250, 0)
    assert ap.ingest("files", path, period="1d").written == 250
    assert ap.check().empty
