"""One API for a module's tests, on the bundled sample."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alphapulse_lib.settings import Settings
from tests.resources.api_server import Api, KnownTokens, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, sample_catalog: Path) -> Iterator[Api]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALPHAPULSE_CATALOG", str(sample_catalog))
        home = tmp_path_factory.mktemp("api")
        with serving(Settings(home=home, catalog=sample_catalog)) as api:
            yield api


@pytest.fixture
def api(served: Api, sample: Path) -> Api:
    served.door.scopes = KnownTokens().scopes
    served.door.is_away = False
    return served
