"""People's containers, started by a real hub at a real Docker: what each may, and what it cannot reach."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import confinement
import httpx
import nbformat
import pytest
import sent_pods
from container_hub import FORK_BOMB, PREFIX, Tenant, container_hub
from docker_engine import HUB, NOTHING, WORKSPACE, Docker
from running_hub import RunningHub
from waiting import until

pytestmark = pytest.mark.timeout(1800)  # of which most is the first build of the images

PROCESSES, MEMORY = 400, 2000


@pytest.fixture(scope="module")
def hub(docker: Docker, tmp_path_factory: pytest.TempPathFactory, sample_catalog: Path) -> Iterator[RunningHub]:
    """A hub on this machine whose people get containers."""
    limits = {"ALPHAPULSE_WORKSPACE_MEMORY": str(MEMORY), "ALPHAPULSE_WORKSPACE_PROCESSES": str(PROCESSES)}
    with container_hub(
        docker, tmp_path_factory.mktemp("containers"), sample_catalog, "ann,bob,hub", **limits
    ) as running:
        yield running


@pytest.fixture(scope="module")
def ann(hub: RunningHub, docker: Docker) -> Tenant:
    person = Tenant(hub, docker, "ann")
    person.start_server()
    return person


@pytest.fixture(scope="module")
def bob(hub: RunningHub, docker: Docker) -> Tenant:
    person = Tenant(hub, docker, "bob")
    person.start_server()
    return person


def test_a_container_has_no_right_and_its_limits(docker: Docker, ann: Tenant, sample_catalog: Path) -> None:
    found = docker.inspect(ann.container)
    host, given = found["HostConfig"], found["Config"]
    assert host["Memory"] == host["MemorySwap"] == MEMORY * 1_000_000
    assert (host["CpuQuota"], host["CpuPeriod"], host["PidsLimit"]) == (200_000, 100_000, PROCESSES)
    assert (host["CapDrop"], host["CapAdd"]) == (["ALL"], None)
    assert host["SecurityOpt"] == ["no-new-privileges"]  # and not seccomp=unconfined: the engine's own profile holds
    assert (host["ReadonlyRootfs"], host["Privileged"], given["User"]) == (True, False, "1000:1000")
    assert list(host["Tmpfs"]) == ["/tmp"]
    assert (host["NetworkMode"], list(found["NetworkSettings"]["Networks"])) == (ann.container, [ann.container])
    assert not any(host[shared] for shared in ("PortBindings", "PidMode", "UTSMode", "Devices", "VolumesFrom"))
    mounts = {
        told["Destination"]: (told["Type"], told.get("Name") or told["Source"], told["RW"]) for told in found["Mounts"]
    }
    assert mounts == {
        "/home/researcher": ("volume", ann.container, True),
        "/catalog": ("bind", str(sample_catalog), False),
    }
    network = docker.inspect(ann.container)["NetworkSettings"]["Networks"][ann.container]["NetworkID"]
    assert json.loads(docker("network", "inspect", network))[0]["Internal"]
    secrets = {line.split("=")[0] for line in given["Env"] if "KEY" in line or "SECRET" in line or "PASSWORD" in line}
    assert secrets <= {"GPG_KEY"}  # which Python's own image tells


@pytest.mark.parametrize("name", sorted(confinement.DOCKER))
def test_a_pod_would_have_the_same_property(docker: Docker, ann: Tenant, tmp_path: Path, name: str) -> None:
    chosen = sent_pods.settings_of(
        docker_prefix=PREFIX, workspace_images=WORKSPACE, workspace_memory=MEMORY, workspace_processes=PROCESSES
    )
    pod = sent_pods.made(chosen, tmp_path)["pod"]
    assert confinement.POD[name](pod) == confinement.DOCKER[name](docker.inspect(ann.container))


def test_from_inside_nothing_of_the_machine_is_there(ann: Tenant) -> None:
    assert ann.inside("sh", "-c", "ls /var/run/docker.sock /run/docker.sock 2>/dev/null || true") == ""
    status = ann.inside("cat", "/proc/self/status")
    told = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert {told[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (told["NoNewPrivs"], told["Seccomp"]) == ("1", "2")  # a filter is in force
    assert ann.inside("id", "-u").strip() == "1000"
    for place in ("/", "/opt/alphapulse", "/etc", "/catalog"):
        said = ann.inside("sh", "-c", f"touch {place}/x 2>&1 || true")
        assert "Read-only file system" in said or "Permission denied" in said, (place, said)
    assert "Read-only" in ann.inside("sh", "-c", "touch /catalog/x 2>&1 || true")
    ann.inside("sh", "-c", "touch /tmp/x ~/x && rm /tmp/x ~/x")


def test_from_inside_the_hub_is_reached_and_nobody_else(hub: RunningHub, ann: Tenant, bob: Tenant) -> None:
    front = f"{ann.address().rsplit('.', 1)[0]}.1:{hub.port}"
    assert ann.reaches(front, f"{ann.address()}:8888") == ["reached", "reached"]
    assert bob.reaches(f"{bob.address()}:8888") == ["reached"]
    assert ann.reaches(f"{bob.address()}:8888", "1.1.1.1:443", "192.0.2.1:80") == ["not", "not", "not"]
    known = (
        "for name in $0 $1 deb.debian.org; do { timeout 5 getent hosts $name >/dev/null && echo $name; } & done; wait"
    )
    assert ann.inside("sh", "-c", known, ann.container, bob.container).split() == [ann.container]


def test_their_files_are_their_own(ann: Tenant, bob: Tenant) -> None:
    ann.inside("sh", "-c", "echo secret > ~/mine.txt")
    assert bob.inside("sh", "-c", "cat ~/mine.txt 2>&1 || true").endswith("No such file or directory\n")
    assert bob.inside("sh", "-c", "find / -name mine.txt 2>/dev/null || true") == ""
    assert bob.http.get("/user/ann/api/contents/mine.txt").status_code in (403, 404)
    assert ann.own("GET", "contents/mine.txt")["content"] == "secret\n"


def test_a_team_s_folder_is_its_members_and_nobody_else_s(
    hub: RunningHub, docker: Docker, ann: Tenant, bob: Tenant
) -> None:
    admin = Tenant(hub, docker, "admin")

    def members(method: str, path: str, *names: str) -> None:
        given = {"headers": admin._headers(), "json": {"users": list(names)}}
        answer = admin.http.request(method, f"/hub/api/groups/{path}", **given)
        assert answer.status_code < 300, answer.text

    members("POST", "desk", "ann")
    ann.stop()
    ann.start_again()
    ann.own("PUT", "contents/shared/desk/plan.md", json={"type": "file", "format": "text", "content": "buy low\n"})
    (mounted,) = [each for each in docker.inspect(ann.container)["Mounts"] if each["Destination"] == "/teams/1"]
    assert (mounted["Type"], mounted["RW"]) == ("volume", True)
    assert mounted["Name"].startswith(f"{PREFIX}-team-desk-")
    look = "ls ~/shared 2>/dev/null; ls /teams/1; find / -name plan.md 2>/dev/null; true"
    assert bob.inside("sh", "-c", look) == "", "somebody of no team sees none"
    bob.stop()
    members("POST", "desk/users", "bob")
    bob.start_again()
    assert bob.inside("cat", "/home/researcher/shared/desk/plan.md") == "buy low\n"
    bob.inside("sh", "-c", "echo 'sell high' >> ~/shared/desk/plan.md && mkdir ~/shared/desk/theirs")
    assert ann.own("GET", "contents/shared/desk/plan.md")["content"] == "buy low\nsell high\n"
    ann.inside("sh", "-c", "echo more > ~/shared/desk/theirs/more.md")
    members("DELETE", "desk/users", "ann", "bob")
    ann.stop()
    ann.start_again()
    assert ann.inside("sh", "-c", "find / -name plan.md 2>/dev/null; ls ~/shared /teams/1; true") == (
        "/home/researcher/shared:\n\n/teams/1:\n"
    ), "who left has no way to it from the next start on"
    assert docker("volume", "ls", "--quiet", "--filter", f"name={mounted['Name']}").split() == [mounted["Name"]]


def test_a_backtest_on_the_teams_catalog_runs_in_it(ann: Tenant) -> None:
    command = ("alphapulse", "backtest", "SmaCross", "AAPL", "--start", "2010-01-04", "--end", "2012-12-31", "--json")
    assert json.loads(ann.inside(*command))["statistics"]["trades"] > 0
    assert ann.inside("alphapulse", "runs", "--json").count('"SmaCross"') >= 1


def test_a_fork_bomb_and_a_memory_hog_end_at_their_limits(ann: Tenant, bob: Tenant) -> None:
    forks, _, words = ann.inside("python", "-c", FORK_BOMB).strip().partition(" ")
    assert 100 < int(forks) < PROCESSES
    assert words == "Resource temporarily unavailable"
    hog = "x = [bytearray(100_000_000) for _ in range(50)]"
    done = subprocess.run(
        ["docker", "exec", ann.container, "python", "-c", hog], env=ann.docker.environment, capture_output=True
    )
    assert done.returncode == 137  # killed
    assert ann.own("GET", "status")["started"] and bob.own("GET", "status")["started"]


def test_who_is_called_as_a_container_of_the_hubs_leaves_that_alone(hub: RunningHub, docker: Docker) -> None:
    """A server that starts removes what bears its name."""
    name = f"{PREFIX}-hub"
    docker("run", "--detach", "--name", name, *NOTHING, WORKSPACE, "sleep", "infinity")
    try:
        before = docker.inspect(name)
        person = Tenant(hub, docker, "hub")
        person.start_server()
        assert docker.inspect(person.container)["Id"] != before["Id"]
        person.stop()
        after = docker.inspect(name)
        for told in (before, after):
            told["State"].pop("Health")  # a check of it may have run meanwhile
        assert (after["Id"], after["State"]) == (before["Id"], before["State"])
    finally:
        docker("rm", "--force", name)


def test_an_image_of_ones_own_choice_is_refused(hub: RunningHub, docker: Docker) -> None:
    admin = Tenant(hub, docker, "admin")
    options = {"image": HUB, "privileged": True, "volumes": {"/": "/machine"}}
    refused = admin.http.post("/hub/api/users/admin/server", headers=admin._headers(), json=options)
    assert refused.status_code == 400
    assert "not in allowed list" in refused.text
    assert docker("ps", "--all", "--quiet", "--filter", "name=workspace-admin") == ""
    until(lambda: not docker("network", "ls", "--quiet", "--filter", "name=workspace-admin"))


def test_a_scheduled_job_runs_in_a_container_of_its_owner_who_is_away_and_whose_files_stay(
    ann: Tenant, docker: Docker
) -> None:
    cell = "import os, socket\nprint(open('mine.txt').read(), os.environ['ALPHAPULSE_FIRING'], os.getuid())"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    ann.own("PUT", "contents/mine.ipynb", json={"type": "notebook", "content": notebook})
    ann.own("PUT", "contents/mine.txt", json={"type": "file", "format": "text", "content": "of ann"})
    before = docker.inspect(ann.container)["Id"]
    ann.stop()
    asked = ann.http.post("/services/api/v1/backtests", json={"notebook": "mine.ipynb"}).json()
    ended = _ended(ann, asked["id"])
    assert (ended["state"], ended["detail"]) == ("finished", "")
    ann.is_gone()
    ann.start_again()
    (printed,) = ann.own("GET", f"contents/{ended['output']}")["content"]["cells"][-1]["outputs"]
    assert printed["text"].split() == ["of", "ann", asked["id"], "1000"]
    assert docker.inspect(ann.container)["Id"] != before
    assert ann.inside("cat", "/home/researcher/mine.txt") == "of ann"


@pytest.mark.parametrize(
    ("cell", "limit", "state", "told"),
    [
        ("import time\nopen('began.txt', 'w').close()\ntime.sleep(600)", 600, "lost", "its container, was ended"),
        ("x = [bytearray(100_000_000) for _ in range(50)]", 600, "failed", "Memory ran out"),
        ("while True: pass", 3, "timed-out", "It still ran after 3 s and was ended."),
    ],
    ids=["its container is killed", "its memory runs out", "its time runs out"],
)
def test_a_job_s_firing_ends_with_the_reason(
    ann: Tenant, docker: Docker, cell: str, limit: int, state: str, told: str
) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    ann.own("PUT", "contents/ends.ipynb", json={"type": "notebook", "content": notebook})
    asked = ann.http.post("/services/api/v1/backtests", json={"notebook": "ends.ipynb", "timeout": limit}).json()
    if state == "lost":
        until(lambda: ann.http.get("/user/ann/api/contents/began.txt").status_code == 200, 240)
        (name,) = docker("ps", "--format", "{{.Names}}", "--filter", f"name={ann.container}-").split()
        docker("kill", name)
    ended = _ended(ann, asked["id"])
    assert ended["state"] == state
    assert told in ended["detail"]
    assert ann.own("GET", "status")["started"]  # her own server is another container


def _ended(person: Tenant, firing: str) -> dict[str, Any]:
    told: dict[str, Any] = {}

    def over() -> bool:
        answer: httpx.Response = person.http.get(f"/services/api/v1/backtests/{firing}")
        told.update(answer.json())
        return told["ended_at"] is not None

    until(over, 240)
    return told
