"""The guard before a real Docker: what DockerSpawner asks for passes, and nothing that leads out of the walls."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import docker as docker_py
import httpx
import pytest
import uvicorn
from docker.errors import APIError
from docker_engine import HUB, NOTHING, Docker
from waiting import until

from alphapulse_lib.settings import Settings
from hub import allowance, containers, guard
from hub.person_network import NO_ADDRESS_OF_THE_MACHINE

pytestmark = pytest.mark.timeout(1800)  # of which most is the first build of the images

PREFIX = "alphapulse-guarded"
ANN = f"{PREFIX}-workspace-ann"
CHOSEN = Settings(
    _env_file=None,
    docker_prefix=PREFIX,
    docker_hub=f"{PREFIX}-hub",
    docker_proxy=f"{PREFIX}-proxy",
    docker_catalog=f"{PREFIX}-catalog",
    workspace_images=HUB,
    workspace_memory=500,
    disk_limit=100,
)
(TEAM,) = allowance.team_volumes(CHOSEN, ["desk"])
#: What is mounted in her container whatever team she is of.
OWN = (f"{ANN}:/home/researcher:rw", f"{PREFIX}-catalog:/catalog:ro")
NETWORK = {"driver": "bridge", "internal": True, "check_duplicate": True, "options": NO_ADDRESS_OF_THE_MACHINE}


@pytest.fixture(scope="module")
def door(docker: Docker) -> Iterator[str]:
    """Where the guard listens, before the machine's daemon."""
    uds = docker.environment.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    client = httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=uds), base_url="http://docker", timeout=120)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(guard.application(CHOSEN, client), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        until(lambda: server.started)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=60)


@pytest.fixture(scope="module")
def foreign(docker: Docker) -> Iterator[str]:
    """The id of a container that is nobody's workspace."""
    name = docker("run", "--detach", *NOTHING, HUB, "sleep", "infinity").strip()
    yield name
    docker("rm", "--force", name)


def body(**changes: Any) -> dict[str, Any]:
    """What is asked for a container of ann's, with changes of its options."""
    host = docker_py.types.HostConfig("1.41", **containers.walls(CHOSEN, ANN)) | changes
    labels = allowance.labels(CHOSEN)
    return {"Image": HUB, "Cmd": ["sleep", "infinity"], "User": "1000:1000", "Labels": labels, "HostConfig": host}


def refused(door: str, method: str, path: str, content: str = "", says: str = "") -> None:
    answer = httpx.request(method, f"{door}{path}", content=content, timeout=120)
    assert answer.status_code == 403, f"{method} {path}: {answer.status_code} {answer.text}"
    assert says in answer.json()["message"]


def test_a_workspace_is_made_and_ended_through_it(door: str, docker: Docker) -> None:
    client = docker_py.APIClient(base_url=door.replace("http:", "tcp:"), version="auto", timeout=120)
    labels = allowance.labels(CHOSEN)
    assert client.inspect_image(HUB)["Config"]["User"] == "1000:1000"
    hub = docker("run", "--detach", "--name", CHOSEN.docker_hub, *NOTHING[:-1], HUB, "sleep", "infinity").strip()
    try:
        client.create_network(ANN, labels=labels, **NETWORK)
        try:  # the guard lets it through; Docker's storage may be one that limits nothing
            client.create_volume(ANN, labels=labels, driver_opts=containers.volume(CHOSEN))
        except APIError as of_docker:
            assert "no quota support" in str(of_docker.explanation)
        client.create_volume(ANN, labels=labels)
        client.create_volume(TEAM, labels=labels)
        client.connect_container_to_network(CHOSEN.docker_hub, ANN, aliases=["hub"])
        made = client.create_container(
            HUB,
            name=f"{ANN}--job-1",
            command=["sleep", "infinity"],
            user=containers.RESEARCHER,
            environment={"NAME": 'O\'Brien "é"'},
            labels=labels,
            ports={"8888/tcp": None},
            volumes=["/home/researcher", "/catalog"],
            host_config=client.create_host_config(**containers.walls(CHOSEN, ANN, ["desk"])),
        )
        client.start(made["Id"])
        found = client.inspect_container(made["Id"])
        assert found["State"]["Running"] and 'NAME=O\'Brien "é"' in found["Config"]["Env"]
        assert client.inspect_container(f"{ANN}--job-1")["Id"] == made["Id"]
        assert {each.get("Name"): each["Destination"] for each in found["Mounts"]}[TEAM] == "/teams/1"
        assert len(client.inspect_network(ANN)["Containers"]) == 2
        client.stop(made["Id"], timeout=1)
        with pytest.raises(APIError) as gone:
            client.remove_container(made["Id"], v=True)
            client.remove_container(made["Id"], v=True)
        assert gone.value.status_code in (404, 409), "it removes itself when it stops"
        until(lambda: not docker("ps", "--all", "--quiet", "--filter", f"name={ANN}"))
        client.disconnect_container_from_network(CHOSEN.docker_hub, ANN, force=True)
        client.remove_network(ANN)
    finally:
        docker("rm", "--force", hub, f"{ANN}--job-1", check=False)
        docker("network", "rm", ANN, check=False)
        docker("volume", "rm", ANN, TEAM, f"{PREFIX}-catalog", check=False)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"Privileged": True}, "Privileged is True"),
        ({"privileged": True}, "privileged is True"),  # Docker takes it in any case
        ({"Binds": ["/:/machine:rw"]}, "Binds"),
        ({"Binds": [f"{ANN}:/home/researcher:rw", f"{PREFIX}-catalog:/catalog:rw"]}, "Binds"),
        ({"Binds": [f"{PREFIX}-workspace-bob:/home/researcher:rw", f"{PREFIX}-catalog:/catalog:ro"]}, "Binds"),
        ({"Binds": [*OWN, f"{TEAM}:/home/researcher:rw"]}, "Binds"),
        ({"Binds": [*OWN, f"{TEAM}:/teams/17:rw"]}, "Binds"),
        ({"Binds": [*OWN, "/:/teams/1:rw"]}, "Binds"),
        ({"Binds": [*OWN, f"{PREFIX}-workspace-bob:/teams/1:rw"]}, "Binds"),
        ({"Binds": 1}, "Binds"),
        ({"Mounts": [{"Type": "bind", "Source": "/", "Target": "/machine"}]}, "Mounts"),
        ({"VolumesFrom": ["somebody"]}, "VolumesFrom"),
        ({"CapAdd": ["SYS_ADMIN"]}, "CapAdd"),
        ({"CapDrop": None}, "CapDrop"),
        ({"SecurityOpt": ["no-new-privileges", "seccomp=unconfined"]}, "SecurityOpt"),
        ({"Devices": [{"PathOnHost": "/dev/kmsg", "PathInContainer": "/dev/kmsg"}]}, "Devices"),
        ({"PidMode": "host"}, "PidMode"),
        ({"IpcMode": "host"}, "IpcMode"),
        ({"NetworkMode": "host"}, "no person's"),
        ({"NetworkMode": f"{PREFIX}-workspace-bob"}, "is not of"),
        ({"Memory": 10**12}, "Memory"),
        ({"ReadonlyRootfs": False}, "ReadonlyRootfs"),
        ({"PortBindings": {"80/tcp": [{"HostPort": "80"}]}}, "PortBindings"),
        ({"Runtime": "other"}, "Runtime"),
    ],
)
def test_no_container_leads_out_of_the_walls(door: str, docker: Docker, changes: dict[str, Any], says: str) -> None:
    refused(door, "POST", f"/v1.41/containers/create?name={ANN}", json.dumps(body(**changes)), says)
    assert docker("ps", "--all", "--quiet", "--filter", f"name={PREFIX}-workspace") == ""


def test_nor_does_what_is_said_beside_its_options(door: str) -> None:
    create = f"/v1.41/containers/create?name={ANN}"
    for told, says in (
        (body() | {"Image": "alphapulse/other"}, "the image"),
        (body() | {"User": "root"}, "User"),
        (body() | {"Labels": {}}, "Labels"),
        (body() | {"Entrypoint": ["sh"]}, "Entrypoint"),
        (body() | {"NetworkingConfig": {"EndpointsConfig": {"bridge": {}}}}, "NetworkingConfig"),
        (body() | {"hostconfig": {"Privileged": True}}, "hostconfig"),
        (body() | {"HostConfig": [1]}, "JSON object"),
    ):
        refused(door, "POST", create, json.dumps(told), says)
    text = json.dumps(body())
    refused(door, "POST", create, text[:-1] + ', "HostConfig": {"Privileged": true}}', "a key comes twice")
    # What is empty takes away what was said before it, where another case of the same key says it.
    for empty in ("hostconfig", "u\u017fer", "LABELS"):
        refused(door, "POST", create, f'{text[:-1]}, "{empty}": null}}', "a key comes twice")
    for empty in ('"capdrop": []', '"readonlyrootfs": false', '"memory": 0', '"pidslimit": null'):
        refused(door, "POST", create, text.replace('"CapDrop"', f'{empty}, "CapDrop"'), "a key comes twice")
    refused(door, "POST", create, "no JSON", "no JSON")
    refused(door, "POST", create, text.replace('["sleep", "infinity"]', "[NaN]"), "no JSON")
    refused(door, "POST", create, text.replace('"infinity"', '"\\ud800"'), "no JSON")
    refused(door, "POST", create, "[" * 100_000, "no JSON")
    refused(door, "POST", f"/containers/create?name={PREFIX}-hub", text, "no person's")
    refused(door, "POST", "/containers/create", text, "no person's")


def test_nothing_else_of_docker_is_reached(door: str, docker: Docker, foreign: str) -> None:
    name = docker.inspect(foreign)["Name"].removeprefix("/")
    for path in (f"containers/{foreign}/json", f"containers/{foreign[:12]}/json", f"containers/{name}/json"):
        refused(door, "GET", f"/v1.41/{path}", says="no person's")
    for path in (f"containers/{foreign}/stop", f"containers/{name}/start"):
        refused(door, "POST", f"/{path}", says="no person's")
    refused(door, "DELETE", f"/containers/{foreign}?force=1", says="no person's")
    for method, path in (
        ("POST", f"/containers/{ANN}/exec"),
        ("POST", "/exec/abc/start"),
        ("GET", f"/containers/{ANN}/logs"),
        ("GET", f"/containers/{ANN}/archive?path=/"),
        ("PUT", f"/containers/{ANN}/archive?path=/"),
        ("POST", f"/containers/{ANN}/update"),
        ("POST", f"/containers/{ANN}/attach"),
        ("GET", "/containers/json?all=1"),
        ("POST", "/containers/prune"),
        ("POST", "/build"),
        ("POST", "/images/create?fromImage=other"),
        ("GET", "/images/json"),
        ("GET", "/images/other/json"),
        ("DELETE", f"/images/{HUB}"),
        ("GET", "/volumes"),
        ("GET", f"/volumes/{ANN}"),
        ("DELETE", f"/volumes/{ANN}"),
        ("GET", "/networks"),
        ("GET", "/networks/bridge"),
        ("DELETE", "/networks/bridge"),
        ("GET", f"/containers/{ANN}%2F..%2F{foreign}/json"),
        ("GET", f"/containers/{ANN}/../{foreign}/json"),
        ("GET", f"//containers/{ANN}/json"),
        ("DELETE", f"/networks/{ANN}/"),
        ("GET", f"/Containers/{ANN}/json"),
        ("POST", "/v1.41//volumes/create"),
        ("GET", "/info"),
        ("GET", "/events"),
        ("POST", "/swarm/init"),
        ("POST", "/plugins/pull"),
        ("GET", "/v1.41/v1.41/containers/json"),
        ("GET", "/"),
    ):
        refused(door, method, path)
    assert docker.inspect(foreign)["State"]["Running"]


def test_no_volume_is_the_machines_and_no_network_leads_out(door: str) -> None:
    labels = allowance.labels(CHOSEN)
    folder = {"type": "none", "o": "bind", "device": "/"}
    for told in (
        {"Name": ANN, "Labels": labels, "DriverOpts": folder},
        {"Name": ANN, "Labels": labels, "DriverOpts": {"size": "100000001"}},
        {"Name": ANN, "Labels": labels, "DriverOpts": {"size": "100000000"} | folder},
        {"Name": ANN, "Labels": labels, "Driver": "other"},
        {"Name": f"{PREFIX}-hub", "Labels": labels},
        {"Name": f"{PREFIX}-team-desk", "Labels": labels},
        {"Name": TEAM, "Labels": labels, "DriverOpts": folder},
    ):
        refused(door, "POST", "/volumes/create", json.dumps(told))
    sound = {"Name": ANN, "Driver": "bridge", "Internal": True, "CheckDuplicate": True, "Labels": labels}
    sound["Options"] = NO_ADDRESS_OF_THE_MACHINE
    for changes in ({"Internal": False}, {"Driver": "host"}, {"Options": {}}, {"IPAM": {"Driver": "x"}}, {"Name": "a"}):
        refused(door, "POST", "/networks/create", json.dumps(sound | changes))
    refused(door, "POST", "/networks/create", f'{json.dumps(sound)[:-1]}, "internal": false}}', "a key comes twice")
    for told in (
        {"Container": "other"},
        {"Container": ["other"]},
        {"Container": CHOSEN.docker_hub, "EndpointConfig": {"Aliases": ["proxy"]}},
    ):
        refused(door, "POST", f"/networks/{ANN}/connect", json.dumps(told))
    refused(door, "POST", "/networks/bridge/connect", json.dumps({"Container": CHOSEN.docker_hub}))
    answer = httpx.post(f"{door}/volumes/create", content=b" " * 2_000_000, timeout=120)
    assert answer.status_code == 413
