"""`hub/set-up.sh`: nothing to do is quick, each obstacle is one line, an interrupted set-up is finished."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from running_hub import PROJECT

NEEDED = ("hub/set-up.sh", "hub/proxy/package.json", "hub/proxy/package-lock.json", "pyproject.toml", "uv.lock")
#: A Python that says it is another one.
OLD = '#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.11.2" && exit 0\nexit 1\n'
#: What pyenv puts in a missing version's place.
ABSENT = "#!/bin/sh\necho 'pyenv: version `3.13` is not installed' >&2\nexit 127\n"
#: Debian's Python without its venv package: the right version, and no virtual environments.
NO_VENV = '#!/bin/sh\n[ "$1" = -c ] && echo "$0" && exit 0\necho "ensurepip is not available" >&2\nexit 1\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout in which nothing was ever set up."""
    folder = tmp_path / "project"
    for name in NEEDED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, folder / name)
    return folder


def set_up(project: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [project / "hub" / "set-up.sh"], env=os.environ | environment, capture_output=True, text=True, timeout=300
    )


def only_with(tmp_path: Path, python: str) -> dict[str, str]:
    """A PATH whose every Python is this script, and a home without pyenv."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("python3", "python3.13"):
        (folder / name).write_text(python)
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(tmp_path), "PYENV_ROOT": str(tmp_path / "none")}


def test_what_is_set_up_is_left_alone():
    set_up(PROJECT)
    stamp = PROJECT / ".venv" / ".ready-up"
    before = stamp.stat().st_mtime_ns
    again = set_up(PROJECT)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert stamp.stat().st_mtime_ns == before


@pytest.mark.skipif(shutil.which("uv", path="/usr/bin:/bin") is not None, reason="a uv here would find a Python")
@pytest.mark.parametrize(
    ("python", "says"),
    [
        (OLD, ["needs Python 3.13", "found: Python 3.11.2", "pyenv install 3.13", "uv"]),
        (ABSENT, ["needs Python 3.13", "no usable python3"]),
        (NO_VENV, ["cannot make a virtual environment", "python3.13-venv"]),
    ],
    ids=["another version", "none", "without venv"],
)
def test_an_unsuitable_python_is_one_line_that_says_what_to_do(
    project: Path, tmp_path: Path, python: str, says: list[str]
):
    refused = set_up(project, **only_with(tmp_path, python))
    assert refused.returncode == 1
    line = refused.stderr.splitlines()[-1]
    assert line.startswith("alphapulse: ")
    assert [words for words in says if words not in line] == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(project: Path):
    project.chmod(0o500)
    refused = set_up(project)
    project.chmod(0o700)
    assert refused.returncode == 1
    assert f"cannot write in {project}" in refused.stderr


@pytest.mark.siege
@pytest.mark.timeout(900)
def test_from_nothing_with_uv_alone_interrupted_and_finished(tmp_path: Path):
    project = tmp_path / "project"
    subprocess.run(["git", "clone", "--quiet", PROJECT, project], check=True)
    alone = only_with(tmp_path, OLD)
    (tmp_path / "programs" / "uv").symlink_to(PROJECT / ".venv" / "bin" / "uv")
    # uv looks further down the PATH than the shell does, and finds the Python 3.13 there.
    alone |= {"PATH": f"{alone['PATH']}:{sys.base_prefix}/bin", "HOME": os.environ["HOME"]}
    cut = subprocess.Popen([project / "hub" / "set-up.sh"], env=os.environ | alone, start_new_session=True)
    while not list((project / ".venv").glob("lib/python3.13/site-packages/*.dist-info")):
        assert cut.poll() is None
        time.sleep(0.02)
    os.killpg(cut.pid, signal.SIGKILL)
    cut.wait()
    done = set_up(project, **alone)
    assert done.returncode == 0, done.stderr
    python = project / ".venv" / "bin" / "python"
    subprocess.run([python, "-c", "import hub.supervise, jupyterhub.app, nautilus_trader"], cwd=tmp_path, check=True)
    again = set_up(project, **alone)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
