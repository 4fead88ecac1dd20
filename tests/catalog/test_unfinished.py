"""An import whose process was killed is known as dead; one whose process lives is let be."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePath

import pytest

from alphapulse_lib.catalog import storage, unfinished
from alphapulse_lib.catalog.publish import locked, publish_bytes

#: The guarantees of a folder are those of an object store too.
pytestmark = pytest.mark.parametrize("root", ["folder", "store"], indirect=True)

WORKING = """
import sys
from alphapulse_lib.catalog.unfinished import under_way
from alphapulse_lib.location import location
with under_way(location(sys.argv[1]), "one"):
    print("writing", flush=True)
    sys.stdin.readline()
"""


def record(root: PurePath, status: str) -> PurePath:
    path = root / "imports" / "one.json"
    with locked(root):
        publish_bytes(root, path, json.dumps({"id": "one", "status": status}).encode())
    return path


def working(root: PurePath) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WORKING, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout and process.stdout.readline() == "writing\n"
    return process


def test_one_that_was_killed_is_told_from_one_that_lives(root: PurePath):
    path = record(root, "running")
    with working(root) as process:
        assert not unfinished.is_dead(root, "one")
        assert unfinished.settle(root) == []
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert unfinished.is_dead(root, "one")
    (found,) = unfinished.settle(root)
    assert (found["id"], found["status"]) == ("one", "interrupted")
    assert json.loads(storage.read(path))["status"] == "interrupted"
    # It stays undone until a later import says that it did what was left.
    assert len(unfinished.settle(root)) == 1
    unfinished.ended(root, ["one"])
    assert unfinished.settle(root) == []


def test_one_that_ends_leaves_nothing(root: PurePath):
    record(root, "running")
    with working(root) as process:
        process.communicate("\n")
    assert process.returncode == 0
    assert [path.name for path in storage.files(root / "imports")] == ["one.json"]


def test_one_that_fails_stays_undone(root: PurePath):
    record(root, "interrupted")
    with pytest.raises(ValueError, match="half-way"), unfinished.under_way(root, "one"):
        raise ValueError("half-way")
    assert [each["id"] for each in unfinished.settle(root)] == ["one"]


@pytest.mark.parametrize("status", ["reverted", None])
def test_one_taken_back_or_never_begun_leaves_nothing_to_do(root: PurePath, status: str | None):
    if status:
        record(root, status)
    with pytest.raises(ValueError, match="half-way"), unfinished.under_way(root, "one"):
        raise ValueError("half-way")
    assert unfinished.settle(root) == []
    assert not [path for path in storage.files(root / "imports") if path.suffix == ".unfinished"]


def test_imports_that_begin_while_others_end_find_their_folder(root: PurePath):
    """Whoever takes the last file out of a folder takes that away, too."""

    times = 100 if isinstance(root, Path) else 5  # a store has no folders to take away

    def begin_and_end(name: str) -> None:
        for number in range(times):
            with unfinished.under_way(root, f"{name}-{number}"):
                pass
            unfinished.ended(root, [f"{name}-{number}"])

    with ThreadPoolExecutor(4) as pool:
        for each in [pool.submit(begin_and_end, name) for name in "abcd"]:
            each.result()
    assert storage.files(root / "imports") == []
