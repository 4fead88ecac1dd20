"""The journey of a new researcher, unchanged, where servers are containers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from container_hub import container_hub
from docker_engine import Docker
from running_hub import RunningHub

from tests.journeys.test_workbench import *  # noqa: F403  its tests, and what they ask for


@pytest.fixture(scope="module")
def hub(docker: Docker, tmp_path_factory: pytest.TempPathFactory, sample_catalog: Path) -> Iterator[RunningHub]:
    with container_hub(docker, tmp_path_factory.mktemp("workbench"), sample_catalog, "bob") as running:
        yield running
