from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path, PurePath

import pyarrow as pa
import pytest

from alphapulse_lib import clock
from alphapulse_lib.catalog import actions, layout, objects, schemas, storage
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.kept import Kept
from alphapulse_lib.catalog.publish import locked, publish_bytes, withdraw
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.writer import write_instruments
from alphapulse_lib.errors import CatalogChanged, UnknownSymbol
from alphapulse_lib.location import ObjectPath
from alphapulse_lib.model.instrument import Instrument

BOTH = pytest.mark.parametrize("root", ["folder", "store"], indirect=True)
AAPL, META = Instrument("AAPL.XNAS"), Instrument("FB.XNAS")
ANOTHER = """
import sys
from alphapulse_lib.catalog.writer import write_instruments
from alphapulse_lib.location import location
from alphapulse_lib.model.instrument import Instrument
write_instruments(location(sys.argv[1]), [Instrument(sys.argv[2])])
"""


def rename(day: date, available: datetime) -> pa.Table:
    stamp = pa.array([int(available.timestamp()) * 10**9]).cast(schemas.TIME)
    row = {"instrument_id": META.id, "kind": "rename", "ex_date": day, "ratio": None, "amount": None}
    row |= {"new_symbol": "META", "source": "by hand"}
    return pa.table({name: [value] for name, value in row.items()}).append_column("available_at", stamp)


@BOTH
def test_what_another_process_publishes_is_seen_by_the_next_question(root: PurePath):
    roots = Roots.of(root)
    write_instruments(root, [AAPL])
    kept = Index.shared(roots)
    assert Index.shared(roots) is kept
    with pytest.raises(UnknownSymbol):
        kept.resolve("MSFT")
    subprocess.run([sys.executable, "-c", ANOTHER, str(root), "MSFT.XNAS"], check=True)
    assert Index.shared(roots).resolve("MSFT").id == "MSFT.XNAS"
    assert Index.shared(roots) is Index.shared(roots)


@BOTH
def test_a_rename_is_seen_once_it_was_published_and_forgotten_once_it_was_taken_back(root: PurePath):
    roots = Roots.of(root)
    write_instruments(root, [META])
    assert Index.shared(roots).resolve("FB") == META
    actions.write(root, rename(date(2022, 6, 9), datetime(2022, 5, 31, tzinfo=UTC)), "one")
    assert Index.shared(roots).resolve("META").id == META.id
    assert actions.remove(root, "one") == 1
    with pytest.raises(UnknownSymbol):
        Index.shared(roots).resolve("META")


def test_a_writer_replaces_the_version_that_it_was_told_of_even_if_that_was_kept(bucket: ObjectPath):
    known, announced = date(2022, 6, 9), datetime(2022, 5, 31, tzinfo=UTC)
    actions.write(bucket, rename(known, announced), "one")
    assert actions.read(bucket).num_rows == 1
    with locked(bucket):
        assert actions.read(bucket).num_rows == 1
        path = bucket / layout.ACTIONS
        store = objects.store_of(bucket.bucket)
        store.put(path.key, b"somebody else's", store.head(path.key)[0])
        with pytest.raises(CatalogChanged):
            publish_bytes(bucket, path, b"ours")


def test_time_alone_makes_more_known(root: Path):
    """No file changes; what was announced for later comes true, and is not yet so for who asks of before."""
    roots = Roots.of(root)
    write_instruments(root, [META])
    actions.write(root, rename(date(2022, 6, 9), datetime(2022, 5, 31, tzinfo=UTC)), "one", recorded_at=0)
    before, after = datetime(2022, 5, 30, tzinfo=UTC), datetime(2022, 6, 1, tzinfo=UTC)
    for now, known in ((before, "FB"), (after, "META"), (before, "FB")):
        with clock.at(now):
            assert [each.ticker for each in Index.shared(roots).instruments()] == [known if known == "META" else ""]
            assert Index.shared(roots) is Index.shared(roots)
    as_of = int(before.timestamp()) * 10**9
    assert [each.ticker for each in Index.shared(roots, as_of).instruments()] == [""]


def test_a_persons_own_root_is_laid_over_the_teams(tmp_path: Path):
    roots = Roots(tmp_path / "team", tmp_path / "own")
    write_instruments(roots.team, [AAPL])
    assert Index.shared(roots).resolve("AAPL").name == ""
    write_instruments(tmp_path / "own", [Instrument("AAPL.XNAS", "mine")])
    assert Index.shared(roots).resolve("AAPL").name == "mine"
    withdraw(tmp_path / "own" / layout.INSTRUMENTS)
    assert Index.shared(roots).resolve("AAPL").name == ""


def test_what_was_published_a_moment_ago_is_kept(root: Path):
    write_instruments(root, [AAPL])
    assert Index.shared(Roots.of(root)) is Index.shared(Roots.of(root))


def test_whatever_is_published_in_a_moment_is_seen_in_the_next(root: Path):
    """Of one length, so many in a step of the file system's clock as the disk takes."""
    kept, path = Kept[bytes](most=2), root / "one"
    with locked(root):
        for number in range(40):
            publish_bytes(root, path, b"%2d" % number)
            assert kept.of("key", [path], lambda: storage.read(path)) == b"%2d" % number


def test_while_a_file_is_kept_no_other_has_its_inode(root: Path):
    """File systems that give an inode to the next file as soon as it is free would give it to the second one here."""
    path = root / "one"
    with locked(root):
        publish_bytes(root, path, b"content")
        (device, inode, *_), held = storage.of(path).pinned(path)
        for _ in range(20):
            publish_bytes(root, path, b"content")
            assert path.stat().st_ino != inode
    assert (device, held.closed) == (path.stat().st_dev, False)


@BOTH
def test_what_was_read_while_its_file_was_replaced_is_not_kept(root: PurePath):
    kept, path = Kept[bytes](most=2), root / "one"
    with locked(root):
        publish_bytes(root, path, b"first content")

    def overtaken() -> bytes:
        read = storage.read(path)
        with locked(root):
            publish_bytes(root, path, b"second content")
        return read

    assert kept.of("key", [path], overtaken) == b"first content"
    assert kept.of("key", [path], lambda: storage.read(path)) == b"second content"
    assert kept.of("key", [path], bytes) == b"second content"


def test_the_newest_few_are_kept():
    kept = Kept[int](most=2)
    assert [kept.of(key, [], iter([key]).__next__) for key in (1, 2, 3)] == [1, 2, 3]
    assert [kept.of(key, [], lambda: 0) for key in (3, 2, 1)] == [3, 2, 0]
