"""A person's pod: the walls of a person's container, laid side by side; whom it reaches; what the hub may ask for."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import confinement
import docker.types
import pytest
import sent_pods
import yaml
from running_hub import environment
from sent_pods import nowhere
from tornado.web import HTTPError

from alphapulse_lib.errors import SettingsError
from alphapulse_lib.settings import PROJECT, Settings
from hub import allowance, containers, pods, spawner

IMAGE = "registry.example.org/workspace:7"
LIMITS: dict[str, Any] = {
    "workspace_images": IMAGE,
    "workspace_memory": 2000,
    "workspace_cpus": 1.5,
    "workspace_processes": 400,
}
#: What the settings above ask for, in plain words; where it says nothing of a thing, there must be none of it.
WANTED: dict[str, Any] = {
    "image": IMAGE,
    "account": (1000, 1000),
    "privileged": False,
    "gains rights": False,
    "capabilities dropped": ["ALL"],
    "capabilities added": [],
    "system calls filtered": True,
    "root can be written": False,
    "memory": 2_000_000_000,
    "processors": 1.5,
    "in memory": {"/tmp": 500 * 1024 * 1024},
    "mounted": {"/home/researcher": ("alphapulse-workspace-ann", True), "/catalog": ("the team's", False)},
    "shared with the machine": [],
    "way to the engine": [],
    "starts again": False,
    "label": "alphapulse",
}
WORKSPACES = PROJECT / "docker" / "kubernetes" / "workspaces.yaml"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return sent_pods.made(sent_pods.settings_of(**LIMITS), tmp_path_factory.mktemp("pods"))


def container(*teams: str) -> dict[str, Any]:
    """A container as the guard lets it be made, word for word; tests/docker asks a real one."""
    chosen = Settings(_env_file=None, spawner="docker", docker_catalog="alphapulse-catalog", **LIMITS)
    owner = f"{allowance.prefix(chosen)}-ann"
    host = docker.types.HostConfig("1.41", **containers.walls(chosen, owner, teams))
    mounts = [each.split(":") for each in host["Binds"]]
    own = {owner, *allowance.team_volumes(chosen, teams)}
    return {
        "HostConfig": host,
        "Config": {
            "Image": allowance.Allowance.of(chosen).images[0],
            "User": containers.RESEARCHER,
            "Labels": allowance.labels(chosen),
        },
        "Mounts": [
            {"Destination": place, "RW": how == "rw"} | ({"Name": source} if source in own else {})
            for source, place, how in mounts
        ],
    }


@pytest.mark.parametrize("name", WANTED)
def test_a_pod_and_a_container_have_each_property_alike(made: dict[str, Any], name: str):
    assert set(WANTED) == set(confinement.POD) == set(confinement.DOCKER)
    assert confinement.POD[name](made["pod"]) == WANTED[name]
    assert confinement.DOCKER[name](container()) == WANTED[name]


def test_a_pod_is_one_container_that_the_restricted_profile_admits(made: dict[str, Any]):
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, rule by rule."""
    spec = made["pod"]["spec"]
    assert not spec.get("initContainers") and not spec.get("ephemeralContainers") and len(spec["containers"]) == 1
    kinds = {kind for told in spec["volumes"] for kind in told if kind != "name"}
    assert kinds <= {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected"}
    secured = spec["containers"][0]["securityContext"]
    assert secured["runAsNonRoot"] is True and secured["runAsUser"] != 0
    assert secured["allowPrivilegeEscalation"] is False and secured["capabilities"] == {"drop": ["ALL"]}
    assert secured["seccompProfile"]["type"] in ("RuntimeDefault", "Localhost")
    assert not secured.get("procMount") and not spec["securityContext"].get("sysctls")
    assert "serviceAccountName" not in spec and spec["enableServiceLinks"] is False


def test_each_person_has_a_claim_of_their_own_that_all_their_servers_share(tmp_path: Path, made: dict[str, Any]):
    chosen = sent_pods.settings_of(**LIMITS, kubernetes_disk=5000)
    own = sent_pods.made(chosen, tmp_path, "ann")
    job = sent_pods.made(chosen, tmp_path, "ann", server="job-1")
    claims = {
        who: sent_pods.made(chosen, tmp_path, who)["claim"]["metadata"]["name"] for who in ("bob", "Ann", "ann-", "b@c")
    }
    names = {own["claim"]["metadata"]["name"], *claims.values()}
    assert len(names) == 5, "no two people's names lead to one claim"
    assert job["claim"]["metadata"]["name"] == own["claim"]["metadata"]["name"] == "alphapulse-workspace-ann"
    assert job["pod"]["metadata"]["name"] != own["pod"]["metadata"]["name"]
    assert own["claim"]["spec"]["resources"]["requests"] == {"storage": "5000M"}
    limited = sent_pods.made(sent_pods.settings_of(**LIMITS, kubernetes_disk=5000, disk_limit=700), tmp_path, "ann")
    assert limited["claim"]["spec"]["resources"]["requests"] == {"storage": "700M"}, "as large as they may fill"
    for each in (own, job):  # the claim is mounted on one node at a time
        (term,) = each["pod"]["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        labels = each["pod"]["metadata"]["labels"]
        assert term["topologyKey"] == "kubernetes.io/hostname"
        assert term["labelSelector"]["matchLabels"] == {"alphapulse.hub": "alphapulse", "alphapulse.person": "ann"}
        assert term["labelSelector"]["matchLabels"].items() <= labels.items(), "or the first one would find no node"


def test_a_team_s_folder_is_its_members_and_of_one_place_in_pods_and_containers(tmp_path: Path):
    chosen = sent_pods.settings_of(**LIMITS, kubernetes_team_storage="nfs", teams="desk, quants")
    desk, quants = allowance.team_volumes(chosen, ["desk", "quants"])
    pod = sent_pods.made(chosen, tmp_path, groups=("staff", "quants", "desk"))["pod"]
    mounted = confinement.POD["mounted"](pod)
    assert mounted == WANTED["mounted"] | {"/teams/1": (desk, True), "/teams/2": (quants, True)}
    assert mounted == confinement.DOCKER["mounted"](container("desk", "quants"))
    told = {each["name"]: each["value"] for each in pod["spec"]["containers"][0]["env"]}
    assert told["ALPHAPULSE_TEAM_FOLDERS"] == "desk/quants"
    assert confinement.POD["mounted"](sent_pods.made(chosen, tmp_path, groups=("staff",))["pod"]) == WANTED["mounted"]
    bare = sent_pods.settings_of(
        **LIMITS
    )  # where no storage can be mounted on two nodes, a second one's pod would wait
    assert confinement.POD["mounted"](sent_pods.made(bare, tmp_path, groups=("desk",))["pod"]) == WANTED["mounted"]


def test_a_team_s_claim_can_be_mounted_by_all_of_its_members_and_is_marked_as_ours():
    chosen = sent_pods.settings_of(**LIMITS, kubernetes_team_storage="nfs", kubernetes_disk=5000)
    (claim,) = pods.team_claims(chosen, ["Desk / EU"])
    assert claim["metadata"]["name"].startswith("alphapulse-team-desk-eu-")
    assert re.fullmatch(
        "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", claim["metadata"]["name"]
    )  # a DNS label, as RFC 1123 has it
    assert claim["metadata"]["labels"] == {"alphapulse.hub": "alphapulse"}
    assert claim["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "nfs",
        "resources": {"requests": {"storage": "5000M"}},
    }
    limited = sent_pods.settings_of(**LIMITS, kubernetes_team_storage="nfs", kubernetes_disk=5000, disk_limit=700)
    (claim,) = pods.team_claims(limited, ["desk"])
    assert claim["spec"]["resources"]["requests"] == {"storage": "700M"}, "as a person's"


def test_a_team_s_claim_is_asked_for_before_a_member_s_server_and_one_that_is_there_stays(tmp_path: Path):
    chosen = sent_pods.settings_of(**LIMITS, kubernetes_team_storage="nfs", kubernetes_namespace="workspaces")
    with sent_pods.cluster(201, 409) as found:
        sent_pods.claim(chosen, tmp_path, found, ("desk", "quants"))
    place = "/api/v1/namespaces/workspaces/persistentvolumeclaims"
    assert found.asked == [("POST", place, claim) for claim in pods.team_claims(chosen, ["desk", "quants"])]
    with sent_pods.cluster(403) as found, pytest.raises(HTTPError, match="refused the folder of a team") as refused:
        sent_pods.claim(chosen, tmp_path, found, ("desk",))
    assert refused.value.status_code == 503 and len(found.asked) == 1
    with sent_pods.cluster() as found:
        sent_pods.claim(sent_pods.settings_of(**LIMITS, kubernetes_namespace="workspaces"), tmp_path, found, ("desk",))
    assert found.asked == []


def test_the_image_is_one_of_the_list_and_no_other_option_is_taken(tmp_path: Path):
    two = sent_pods.settings_of(**LIMITS | {"workspace_images": f"{IMAGE}, other:1"})
    assert confinement.POD["image"](sent_pods.made(two, tmp_path)["pod"]) == IMAGE
    assert confinement.POD["image"](sent_pods.made(two, tmp_path, options={"image": "other:1"})["pod"]) == "other:1"
    one = sent_pods.settings_of(**LIMITS)
    for chosen in (one, two):
        with pytest.raises(HTTPError, match="not in allowed list") as refused:
            sent_pods.made(chosen, tmp_path, options={"image": "evil:1"})
        assert refused.value.status_code == 400
    asked = {
        "privileged": True,
        "uid": 0,
        "volumes": [{"name": "x", "hostPath": {"path": "/"}}],
        "service_account": "x",
    }
    assert sent_pods.made(one, tmp_path, options=asked) == sent_pods.made(one, tmp_path)


def test_a_pod_is_told_where_the_hub_is_and_no_secret_of_a_vendor(tmp_path: Path):
    chosen = sent_pods.settings_of(**LIMITS, alpaca_key="k" * 20, alpaca_secret="s" * 40)
    pod = sent_pods.made(chosen, tmp_path)["pod"]
    told = {each["name"]: each["value"] for each in pod["spec"]["containers"][0]["env"]}
    assert told["ALPHAPULSE_API_URL"] == "http://alphapulse-proxy:8000/services/api"
    assert told["JUPYTERHUB_API_URL"] == "http://alphapulse-proxy:8000/hub/api"
    assert "k" * 20 not in str(pod) and "s" * 40 not in str(pod)


def documents() -> dict[str, dict[str, Any]]:
    return {each["kind"]: each for each in yaml.safe_load_all(WORKSPACES.read_text()) if each}


def _chosen(labels: dict[str, str], selector: dict[str, Any]) -> bool:
    assert set(selector) == {"matchLabels"}
    return bool(selector["matchLabels"].items() <= labels.items())


def reached(policy: dict[str, Any], way: str, labels: dict[str, str] | None, port: int, namespace: str = "") -> bool:
    """What Kubernetes says of a NetworkPolicy: whatever no rule lets through, does not pass; None is no pod at all."""
    peers = {"Ingress": "from", "Egress": "to"}[way]
    for rule in policy["spec"].get(way.lower(), []):
        assert rule[peers] and rule["ports"], "an empty list would let all through"
        for peer in rule[peers]:
            assert set(peer) <= {"podSelector", "namespaceSelector"}
            home = (
                _chosen({"kubernetes.io/metadata.name": namespace}, peer["namespaceSelector"])
                if ("namespaceSelector" in peer)
                else namespace == ""
            )
            is_peer = labels is not None and home and _chosen(labels, peer["podSelector"])
            if is_peer and port in [each["port"] for each in rule["ports"]]:
                return True
    return False


def test_a_workspace_reaches_the_proxy_and_nobody_else_and_is_reached_by_the_hub_alone(
    made: dict[str, Any], tmp_path: Path
):
    policy = documents()["NetworkPolicy"]
    ann = made["pod"]["metadata"]["labels"]
    bob = sent_pods.made(sent_pods.settings_of(**LIMITS), tmp_path, "bob", server="job-2")["pod"]["metadata"]["labels"]
    assert _chosen(ann, policy["spec"]["podSelector"]) and _chosen(bob, policy["spec"]["podSelector"])
    assert sorted(policy["spec"]["policyTypes"]) == ["Egress", "Ingress"]
    proxy, hub, database = ({"alphapulse.part": part} for part in ("proxy", "hub", "database"))
    names = {"k8s-app": "kube-dns"}
    assert reached(policy, "Egress", proxy, 8000)
    assert reached(policy, "Egress", names, 53, "kube-system")
    for labels, port in (
        (proxy, 8001),
        (hub, 8081),
        (hub, 8000),
        (database, 5432),
        (bob, 8888),
        (None, 443),
        (None, 80),
    ):
        assert not reached(policy, "Egress", labels, port), (labels, port)
    assert not reached(policy, "Egress", names, 53), "somebody's own pod that is labelled so"
    assert not reached(policy, "Egress", proxy, 8000, "elsewhere")
    assert reached(policy, "Ingress", proxy, 8888) and reached(policy, "Ingress", hub, 8888)
    for labels in (bob, ann, database, None):
        assert not reached(policy, "Ingress", labels, 8888)


def test_the_hub_may_start_pods_and_claims_and_read_no_secret():
    allowed = {resource: set(rule["verbs"]) for rule in documents()["Role"]["rules"] for resource in rule["resources"]}
    looks = {"get", "list", "watch"}
    assert allowed == {
        "pods": looks | {"create", "delete"},
        "events": looks,
        "persistentvolumeclaims": looks | {"create"},
    }
    binding = documents()["RoleBinding"]
    assert (
        binding["roleRef"]["kind"] == "Role" and binding["roleRef"]["name"] == documents()["Role"]["metadata"]["name"]
    )
    assert [each["name"] for each in binding["subjects"]] == [documents()["ServiceAccount"]["metadata"]["name"]]


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"kubernetes_front": ""}, "no address of the hub's proxy"),
        ({"kubernetes_front": "alphapulse-proxy:8000"}, "no address of the hub's proxy"),
        ({"kubernetes_catalog": ""}, "a folder that no pod sees"),
        ({"datasets": "/somewhere"}, "ALPHAPULSE_DATASETS is a folder of this machine"),
    ],
)
def test_what_no_pod_could_use_is_refused_before_anybody_signs_in(told: dict[str, str], says: str):
    with pytest.raises(SettingsError, match=says):
        spawner.check(sent_pods.settings_of(**told))


def test_a_cluster_that_nothing_names_is_said(tmp_path: Path):
    checked = "from alphapulse_lib.settings import settings; from hub import spawner; spawner.check(settings())"
    told = {"SPAWNER": "kubernetes", "KUBERNETES_FRONT": "http://proxy:8000", "CATALOG": "s3://bucket/catalog"}
    given = environment(tmp_path, 1, **{f"ALPHAPULSE_{name}": value for name, value in told.items()})
    for place, says in (
        (tmp_path / "nothing", "Nothing says where the Kubernetes cluster is"),
        (nowhere(tmp_path), ""),
    ):
        done = subprocess.run(
            [sys.executable, "-c", checked],
            env=given | {"KUBECONFIG": str(place)},
            cwd=PROJECT,
            capture_output=True,
            text=True,
        )
        assert (done.returncode == 0, says in done.stderr) == (not says, True), done.stderr
    assert spawner.warning(sent_pods.settings_of()) == ""


def test_how_many_processes_a_pod_may_have_is_the_nodes_to_say_and_the_docs_tell_it(made: dict[str, Any]):
    assert "pid" not in str(made["pod"]["spec"]).lower()
    told = (PROJECT / "docs" / "how-to" / "kubernetes.md").read_text()
    assert f"podPidsLimit: {Settings.model_fields['workspace_processes'].default}" in told


def test_pods_are_what_the_setting_configures():
    from traitlets.config import Config

    config = Config()
    spawner.configure(config, sent_pods.settings_of())
    assert config.JupyterHub.spawner_class == "hub.kube_spawner.KubeSpawner"
    assert config.JupyterHub.cleanup_servers is False and "volumes" not in config.KubeSpawner
