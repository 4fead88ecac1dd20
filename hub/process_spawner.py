"""Workspaces as processes of the hub's own account. Simple, quick, and without any isolation."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from jupyterhub.spawner import SimpleLocalProcessSpawner

from alphapulse_lib.settings import settings
from hub import family, network, team_folders, workspace
from hub.awaited import awaited, found

__all__ = ["ProcessSpawner"]

_LARGE = 10_000_000  # bytes of one workspace's log


class ProcessSpawner(SimpleLocalProcessSpawner):  # type: ignore[misc]
    """JupyterHub's simple spawner in a folder of the person's own, filled with the tutorials."""

    def get_env(self) -> dict[str, str]:
        """The process's variables: JupyterHub's, and those of the person's workspace."""
        # The mark, too, so that ending the hub ends every kernel, whatever it was started by.
        marked = {name: value for name, value in os.environ.items() if name == family.MARK}
        places = network.read(settings().home_root / "run" / "network.json")
        given = workspace.environment(settings(), Path(self.home_dir), f"{places.api}/services/api")
        return {**super().get_env(), **given, **marked}

    async def start(self) -> tuple[str, int]:
        """Start the person's server, its folder being ready."""
        chosen, folder = settings(), Path(self.home_dir)
        for name in workspace.fill(folder):
            self.log.info("Gave %s the notebook %s", self.user.name, name)
        root = chosen.home_root / "groups"
        team_folders.link(folder, root, team_folders.made(root, team_folders.theirs(self.user, chosen)))
        # Not the hub's own output: that is a pipe which breaks when the hub dies, and the kernels with it.
        with _log(settings().home_root / "logs" / f"workspace-{self.user.name}.log").open("ab") as log:
            self.popen_kwargs = {"stdout": log, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
            address = await super().start()
        return await awaited(self, address)

    async def poll(self) -> Any:
        """How the process ended; ``None`` while it runs."""
        return await found(self, super().poll)


def _log(path: Path) -> Path:
    """The file to add to; a large one becomes the former one first."""
    if path.exists() and path.stat().st_size > _LARGE:
        path.replace(path.with_suffix(".log.1"))
    return path
