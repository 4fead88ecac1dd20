"""One API for a module's tests, on the bundled sample: once on SQLite, and once on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from postgres import PostgreSQL

from alphapulse_lib.settings import Settings
from tests.resources.api_server import Api, KnownTokens, serving


@pytest.fixture(scope="session")
def server() -> Iterator[PostgreSQL]:
    server = PostgreSQL().start()
    yield server
    server.remove()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def chosen(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, sample_catalog: Path
) -> Iterator[Settings]:
    """The settings of an API with nothing in it yet, and a file or a server that keeps what it is told."""
    home = tmp_path_factory.mktemp("api")
    url = "" if request.param == "sqlite" else request.getfixturevalue("server").database(f"api_{uuid4().hex[:12]}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALPHAPULSE_CATALOG", str(sample_catalog))
        yield Settings(home=home, catalog=sample_catalog, api_database=url)


@pytest.fixture(scope="module")
def served(chosen: Settings) -> Iterator[Api]:
    with serving(chosen) as api:
        yield api


@pytest.fixture
def api(served: Api, sample: Path) -> Api:
    served.door.scopes, served.door.members = KnownTokens().scopes, KnownTokens().members
    served.door.is_away = False
    return served
