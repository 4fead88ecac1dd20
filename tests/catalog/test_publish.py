from __future__ import annotations

import os
import resource
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from alphapulse_lib.catalog import publish
from alphapulse_lib.catalog.publish import locked, publish_table, withdraw
from alphapulse_lib.errors import CatalogBusy, CatalogError

TABLE = pa.table({"a": [1, 2, 3]})


def test_a_file_appears_only_whole_and_under_no_readable_name(root: Path, monkeypatch: pytest.MonkeyPatch):
    seen = []
    original = os.fsync

    def watching(descriptor: int) -> None:
        seen.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        original(descriptor)

    with locked(root):
        monkeypatch.setattr(os, "fsync", watching)
        publish_table(root, root / "data" / "bars" / "X" / "y.parquet", TABLE)
    # The file first, under a name nothing reads; each new folder's parent; at last the folder it was renamed into.
    assert seen[0].startswith(f"{root}/incoming/") and seen[0].endswith(".part")
    assert seen[1:] == [str(root), f"{root}/data", f"{root}/data/bars", f"{root}/data/bars/X"]
    assert [path.name for path in root.rglob("*.parquet")] == ["y.parquet"]


def test_what_fails_half_way_leaves_nothing(root: Path):
    with locked(root), pytest.raises(pa.ArrowException):
        publish_table(root, root / "data" / "y.parquet", TABLE, compression="no such")
    assert not list(root.rglob("*.part")) and not list(root.rglob("*.parquet"))


def test_a_full_disk_is_told_and_harms_nothing(root: Path):
    path = root / "data" / "y.parquet"
    with locked(root):
        publish_table(root, path, TABLE)
        before = path.read_bytes()
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        # No file may grow beyond 50 kB: what a full disk does, for this process alone.
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
        try:
            with pytest.raises(CatalogError, match=r"(?s)y\.parquet could not be written.*untouched.*Make room"):
                publish_table(root, path, pa.table({"a": np.random.default_rng(0).random(100_000)}))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert not list(root.rglob("*.part"))


def test_leftovers_of_a_dead_writer_are_cleared(root: Path):
    with locked(root):
        (root / "incoming").mkdir(exist_ok=True)
    (root / "incoming" / "left.part").write_text("half")
    with locked(root):
        assert not list((root / "incoming").iterdir())


def test_a_thread_may_enter_again_and_another_one_waits(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(publish, "WAIT", 0.1)
    refused = []

    def other() -> None:
        try:
            with locked(root):
                pass
        except CatalogBusy as error:
            refused.append(error)

    with locked(root), locked(root):
        publish_table(root, root / "x.parquet", TABLE)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(refused) == 1
    other()
    assert len(refused) == 1


def test_the_last_file_takes_its_folder_along(root: Path):
    with locked(root):
        for name in ("a", "b"):
            publish_table(root, root / "data" / "X" / f"{name}.parquet", TABLE)
        withdraw(root / "data" / "X" / "a.parquet")
        assert (root / "data" / "X").exists()
        withdraw(root / "data" / "X" / "b.parquet")
        assert not (root / "data" / "X").exists()
        withdraw(root / "data" / "X" / "b.parquet")
