"""What a person's container may, as data: its image, its limits, what it sees of the team's files, whom it reaches."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alphapulse_lib.errors import HubError, SettingsError
from alphapulse_lib.settings import Settings
from hub import workspace
from hub.allowance import (
    CATALOG,
    DATASETS,
    GROUP,
    HOME,
    MEGABYTE,
    MOST_TEAMS,
    TEAMS,
    TEMPORARY,
    USER,
    Allowance,
    is_team_volume,
    labels,
    prefix,
    team_volumes,
)

__all__ = [
    "PERSON",
    "RESEARCHER",
    "check",
    "configure",
    "environment",
    "explained",
    "front",
    "is_team_mount",
    "parts",
    "volume",
    "walls",
]

#: The name of a person's container and network, and of the volume that is their folder.
PERSON = "{prefix}-{username}"

_PERIOD = 100_000  # microseconds, in which the processors are shared out; Docker's and DockerSpawner's own
#: The account in the container, whatever the image says.
RESEARCHER = f"{USER}:{GROUP}"

ON_THE_MACHINE = (
    "Workspaces run in containers, and the hub itself on this machine: every port that this machine opens on all its "
    "addresses can be reached from a workspace. Run the hub in a container too for more (docs/how-to/containers.md)."
)


def parts(chosen: Settings) -> dict[str, str]:
    """The hub's containers that join each person's network, and their names in it: this one, and the proxy."""
    return {chosen.docker_hub: "hub", chosen.docker_proxy: "proxy"} if chosen.docker_hub else {}


def front(chosen: Settings, gateway: str) -> str:
    """Where a workspace reaches the hub and its REST API: the proxy, by the way that its network has to it."""
    return f"http://proxy:{chosen.port}" if chosen.docker_hub else f"http://{gateway}:{chosen.port}"


def environment(chosen: Settings, front: str) -> dict[str, str]:
    """The variables of a workspace that its image does not know."""
    datasets = {"ALPHAPULSE_DATASETS": DATASETS} if chosen.datasets else {}
    catalog = {} if isinstance(chosen.catalog_root, Path) else {"ALPHAPULSE_CATALOG": str(chosen.catalog_root)}
    told = {
        "ALPHAPULSE_API_URL": f"{front}/services/api",
        "ALPHAPULSE_SCORER": chosen.scorer,
        "ALPHAPULSE_IDLE_MINUTES": str(chosen.idle_minutes),
        "ALPHAPULSE_DISK_LIMIT": str(chosen.disk_limit),
    }
    return told | datasets | catalog | workspace.reading(chosen)


def configure(c: Any, chosen: Settings) -> None:
    """Tell JupyterHub how containers are made; ``c`` is its configuration object."""
    c.JupyterHub.spawner_class = "hub.docker_spawner.DockerSpawner"
    c.JupyterHub.cleanup_servers = not chosen.docker_hub  # a hub in a container may be made anew under its people
    spawner, allowed = c.DockerSpawner, Allowance.of(chosen)
    spawner.image = allowed.images[0]
    spawner.allowed_images = list(allowed.images)
    spawner.pull_policy = "never"
    spawner.prefix = prefix(chosen)
    spawner.remove = True
    spawner.use_internal_ip = True
    spawner.volumes = {PERSON: HOME}
    spawner.read_only_volumes = _team_files(chosen)
    spawner.mem_limit = allowed.memory
    spawner.cpu_limit = allowed.processors
    spawner.extra_create_kwargs = {"user": RESEARCHER, "labels": labels(chosen)}
    spawner.extra_host_config = _limits(allowed)


def _limits(allowed: Allowance) -> dict[str, Any]:
    return {
        "memswap_limit": allowed.memory,  # no swap beyond it
        "pids_limit": allowed.processes,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "privileged": False,
        "read_only": True,
        "tmpfs": {TEMPORARY: f"size={allowed.temporary}m"},
    }


def walls(chosen: Settings, owner: str, teams: Sequence[str] = ()) -> dict[str, Any]:
    """The whole of what a container of somebody's is made with.

    Parameters
    ----------
    owner : str
        The name of their network and volume.
    teams : sequence of str
        Those they are of.
    """
    allowed = Allowance.of(chosen)
    files = {source: {"bind": place, "mode": "ro"} for source, place in _team_files(chosen).items()}
    files |= {source: {"bind": place, "mode": "rw"} for source, place in team_volumes(chosen, teams).items()}
    return _limits(allowed) | {
        "auto_remove": True,
        "network_mode": owner,
        "binds": {owner: {"bind": HOME, "mode": "rw"}} | files,
        "mem_limit": allowed.memory,
        "cpu_period": _PERIOD,
        "cpu_quota": int(allowed.processors * _PERIOD),
    }


def is_team_mount(chosen: Settings, bind: Any) -> bool:
    """Whether what is mounted is a team's volume at a place for one, as Docker's API writes it."""
    name, _, how = bind.partition(":") if isinstance(bind, str) else ("", "", "")
    return is_team_volume(chosen, name) and how in {f"{TEAMS}/{place}:rw" for place in range(1, MOST_TEAMS + 1)}


def volume(chosen: Settings) -> dict[str, str]:
    """What limits a person's volume, or a team's, where Docker's storage can: XFS mounted with project quotas."""
    return {"size": str(chosen.disk_limit * MEGABYTE)} if chosen.disk_limit else {}


def check(chosen: Settings) -> None:
    """Refuse to start where no workspace could: before anybody has signed in.

    Raises
    ------
    SettingsError
        The hub's address cannot be reached from a container.
    HubError
        Docker does not answer, or lacks an image.
    """
    if not chosen.docker_hub and chosen.address not in ("0.0.0.0", "::"):  # noqa: S104
        raise SettingsError(
            f"ALPHAPULSE_SPAWNER=docker: no container reaches a hub that listens on {chosen.address} alone.",
            "Set ALPHAPULSE_ADDRESS=0.0.0.0, and let a firewall keep strangers away from its port.",
        )
    import docker
    from docker.errors import DockerException, ImageNotFound

    try:
        engine = docker.from_env(timeout=20)
        for image in Allowance.of(chosen).images:
            engine.images.get(image)
    except ImageNotFound:
        raise HubError(
            f"Docker has no image {image}.", "Build it: make images, or see ALPHAPULSE_WORKSPACE_IMAGES."
        ) from None
    except DockerException as away:
        where = os.environ.get("DOCKER_HOST", "its usual socket")
        raise HubError(
            f"Docker does not answer at {where}: {away}", "Start it (systemctl start docker), or set DOCKER_HOST."
        ) from None


def explained(words: str, image: str) -> str:
    """Docker's refusal for the person whose server does not start, with what helps where we know it."""
    known = {
        "No such image": f"The image {image} is not there: an administrator builds it by `make images`.",
        "address pool": "Docker has no addresses left for another person's network: an administrator gives it more "
        "(default-address-pools, docs/how-to/containers.md).",
    }
    helps = next(
        (told for sign, told in known.items() if sign in words), "An administrator finds more in the hub's log."
    )
    return f"Docker refused to start your server: {words.rstrip('.')}. {helps}"


def _team_files(chosen: Settings) -> dict[str, str]:
    """What Docker mounts read-only: folders of its machine, or volumes, and where."""
    catalog = chosen.docker_catalog or (str(chosen.catalog_root) if isinstance(chosen.catalog_root, Path) else "")
    mounts = {catalog: CATALOG} if catalog else {}
    return mounts | ({str(chosen.datasets): DATASETS} if chosen.datasets else {})
