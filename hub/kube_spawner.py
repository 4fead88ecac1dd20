"""Workspaces as pods: each with the walls that :mod:`hub.pods` names."""

from __future__ import annotations

import kubespawner
from tornado.web import HTTPError

from alphapulse_lib.settings import settings
from hub import containers
from hub.allowance import Allowance

__all__ = ["KubeSpawner"]


class KubeSpawner(kubespawner.KubeSpawner):  # type: ignore[misc]
    """JupyterHub's spawner of pods, with the same variables and the same list of images as Docker's containers."""

    def get_env(self) -> dict[str, str]:
        """The pod's variables: JupyterHub's, and where the team's data and the REST API are."""
        return {**super().get_env(), **containers.environment(settings(), self.hub_connect_url)}

    async def load_user_options(self) -> None:
        """Take what a person chose at the start: one of the images, or nothing.

        Raises
        ------
        HTTPError
            They ask for another image.
        """
        image, allowed = self.user_options.get("image"), Allowance.of(settings()).images
        if image is not None and image not in allowed:
            raise HTTPError(400, f"Image {image} not in allowed list: {', '.join(allowed)}")
        await super().load_user_options()
