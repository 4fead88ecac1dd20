"""What lies at the top of the repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

PROJECT = Path(__file__).parents[2]
FOLDERS = {".ci", "alphapulse_lib", "catalog", "docker", "docs", "extensions", "hub", "kernels", "notebooks", "tests"}


def test_no_stray_folder_is_kept_at_the_top() -> None:
    kept = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    folders = {line.strip('"').partition("/")[0] for line in kept.splitlines() if "/" in line}
    assert folders <= FOLDERS
