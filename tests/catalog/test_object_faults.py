"""What stands between us and an object store: requests and answers cut short, objects replaced meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from desk_in_a_store import TABLE
from object_store import Edge, ObjectStore

import alphapulse_lib as ap
from alphapulse_lib.catalog import objects, reader, storage, writer
from alphapulse_lib.catalog.parquet import whole
from alphapulse_lib.catalog.publish import locked, publish_bytes, publish_table
from alphapulse_lib.errors import (
    CatalogChanged,
    CatalogReadOnly,
    CatalogUnreachable,
)
from alphapulse_lib.location import ObjectPath
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.query.sql import told

#: The root is a bucket's, and the settings' catalog.
pytestmark = pytest.mark.parametrize("root", ["store"], indirect=True)


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
