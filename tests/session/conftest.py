"""A hub's API, and workspaces of it to be in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from api_server import RunningApi

from alphapulse_lib.settings import Settings


@pytest.fixture
def api(tmp_path: Path, sample: Path) -> Iterator[RunningApi]:
    running = RunningApi(Settings(home=tmp_path / "hub", catalog=sample)).start()
    yield running
    running.stop()


@pytest.fixture
def person(api: RunningApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Become somebody in a workspace of that hub."""

    def become(name: str) -> None:
        monkeypatch.setenv("ALPHAPULSE_API_URL", api.url)
        monkeypatch.setenv("ALPHAPULSE_LEDGER", str(tmp_path / "users" / name / "ledger"))
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", name)

    return become
