"""What a person's pod may, as data: `hub.allowance` in the words of Kubernetes.

What a pod cannot be told is said beside it: whom it reaches, by ``docker/kubernetes/workspaces.yaml``; how many
processes it may have, by its node's kubelet (docs/how-to/kubernetes.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from alphapulse_lib.errors import HubError, SettingsError
from alphapulse_lib.settings import Settings
from hub.allowance import CATALOG, GROUP, HOME, TEMPORARY, USER, Allowance, labels, prefix, team_volumes

__all__ = ["check", "configure", "places", "team_claims"]

#: The label of a pod that tells whose it is.
_WHOSE = "alphapulse.person"
#: One rule for each right that is not given. With `_unprivileged` it is what Kubernetes calls the restricted profile.
_NO_RIGHTS = {
    "runAsNonRoot": True,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def configure(c: Any, chosen: Settings) -> None:
    """Tell JupyterHub how pods are made; ``c`` is its configuration object."""
    c.JupyterHub.spawner_class = "hub.kube_spawner.KubeSpawner"
    c.JupyterHub.cleanup_servers = False  # a hub may be made anew under its people
    spawner, allowed = c.KubeSpawner, Allowance.of(chosen)
    if chosen.kubernetes_namespace:
        spawner.namespace = chosen.kubernetes_namespace
    spawner.hub_connect_url = chosen.kubernetes_front
    spawner.pod_name_template = f"{prefix(chosen)}-{{user_server}}"
    spawner.extra_labels = labels(chosen) | {_WHOSE: "{username}"}
    spawner.image = allowed.images[0]
    spawner.profile_list = _choice(allowed)
    spawner.mem_limit = allowed.memory
    spawner.cpu_limit = allowed.processors
    # As Docker's: a server that ended is gone. No account of the cluster's, and no list of what else runs in it.
    spawner.extra_pod_config = {"restartPolicy": "Never", "enableServiceLinks": False, "affinity": _together(chosen)}
    spawner.automount_service_account_token = False
    _unprivileged(spawner)
    _claim(spawner, chosen)


def _unprivileged(spawner: Any) -> None:
    spawner.uid, spawner.gid, spawner.fs_gid = USER, GROUP, GROUP
    spawner.privileged = False
    spawner.allow_privilege_escalation = False
    spawner.container_security_context = _NO_RIGHTS


def _claim(spawner: Any, chosen: Settings) -> None:
    """The claim of a person's folder."""
    spawner.storage_pvc_ensure = True
    spawner.delete_pvc = False  # what a person left is removed by somebody, not by the hub
    spawner.pvc_name_template = f"{prefix(chosen)}-{{username}}"
    spawner.storage_capacity = _capacity(chosen)
    spawner.storage_access_modes = ["ReadWriteOnce"]
    spawner.storage_extra_labels = labels(chosen)


def _capacity(chosen: Settings) -> str:
    """How much is claimed for a folder, a person's or a team's: as much as may be in it."""
    return f"{chosen.disk_limit or chosen.kubernetes_disk}M"


def places(chosen: Settings, teams: Sequence[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A pod's volumes, and where they are: the person's folder, their teams', the catalog, `TEMPORARY` in memory."""
    memory = {"medium": "Memory", "sizeLimit": f"{Allowance.of(chosen).temporary}Mi"}
    held: dict[str, tuple[dict[str, Any], str]] = {
        "home": ({"persistentVolumeClaim": {"claimName": "{pvc_name}"}}, HOME),
        "temporary": ({"emptyDir": memory}, TEMPORARY),
    }
    if chosen.kubernetes_catalog:
        claim = {"claimName": chosen.kubernetes_catalog, "readOnly": True}
        held["catalog"] = ({"persistentVolumeClaim": claim}, CATALOG)
    for number, (name, place) in enumerate(team_volumes(chosen, teams).items(), 1):
        held[f"team-{number}"] = ({"persistentVolumeClaim": {"claimName": name}}, place)
    volumes = [{"name": name} | source for name, (source, _) in held.items()]
    mounts = [
        {"name": name, "mountPath": place} | ({"readOnly": True} if name == "catalog" else {})
        for name, (_, place) in held.items()
    ]
    return volumes, mounts


def team_claims(chosen: Settings, teams: Sequence[str]) -> list[dict[str, Any]]:
    """The claims of the folders of somebody's teams, which pods on several nodes mount at once."""
    spec = {
        "accessModes": ["ReadWriteMany"],
        "storageClassName": chosen.kubernetes_team_storage,
        "resources": {"requests": {"storage": _capacity(chosen)}},
    }
    return [
        {"metadata": {"name": name, "labels": labels(chosen)}, "spec": spec} for name in team_volumes(chosen, teams)
    ]


def _together(chosen: Settings) -> dict[str, Any]:
    """Puts a person's further servers, as a job's, on the node of the first: one node at a time mounts their claim."""
    theirs = {"labelSelector": {"matchLabels": labels(chosen) | {_WHOSE: "{username}"}}}
    term = theirs | {"topologyKey": "kubernetes.io/hostname"}
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def _choice(allowed: Allowance) -> list[dict[str, Any]]:
    """What the page before the start asks, where there is something to choose."""
    if len(allowed.images) == 1:
        return []
    choices = {
        image: {"display_name": image, "kubespawner_override": {"image": image}, "default": not place}
        for place, image in enumerate(allowed.images)
    }
    image = {"display_name": "Image", "choices": choices}
    return [{"display_name": "Workspace", "default": True, "profile_options": {"image": image}}]


def check(chosen: Settings) -> None:
    """Refuse to start where no workspace could: before anybody has signed in.

    Raises
    ------
    SettingsError
        Pods would not reach the hub, or not see the catalog.
    HubError
        KubeSpawner is not installed, or nothing says where the cluster is.
    """
    front = urlsplit(chosen.kubernetes_front)
    if front.scheme not in ("http", "https") or not front.hostname:
        raise SettingsError(
            f"ALPHAPULSE_KUBERNETES_FRONT={chosen.kubernetes_front!r} is no address of the hub's proxy for pods.",
            "Set it to the proxy's service, as in http://alphapulse-proxy:8000.",
        )
    if chosen.datasets:
        raise SettingsError("ALPHAPULSE_DATASETS is a folder of this machine, which no pod sees.", "Remove it.")
    if isinstance(chosen.catalog_root, Path) and not chosen.kubernetes_catalog:
        raise SettingsError(
            f"The catalog is in {chosen.catalog_root}, a folder that no pod sees.",
            "Set ALPHAPULSE_KUBERNETES_CATALOG to a claim that holds it, or ALPHAPULSE_CATALOG to an object store.",
        )
    if find_spec("kubespawner") is None:
        raise HubError(
            "ALPHAPULSE_SPAWNER=kubernetes: KubeSpawner is not installed here.",
            "Run: uv sync --frozen --inexact --group kubernetes; the hub's image has it.",
        )
    from kubernetes_asyncio.config import ConfigException
    from kubespawner.clients import load_config

    try:
        load_config()
    except ConfigException as away:
        raise HubError(
            f"Nothing says where the Kubernetes cluster is: {away}",
            "Run the hub in a pod with a service account, or set KUBECONFIG.",
        ) from None
