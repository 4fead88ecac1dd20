"""A researcher's workspace: the folder and the environment that the hub gives, over the sample catalog."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from alphapulse_lib.settings import Settings
from hub.workspace import environment, fill


@dataclass(frozen=True)
class Workspace:
    """A folder of notebooks, and the environment its kernels run in."""

    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str, seconds: float = 280) -> subprocess.CompletedProcess[str]:
        """Python with these arguments (``-m ...`` or ``-c ...``), inside the workspace."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment,
            timeout=seconds,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory, sample_catalog: Path) -> Workspace:
    """Ada's workspace: the sample is the team's catalog, her own is still empty, and so is the ledger."""
    home = tmp_path_factory.mktemp("home")
    folder = home / "users" / "ada"
    fill(folder)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ALPHAPULSE_", "JUPYTER"))}
    return Workspace(folder, kept | environment(Settings(home=home, catalog=sample_catalog), folder, ""))
