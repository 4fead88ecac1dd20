from __future__ import annotations

import os
import resource
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from alphapulse_lib.catalog import publish
from alphapulse_lib.catalog.publish import locked, parquet, publish_table, publishing, withdraw
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
    assert sorted(seen[1:4]) == [str(root), f"{root}/data", f"{root}/data/bars"]
    assert seen[4:] == [f"{root}/data/bars/X"]
    assert [path.name for path in root.rglob("*.parquet")] == ["y.parquet"]


def test_files_together_are_written_before_any_is_in_place_and_the_first_ones_durable_before_the_others(
    root: Path, monkeypatch: pytest.MonkeyPatch
):
    seen, sync, rename = [], os.fsync, Path.replace

    def watching(descriptor: int) -> None:
        place = Path(f"/proc/self/fd/{descriptor}").readlink()
        seen.append("written" if place.suffix == ".part" else f"sync {place.relative_to(root)}")
        sync(descriptor)

    def renaming(path: Path, target: Path) -> Path:
        seen.append(f"place {target.relative_to(root)}")
        return rename(path, target)

    data, old = root / "data", root / "revisions"
    with locked(root):
        publish_table(root, data / "A" / "x", TABLE)
        monkeypatch.setattr(os, "fsync", watching)
        monkeypatch.setattr(Path, "replace", renaming)
        with publishing(root) as files:
            files.add(data / "A" / "y", parquet(TABLE))
            files.add(data / "B" / "x", parquet(TABLE))
            files.add(old / "B" / "x", parquet(TABLE), first=True)
            files.add(data / "B" / "y", parquet(TABLE))
            assert data / "B" / "x" in files and data / "A" / "x" not in files
    assert seen[:4] == ["written"] * 4
    # New folders' parents are synchronised in any order, but before anything comes into them.
    assert sorted(seen[4:6]) == ["sync .", "sync revisions"]
    assert seen[6:9] == ["place revisions/B/x", "sync revisions/B", "sync data"]
    assert seen[9:12] == ["place data/A/y", "place data/B/x", "place data/B/y"]
    assert sorted(seen[12:]) == ["sync data/A", "sync data/B"]
    assert len([each for each in root.rglob("*") if each.name in ("x", "y")]) == 5
    assert not list((root / "incoming").iterdir())


def test_of_files_together_none_is_in_place_when_one_cannot_be_written(root: Path):
    with locked(root):
        publish_table(root, root / "data" / "x", TABLE)
        before = (root / "data" / "x").read_bytes()
        with pytest.raises(pa.ArrowException), publishing(root) as files:
            files.add(root / "data" / "x", parquet(pa.table({"a": [4]})))
            files.add(root / "data" / "y", parquet(TABLE, compression="no such"))
            files.add(root / "data" / "z", parquet(TABLE))
    assert (root / "data" / "x").read_bytes() == before
    assert sorted(path.name for path in root.rglob("*") if path.is_file()) == ["catalog.json", "catalog.lock", "x"]


def test_a_second_content_of_a_file_comes_after_the_first(root: Path):
    with locked(root), publishing(root) as files:
        files.add(root / "x", parquet(TABLE))
        files.add(root / "x", parquet(pa.table({"a": [9]})))
        assert pa.parquet.read_table(root / "x") == TABLE
    assert pa.parquet.read_table(root / "x")["a"].to_pylist() == [9]


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
