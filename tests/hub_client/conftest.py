"""The API on a socket, and clients of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from api_server import RunningApi

from alphapulse_lib.hub_client import Client
from alphapulse_lib.settings import Settings


@pytest.fixture(scope="module")
def api(sample_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    running = RunningApi(Settings(home=tmp_path_factory.mktemp("api"), catalog=sample_catalog)).start()
    running.door.scopes["guest"] = ("access:services!service=api",)  # may enter and do nothing
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def its_catalog(sample: Path) -> None:
    """The API's answers about the catalog are those of `ap`, which reads the settings of the process."""


@pytest.fixture
def ada(api: RunningApi) -> Iterator[Client]:
    with Client(api.url, "ada") as client:
        yield client


@pytest.fixture
def bob(api: RunningApi) -> Iterator[Client]:
    with Client(api.url, "bob") as client:
        yield client
