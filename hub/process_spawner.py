"""Workspaces as processes of the hub's own account. Simple, quick, and without any isolation."""

from __future__ import annotations

from pathlib import Path

from jupyterhub.spawner import SimpleLocalProcessSpawner

from alphapulse_lib.settings import settings
from hub import workspace

__all__ = ["ProcessSpawner"]


class ProcessSpawner(SimpleLocalProcessSpawner):  # type: ignore[misc]
    """JupyterHub's simple spawner in a folder of the person's own, filled with the tutorials."""

    def get_env(self) -> dict[str, str]:
        """The process's variables: JupyterHub's, and those of the person's workspace."""
        return {**super().get_env(), **workspace.environment(settings(), Path(self.home_dir))}

    async def start(self) -> tuple[str, int]:
        """Start the person's server, its folder being ready."""
        for name in workspace.fill(Path(self.home_dir)):
            self.log.info("Gave %s the notebook %s", self.user.name, name)
        return await super().start()  # type: ignore[no-any-return]
