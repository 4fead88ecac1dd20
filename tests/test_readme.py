"""Every command and every line of Python in the README and the how-tos runs."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from api_server import RunningApi

from alphapulse_lib.settings import Settings

PROJECT = Path(__file__).parents[1]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs" / "how-to").glob("*.md"))]
#: These are proved by the browser journey and by CI itself.
ELSEWHERE = (
    "make ",
    "git ",
    "pyenv ",
    "uv ",
    "alphapulse up",
    "alphapulse down",
    "alphapulse reset",
    "alphapulse status",
    "#",
)


#: What these tell of lives in a hub.
IN_A_HUB = ("comment.md", "schedule.md")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def commands(page: Path) -> list[str]:
    lines = "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith(ELSEWHERE)]


@pytest.fixture
def hub(request: pytest.FixtureRequest, tmp_path: Path, writable_sample: Path, monkeypatch: pytest.MonkeyPatch):
    """The API, where the page's reader is in a workspace."""
    if request.getfixturevalue("page").name not in IN_A_HUB:
        yield
        return
    running = RunningApi(Settings(home=tmp_path / "hub", catalog=writable_sample)).start()
    for name, value in {"ALPHAPULSE_API_URL": running.url, "ALPHAPULSE_API_TOKEN": "ada"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    yield
    running.stop()


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a person's own prices and an old catalog in it, as the pages assume."""
    rows = ["Date,Open,High,Low,Close,Volume"]
    rows += [f"2013-05-{day:02d},{day},{day + 1},{day - 1},{day + 0.5},1000" for day in (6, 7, 8, 9, 10, 13, 14)]
    rows.append("2013-05-11,9,10,8,9,1000")  # a Saturday
    (tmp_path / "prices.csv").write_text("\n".join(rows) + "\n")
    shutil.copytree(PROJECT / "tests" / "resources" / "nautilus_1", tmp_path / "old-catalog")
    return tmp_path


@pytest.mark.parametrize("page", [each for each in PAGES if blocks(each, "python")], ids=lambda page: page.name)
def test_its_python_runs(page: Path, writable_sample: Path, desk: Path, hub: None) -> None:
    code = "\n".join(blocks(page, "python"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=desk)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", [each for each in PAGES if commands(each)], ids=lambda page: page.name)
def test_its_commands_run(page: Path, writable_sample: Path, desk: Path, hub: None) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    told: dict[str, str] = {}
    for command in commands(page):
        words = [told.get(word, word) for word in shlex.split(command, comments=True)]
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, cwd=desk, env={**os.environ, "PATH": path}
        )
        assert done.returncode in (0, 3), (command, done.stdout, done.stderr)
        found = re.search(
            r"^Import (\S+) of|\b(?:run|schedule) ([0-9a-f]{6,})|^([0-9a-f]{16})  [^,\n]+, \d{4}-",
            done.stdout,
            re.MULTILINE,
        )
        if found:
            told["ID"] = found[1] or found[2] or found[3]
