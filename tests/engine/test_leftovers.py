"""Folders whose maker was killed are removed, and no others."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from alphapulse_lib.engine.leftovers import held, remove_leftovers

MAKER = """
import sys, time
from pathlib import Path
from alphapulse_lib.engine.leftovers import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def old(folder: Path) -> Path:
    folder.mkdir()
    (folder / "rows").write_text("1")
    os.utime(folder, (time.time() - 3600,) * 2)
    return folder


def test_what_a_killed_maker_left_is_removed_and_what_a_living_one_holds_stays(tmp_path: Path):
    living, killed = old(tmp_path / "run-living"), old(tmp_path / "run-killed")
    other, young = old(tmp_path / "notes"), tmp_path / "run-young"
    young.mkdir()
    with held(living):
        process = subprocess.Popen([sys.executable, "-c", MAKER, str(killed)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        remove_leftovers(tmp_path, "run-*")
        assert killed.exists()
        process.kill()
        process.communicate()
        remove_leftovers(tmp_path, "run-*")
        assert sorted(each.name for each in tmp_path.iterdir()) == ["notes", "run-living", "run-young"]
        assert other.exists()


def test_a_link_is_not_followed(tmp_path: Path):
    precious = old(tmp_path / "precious")
    (tmp_path / "run-link").symlink_to(precious)
    remove_leftovers(tmp_path, "run-*")
    assert (precious / "rows").exists()
