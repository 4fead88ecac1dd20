"""What a workspace may, whoever starts it: a container of Docker's (:mod:`hub.containers`), or a pod (:mod:`hub.pods`).

Both are made of this one description, so that they cannot drift apart: tests/hub/test_pods.py lays them side by side.
"""

from __future__ import annotations

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
    "PORT",
    "TEMPORARY",
    "USER",
    "Allowance",
    "labels",
    "prefix",
]

#: Where a person's folder is in their workspace, and where the team's files are, which it can only read.
HOME, CATALOG, DATASETS = "/home/researcher", "/catalog", "/datasets"
#: The one place beside the folder that can be written: in memory, which is the workspace's own.
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
