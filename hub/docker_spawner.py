"""Workspaces as containers: each person's servers on a network and a volume of their own, with no right at all."""

from __future__ import annotations

from typing import Any

import dockerspawner
from docker.errors import APIError
from jupyterhub.utils import maybe_future
from tornado.web import HTTPError

from alphapulse_lib.settings import settings
from hub import allowance, containers, team_folders
from hub.awaited import awaited, found
from hub.person_network import PersonNetwork

__all__ = ["DockerSpawner"]


class DockerSpawner(dockerspawner.DockerSpawner):  # type: ignore[misc]
    """JupyterHub's spawner of containers, with the walls around each person that :mod:`hub.containers` names."""

    @property
    def network(self) -> PersonNetwork:
        """The network of this person's servers."""
        name = self._render_templates(containers.PERSON)
        return PersonNetwork(self.docker, name, containers.parts(settings()), allowance.labels(settings()))

    async def start(self) -> tuple[str, int]:
        """Start the person's container on their network.

        Raises
        ------
        HTTPError
            Docker refuses; its words and what helps are shown to the person. Or the server ended as it started.
        """
        network = self.network
        try:
            async with network.lock:
                gateway = await network.make()
                self.network_name = network.name
                self.hub_connect_url = containers.front(settings(), gateway)
                await self._volumes()
                address = await super().start()
        except APIError as refused:
            raise HTTPError(503, containers.explained(str(refused.explanation), self.image)) from refused
        return await awaited(self, address)

    def get_env(self) -> dict[str, str]:
        """The container's variables: JupyterHub's, and where the team's data and the REST API are."""
        teams = {team_folders.VARIABLE: team_folders.named(team_folders.theirs(self.user, settings()))}
        return {**super().get_env(), **containers.environment(settings(), self.hub_connect_url), **teams}

    async def poll(self) -> Any:
        """How the container ended; ``None`` while it runs, which the hub's own containers then can reach."""
        return await found(self, self._poll)

    async def _poll(self) -> Any:
        ended = await super().poll()
        if ended is None:
            await self.network.join()
        return ended

    async def run_post_stop_hook(self) -> None:
        """Take the person's network away after the last of their servers, however that ended."""
        network = self.network
        async with network.lock:
            await network.remove()
        await maybe_future(super().run_post_stop_hook())

    async def _volumes(self) -> None:
        """Have the person's volume mounted, and those of the teams that they are of now."""
        teams = allowance.team_volumes(settings(), team_folders.theirs(self.user, settings()))
        for name in (self._render_templates(containers.PERSON), *teams):
            await self._volume(name)
        self.volumes = {containers.PERSON: allowance.HOME, **teams}

    async def _volume(self, name: str) -> None:
        """Make a volume, marked as ours and, where Docker can, limited; one that is there stays as it is."""
        told: dict[str, Any] = {"labels": allowance.labels(settings())}
        limit = containers.volume(settings())
        try:
            await self.docker("create_volume", name, **told, **({"driver_opts": limit} if limit else {}))
        except APIError as refused:
            if not limit or "no quota support" not in str(refused.explanation):
                raise
            self.log.warning("The storage of Docker limits no volume: %s may use all of it", name)
            await self.docker("create_volume", name, **told)
