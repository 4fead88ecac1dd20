"""Workspaces as pods: each with the walls that :mod:`hub.pods` names."""

from __future__ import annotations

from typing import Any

import kubespawner
from jupyterhub.utils import maybe_future
from kubernetes_asyncio.client.exceptions import ApiException
from tornado.web import HTTPError

from alphapulse_lib.settings import settings
from hub import containers, pods, team_folders
from hub.allowance import Allowance

__all__ = ["KubeSpawner"]


class KubeSpawner(kubespawner.KubeSpawner):  # type: ignore[misc]
    """JupyterHub's spawner of pods, with the same variables and the same list of images as Docker's containers."""

    def get_env(self) -> dict[str, str]:
        """The pod's variables: JupyterHub's, and where the team's data and the REST API are."""
        teams = {team_folders.VARIABLE: team_folders.named(self._teams())}
        return {**super().get_env(), **containers.environment(settings(), self.hub_connect_url), **teams}

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

    async def run_pre_spawn_hook(self) -> None:
        """Make the claims of the person's teams that nobody's pod needed before.

        Raises
        ------
        HTTPError
            The cluster refuses one.
        """
        await maybe_future(super().run_pre_spawn_hook())
        for claim in pods.team_claims(settings(), self._teams()):
            try:
                await self.api.create_namespaced_persistent_volume_claim(namespace=self.namespace, body=claim)
            except ApiException as refused:
                if refused.status == 409:  # it is there
                    continue
                self.log.error("The claim %s was refused: %s", claim["metadata"]["name"], refused)
                raise HTTPError(
                    503,
                    f"The cluster refused the folder of a team: {refused.reason}. "
                    "An administrator finds more in the hub's log.",
                ) from refused

    async def get_pod_manifest(self) -> Any:
        """The pod, with the folders of the teams that the person is of now."""
        self.volumes, self.volume_mounts = pods.places(settings(), self._teams())
        return await super().get_pod_manifest()

    def _teams(self) -> list[str]:
        """Those of the person's that have a folder: none where no storage can be mounted on several nodes at once."""
        return team_folders.theirs(self.user, settings()) if settings().kubernetes_team_storage else []
