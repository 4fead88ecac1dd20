"""What a person's own server tells JupyterLab unasked: an administrator's words, a disk that is nearly full."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from alphapulse_jobs.room import Room, is_near, used
from job_server import LEAN, Server

from alphapulse_lib.settings import Settings
from tests.resources.api_server import Api, RunningApi


@pytest.fixture
def running(tmp_path: Path, sample_catalog: Path) -> Iterator[RunningApi]:
    api = RunningApi(Settings(home=tmp_path / "hub", catalog=sample_catalog)).start()
    yield api
    api.stop()


def notices(server: Server) -> list[dict[str, Any]]:
    answer = server.http.get("/alphapulse/notices", timeout=30)
    answer.raise_for_status()
    return answer.json()


def test_what_is_told_is_told_to_the_server_s_owner_alone(tmp_path: Path, running: RunningApi):
    root = tmp_path / "own" / "work"
    (root / "data").mkdir(parents=True)
    (root / "data" / "large.bin").write_bytes(os.urandom(1_850_000))
    said = Api(running.url, running.door)("PUT", "/v1/notice", "root", json={"text": "Down at six."}).json()
    server = Server(root, *LEAN, kind="", ALPHAPULSE_API_URL=running.url, ALPHAPULSE_DISK_LIMIT="2")
    try:
        disk, *_ = notices(server)
        assert (disk["name"], disk["type"], disk["id"]) == ("disk", "warning", "")
        assert disk["text"].startswith("Your files take 2 of 2 MB (9")
        told = {"name": "announcement", "type": "info", "id": said["id"], "text": "Down at six."}
        assert notices(server) == [disk, told]
        running.stop()
        assert notices(server) == [disk, told]  # what was said last
        assert httpx.get(f"http://127.0.0.1:{server.port}/alphapulse/notices", timeout=30).status_code == 403
    finally:
        server.stop()
        running.start()


def test_a_folder_takes_what_du_says(tmp_path: Path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "file").write_bytes(b"x" * 100_000)
    os.link(tmp_path / "deep" / "er" / "file", tmp_path / "the same")
    (tmp_path / "away").symlink_to("/usr")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10**9)
    du = subprocess.run(["du", "-s", "--block-size=1", tmp_path], capture_output=True, text=True, check=True)
    assert used(tmp_path) == int(du.stdout.split()[0])
    assert used(tmp_path / "nothing") == 0


@pytest.mark.parametrize(("taken", "near"), [(0, False), (899_999, False), (900_000, True), (2_000_000, True)])
def test_from_nine_tenths_on_it_is_near(taken: int, near: bool):
    assert is_near(taken, 1_000_000) is near
    assert not is_near(taken, 0)


def test_where_nobody_has_a_limit_the_disk_itself_is_one(tmp_path: Path):
    small = tmp_path / "small"
    small.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=10m", "tmpfs", small]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("root may mount a small disk, and nobody else")
    try:
        assert asyncio.run(Room(small, 0).told())["text"] == ""
        (small / "large").write_bytes(b"x" * 9_900_000)
        told = asyncio.run(Room(small, 0).told())
        assert told["text"].startswith("The disk that your files are on is nearly full, 1 MB are left: ")
        assert asyncio.run(Room(small, 10_000_000).told())["text"].startswith("Your files take 10 of 10 MB (99%): ")
    finally:
        subprocess.run(["umount", small], check=True)
