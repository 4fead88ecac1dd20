"""What a person's own server tells JupyterLab unasked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
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


def test_an_administrator_s_words_are_told_to_the_server_s_owner_alone(tmp_path: Path, running: RunningApi):
    root = tmp_path / "own" / "work"
    root.mkdir(parents=True)
    said = Api(running.url, running.door)("PUT", "/v1/notice", "root", json={"text": "Down at six."}).json()
    server = Server(root, *LEAN, kind="", ALPHAPULSE_API_URL=running.url)
    try:
        told = {"name": "announcement", "type": "info", "id": said["id"], "text": "Down at six."}
        assert notices(server) == [told]
        running.stop()
        assert notices(server) == [told]  # what was said last
        assert httpx.get(f"http://127.0.0.1:{server.port}/alphapulse/notices", timeout=30).status_code == 403
    finally:
        server.stop()
        running.start()
