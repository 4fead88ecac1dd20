"""`python -m hub`: each failure is one line that says what is wrong and what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from running_hub import PROJECT, environment, free_port


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("ALPHAPULSE_PORT", "eighty", ["ALPHAPULSE_PORT='eighty'", ".env.example"]),
        ("ALPHAPULSE_SPAWNER", "proces", ["ALPHAPULSE_SPAWNER='proces'", "Did you mean process"]),
        ("ALPHAPULSE_AUTH", "passwd", ["ALPHAPULSE_AUTH='passwd'", "password"]),
        ("ALPHAPULSE_ADMINS", " ", ["ALPHAPULSE_ADMINS", "both empty"]),
        ("ALPHAPULSE_ADDRESS", "203.0.113.7", ["ALPHAPULSE_ADDRESS='203.0.113.7'", "Take 127.0.0.1"]),
        ("ALPHAPULSE_HOME", "/proc/alphapulse", ["Cannot write in /proc/alphapulse", "ALPHAPULSE_HOME"]),
        ("ALPHAPULSE_HOME", str(PROJECT / "pyproject.toml"), ["Cannot write in", "ALPHAPULSE_HOME"]),
    ],
)
def test_up_refuses_in_one_line(tmp_path: Path, setting: str, value: str, says: list[str]):
    chosen = environment(tmp_path / "home", free_port()) | {setting: value}
    refused = subprocess.run(
        [sys.executable, "-m", "hub", "up"], cwd=PROJECT, env=chosen, capture_output=True, text=True, timeout=240
    )
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert [words for words in says if words not in line] == []


def test_an_unknown_verb_is_a_wrong_call(tmp_path: Path):
    refused = subprocess.run(
        [sys.executable, "-m", "hub", "upp"], cwd=PROJECT, env=environment(tmp_path, 1), capture_output=True, text=True
    )
    assert refused.returncode == 2
    assert "upp" in refused.stderr and "reset" in refused.stderr


def reset(home: Path, answer: str = "yes\n") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hub", "reset"],
        cwd=PROJECT,
        env=environment(home, 1),
        input=answer,
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_reset_leaves_a_folder_alone_that_alphapulse_did_not_make(tmp_path: Path):
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "precious.txt").write_text("mine")
    refused = reset(tmp_path)
    assert refused.returncode == 1
    assert "nothing was removed" in refused.stderr
    assert (tmp_path / "catalog" / "precious.txt").exists()


def test_reset_removes_a_link_and_not_what_it_points_to(tmp_path: Path):
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    (home / "keys.json").write_text("{}")
    (home / "catalog").symlink_to(elsewhere)
    done = reset(home)
    assert done.returncode == 0, done.stderr
    assert elsewhere.is_dir()
    assert list(home.iterdir()) == []
