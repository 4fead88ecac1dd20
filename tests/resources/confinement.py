"""What holds a workspace, read from what Docker says of a container and from the pod that a cluster would be sent.

Each property is told in the same words by both, so that the two can be laid side by side; what neither Docker nor
Kubernetes was asked for, as the machine's own network, is a property too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["DOCKER", "POD"]

type Told = dict[str, Any]

#: Kubernetes' and Docker's words for sizes.
_UNITS = {"Mi": 2**20, "m": 2**20}


def _bytes(size: str) -> int:
    unit = size.lstrip("0123456789")
    return int(size.removesuffix(unit)) * _UNITS[unit]


def _mounts(inspected: Told) -> dict[str, tuple[str, bool]]:
    """Where something is mounted; of a volume of their own its name, and whether it can be written."""
    return {told["Destination"]: (told.get("Name") or "the team's", bool(told["RW"])) for told in inspected["Mounts"]}


def _container(pod: Told) -> Told:
    (only,) = pod["spec"]["containers"]
    return dict(only)


def _secured(pod: Told) -> Told:
    return dict(_container(pod)["securityContext"])


def _volumes(pod: Told) -> dict[str, Told]:
    named = {told["name"]: told for told in pod["spec"]["volumes"]}
    return {told["mountPath"]: named[told["name"]] | {"mount": told} for told in _container(pod)["volumeMounts"]}


def _claims(pod: Told) -> dict[str, tuple[str, bool]]:
    found = {}
    for place, told in _volumes(pod).items():
        if "persistentVolumeClaim" in told:
            claim, mount = told["persistentVolumeClaim"], told["mount"]
            reads = bool(mount.get("readOnly")), bool(claim.get("readOnly"))
            assert len(set(reads)) == 1, "the claim and its mount say the same"
            found[place] = "the team's" if reads[0] else claim["claimName"], not reads[0]
    return found


def _in_memory(pod: Told) -> dict[str, int]:
    empty = {place: told["emptyDir"] for place, told in _volumes(pod).items() if "emptyDir" in told}
    assert all(told["medium"] == "Memory" for told in empty.values())
    return {place: _bytes(told["sizeLimit"]) for place, told in empty.items()}


#: Of what ``docker inspect`` says.
DOCKER: dict[str, Callable[[Told], Any]] = {
    "image": lambda told: told["Config"]["Image"],
    "account": lambda told: tuple(int(each) for each in told["Config"]["User"].split(":")),
    "privileged": lambda told: bool(told["HostConfig"].get("Privileged")),
    "gains rights": lambda told: "no-new-privileges" not in told["HostConfig"]["SecurityOpt"],
    "capabilities dropped": lambda told: told["HostConfig"]["CapDrop"],
    "capabilities added": lambda told: told["HostConfig"].get("CapAdd") or [],
    # Docker's own profile holds unless another one, or none, is asked for.
    "system calls filtered": lambda told: not [each for each in told["HostConfig"]["SecurityOpt"] if "seccomp" in each],
    "root can be written": lambda told: not told["HostConfig"]["ReadonlyRootfs"],
    "memory": lambda told: told["HostConfig"]["Memory"],
    "processors": lambda told: told["HostConfig"]["CpuQuota"] / told["HostConfig"]["CpuPeriod"],
    "in memory": lambda told: {
        place: _bytes(size.removeprefix("size=")) for place, size in told["HostConfig"]["Tmpfs"].items()
    },
    "mounted": _mounts,
    "shared with the machine": lambda told: (
        [name for name in ("PidMode", "UTSMode", "Devices", "PortBindings") if told["HostConfig"].get(name)]
        + [told["HostConfig"]["NetworkMode"]] * (told["HostConfig"]["NetworkMode"] == "host")
    ),
    "way to the engine": lambda told: [each for each in _mounts(told) if "docker.sock" in each],
    "starts again": lambda told: told["HostConfig"].get("RestartPolicy", {}).get("Name", "no") not in ("", "no"),
    "label": lambda told: told["Config"]["Labels"]["alphapulse.hub"],
}

#: Of a pod's manifest, as it is sent.
POD: dict[str, Callable[[Told], Any]] = {
    "image": lambda pod: _container(pod)["image"],
    "account": lambda pod: (_secured(pod)["runAsUser"], _secured(pod)["runAsGroup"]),
    "privileged": lambda pod: bool(_secured(pod).get("privileged")),
    "gains rights": lambda pod: _secured(pod).get("allowPrivilegeEscalation", True),
    "capabilities dropped": lambda pod: _secured(pod)["capabilities"]["drop"],
    "capabilities added": lambda pod: _secured(pod)["capabilities"].get("add", []),
    "system calls filtered": lambda pod: _secured(pod)["seccompProfile"] == {"type": "RuntimeDefault"},
    "root can be written": lambda pod: not _secured(pod).get("readOnlyRootFilesystem"),
    "memory": lambda pod: int(_container(pod)["resources"]["limits"]["memory"]),
    "processors": lambda pod: float(_container(pod)["resources"]["limits"]["cpu"]),
    "in memory": _in_memory,
    "mounted": _claims,
    "shared with the machine": lambda pod: (
        [name for name in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace") if pod["spec"].get(name)]
        + [told["name"] for told in pod["spec"]["volumes"] if "hostPath" in told]
        + [told for told in _container(pod)["ports"] if "hostPort" in told]
    ),
    "way to the engine": lambda pod: ["token"] * (pod["spec"].get("automountServiceAccountToken") is not False),
    "starts again": lambda pod: pod["spec"].get("restartPolicy") != "Never",
    "label": lambda pod: pod["metadata"]["labels"]["alphapulse.hub"],
}
