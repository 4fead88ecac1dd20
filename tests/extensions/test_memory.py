"""A job whose memory runs out ends with that reason, told from Linux's own count for the container."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from alphapulse_jobs import memory
from job_server import Server, write

GROUPS = Path("/sys/fs/cgroup")
MOST = 400_000_000  # bytes


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group with a limit of memory, as Docker makes one for each container."""
    if os.geteuid() != 0:
        pytest.skip("root may make a control group, and nobody else")
    old = (GROUPS / "memory").is_dir()
    made = (GROUPS / "memory" if old else GROUPS) / f"alphapulse-{uuid4().hex[:8]}"
    made.mkdir()
    limit = made / ("memory.limit_in_bytes" if old else "memory.max")
    if not limit.exists():
        made.rmdir()
        pytest.skip("root may limit memory where the system's groups are let do so, and here they are not")
    limit.write_text(str(MOST))
    yield made
    made.rmdir()


def contained(group: Path) -> list[str]:
    """A command that runs what follows in the group, and sees of all groups this one, as in a container."""
    script = f'mount --bind {group} {group.parent} && echo $$ > {group.parent}/cgroup.procs && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, "sh"]


def test_the_limit_is_told_and_nothing_ran_out_before_anything_did(group: Path):
    told = "from alphapulse_jobs import memory; print(memory.limit(), memory.kills(), repr(memory.ran_out(0)))"
    said = subprocess.run([*contained(group), sys.executable, "-c", told], capture_output=True, text=True, check=True)
    limit, kills, words = said.stdout.split()
    assert abs(int(limit) - MOST) < 4096
    assert (kills, words) == ("0", "''")
    assert memory.ran_out(memory.kills()) == ""


def test_a_notebook_that_takes_more_than_there_is_ends_with_that_reason(group: Path, tmp_path: Path):
    root = tmp_path / "work"
    root.mkdir()
    server = Server(root, before=contained(group))
    try:
        hog = write(root, "hog.ipynb", "print('before')", "held = [bytearray(50_000_000) for _ in range(40)]")
        server.post("hog", hog, timeout=120)
        ended = server.ended("hog")
    finally:
        server.stop()
    assert ended["state"] == "failed"
    assert ended["error"].startswith("Memory ran out: its server may hold 400 MB (cell 2 of the notebook)"), ended
