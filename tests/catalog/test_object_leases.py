"""One writer at a time in an object store: leases that are waited for, renewed, lost and taken over."""

from __future__ import annotations

import threading
import time

import pyarrow as pa
import pytest
from desk_in_a_store import TABLE, elsewhere, lock_version

from alphapulse_lib.catalog import lease, objects, storage
from alphapulse_lib.catalog.parquet import whole
from alphapulse_lib.catalog.publish import locked, publish_table, withdraw
from alphapulse_lib.errors import (
    CatalogBusy,
    CatalogChanged,
)
from alphapulse_lib.location import ObjectPath

#: The root is a bucket's, and the settings' catalog.
pytestmark = pytest.mark.parametrize("root", ["store"], indirect=True)


def test_a_writer_of_another_machine_is_waited_for_and_its_lease_expires(root: ObjectPath):
    with locked(root):
        publish_table(root, root / "a.parquet", TABLE)
    elsewhere(root, 60.0, lock_version(root))
    assert storage.of(root).is_locked(root)
    with pytest.raises(CatalogBusy, match=r"there:1:1.*more than 0\.2 seconds"), locked(root, 0.2):
        pass
    elsewhere(root, 1.0, lock_version(root))
    began = time.monotonic()
    with locked(root):
        publish_table(root, root / "b.parquet", TABLE)
    assert time.monotonic() - began > 0.9  # it may well have been alive until then
    assert storage.exists(root / "b.parquet")


def test_who_renews_its_lease_keeps_it(root: ObjectPath, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lease, "LEASE", 4.5)  # it has three seconds for each renewal
    monkeypatch.setattr(lease, "_machine", lambda: "")
    refused = []

    def other() -> None:
        try:
            lease.Claim.wait(objects.store_of(root.bucket), (root / "catalog.lock").key, "the catalog", 7.0).release()
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
    with locked(root):
        publish_table(root, root / "a.parquet", TABLE)
        monkeypatch.setattr(lease.Claim, "_keep", lambda self: None)
    monkeypatch.setattr(lease, "LEASE", 0.5)
    with locked(root):
        time.sleep(0.7)
        with pytest.raises(CatalogBusy, match=r"lost the catalog.*writes no more"):
            publish_table(root, root / "b.parquet", TABLE)
    assert not storage.exists(root / "b.parquet")
