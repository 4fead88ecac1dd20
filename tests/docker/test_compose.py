"""The installation of docker/compose.yaml, from nothing, as a team would run it: one for all tests."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import nbformat
import pytest
from container_hub import REACHED
from cryptography.fernet import Fernet
from docker_engine import PROJECT, TAG, WORKSPACE, Docker
from hub_client import Person
from running_hub import free_port
from waiting import until

from alphapulse_lib.settings import Settings
from hub import allowance

pytestmark = pytest.mark.timeout(1800)  # of which most is the first build of the images

PREFIX = "alphapulse-composed"
PARTS = ("database", "guard", "proxy", "hub", "api", "worker", "dashboards", "tls")
VENDOR = "vendor-key-0123456789"
VENDOR_KEYS = ("ALPHAPULSE_ALPACA_KEY", "ALPHAPULSE_ALPACA_SECRET")


class Installation:
    """`docker/compose.sh` with ports and a prefix of its own."""

    def __init__(self, docker: Docker, folder: Path) -> None:
        self.docker, self.port, self.plain = docker, free_port(), free_port()
        (folder / "settings.env").write_text(
            f"ALPHAPULSE_USERS=ann\nALPHAPULSE_ALPACA_KEY={VENDOR}\nALPHAPULSE_ALPACA_SECRET={VENDOR}\n"
        )
        self.environment = {
            "ALPHAPULSE_DOCKER_PREFIX": PREFIX,
            "ALPHAPULSE_ENV": str(folder / "settings.env"),
            "ALPHAPULSE_TLS_ADDRESS": "127.0.0.1",
            "ALPHAPULSE_TLS_PORT": str(self.port),
            "ALPHAPULSE_HTTP_PORT": str(self.plain),
            "TAG": TAG,
        }
        self.url = f"https://localhost:{self.port}"
        self.said = ""

    def run(self, *command: str) -> str:
        done = subprocess.run(
            ["docker/compose.sh", *command],
            cwd=PROJECT,
            env=self.docker.environment | self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}\n{self.logs()}"
        return done.stdout

    def logs(self) -> str:
        return "\n".join(f"{name}: {self.docker('logs', '--tail=20', name, check=False)}" for name in self.names())

    def names(self) -> list[str]:
        shown = self.docker("ps", "--all", "--format={{.Names}}", f"--filter=label=com.docker.compose.project={PREFIX}")
        return sorted(shown.split())

    def health(self, part: str) -> str:
        return str(self.docker.inspect(f"{PREFIX}-{part}")["State"].get("Health", {}).get("Status"))

    def person(self, name: str, certificate: ssl.SSLContext) -> Person:
        words = self.said.split()
        passwords = {words[at + 1]: words[at + 3] for at, word in enumerate(words) if word == "user"}
        somebody = Person(self.url, name)
        somebody.http = httpx.Client(
            base_url=self.url, follow_redirects=True, timeout=120, trust_env=False, verify=certificate
        )
        somebody.password = passwords[name]
        return somebody

    def remove(self) -> None:
        self.run("down")
        for volume in self.docker("volume", "ls", "--quiet", f"--filter=name={PREFIX}-").split():
            self.docker("volume", "rm", volume)


@pytest.fixture(scope="module")
def installed(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    if not any((Path(each) / "docker-compose").exists() for each in os.get_exec_path()):
        has_plugin = subprocess.run(["docker", "compose", "version", "--short"], capture_output=True).returncode == 0
        if not has_plugin:
            pytest.skip("there is no docker compose here; Debian's package is called docker-compose")
    made = Installation(docker, tmp_path_factory.mktemp("composed"))
    made.said = made.run("up")
    yield made
    made.remove()
    assert made.names() == []
    assert docker("ps", "--all", "--quiet", f"--filter=label=alphapulse.hub={PREFIX}") == ""


@pytest.fixture(scope="module")
def certificate(installed: Installation, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """Trust in the one certificate that the installation made, and in no other."""
    file = tmp_path_factory.mktemp("trusted") / "made.pem"
    told = installed.docker("exec", f"{PREFIX}-tls", "openssl", "x509", "-in", "/srv/tls/made.pem")
    file.write_text(told)
    return ssl.create_default_context(cafile=str(file))


@pytest.fixture(scope="module")
def desk(installed: Installation, certificate: ssl.SSLContext) -> str:
    """The team that she is of, by the name of its volume."""
    admin = installed.person("admin", certificate)
    admin.sign_in(admin.password)
    made = admin.http.post("/hub/api/groups/desk", headers=admin._headers(), json={"users": ["ann"]})
    assert made.status_code == 201, made.text
    return next(iter(allowance.team_volumes(Settings(_env_file=None, docker_prefix=PREFIX), ["desk"])))


@pytest.fixture(scope="module")
def ann(installed: Installation, certificate: ssl.SSLContext, desk: str) -> Person:
    """Of a team, signed in, her container running, her token sent over TLS."""
    somebody = installed.person("ann", certificate)
    somebody.http.headers["Forwarded"] = "proto=http"  # which nobody is believed
    entered = somebody.sign_in(somebody.password)
    assert entered.status_code == 200 and "/services/dashboards/" in str(entered.url), entered.text
    cookies = [cookie for cookie in somebody.http.cookies.jar if cookie.name.startswith("jupyterhub")]
    assert cookies and all(cookie.secure for cookie in cookies)
    asked = somebody.http.post("/hub/api/users/ann/tokens", headers=somebody._headers(), json={"note": "a test"})
    token = asked.json()["token"]
    somebody.http = httpx.Client(
        base_url=installed.url,
        timeout=120,
        trust_env=False,
        verify=certificate,
        headers={"Authorization": f"token {token}"},
    )
    start(somebody)
    return somebody


def start(somebody: Person) -> None:
    somebody.http.post(f"/hub/api/users/{somebody.name}/server").raise_for_status()
    until(lambda: servers(somebody).get("", {}).get("ready"), 400)


def servers(somebody: Person) -> dict[str, dict[str, object]]:
    return dict(somebody.http.get(f"/hub/api/users/{somebody.name}").json()["servers"])


def test_from_nothing_each_part_is_well_and_has_no_right(installed: Installation) -> None:
    assert installed.names() == sorted(f"{PREFIX}-{part}" for part in PARTS)
    for part in PARTS:
        assert installed.health(part) == "healthy"
        found = installed.docker.inspect(f"{PREFIX}-{part}")
        host = found["HostConfig"]
        assert (host["CapDrop"], host["CapAdd"], host["Privileged"]) == (["ALL"], None, False)
        assert host["SecurityOpt"] == ["no-new-privileges"]
        assert host["ReadonlyRootfs"] and found["Config"]["User"] == "1000:1000"
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        bound = [told["Source"] for told in found["Mounts"] if told["Type"] == "bind"]
        assert len(bound) == (part == "guard"), "Docker's socket is in the guard alone, and nothing of the machine's"
    plain = httpx.get(f"http://localhost:{installed.plain}/hub/login", timeout=60, trust_env=False)
    assert (plain.status_code, plain.headers["location"]) == (308, f"{installed.url}/hub/login")


def test_the_doctor_says_of_each_part_whether_it_is_well_and_what_mends_it(installed: Installation) -> None:
    well = installed.run("doctor")
    told = {line.split(maxsplit=1)[1][:16].strip(): line.split()[0] for line in well.splitlines() if line[:2] == "  "}
    seen = ("hub database", "api database", "worker database", "catalog", "vendors' keys", "sign-in", "secrets")
    assert {told[each] for each in (*PARTS, *seen)} == {"ok"}
    assert VENDOR not in well
    installed.docker("stop", f"{PREFIX}-dashboards")
    try:
        with pytest.raises(AssertionError) as ailing:
            installed.run("doctor")
        assert "WRONG  dashboards       exited" in str(ailing.value)
        assert "-> docker/compose.sh logs --tail 50 dashboards; make compose-up" in str(ailing.value)
    finally:
        installed.docker("start", f"{PREFIX}-dashboards")
        until(lambda: installed.health("dashboards") == "healthy", 240)


def test_no_secret_is_told_by_docker_or_a_log(installed: Installation, ann: Person) -> None:
    held = json.loads(installed.docker("exec", f"{PREFIX}-hub", "cat", "/srv/alphapulse/keys.json"))
    passwords = installed.docker("exec", f"{PREFIX}-database", "sh", "-c", "cat /srv/database/passwords/*")
    planted = [*held.values(), *(passwords[at : at + 64] for at in range(0, len(passwords), 64)), VENDOR]
    assert len(planted) >= 11 and all(len(each) >= 16 for each in planted)
    for name in installed.names():
        told = installed.docker("inspect", name)
        told += subprocess.run(
            ["docker", "logs", name], env=installed.docker.environment, text=True, stdout=-1, stderr=subprocess.STDOUT
        ).stdout
        assert [each for each in planted if each in told] == [], name
    for part in ("proxy", "api", "dashboards", "guard"):
        home = installed.docker("exec", f"{PREFIX}-{part}", "sh", "-c", "cd /srv/alphapulse && cat keys.json .env")
        mine = [name for name, value in held.items() if value in home]
        assert mine == ([] if part == "guard" else [f"{part}_token"])
        assert VENDOR not in home
    opener = installed.docker("exec", f"{PREFIX}-worker", "cat", "/srv/master/master.key").strip()
    sealed = installed.docker("exec", f"{PREFIX}-worker", "cat", "/srv/alphapulse/worker/vendors.sealed")
    assert json.loads(Fernet(opener).decrypt(sealed)) == dict.fromkeys(VENDOR_KEYS, VENDOR)
    for secret in (VENDOR, opener):
        search = f"grep -rlF '{secret}' /srv/alphapulse || true"
        assert installed.docker("exec", f"{PREFIX}-worker", "sh", "-c", search) == "", "it lies elsewhere, or sealed"
    assert "alpaca       sealed" in installed.run("keys", "list")


def test_a_persons_container_is_theirs_and_reaches_the_proxy_alone(installed: Installation, ann: Person) -> None:
    docker, name = installed.docker, f"{PREFIX}-workspace-ann"
    assert ann.own("GET", "status")["started"]
    network = json.loads(docker("network", "inspect", name))[0]
    reached = {told["Name"]: told["IPv4Address"].split("/")[0] for told in network["Containers"].values()}
    assert set(reached) == {name, f"{PREFIX}-hub", f"{PREFIX}-proxy"}
    hub, proxy = reached[f"{PREFIX}-hub"], reached[f"{PREFIX}-proxy"]
    inside = "database.inside:5432 api.inside:8082 hub.inside:8081 proxy.inside:8001 guard.docker:2375 1.1.1.1:443"
    doors = ("proxy:8000", f"{hub}:8081", f"{proxy}:8001", *inside.split())
    assert docker("exec", name, "python", "-c", REACHED, *doors).split() == ["reached", *["not"] * (len(doors) - 1)]
    bars = docker("exec", name, "python", "-c", "import alphapulse_lib as ap; print(len(ap.bars('AAPL', '1d')))")
    assert int(bars) > 1000, "the team's catalog is there"
    assert "Read-only" in docker("exec", name, "sh", "-c", "touch /catalog/x 2>&1 || true")


@pytest.mark.siege  # test_workspaces holds the same of a hub that is no container
def test_a_job_runs_in_its_owners_container_who_is_away(installed: Installation, ann: Person) -> None:
    cell = "import os, socket\nprint(open('mine.txt').read(), os.environ['ALPHAPULSE_FIRING'], os.getuid())"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    ann.own("PUT", "contents/mine.ipynb", json={"type": "notebook", "content": notebook})
    ann.own("PUT", "contents/mine.txt", json={"type": "file", "format": "text", "content": "of ann"})
    ann.http.delete("/hub/api/users/ann/server").raise_for_status()
    until(lambda: not servers(ann))
    asked = ann.http.post("/services/api/v1/backtests", json={"notebook": "mine.ipynb"}).json()
    told: dict[str, str] = {}

    def over() -> bool:
        told.update(ann.http.get(f"/services/api/v1/backtests/{asked['id']}").json())
        return told["ended_at"] is not None

    until(over, 400, installed.logs)
    assert (told["state"], told["detail"]) == ("finished", "")
    start(ann)
    (printed,) = ann.own("GET", f"contents/{told['output']}")["content"]["cells"][-1]["outputs"]
    assert printed["text"].split() == ["of", "ann", asked["id"], "1000"]


def test_what_is_killed_comes_back_by_itself_and_knows_what_it_knew(installed: Installation, ann: Person) -> None:
    said = {"target": "notebook:mine.ipynb", "body": "still here"}
    ann.http.post("/services/api/v1/comments", json=said).raise_for_status()
    kernel = ann.own("POST", "kernels", json={})["id"]
    begun = installed.docker.inspect(f"{PREFIX}-workspace-ann")["State"]["StartedAt"]
    before = {}
    for part in PARTS:
        before[part] = installed.docker.inspect(f"{PREFIX}-{part}")["State"]["Pid"]
        os.kill(before[part], signal.SIGKILL)  # `docker kill` would be taken for a wish that it stays so

    def back(part: str) -> bool:
        state = installed.docker.inspect(f"{PREFIX}-{part}")["State"]
        return state["Pid"] not in (0, before[part]) and state["Health"]["Status"] == "healthy"

    for part in PARTS:
        until(lambda part=part: back(part), 400, installed.logs)
    until(lambda: ann.http.get("/services/api/v1/comments", params={"target": said["target"]}).status_code == 200, 120)
    kept = ann.http.get("/services/api/v1/comments", params={"target": said["target"]}).json()["items"]
    assert [each["body"] for each in kept] == ["still here"]
    # Her server asks the hub who she is through the proxy, and for ten seconds where that was before it was killed.
    until(lambda: ann.http.get("/user/ann/api/kernels").status_code == 200, 60, installed.logs)
    assert [each["id"] for each in ann.own("GET", "kernels")] == [kernel]
    assert installed.docker.inspect(f"{PREFIX}-workspace-ann")["State"]["StartedAt"] == begun


def test_another_up_says_the_passwords_of_the_first_time_and_makes_no_container_anew(installed: Installation) -> None:
    made = {name: installed.docker.inspect(name)["Id"] for name in installed.names()}
    again = installed.run("up")
    assert {name: installed.docker.inspect(name)["Id"] for name in installed.names()} == made
    assert again.split() == installed.said.replace("Filling the catalog with the bundled sample (once).", "").split()


#: Of one row, what says only when somebody was last seen, and where their server was.
SEEN = {"spawners": ("server_id", "state", "started")}


#: Says of each file of each volume who owns it, what they may, and what is in it; of a SQLite file its rows, for pages
#: may move.
LISTED = """
import hashlib, json, os, pathlib, sqlite3
listed = {}
for volume in pathlib.Path("/kept").iterdir():
    lines = listed[volume.name] = []
    for path in sorted(volume.rglob("*")):
        told, content, place = path.lstat(), b"", str(path.relative_to(volume))
        if path.is_symlink():
            content = os.readlink(path).encode()
        elif path.is_file():
            content = path.read_bytes()
            if content.startswith(b"SQLite format 3"):
                kept = sqlite3.connect(f"file:{path}?immutable=1", uri=True)
                content = "".join(kept.iterdump()).encode()
        # What Docker makes for another volume to be mounted in is no file of anybody's.
        is_door = place in ("api", "dashboards") and path.is_dir() and not any(path.iterdir())
        # What a proxy and a catalog's writers hold while they run is of one start alone.
        passes = path.name == "routes.json" or place in ("catalog.lock", "incoming")
        if not is_door and not passes and not place.endswith(("-wal", "-shm")):
            digest = hashlib.sha256(content).hexdigest()
            lines.append(f"{told.st_mode:o} {told.st_uid} {told.st_gid} /{place} {digest}")
print(json.dumps(listed))
"""


def held(installed: Installation) -> dict[str, list[str]]:
    """Each file of each volume by its owner, rights and content, and of each database the rows of its tables."""
    volumes = set(installed.docker("volume", "ls", "--quiet", f"--filter=name={PREFIX}-").split())
    volumes -= {f"{PREFIX}-database", f"{PREFIX}-master"}
    assert len(volumes) == 12, sorted(volumes)
    mounted = (f"--volume={each}:/kept/{each}:ro" for each in volumes)
    listed = installed.docker.run(WORKSPACE, "python", "-c", LISTED, options=("--network=none", "--user=0", *mounted))
    told: dict[str, list[str]] = json.loads(listed)
    assert set(told) == volumes
    for name in ("hub", "api", "worker"):
        tables = psql(installed, name, "SELECT schemaname || '.' || tablename FROM pg_tables "
                      "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1").split()  # fmt: skip
        assert tables
        rows = []
        for table in tables:
            gone = " - ".join(["to_jsonb(t)", *(f"'{each}'" for each in SEEN.get(table.partition(".")[2], ()))])
            rows.append(f"SELECT '{table} ' || ({gone})::text FROM {table} t")
        told[name] = sorted(psql(installed, name, " UNION ALL ".join(rows)).splitlines())
        told[f"{name} rights"] = psql(
            installed, name, "SELECT schemaname, tablename, tableowner FROM pg_tables ORDER BY 1, 2"
        ).splitlines()
    return told


def psql(installed: Installation, database: str, question: str) -> str:
    command = ("psql", "--host=/tmp", "--username=postgres", "--no-psqlrc", "--tuples-only", "--no-align")
    return installed.docker("exec", f"{PREFIX}-database", *command, f"--dbname={database}", f"--command={question}")


def test_a_backup_restored_to_an_empty_machine_is_equal_and_opens(
    installed: Installation, ann: Person, desk: str, tmp_path: Path
) -> None:
    cell = nbformat.v4.new_code_cell("print(6 * 7)")
    ann.own("PUT", "contents/kept.ipynb", json={"type": "notebook", "content": nbformat.v4.new_notebook(cells=[cell])})
    ann.http.post(
        "/services/api/v1/comments", json={"target": "notebook:kept.ipynb", "body": "kept"}
    ).raise_for_status()
    ann.own("PUT", "contents/shared/desk/plan.md", json={"type": "file", "format": "text", "content": "buy low"})
    inside = "cd && ln -s kept.ipynb link && mkdir -m 750 mine && printf x > mine/run.sh && chmod 705 mine/run.sh"
    installed.docker("exec", f"{PREFIX}-workspace-ann", "sh", "-c", inside)
    installed.run("backup", str(tmp_path / "while-up.tar"))
    ann.http.delete("/hub/api/users/ann/server").raise_for_status()
    until(lambda: not servers(ann))
    installed.run("stop", *(part for part in PARTS if part != "database"))
    installed.run("backup", str(tmp_path / "kept.tar"))
    before = held(installed)
    assert any(" /plan.md " in line for line in before[desk])
    assert (tmp_path / "kept.tar").stat().st_mode & 0o777 == 0o600
    master = installed.docker.run(
        WORKSPACE, "cat", "/master/master.key", options=(f"--volume={PREFIX}-master:/master:ro",)
    )
    for file in ("while-up.tar", "kept.tar"):
        content = (tmp_path / file).read_bytes()
        assert VENDOR.encode() not in content and master.strip().encode() not in content
    assert "there are volumes already" in refused(installed, "restore", str(tmp_path / "kept.tar"))

    installed.remove()
    torn = tmp_path / "torn.tar"
    torn.write_bytes((tmp_path / "kept.tar").read_bytes()[:-200_000])
    assert "torn" in refused(installed, "restore", str(torn))
    assert installed.docker("volume", "ls", "--quiet", f"--filter=name={PREFIX}-") == ""
    installed.run("restore", str(tmp_path / "kept.tar"))
    installed.run("--ansi", "never", "up", "--detach", "database")
    until(lambda: installed.health("database") == "healthy", 120, installed.logs)
    after = held(installed)
    assert after.keys() == before.keys()
    differ = {each: sorted(set(told) ^ set(after[each])) for each, told in before.items()}
    assert {each: lines for each, lines in differ.items() if lines} == {}
    assert after == before

    took = f"cat >/master/master.key <<'KEY'\n{master}KEY\nchmod 600 /master/master.key"
    installed.docker.run(WORKSPACE, "sh", "-c", took, options=(f"--volume={PREFIX}-master:/master",))
    assert "sealed" in installed.run("keys", "list")
    installed.said = installed.run("up")
    assert ann.http.get("/hub/api/user").json()["name"] == "ann", "her token, and the certificate, are those of before"
    start(ann)
    assert ann.own("GET", "contents/kept.ipynb")["content"]["cells"][0]["source"] == "print(6 * 7)"
    assert ann.own("GET", "contents/shared/desk/plan.md")["content"] == "buy low"
    kernel = ann.own("POST", "kernels", json={})["id"]
    until(lambda: ann.own("GET", f"kernels/{kernel}")["execution_state"] in ("starting", "idle"), 60)
    kept = ann.http.get("/services/api/v1/comments", params={"target": "notebook:kept.ipynb"}).json()["items"]
    assert [each["body"] for each in kept] == ["kept"]


def refused(installed: Installation, *command: str) -> str:
    done = subprocess.run(
        ["docker/compose.sh", *command],
        cwd=PROJECT,
        env=installed.docker.environment | installed.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    return done.stderr
