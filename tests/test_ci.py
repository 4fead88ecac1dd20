"""In CI no test is left out in silence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]

TESTS = """
import pytest

@pytest.mark.skipif(True, reason="needs Debian's browser: apt-get install chromium")
def test_browser(): ...

@pytest.mark.skipif(True, reason="needs ../shared/data")
def test_data(): ...
"""
WHOLE = 'import pytest\npytest.importorskip("no_such_package", reason="needs the test packages")\n'


@pytest.mark.parametrize(("ci", "failed"), [("true", 2), ("", 0)])
def test_what_can_be_installed_must_be_there(tmp_path: Path, ci: str, failed: int):
    (tmp_path / "conftest.py").write_text((PROJECT / "tests" / "conftest.py").read_text())
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "test_whole.py").write_text(WHOLE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--continue-on-collection-errors", tmp_path],
        cwd=tmp_path,
        env=os.environ | {"CI": ci, "PYTHONPATH": str(PROJECT / "tests" / "resources")},  # what our conftest imports
        capture_output=True,
        text=True,
    )
    assert done.stdout.count("\nCI may skip nothing") == failed, done.stdout
    assert (done.returncode == 0) is (failed == 0)


def test_without_a_browser_ci_stops_before_the_tests(tmp_path: Path):
    """A PATH that has all that the script calls, and no browser."""
    bare = tmp_path / "bin"
    bare.mkdir()
    for name in ("sh", "dirname", "id", "false"):
        (bare / name).symlink_to(Path("/usr/bin") / name)
    project = tmp_path / "project"
    for folder in ("hub", "tests"):
        (project / folder).mkdir(parents=True)
    (project / "hub" / "set-up.sh").write_text("#!/bin/sh\n")
    (project / "hub" / "set-up.sh").chmod(0o755)
    script = project / "tests" / "run.sh"
    script.write_text((PROJECT / "tests" / "run.sh").read_text())
    done = subprocess.run(["/bin/sh", script], env={"PATH": str(bare), "CI": "true"}, capture_output=True, text=True)
    assert (done.returncode, "apt-get install chromium" in done.stderr) == (1, True), done.stderr
