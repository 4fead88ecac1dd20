"""What every test may ask for: an empty home of its own, or one whose catalog holds the bundled sample."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

PROJECT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads or writes the developer's own home: unless it asks for more, its home is an empty folder."""
    for name in [name for name in os.environ if name.startswith("ALPHAPULSE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ALPHAPULSE_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def sample_catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The team's catalog with the bundled sample in it, filled once for all test processes. Read it only."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "sample-catalog"
    with FileLock(f"{shared}.lock"), pytest.MonkeyPatch.context() as patch:
        if not shared.exists():
            import alphapulse_lib as ap

            filling = shared.with_name("sample-catalog-filling")
            shutil.rmtree(filling, ignore_errors=True)
            patch.setenv("ALPHAPULSE_CATALOG", str(filling))
            ap.ingest("sample")
            filling.rename(shared)
    yield shared


@pytest.fixture
def sample(sample_catalog: Path, monkeypatch: pytest.MonkeyPatch, no_settings_from_outside: None) -> Path:
    """The bundled sample as this test's catalog, to be read; its ledger is the test's own."""
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(sample_catalog))
    return sample_catalog


@pytest.fixture
def writable_sample(sample_catalog: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A copy of the bundled sample that this test may change."""
    own = tmp_path / "catalog"
    shutil.copytree(sample_catalog, own)
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(own))
    return own
