"""What a workspace may, whoever starts it: a container of Docker's (:mod:`hub.containers`), or a pod (:mod:`hub.pods`).

Both are made of this one description, so that they cannot drift apart: tests/hub/test_pods.py lays them side by side.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from alphapulse_lib import __version__ as version
from alphapulse_lib.settings import Settings

__all__ = [
    "CATALOG",
    "DATASETS",
    "GROUP",
    "HOME",
    "MEGABYTE",
    "MOST_TEAMS",
    "PORT",
    "TEAMS",
    "TEMPORARY",
    "USER",
    "Allowance",
    "is_team_volume",
    "labels",
    "prefix",
    "team_volumes",
]

_log = logging.getLogger("alphapulse.teams")

#: Where a person's folder is in their workspace, and where the team's files are, which it can only read.
HOME, CATALOG, DATASETS = "/home/researcher", "/catalog", "/datasets"
#: Where the folders of their teams are, as 1, 2, 3: the image has so many places, the account's to write, and a new
#: volume is its owner's at whose place it first is.
TEAMS, MOST_TEAMS = "/teams", 16
#: The one other place that can be written: in memory, which is the workspace's own.
TEMPORARY = "/tmp"  # noqa: S108
#: The account in it, whatever the image says.
USER, GROUP = 1000, 1000
#: What its server listens on.
PORT = 8888

#: As the settings count memory and disks.
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Allowance:
    """What one workspace is given. It has no capability, cannot gain a right, and writes nowhere but to its folder.

    Attributes
    ----------
    images : tuple of str
        The images that it may be made of; the first is everybody's unless they choose.
    memory : int
        Bytes that all its processes may hold together; no swap beyond.
    processors : float
        How many it may use.
    processes : int
        Processes and threads at once.
    temporary : int
        Mebibytes of `TEMPORARY`, which count as memory.
    """

    images: tuple[str, ...]
    memory: int
    processors: float
    processes: int
    temporary: int

    @classmethod
    def of(cls, chosen: Settings) -> Self:
        """What the settings say."""
        told = tuple(each.strip() for each in chosen.workspace_images.split(",") if each.strip())
        return cls(
            images=told or (f"alphapulse/workspace:{version}",),
            memory=chosen.workspace_memory * MEGABYTE,
            processors=chosen.workspace_cpus,
            processes=chosen.workspace_processes,
            temporary=chosen.workspace_memory // 4,
        )


def prefix(chosen: Settings) -> str:
    """How what is people's is called, and nothing else: somebody called hub is not given the hub's own container."""
    return f"{chosen.docker_prefix}-workspace"


def labels(chosen: Settings) -> dict[str, str]:
    """What all that is people's is marked with, of this hub: containers, networks, volumes; pods and claims."""
    return {"alphapulse.hub": chosen.docker_prefix}


def team_volumes(chosen: Settings, teams: Sequence[str]) -> dict[str, str]:
    """The volumes, or claims, that are the folders of somebody's teams, and the place of each.

    Of more teams than there are places the first ones have one.
    """
    if len(teams) > MOST_TEAMS:
        _log.warning("Of %d teams of one person %d have a folder: ALPHAPULSE_TEAMS names fewer", len(teams), MOST_TEAMS)
    names = (f"{chosen.docker_prefix}-team-{_escaped(each)}" for each in teams[:MOST_TEAMS])
    return {name: f"{TEAMS}/{place}" for place, name in enumerate(names, 1)}


def is_team_volume(chosen: Settings, name: str) -> bool:
    """Whether a volume is a team's, by its name."""
    return re.fullmatch(rf"{re.escape(chosen.docker_prefix)}-team-([a-z0-9-]+-)?[0-9a-f]{{16}}", name) is not None


def _escaped(group: str) -> str:
    """A group's name in the letters that Docker and Kubernetes allow, told apart from any that is written so too."""
    said = re.sub("[^a-z0-9]+", "-", group.lower()).strip("-")[:40]
    return f"{said}-{hashlib.sha256(group.encode()).hexdigest()[:16]}".lstrip("-")
